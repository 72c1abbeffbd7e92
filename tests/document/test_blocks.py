"""How a text is divided into the members of its block collections, against the nodes that the parser finds."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tarmak_iam.document.blocks import Block, Member, document_of, members_in
from tarmak_iam.document.nodes import Mapping, Node, Sequence, is_block
from tarmak_iam.document.parsed import read_tree
from tarmak_iam.document.source import Source
from tarmak_iam.errors import ParseError
from tarmak_iam.routes import Key
from tests.document.test_survey import FRAGMENTS

CLUSTERS = "clusters:\n" + "".join(
    f"# cluster {number}\n- name: dev-{number}  # its name\n  kubernetes:\n    version: 1.{number}.0\n    zone: local\n"
    f"  pools:\n  - {{type: worker, count: {number}}}\n  text: |\n    a line: with a colon\n    - and a dash\n"
    for number in range(40)
)


def lines_of(member: Member, column: int = 0, *, is_item: bool = False) -> object:
    """What a member is divided into: its text, or what is before its block, and the members of that."""
    block = member.value(column, is_item=is_item)
    if block is None:
        return member.lead
    return member.lead, [lines_of(inner, block.column, is_item=block.keys is None) for inner in block.members]


def divided(text: str) -> object:
    document = document_of(text)
    return None if document is None else lines_of(document)


@pytest.mark.parametrize(
    ("text", "members"),
    [
        pytest.param("a: 1\nb: 2\n", ("", ["a: 1\n", "b: 2\n"]), id="a mapping"),
        pytest.param("- 1\n- 2\n", ("", ["- 1\n", "- 2\n"]), id="a list"),
        pytest.param("a: 1", ("", ["a: 1"]), id="no line end"),
        pytest.param("a: 1\r\nb:\r\n  c: 2\r\n", ("", ["a: 1\r\n", ("b:\r\n", ["  c: 2\r\n"])]), id="CRLF"),
        pytest.param("# x\n\n---\n# c\na: 1\n", ("# x\n\n---\n# c\n", ["a: 1\n"]), id="a marker"),
        pytest.param("a: 1\n# b\n\nb: 2\n", ("", ["a: 1\n# b\n\n", "b: 2\n"]), id="comments are below a member"),
        pytest.param(
            "a:\n  # b\n  b: 1\n  # c\nd: 2\n",
            ("", [("a:\n  # b\n", ["  b: 1\n  # c\n"]), "d: 2\n"]),
            id="comments inside of a member",
        ),
        pytest.param("a:\n- b\n- c\nd: 1\n", ("", [("a:\n", ["- b\n", "- c\n"]), "d: 1\n"]), id="a list below its key"),
        pytest.param(
            "- a:\n  - b\n  c: 1\n- d\n",
            ("", [("- ", [("a:\n", ["  - b\n"]), "  c: 1\n"]), "- d\n"]),
            id="a mapping behind a dash",
        ),
        pytest.param(
            "a:\n  - b: 1\n    c: 2\n",
            ("", [("a:\n", [("  - ", ["b: 1\n", "    c: 2\n"])])]),
            id="a mapping behind a dash that is not in the first column",
        ),
        pytest.param("a:\n b: 1\n", ("", [("a:\n", [" b: 1\n"])]), id="a mapping that is one column deeper"),
        pytest.param("-\n  a: 1\n  b: 2\n", ("", [("-\n", ["  a: 1\n", "  b: 2\n"])]), id="below a dash"),
        pytest.param("- # c\n  a: 1\n", ("", [("- # c\n", ["  a: 1\n"])]), id="below a dash and a comment"),
        pytest.param("- - a\n  - b\n", ("", ["- - a\n  - b\n"]), id="a list behind a dash is one member"),
        pytest.param("a: 'x\n  y: z'\nb: 1\n", ("", ["a: 'x\n  y: z'\n", "b: 1\n"]), id="a deeper quoted line"),
        pytest.param("a: [x,\n  y]\nb: 1\n", ("", ["a: [x,\n  y]\n", "b: 1\n"]), id="a deeper line of a flow list"),
        pytest.param("a: |\n  b: 1\n\nc: 2\n", ("", ["a: |\n  b: 1\n\n", "c: 2\n"]), id="a block scalar"),
        pytest.param("'a b': 1\n\"c\" : 2\n", ("", ["'a b': 1\n", '"c" : 2\n']), id="quoted keys"),
        pytest.param("a: {b: 1}\nc: x\n  y\n", ("", ["a: {b: 1}\n", "c: x\n  y\n"]), id="no blocks inside"),
    ],
)
def test_members(text: str, members: object) -> None:
    assert divided(text) == members


@pytest.mark.parametrize(
    "text",
    [
        *("", "# c\n", "a\n", "[a]\n", "{a: 1}\n", "'a: b'\n", "a:b\n", "k: 1\n-b: 2\n", "- a\n-b\n"),
        pytest.param("a: 1\na: 2\n", id="a key twice"),
        pytest.param("'a': 1\na: 2\n", id="a key twice, once in quotes"),
        pytest.param("on: 1\nyes: 2\n", id="keys that are no strings, and may be the same"),
        pytest.param("<<: 1\na: 2\n", id="a merge key"),
        pytest.param("? a\n: 1\n", id="an explicit key"),
        pytest.param("&a b: 1\n", id="an anchored key"),
        pytest.param("a: 1\n---\nb: 1\n", id="another document"),
        pytest.param("a: 1\n...\n", id="the end of the document"),
        pytest.param("%YAML 1.1\n---\na: 1\n", id="a directive"),
        pytest.param("a: 1\rb: 2\n", id="another line break"),
    ],
)
def test_texts_that_are_not_divided(text: str) -> None:
    assert divided(text) is None


@pytest.mark.parametrize(
    "text", ['a: "x\nb: y"\nc: 1\n', "a: 'x\nb: y'\nc: 1\n", "a: [x,\nb: y]\nc: 1\n", "- [a, b\n- , c]\n- d\n"]
)
@pytest.mark.usefixtures("both_parsers")
def test_lines_of_a_value_that_look_like_members(text: str) -> None:
    block = block_of(text)
    assert not block.is_closed(0)
    assert not block.is_closed(len(block.members) - 1)


@pytest.mark.parametrize(
    "text",
    [
        "a: 'x\n  y'\nb: [1,\n  2]\nc: |\n  [ '\nd: 1\n",
        "a: x  # it's [so\nb: {c: [d]}\n",
        "- a: 'b\n    c'\n- d\n",
    ],
)
@pytest.mark.usefixtures("both_parsers")
def test_members_that_end_between_two_tokens(text: str) -> None:
    block = block_of(text)
    assert block.is_closed(len(block.members) - 1)


def test_what_is_known_to_end_between_two_tokens() -> None:
    block = block_of("a:\n  b:\n   c: 'd'\n  e: 1\nf: 2\n")
    assert block.is_closed(0)
    inner = block.value(0)
    assert inner is not None
    assert (block.closed, inner.closed) == (1, 0)
    assert inner.is_closed(0)  # the parser reads its lines as they are: in another column they would mean nothing
    document = document_of(block.text, is_closed=True)
    assert document is not None
    assert document.block is not None
    inner = document.block.value(0)
    assert inner is not None
    assert inner.closed == document.block.closed > len(block.members)


def test_what_is_before_the_first_member() -> None:
    before, members = members_in("  # c\n\n  a: 1\n", 2, is_list=False) or ("", [])
    assert before == "  # c\n\n"
    assert [(key, member.text) for key, member in members] == [("a", "  a: 1\n")]
    assert members_in("a: 1\n", 2, is_list=False) is None
    assert members_in("  a: 1\n b: 2\n", 2, is_list=False) is None
    assert members_in("  a: 1\n", 2, is_list=True) is None


def block_of(text: str) -> Block:
    document = document_of(text)
    assert document is not None
    assert document.block is not None
    return document.block


def test_which_member_a_step_leads_to() -> None:
    mapping, items = block_of("a: 1\non: 2\nb: 3\n"), block_of("- a\n- b\n")
    assert [mapping.place(Key(text)) for text in ("a", "b", "c")] == [0, 2, 3]
    assert [items.place(index) for index in (0, 1, 2)] == [0, 1, 2]
    for block, step in ((mapping, 0), (mapping, Key("on")), (mapping, Key("a", 0)), (items, Key("a")), (items, 3)):
        with pytest.raises(KeyError):
            block.place(step)


def test_a_block_with_other_members() -> None:
    block = Block.of("a: 1\nb: 2\n", 0)
    assert block is not None
    more = block.with_members({0: [("a", Member("a: 3\n")), ("c", Member("c: 4\n"))]})
    assert more is not None
    assert (more.text, list(more.keys or ()), more.size) == ("a: 3\nc: 4\nb: 2\n", ["b", "a", "c"], 15)
    assert block.text == "a: 1\nb: 2\n"
    assert block.with_members({0: [("b", Member("b: 3\n"))]}) is None
    assert block.with_members({0: [(None, Member("on: 3\n"))]}) is None
    assert block.with_members({0: [], 1: []}) is None
    assert block.is_closed(1)
    more = block.with_members({1: [("b", Member("b: 3\n")), ("c", Member("c: 4\n"))]})
    assert more is not None
    assert more.closed == 3


def test_a_block_behind_a_dash_with_other_members() -> None:
    items = block_of("- a: 1\n  b: 2\n- c\n")
    block, others = items.value(0), items.with_members({1: [(None, Member("- d\n"))]})
    assert others is not None
    assert (others.text, others.keys) == ("- a: 1\n  b: 2\n- d\n", None)
    assert block is not None
    first, last = (
        block.with_members({0: [("c", Member("c: 3\n"))]}),
        block.with_members({1: [("d", Member("  d: 4\n"))]}),
    )
    assert first is not None
    assert last is not None
    assert (first.text, list(first.keys or ()), first.begins_line) == ("c: 3\n  b: 2\n", ["b", "c"], False)
    assert (last.text, list(last.keys or ()), last.begins_line) == ("a: 1\n  d: 4\n", ["a", "d"], False)


def starts(block: Block, at: int, node: Node | None) -> Iterator[tuple[int, int, int]]:
    """Where each member begins and ends by its lines, and where its node begins."""
    assert isinstance(node, (Mapping, Sequence))
    assert is_block(node)
    assert (block.keys is None) == isinstance(node, Sequence)
    keys = [entry.key for entry in node.entries] if isinstance(node, Mapping) else list(node.items)
    values = [entry.value for entry in node.entries] if isinstance(node, Mapping) else list(node.items)
    assert len(block.members) == len(keys)
    if isinstance(node, Mapping):
        for text, member in (block.keys or {}).items():
            assert node.entries[block.members.index(member)].text == text
    for number, (member, key, value) in enumerate(zip(block.members, keys, values, strict=True)):
        yield at, at + member.size, key.start
        inner = block.value(number)
        if inner is not None:
            yield from starts(inner, at + len(member.lead), value)
        at += member.size


def check_division(text: str) -> int:
    """The number of members, all of which are where their nodes are."""
    document = document_of(text)
    if document is None:
        return 0
    block = document.block
    assert block is not None
    if not block.is_closed(len(block.members) - 1):
        return 0
    assert document.text == text
    spans = list(starts(block, len(document.lead), read_tree(Source.decode(text, "f"), json=False).root))
    assert all(start <= at < max(end, at == len(text) and at + 1) for start, end, at in spans)
    assert document.text == text
    return len(spans)


@given(st.lists(st.sampled_from([*FRAGMENTS, "\r\n", "  x: 1\n", "---\n"]), max_size=14).map("".join))
@example("a:\n- b\n-\n  c: 1\n- - d\n")
@example("a:\r\n- b: 1\r\n  c:\r\n  - d\r\ne: 'x\r\n  y'\r\n")
def test_a_valid_text_is_divided_as_its_nodes(text: str) -> None:
    try:
        read_tree(Source.decode(text, "f"), json=False)
    except ParseError:
        return
    check_division(text)


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_the_members_of_many_clusters(newline: str) -> None:
    assert check_division(CLUSTERS.replace("\n", newline)) == 1 + 40 * (1 + 4 + 2 + 1)
