"""What people wrote: on one line of a terminal, in the place of a name, and what they probably meant.

What messages quote of it is in test_quoting.
"""

from __future__ import annotations

import re
from typing import Any

import pytest

from tarmak_iam import text
from tarmak_iam.aws import regions
from tarmak_iam.document import Document
from tests.support import ROOT

CASES = Document.parse((ROOT / "tests" / "text_cases.yaml").read_bytes()).data


def whole(value: Any) -> Any:
    if isinstance(value, str):
        return re.sub(r"REPEAT\((\S+), (\d+)\)", lambda found: found[1] * int(found[2]), value)
    return value


def result(name: str, *arguments: Any) -> Any:
    return getattr(regions if hasattr(regions, name) else text, name)(*arguments)


@pytest.mark.parametrize(("name", "case"), [(name, case) for name, cases in CASES.items() for case in cases])
def test_what_is_made_of_it(name: str, case: list[Any]) -> None:
    *arguments, expected = map(whole, case)
    assert result(name, *arguments) == expected
    if name in ("is_one_typo", "is_slip"):
        assert result(name, *arguments[::-1]) == expected
    if name == "defused":
        assert text.escaped(*arguments).replace("\t", "") == expected.replace("\t", "")
    if name == "is_region" and expected:
        assert regions.partition_of(*arguments).startswith("aws")
    if name == "shortened":
        assert text.quoted(*arguments) == f"'{expected}'"


def test_a_remedy_that_is_less_alike() -> None:
    assert text.did_you_mean("mpa", ["map", "set"], cutoff=0.6) == "did you mean map?"
