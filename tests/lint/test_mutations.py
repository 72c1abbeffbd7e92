"""A mistake in correct files has a finding where it changes what the authenticator or Tarmak makes of them.

test_mutations.yaml has the mistakes that are replacements of a text; the functions make the others.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from tarmak_iam.config import TarmakConfig
from tarmak_iam.errors import TarmakIamError
from tarmak_iam.installation.cluster_files import ClusterFiles
from tarmak_iam.installation.installation import Installation
from tarmak_iam.lint import Subjects, check
from tarmak_iam.mappings.mappings_file import Mappings
from tests.lint.test_operators import copied
from tests.support.tables import rows

Mutator = Callable[[str], Iterator[str]]
"""Gives the texts with the mistake, one for each place and way."""


def replacing(pattern: str, replacements: list[str]) -> Mutator:
    def mutants(text: str) -> Iterator[str]:
        for match in re.finditer(pattern, text):
            for replacement in replacements:
                yield text[: match.start()] + match.expand(replacement) + text[match.end() :]

    return mutants


def a_line_is_moved(text: str) -> Iterator[str]:
    lines = text.splitlines(keepends=True)
    for number, line in enumerate(lines):
        if line.strip() and not line.lstrip().startswith("#"):
            for moved in (f"  {line}", f" {line}", line.removeprefix("  "), f"\t{line}", line.replace("  ", "\t", 1)):
                yield "".join([*lines[:number], moved, *lines[number + 1 :]])


def a_block_is_moved(text: str) -> Iterator[str]:
    """Everything below a key one level further out, with the key and without it."""
    lines = text.splitlines(keepends=True)
    for number, line in enumerate(lines):
        if re.match(r"\s*(?:- )?['\"]?\w+['\"]?:\s*$", line):
            for first in (number, number + 1):
                yield "".join([*lines[:first], *(below.removeprefix("  ") for below in lines[first:])])


def a_document_begins(text: str) -> Iterator[str]:
    lines = text.splitlines(keepends=True)
    for number in range(1, len(lines)):
        yield "".join([*lines[:number], "---\n", *lines[number:]])


def a_list_twice(text: str) -> Iterator[str]:
    """A second mapRoles at the end of a file whose last key is in `server`."""
    if re.search("(?i)maproles", text) and re.search(r"\n  [^\n]*\s*\Z", text):
        entry = "{roleARN: 'arn:aws:iam::111122223333:role/Later', username: later}"
        yield f"{text.rstrip()}\n  mapRoles:\n  - {entry}\n"


def an_object_around_it(text: str) -> Iterator[str]:
    body = "".join(f"    {line}" for line in text.splitlines(keepends=True))
    yield f"apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: aws-iam-authenticator}}\ndata:\n  config.yaml: |\n{body}"
    yield f"apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: aws-auth\n{text}"


def a_key_is_misspelt(text: str) -> Iterator[str]:
    for match in re.finditer(r"(?m)(?<![\w.'\"#])[a-z][A-Za-z]+(?=:(?:\s|$))", text):
        key = match[0]
        swapped = [f"{key[:at]}{key[at + 1]}{key[at]}{key[at + 2 :]}" for at in range(len(key) - 1)]
        dropped = [key[:at] + key[at + 1 :] for at in range(len(key))]
        for wrong in (*swapped, *dropped, key.lower(), key.upper(), key.capitalize()):
            yield text[: match.start()] + wrong + text[match.end() :]


def mutators(table: str, *others: Mutator) -> list[Any]:
    replaced = [pytest.param(replacing(pattern, new), id=name) for name, pattern, new in rows(__file__, table)]
    return [*replaced, *(pytest.param(each, id=each.__name__) for each in others)]


def sampled(mutator: Mutator, seed: str, text: str, most: int) -> list[str]:
    """Some of the mutants: all of them are some tens of thousands."""
    mutants = [mutant for mutant in dict.fromkeys(mutator(text)) if mutant != text]
    return random.Random(seed).sample(mutants, min(most, len(mutants)))


@cache
def subjects(case: str) -> Subjects:
    with TemporaryDirectory() as target:
        config = TarmakConfig.load(copied(case, Path(target)))
        cluster = config.current_cluster
        return Subjects.of_cluster(config, cluster, ClusterFiles.of(config, cluster))


MAPPED = (
    "accounts-each-with-a-reason",
    "backend-all-three",
    "groups-of-eks-and-kops-examples",
    "mappings-anchors",
    "nodes-by-another-role",
    "release-v0.4.0",
    "sso-and-roles",
    "sso-exact-roles",
    "sso-permission-sets",
    "text-crlf",
    "username-templates",
)
UNKNOWABLE = {("another partition", "release-v0.4.0")}
"""v0.4.0 takes the tokens of China too."""


def access(case: str, text: str) -> tuple[Any, list[str]]:
    """What each principal gets, and whether that is sure, None where the daemon does not start or refuses every token;
    and the ids of what `check` finds. Raises TarmakIamError."""
    correct = subjects(case)
    config, made, mappings = correct.config, correct.installation, Mappings.parse(text)
    assert config is not None
    assert made is not None
    mutant = Installation.of(config, made.cluster, mappings, made.settings)
    found = [each.finding.id for each in check(replace(correct, mappings=mappings, installation=mutant))]
    if mutant.loaded.config is None or mutant.loaded.config.cluster_id != mutant.cluster_id:
        return None, found
    return {each.key: (each.username, each.groups, each.is_sure) for each in mutant.loaded.grants}, found


@pytest.mark.sample(15)
@pytest.mark.parametrize(
    "mutator",
    mutators("mappings", a_line_is_moved, a_block_is_moved, a_document_begins, a_list_twice, an_object_around_it),
)
def test_what_changes_access_has_a_finding(mutator: Mutator, request: pytest.FixtureRequest) -> None:
    name, changed = request.node.callspec.id, 0
    for case in MAPPED:
        correct = subjects(case).mappings
        assert correct is not None
        before, none = access(case, correct.document.text)
        assert none == []
        for text in () if (name, case) in UNKNOWABLE else sampled(mutator, name + case, correct.document.text, 2):
            try:
                after, found = access(case, text)
            except TarmakIamError:
                changed += 1  # which is reported with a place
                continue
            changed += after != before
            assert after == before or found, (case, text)
    assert changed, "says nothing of the rules"


CONFIGS = (
    "access-logs",
    "admission-and-feature-gates",
    "hub-and-two-clusters",
    "several-worker-pools",
    "with-oidc-too",
)


@pytest.mark.sample(8)
@pytest.mark.parametrize(
    "mutator", mutators("tarmak", a_key_is_misspelt, a_line_is_moved, a_block_is_moved, a_document_begins)
)
def test_what_changes_the_configuration_has_a_finding(mutator: Mutator, request: pytest.FixtureRequest) -> None:
    changed = 0
    for case in CONFIGS:
        correct = subjects(case).config
        assert correct is not None
        for text in sampled(mutator, request.node.callspec.id + case, correct.document.text, 3):
            try:
                config = TarmakConfig.parse(text)
                found = check(Subjects(config))
            except TarmakIamError:
                changed += 1  # which is reported with a place
                continue
            changed += config.data != correct.data
            assert config.data == correct.data or found, (case, text)
    assert changed, "says nothing of the rules"
