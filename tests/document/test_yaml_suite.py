"""The official YAML test suite: read as Tarmak reads it, and a key added to each of its mappings."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

import pytest

from tarmak_iam.document import Document, EditRefused
from tarmak_iam.document.plain_values import same
from tarmak_iam.document.yaml_reader import has_c_parser
from tarmak_iam.errors import ParseError
from tests.document.test_corpus import lines_gone
from tests.support import shared_file

Groups = dict[str, str]
"""Ids of cases by what they have in common."""

# Valid, and refused by both of ruamel's parsers or by what is made of their events; yaml.v2 2.2.1 refuses each too.
REFUSED: Groups = {
    "a collection is a key": (
        "4FJ6:0 6BFJ:0 6PBE:0 9MMW:0 KK5P:0 LX3P:0 M2N8:1 M5DY:0 Q9WF:0 RZP5:0 SBG9:0 V9D5:0 X38W:0 XW4D:0"
    ),
    "nothing stands before the colon": "2JQS:0 6M2F:0 CFD4:0 FRK4:0 M2N8:0 NHX8:0 NKF9:0 S3PD:0 SM9W:1 UKK6:0",
    "a key of a flow mapping whose colon is not on its line": (
        "4MUZ:0 4MUZ:1 4MUZ:2 5MUD:0 9SA2:0 K3WX:0 NJ66:0 UT92:0 VJP3:1"
    ),
    "a plain scalar of a flow collection begins with a colon": "58MP:0 5T43:0 DBG4:0 HM87:0",
    "a question mark in a plain scalar of a flow collection": "JR7V:0",
    "an anchor with other characters than letters, digits, - and _": "2SXE:0 8XYN:0 W5VH:0",
    "a tag with a comma right behind it": "WZ62:0",
    "the escape \\/": "3UYS:0",
    "a tab is indentation": ("6BCT:0 6CA3:0 96NN:0 96NN:1 A2M4:0 DK95:0 DK95:3 DK95:4 Q5MG:0 R4YG:0 Y79Y:1 Y79Y:10"),
    "a block scalar that is the whole document, at the margin": "DK3J:0 FP8R:0 W4TN:0",
    "an unknown directive": "2LFX:0 6LVF:0 MUS6:5 MUS6:6",
    "another %YAML than 1.1": "27NA:0 6ZKB:0 9DXL:0 BEC7:0 DK95:7 RTP8:0",
    "... without a document before it": "HWV9:0 QT73:0",
    "a document behind ... without ---": "7Z25:0 M7A3:0",
}
# Invalid and read, by yaml.v2 2.2.1 too.
ACCEPTED: Groups = {
    "a line of a flow collection or quoted scalar stands at the margin": "9C9N:0 QB6E:0",
    "a line of a flow collection or quoted scalar begins with a tab": "DK95:1 Y79Y:3",
    "a comment right behind a quote, a bracket or a comma": "9JBA:0 CVW2:0 SU5Z:0",
    "a directive behind a document that no ... ends": "9HCY:0",
    "a comment right behind a block scalar's header": "X4QW:0",
    "a dash alone in a flow sequence": "G5U8:0 YJV2:0",
    "a tag with a comma in it": "U99R:0",
    "the escape \\'": "HRE5:0",
    "the empty lines of an empty block scalar are deeper than the comment behind it": "S98Z:0",
}
ACCEPTED_BY: dict[str, Groups] = {
    "c": {
        "a comment right behind a version": "MUS6:0",
    },
    "pure": {},
}
# The value is another one than the suite's JSON, and the one that yaml.v2 2.2.1 gives.
DIFFERENT: Groups = {
    "y is a boolean": "C4HZ:0",
    "!!binary is decoded": "565N:0",
    "a question mark in a flow collection begins a key": "652Z:0 HM87:1",
    "450.00 is a float, which the suite's JSON writes as an integer": "UGM3:0",
    "a block scalar that is the whole document ends where a line stands at the margin": "DK3J:0 FP8R:0",
    "the last line of a block scalar has no line end if the file has none": "L24T:1",
    "an anchor ends before a colon": "Y2GN:0",
}
# ruamel refuses the first as YAML (the colon's line) and the second (the tab); to Tarmak a `{` makes them JSON.
STRICT_JSON = {"4MUZ:0", "Q5MG:0"}


@dataclass(frozen=True)
class Case:
    """`values` is what the suite's JSON says of each document of the stream; None where there is no JSON."""

    id: str
    text: str
    fail: bool
    values: tuple[Any, ...] | None


@dataclass(frozen=True)
class Stream:
    """The documents up to the end of the text, or up to the one that is refused."""

    documents: tuple[Document, ...]
    refused: bool

    @property
    def values(self) -> list[Any]:
        return [document.data for document in self.documents]


def named(*groups: Groups) -> set[str]:
    return {name for group in groups for names in group.values() for name in names.split()}


@cache
def suite() -> tuple[Case, ...]:
    cases = json.loads(shared_file("corpus", "yaml-test-suite.json").read_text(encoding="utf-8"))
    return tuple(Case(case["id"], case["yaml"], case["fail"], json_values(case.get("json"))) for case in cases)


def json_values(text: str | None) -> tuple[Any, ...] | None:
    """The JSON documents that stand in a row."""
    if text is None:
        return None
    values, rest = [], text.strip()
    while rest:
        value, end = json.JSONDecoder().raw_decode(rest)
        values.append(value)
        rest = rest[end:].lstrip()
    return tuple(values)


def read(text: str) -> Stream:
    """Every document, as YAML: the strict JSON reader is no part of the suite."""
    documents: list[Document] = []
    while True:
        try:
            documents.append(Document.parse(text, index=len(documents), json=False))
        except ParseError as error:
            return Stream(tuple(documents), refused=f"document {len(documents)} not found" not in error.what)


@pytest.fixture(params=["c", "pure"], scope="module")
def parser(request: pytest.FixtureRequest) -> Iterator[str]:
    """Which parser reads: the C one first (the pure one has the last word), or the pure one alone."""
    if request.param == "c" and not has_c_parser():
        pytest.skip("ruamel.yaml's C parser is not installed")
    with pytest.MonkeyPatch.context() as patch:
        if request.param == "pure":
            patch.setattr("tarmak_iam.document.yaml_reader.has_c_parser", lambda: False)
        yield request.param


@pytest.fixture(scope="module")
def streams(parser: str) -> dict[str, Stream]:  # noqa: ARG001  # read by that parser
    return {case.id: read(case.text) for case in suite()}


def test_the_suite_is_whole() -> None:
    assert len({case.id for case in suite()}) == len(suite()) == 402


def test_what_is_refused_and_accepted(streams: dict[str, Stream], parser: str) -> None:
    refused = {case.id for case in suite() if streams[case.id].refused and not case.fail}
    accepted = {case.id for case in suite() if not streams[case.id].refused and case.fail}
    assert refused == named(REFUSED)
    assert accepted == named(ACCEPTED, ACCEPTED_BY[parser])


def test_what_is_read_means_what_the_suite_says(streams: dict[str, Stream]) -> None:
    different = {case.id for case in suite() if not case.fail and not agrees(streams[case.id], case.values)}
    assert different == named(DIFFERENT)


def agrees(stream: Stream, values: tuple[Any, ...] | None) -> bool:
    """Whether every document that could be read has its JSON's value, and whether none is missing in the end."""
    if values is None:
        return True
    if not values and not stream.refused:  # a text without any document is read as one that is empty
        return stream.values == [None] and stream.documents[0].root is None
    whole = len(stream.documents) == len(values)
    return (whole or stream.refused) and all(map(same, stream.values, values))


def test_unedited_it_is_the_same_text(streams: dict[str, Stream]) -> None:
    for case in suite():
        for document in streams[case.id].documents:
            assert document.to_bytes() == case.text.encode(), case.id


def test_a_key_is_added_to_every_mapping(streams: dict[str, Stream]) -> None:
    added, refusals = 0, set[str]()
    for case in (case for case in suite() if not case.fail):
        for index, document in enumerate(streams[case.id].documents):
            if not isinstance(document.data, dict):
                continue
            try:
                edited = document.set(("zz-new",), "value")
            except EditRefused as refusal:
                refusals.add(refusal.what.partition(" has a key")[2])
                continue
            check_added(streams[case.id], index, edited)
            added += 1
    assert added > 100
    assert refusals == {" that is written with ?"}


def check_added(before: Stream, index: int, edited: Document) -> None:
    old, new = before.documents[index].text, edited.text
    after = read(new)
    expected = before.values
    expected[index]["zz-new"] = "value"
    assert after.refused == before.refused, new
    assert same(after.values, expected), new
    for ours, theirs in zip(before.documents, after.documents, strict=True):
        assert [comment.text for comment in ours.comments] == [comment.text for comment in theirs.comments], new
    assert is_within(old, new), new
    # Only the line that the new key hangs on may change.
    assert len(list(lines_gone(old.splitlines(), new.splitlines()))) <= 1, new


def is_within(old: str, new: str) -> bool:
    """Whether the new text is the old one and insertions only."""
    left = iter(new)
    return all(character in left for character in old)


@pytest.mark.usefixtures("parser")
def test_strict_json_is_read_and_edited_as_json() -> None:
    found = set()
    for case in suite():
        try:
            document = Document.parse(case.text)
        except ParseError:
            continue
        if document.is_json:
            found.add(case.id)
            assert (document.data,) == case.values
            edited = document.set(("zz-new",), "value")
            assert json.loads(edited.text) == {**document.data, "zz-new": "value"}
            assert is_within(case.text, edited.text)
    assert found == STRICT_JSON
