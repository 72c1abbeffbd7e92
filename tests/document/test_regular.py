"""Which texts can be edited in an excerpt, and how they are divided into members."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tarmak_iam.document import Document, regular
from tarmak_iam.document.nodes import Mapping, Node, Sequence, is_block
from tarmak_iam.document.outline import Level, outline
from tarmak_iam.document.regular import is_closed, is_valid, may_be_regular
from tarmak_iam.document.source import Source
from tarmak_iam.document.tree import Tree

CLUSTERS = "clusters:\n" + "".join(
    f"# cluster {number}\n- name: dev-{number}  # its name\n  kubernetes:\n    version: 1.{number}.0\n    zone: local\n"
    f"  pools:\n  - {{type: worker, count: {number}}}\n  text: |\n    a line: with a colon\n    - and a dash\n"
    for number in range(40)
)


def is_regular(text: str) -> bool:
    return may_be_regular(Source.decode(text, "f")) and is_valid(text)


@pytest.mark.parametrize(
    "text",
    [
        "a: 1\n",
        "a: '&x *y !z'\n",
        "a: b*c, d&e, f!\n",
        "# *a &b !c\na: 1\n",
        "a: 1  # see *b\n",
        "a: ${{ b }}\n",
        'a: "{{ b }}"\n',
        'a: "b:{{ c }}"\n',
        "- 'b: {{f}}'\n",
        "a: [{b: 1}, {c: [2]}]\n",
        "a: |\n  if [ -f x ]; then y; fi\n",
        "a: what?\n",
        "a: <<b\n",
        "é: ü\n",
        "# a: &b\na: 1\n",
        "a: 1 # b: *c\n",
        "a: [{b: 1}, [c]]\n",
        "- [a]\n" * 120,
    ],
)
def test_regular(text: str) -> None:
    assert is_regular(text)


@pytest.mark.parametrize(
    "text",
    [
        "a: &b 1\n",
        "a: [&b 1]\n",
        "- *a\n",
        "a: !b 1\n",
        "! a\n",
        "a:\n  &b c: 1\n",
        "<<: 1\n",
        '"<<" : 1\n',
        "? a\n: b\n",
        "a: [? b]\n",
        "{a: b}: c\n",
        "[a]: b\n",
        "a: {{b}}\n",
        "a: {b, {c}}\n",
        "a: {b:{{c}}}\n",
        "a: {'b':{{c}}}\n",
        "a: ['b', {{c}}]\n",
        'a: ["x\n b: ", *y]\n',  # the second line only looks like a key with a quoted value
        "a: {b: 1,\n {c}}\n",
        "a:\tb\n",
        "a: b\r\n",
        "a: b\x85",
        "a: b\u2028",
        "a: b\n\ufeffc: d\n",
        "--- a\n",
        "a: b\n---\n",
        "a: b\n...\n",
        "%YAML 1.1\n---\na: b\n",
        'a: "\\/"\n',
        'a: "\\ud800"\n',
        'a: "\\uDFFF"\n',
        'a: "\\U0001F600"\n',
        "a: b\u2029",
        "- &a b\n",
        "a: *b\n",
        "a: {b: 1, [c]: 2}\n",
        "a: {[b]: 1}\n",
        "a: [{b: 1,\n [c]: 2}]\n",
        "{a: b} : c\n",
        "'<<' : 1\n",
        "<< : 1\n",
        '{"a": 1}\n',
        "- " * 100 + "a\n",
        "a:\n" + " " * 120 + "b: 1\n",
        "[" * 120 + "]" * 120,
        "a: [b\n",
        "a: b: c\n",
        "a#b: &c 1\n",
        "a: {b: [1], [c]}\n",
    ],
)
def test_irregular(text: str) -> None:
    assert not is_regular(text)


@pytest.mark.parametrize(
    ("text", "closed"),
    [
        ("", True),
        ("a: 'x'\nb: [1, {c: \"y\"}]\n", True),
        ("a: |\n  x\n  y\nb: >\n  x\n  y\n", True),
        ("a: x\n  y\n", True),
        ("a: 'x\n  y'\n", False),
        ('- a: "x\n    y"\n', False),
        ("a: [1,\n  2]\n", False),
        ("a: {b: 1,\n  c: 2}\n", False),
    ],
)
def test_is_closed(text: str, closed: bool) -> None:
    assert is_closed(Tree.read(Source(text, "f")).root, text) == closed


def test_an_item_on_the_lines_below_its_dash() -> None:
    text = "-\n  a: 1\n  b: 2\n- c\n"
    level = outline(text, closed=True)
    assert level is not None
    item = level.member(text, 0, 0)
    assert item is not None
    assert item.keys == {"a": 0, "b": 1}


def divided(text: str, level: Level | None, owner: int, node: Node | None) -> Iterator[tuple[int, int]]:
    """Where each member begins by the outline, and where its node begins."""
    if level is None or not level.accepts(text, owner, len(level.lengths) - 1):
        return
    assert isinstance(node, (Mapping, Sequence))
    assert is_block(node)
    assert (level.keys is None) == isinstance(node, Sequence)
    members = [entry.key for entry in node.entries] if isinstance(node, Mapping) else list(node.items)
    values = [entry.value for entry in node.entries] if isinstance(node, Mapping) else list(node.items)
    assert len(members) == len(level.lengths)
    if isinstance(node, Mapping):
        assert level.keys is not None
        assert all(node.entries[number].text == key for key, number in level.keys.items())
    for number, (member, value) in enumerate(zip(members, values, strict=True)):
        start = owner + level.start(number)
        assert start <= member.start <= start + level.lengths[number]
        yield start, member.start
        inner = level.member(text, owner, number)
        if inner is not None:
            yield from divided(text, inner, start, value)


FRAGMENTS = [
    *"abcn#:-'\"[]{},|>!&*?\n ",
    *(
        "a: b\n",
        "- a\n",
        "  b: c\n",
        "  - d\n",
        "- e: f\n  g: h\n",
        "# c\n",
        "k: |\n  x\n",
        "'a\nb'",
        '"x\n- y"',
        "[a,\nb]",
    ),
    *("{a: b}", ": ", "- ", "\n\n", "on: 1\n", "1: 2\n", "    deep: 1\n", "a:\n- b\n", '"q": 1\n', "<<: x\n"),
]


@given(st.lists(st.sampled_from(FRAGMENTS), max_size=14).map("".join))
def test_a_regular_text_is_valid_and_divided_as_its_nodes(text: str) -> None:
    if not is_regular(text):
        return
    document = Document.parse(text)
    assert document.data is not ...  # nothing in a regular text is refused later
    list(divided(text, outline(text, closed=False), 0, document.root))


def test_the_lines_of_a_text_of_clusters() -> None:
    assert is_regular(CLUSTERS)
    pairs = list(divided(CLUSTERS, outline(CLUSTERS, closed=False), 0, Document.parse(CLUSTERS).root))
    assert len(pairs) == 1 + 40 * (1 + 4 + 2 + 1)


@pytest.mark.parametrize(
    "text",
    [
        'a: "x\nb: y"\nc: 1\n',
        "a: [x,\nb: y]\nc: 1\n",
        "- [a, b\n- , c]\n- d\n",
    ],
)
def test_lines_of_a_scalar_that_look_like_members(text: str) -> None:
    level = outline(text, closed=False)
    assert level is not None
    assert not level.accepts(text, 0, len(level.lengths) - 1)


@pytest.mark.parametrize(
    "text",
    [
        "k: 1\n-b: 2\n",
        "a: 1\na: 2\n",
        "'a': 1\na: 2\n",
        "on: 1\nyes: 2\n",
        "1: 2\n",
        "a:b\n",
        "- a\n-b\n",
    ],
)
def test_texts_that_are_not_divided(text: str) -> None:
    assert outline(text, closed=False) is None


def test_signs_in_very_long_lines_are_not_all_examined(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each is compared with what is before it on its line, which would take the square of the line's length."""
    calls: list[int] = []

    def counted(text: str, at: int) -> bool:
        calls.append(at)
        return may_precede_key(text, at)

    may_precede_key = regular._may_precede_key
    monkeypatch.setattr(regular, "_may_precede_key", counted)
    assert is_regular("k: [" + "[], " * 500 + "1]\n") is True
    assert len(calls) == 499
    calls.clear()
    assert may_be_regular(Source.decode("k: [" + "[], " * 20_000 + "1]\n", "f")) is False
    assert len(calls) < 3_000
