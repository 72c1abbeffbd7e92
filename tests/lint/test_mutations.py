"""A mistake in a correct file of mappings that gives or takes access, or stops the daemon, has a finding."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tarmak_iam.clusterfiles import ClusterFiles
from tarmak_iam.config import Cluster, TarmakConfig
from tarmak_iam.document import Document
from tarmak_iam.errors import TarmakIamError
from tarmak_iam.identity.mappings import Mappings
from tarmak_iam.installation import Installation
from tarmak_iam.lint import Subjects, check
from tarmak_iam.settings import Settings
from tests.lint.mutations import MUTATORS, Mutator
from tests.lint.operator_cases import copied

_CASES = (
    "accounts-each-with-a-reason",
    "backend-all-three",
    "ci-github-and-jenkins",
    "groups-of-eks-and-kops-examples",
    "mappings-anchors",
    "nodes-by-another-role",
    "release-v0.4.0",
    "release-v0.6.20",
    "sso-and-roles",
    "sso-exact-roles",
    "sso-permission-sets",
    "text-crlf",
    "username-templates",
    "usernames-of-people",
)
_SAMPLE = 3
"""Mutants of each mutator and case: all of them are some 100,000."""

_Access = dict[tuple[str, str], tuple[str, tuple[str, ...], bool]] | None
"""What each principal gets, and whether that is sure; None where the daemon does not start."""


@dataclass(frozen=True)
class Subject:
    """A cluster of a correct case with its files, and the findings that are there anyway."""

    config: TarmakConfig
    cluster: Cluster
    settings: Settings | None
    settings_text: Document | None
    text: str

    @classmethod
    def of(cls, case: str) -> Subject:
        with TemporaryDirectory() as target:
            config = TarmakConfig.load(copied(case, Path(target)))
            cluster = config.current_cluster
            files = ClusterFiles.of(config, cluster)
            mappings = files.mappings()
            assert mappings is not None
            return cls(config, cluster, *files.read_settings(), mappings.document.text)

    def judged(self, text: str) -> tuple[_Access, set[str]]:
        """Who gets what by the text, and the ids of what `check` finds. Raises TarmakIamError."""
        mappings = Mappings.parse(text)
        made = Installation.of(self.config, self.cluster, mappings, self.settings)
        found = {each.finding.id for each in check(Subjects(self.config, mappings, made, self.settings_text))}
        if made.loaded.failure is not None:
            return None, found
        return {each.key: (each.username, each.groups, each.is_sure) for each in made.loaded.grants}, found


@cache
def _subject(case: str) -> tuple[Subject, _Access]:
    subject = Subject.of(case)
    access, found = subject.judged(subject.text)
    assert not found
    return subject, access


def _mutants(mutator: Mutator, case: str, text: str) -> list[str]:
    found = [each for each in dict.fromkeys(mutator.mutants(text)) if each != text]
    return random.Random(f"{mutator.name} {case}").sample(found, min(_SAMPLE, len(found)))  # a seed


def _silent(mutator: Mutator) -> Iterator[tuple[str, str]]:
    """The mutants that change access without a finding."""
    for case in _CASES:
        subject, access = _subject(case)
        for text in _mutants(mutator, case, subject.text):
            try:
                got, found = subject.judged(text)
            except TarmakIamError:
                continue  # which is reported with a place
            if got != access and not found:
                yield case, text


@pytest.mark.parametrize("mutator", MUTATORS, ids=lambda each: each.name)
def test_what_changes_access_has_a_finding(mutator: Mutator) -> None:
    assert list(_silent(mutator)) == []


@pytest.mark.parametrize("mutator", MUTATORS, ids=lambda each: each.name)
def test_a_mutator_changes_access_somewhere(mutator: Mutator) -> None:
    """Else it would say nothing of the rules."""
    assert any(_changes(mutator))


def _changes(mutator: Mutator) -> Iterator[bool]:
    for case in _CASES:
        subject, access = _subject(case)
        for text in _mutants(mutator, case, subject.text):
            try:
                yield subject.judged(text)[0] != access
            except TarmakIamError:
                yield True
