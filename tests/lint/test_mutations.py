"""A mistake in a correct file of mappings that gives or takes access, or stops the daemon, has a finding."""

from __future__ import annotations

import random
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tarmak_iam.config import Cluster, TarmakConfig
from tarmak_iam.document import Document
from tarmak_iam.errors import TarmakIamError
from tarmak_iam.installation.cluster_files import ClusterFiles
from tarmak_iam.installation.installation import Installation
from tarmak_iam.installation.settings import Settings
from tarmak_iam.lint import Subjects, check
from tarmak_iam.mappings.mappings_file import Mappings
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
_UNKNOWABLE = {("another partition", "release-v0.4.0")}
"""v0.4.0 takes the tokens of China too."""
_SAMPLE = 2
"""Mutants of each mutator and case: all of them are some tens of thousands."""

_Access = dict[tuple[str, str], tuple[str, tuple[str, ...], bool]] | None
"""What each principal gets, and whether that is sure; None where the daemon does not start, or refuses every token."""


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
        if made.loaded.config is None or made.loaded.config.cluster_id != made.cluster_id:
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


@cache
def _judged(mutator: Mutator) -> tuple[int, tuple[tuple[str, str], ...]]:
    """How many mutants change access or cannot be read, and those that do without a finding."""
    changed, silent = 0, []
    for case in _CASES:
        subject, access = _subject(case)
        for text in () if (mutator.name, case) in _UNKNOWABLE else _mutants(mutator, case, subject.text):
            try:
                got, found = subject.judged(text)
            except TarmakIamError:
                changed += 1  # which is reported with a place
                continue
            if got != access:
                changed += 1
                if not found:
                    silent.append((case, text))
    return changed, tuple(silent)


@pytest.mark.sample(15)
@pytest.mark.parametrize("mutator", [pytest.param(each, id=each.name) for each in MUTATORS])
def test_what_changes_access_has_a_finding(mutator: Mutator) -> None:
    changed, silent = _judged(mutator)
    assert silent == ()
    assert changed, "says nothing of the rules"
