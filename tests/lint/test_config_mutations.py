"""A mistake in a correct tarmak.yaml that changes what Tarmak reads has a finding, or makes it unreadable."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from tarmak_iam.config import TarmakConfig
from tarmak_iam.errors import TarmakIamError
from tarmak_iam.lint import Subjects, check
from tests.lint.mutations import (
    Mutator,
    dropped,
    each,
    moved_blocks,
    moved_lines,
    swapped,
    with_documents,
    with_separators,
)
from tests.lint.operator_cases import copied

_CASES = ("access-logs", "admission-and-feature-gates", "hub-and-two-clusters", "several-worker-pools", "with-oidc-too")
_SAMPLE = 3
_KEY = re.compile(r"(?m)(?<![\w.'\"#])[a-z][A-Za-z]+(?=:(?:\s|$))")
_INIT = r"(?<=awsIAMAuthenticatorInit: )true"
_CURRENT = r"(?<=currentCluster: )(?P<name>[\w-]+)"
_REGION = r"(?<=location: )(?P<region>[a-z]+-[a-z]+-[0-9])(?=\n +provider)"
"""Of environments: Tarmak does not look at a cluster's, where its environment has one."""


def _misspelt(change: Callable[[str], Iterator[str]]) -> Callable[[str], Iterator[str]]:
    def mutants(text: str) -> Iterator[str]:
        for match in _KEY.finditer(text):
            for key in filter(None, change(match[0])):
                yield text[: match.start()] + key + text[match.end() :]

    return mutants


def _in_another_case(key: str) -> Iterator[str]:
    yield from (key.lower(), key.upper(), key.capitalize())


def _in_another_number(key: str) -> Iterator[str]:
    yield key.removesuffix("s") if key.endswith("s") else f"{key}s"


def _without_dash(text: str) -> Iterator[str]:
    for match in re.finditer(r"(?m)^ *- ", text):
        for instead in ("  ", "-"):
            yield text[: match.end() - 2] + instead + text[match.end() :]


MUTATORS = (
    Mutator("two letters of a key swapped", _misspelt(swapped)),
    Mutator("a letter of a key dropped", _misspelt(dropped)),
    Mutator("a key in another case", _misspelt(_in_another_case)),
    Mutator("a key in another number", _misspelt(_in_another_number)),
    Mutator("a key with separators", _misspelt(with_separators)),
    Mutator("no blank after a colon", each(r"(?<=\w): (?=\S)", ":", " ")),
    Mutator("a line is moved", moved_lines),
    Mutator("a block is moved", moved_blocks),
    Mutator("a dash is missing", _without_dash),
    Mutator("a document begins", with_documents),
    Mutator("a key twice", each(r"(?m)^(?P<line> +apiServer:\n)", r"    apiServer: {public: false}\n\g<line>")),
    Mutator(
        "the value of awsIAMAuthenticatorInit",
        each(_INIT, '"true"', "'yes'", "tru", "True.", "1", "", "enabled", "ture", "true,"),
    ),
    Mutator(
        "the current cluster",
        each(
            _CURRENT,
            r"\g<name>s",
            "cluster",
            "dev",
            lambda match: match[0].upper(),
            lambda match: match[0].replace("-", "_"),
            lambda match: match[0].replace("-", "--"),
        ),
    ),
    Mutator("the environment", each(r"(?<=environment: )(?P<name>\w+)", r"\g<name>s", r"'\g<name> '", "7", "")),
    Mutator("the provider", each(r"(?<=provider: )(?P<name>\w+)", r"\g<name>s", "amazon", "")),
    Mutator("a version", each(r"(?<=version: )1\.[0-9.]+", r"v\g<0>", r"\g<0>.", "1.12", "latest", "1,12,9", "1.27.3")),
    Mutator("a zone", each(r"(?<=zone: )[a-z]+-[a-z]+-[0-9][a-z]", "", "a", "sa-east-1a", r"\g<0>-")),
    Mutator("a region", each(_REGION, r"\g<region>a", "Ireland", lambda match: match[0].replace("-", "", 1))),
    Mutator(
        "a region that there is not",
        each(r"(?<=location: )(?P<area>[a-z]+-[a-z]+)-[0-9](?=\n +provider)", r"\g<area>-77"),
    ),
    Mutator(
        "an address range",
        each(
            r"(?m)(?P<key>podCIDR|serviceCIDR|cidr): (?P<address>[0-9.]+)/[0-9]+$",
            r"\g<key>: \g<address>",
            r"\g<key>: \g<address>/33",
        ),
    ),
)


@cache
def _text(case: str) -> str:
    with TemporaryDirectory() as target:
        return (copied(case, Path(target)) / "tarmak.yaml").read_text(encoding="utf-8")


def _read(text: str) -> tuple[Any, list[str]]:
    """What Tarmak makes of it, and the ids of what `check` finds. Raises TarmakIamError."""
    config = TarmakConfig.parse(text)
    return config.data, [found.finding.id for found in check(Subjects(config))]


@pytest.mark.sample(10)
@pytest.mark.parametrize("mutator", [pytest.param(each, id=each.name) for each in MUTATORS])
def test_what_changes_the_configuration_has_a_finding(mutator: Mutator) -> None:
    changed, silent = 0, []
    for case in _CASES:
        text = _text(case)
        mutants = [made for made in dict.fromkeys(mutator.mutants(text)) if made != text]
        for mutant in random.Random(f"{mutator.name} {case}").sample(mutants, min(_SAMPLE, len(mutants))):
            try:
                read, found = _read(mutant)
            except TarmakIamError:
                changed += 1  # which is reported with a place
                continue
            if read != _read(text)[0]:
                changed += 1
                silent += [] if found else [(case, mutant)]
    assert silent == []
    assert changed, "says nothing of the rules"
