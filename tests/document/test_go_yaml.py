"""The methods of the pure scanner that exist to be quick read every text as those of ruamel.yaml do."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ruamel.yaml.error import YAMLError
from ruamel.yaml.reader import Reader
from ruamel.yaml.scanner import Scanner

from tarmak_iam.document import go_yaml
from tests.document.test_survey import FRAGMENTS

QUICK = (
    "scanner_processing_version",
    "reader",
    "check_token",
    "peek_token",
    "get_token",
    "stale_possible_simple_keys",
    "next_possible_simple_key",
    "scan_plain",
    "scan_to_next_token",
)


class SlowScanner(go_yaml._GoScanner):
    """The scanner without its quick methods. Texts with tabs, which it reads in another way, are not given to it."""


for name in QUICK:
    setattr(SlowScanner, name, vars(Scanner)[name])


def events(text: str, *, slow: bool) -> list[tuple[Any, ...]]:
    yaml = go_yaml.go_yaml()
    if slow:
        yaml.Scanner, yaml.Reader = SlowScanner, Reader
    found: list[tuple[Any, ...]] = []
    try:
        for event in yaml.parse(text):
            marks = [(mark.index, mark.line, mark.column) for mark in (event.start_mark, event.end_mark)]
            found.append((type(event).__name__, getattr(event, "value", None), *marks))
    except YAMLError as error:
        found.append((type(error).__name__, str(error)))
    return found


TEXTS = st.lists(st.sampled_from([*FRAGMENTS, "\r\n", "---\n", "...\n", "&a ", "*a", "%X\n", "\n \n"]), max_size=16)


@given(TEXTS.map("".join))
def test_quick_methods_read_as_those_of_ruamel_yaml(text: str) -> None:
    assert events(go_yaml.mask(text), slow=False) == events(go_yaml.mask(text), slow=True)


@pytest.mark.parametrize(
    "text",
    [
        "a: b\n  c\nd: e\n",
        "a: b\n\n  c\n",
        "a: b # c\n  d\n",
        "a: b\n# c\n  d: 1\n",
        "a: b\n---\nc\n",
        "a: b:c\n",
        "a: b#c\n",
        "a:\n",
        "a: b",
        "a b : c\n",
        "a: {b: c\n d: e}\n",
        "a: b\r\n  c\r\n",
    ],
)
def test_plain_scalars(text: str) -> None:
    assert events(text, slow=False) == events(text, slow=True)
