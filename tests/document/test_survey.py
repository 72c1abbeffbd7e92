"""Which texts need no tree before one is asked for."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tarmak_iam.document import blocks
from tarmak_iam.document.blocks import needs_no_tree, room_of
from tarmak_iam.document.parsed import read_tree
from tarmak_iam.document.plain_values import construct
from tarmak_iam.document.source import MAX_FLOW, Source
from tarmak_iam.document.yaml_reader import has_c_parser
from tarmak_iam.text import MAX_BYTES
from tests.document.test_bad_input import outcome

pytestmark = pytest.mark.skipif(not has_c_parser(), reason="ruamel.yaml's C parser is not installed")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "# c\n",
        "---\n",
        "a: 1\n",
        "a: b\r\nc:\r\n- d\r\n",
        "---\na: 1\n",
        "# c\n\n--- # d\na: 1\n",
        "a: '&x *y !z'\n",
        "a: b*c, d&e, f!\n",
        "a: x ! y * z ? w\n",
        "# *a &b !c\na: 1\n",
        "a: 1  # see *b\n",
        "a: X &b\n",
        "a: X'<<\n",
        "a: X '<<\n",
        "a: ${{ b }}\n",
        'a: "{{ b }}"\n',
        "a: [{b: 1}, {c: 2}]\n",
        "a: [{b: 1}, [c]]\n",
        "a: |\n  if [ -f x ]; then y; fi\n",
        "a: what?\n",
        "a: 1\na: 2\n",
        "on: 1\n1: 2\n",
        "é: ü\n",
        "- [a]\n" * 120,
    ],
)
def test_texts_that_need_no_tree(text: str) -> None:
    assert needs_no_tree(Source.decode(text, "f"))


@pytest.mark.parametrize(
    "text",
    [
        "a: &b 1\n",
        "a: [&b 1]\n",
        "- &a b\n",
        "- *a\n",
        "a: *b\n",
        "a: !b 1\n",
        "! a\n",
        "a: !\n",
        "a:\n  &b c: 1\n",
        "a#b: &c 1\n",
        "---\n&a b: 1\n",
        "a: 1\n&b c: 2\n",
        "a: {&b c: 1}\n",
        'a: 1\n"<<": 1\n',
        'a: { "<<": 1}\n',
        "<<: 1\n",
        "<< : 1\n",
        '"<<" : 1\n',
        "'<<' : 1\n",
        "? a\n: b\n",
        "- ? a\n",
        "a: [? b]\n",
        "{a: b}: c\n",
        "{a: b} : c\n",
        "[a]: b\n",
        "a: {b: 1, [c]: 2}\n",
        "a: {[b]: 1}\n",
        "a: [{b: 1,\n [c]: 2}]\n",
        "a: {b: [1], [c]}\n",
        "a: {b: 1, [{c: 1}, {d: 2}]}\n",
        "a: [{b: 1}, {c: [2]}]\n",
        "a: {{b}}\n",
        "a: {b, {c}}\n",
        "a: {b:{{c}}}\n",
        "a: {'b':{{c}}}\n",
        "a: ['b', {{c}}]\n",
        "a: {b: 1,\n {c}}\n",
        'a: ["x\n b: ", *y]\n',  # the second line only looks like a key with a quoted value
        "a:\tb\n",
        "a: b\x85",
        "a: b\u2028",
        "a: b\u2029",
        "a: b\rc: d\n",
        "a: b\n\ufeffc: d\n",
        "--- a\n",
        "---\n---\na: 1\n",
        "a: b\n---\n",
        "a: b\n...\n",
        "a: 'b\n--- c'\n",
        "%YAML 1.1\n---\na: b\n",
        'a: "\\/"\n',
        'a: "\\ud800"\n',
        'a: "\\uDFFF"\n',
        'a: "\\U0001F600"\n',
        '{"a": 1}\n',
        "- " * 100 + "a\n",
        "a:\n" + " " * 120 + "b: 1\n",
        "[" * 120 + "]" * 120,
        "a: [b\n",
        "a: b: c\n",
    ],
)
def test_texts_whose_tree_is_read_at_once(text: str) -> None:
    assert not needs_no_tree(Source.decode(text, "f"))


def test_another_encoding() -> None:
    assert not needs_no_tree(Source.decode("\ufeffa: 1\n".encode("utf-16-le"), "f"))
    assert needs_no_tree(Source.decode("\ufeffa: 1\n".encode(), "f"))


FRAGMENTS = [
    *"abcn#:-'\"[]{},|>!&*?\n ",
    *("a: b\n", "- a\n", "  b: c\n", "  - d\n", "- e: f\n  g: h\n", "# c\n", "k: |\n  x\n", "'a\nb'"),
    *('"x\n- y"', "[a,\nb]", "{a: b}", ": ", "- ", "\n\n", "on: 1\n", "1: 2\n", "    deep: 1\n", "a:\n- b\n"),
    *('"q": 1\n', "<<: x\n"),
]


@given(st.lists(st.sampled_from([*FRAGMENTS, "\r\n", "---\n", "a: ", "{{", "}}", "? "]), max_size=14).map("".join))
@example("- - - - a\n")
@example("a: [{b: 1}, {c: 2}]\n")
def test_nothing_is_wrong_with_a_text_that_needs_no_tree(text: str) -> None:
    source = Source.decode(text, "f")
    if needs_no_tree(source):
        tree = read_tree(source)  # neither raises ParseError
        construct(tree.root, tree.source)


LONG_LINES = {
    "mappings in a flow list": "a: [" + "{k: 1}, " * 40_000 + "{k: 1}]\n",
    "lists in a flow list": "a: [" + "[0], " * 40_000 + "[1]]\n",
    "JSON in a block scalar": "a: |\n  [" + '{"k": [1]}, ' * 40_000 + "1]\n",
    "question marks": "a: x" + " ?y" * 80_000 + "\n",
    "tags in a comment": "b: 1 # " + "a: !x " * 40_000 + "\n",
    "asterisks": "a: x" + " *y" * 80_000 + "\n",
    "blanks": "a: x" + " " * 300_000 + "y\n",
    "colons": "a: x" + ":" * 300_000 + "y\n",
    "commas": "a: x" + ", " * 150_000 + "y\n",
    "closing brackets": "a: x" + "] " * 150_000 + "y\n",
    "templates": "a: x" + " {{ y }}" * 40_000 + "\n",
    "backslashes": "a: x" + "\\" * 300_000 + "y\n",
    "quotes": "a: x" + " '" * 150_000 + "y\n",
}


@pytest.mark.parametrize("text", LONG_LINES.values(), ids=LONG_LINES)
def test_a_long_line_is_searched_once(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A search that begins anew at each sign takes minutes here. It is ended then, not waited for."""

    monkeypatch.setattr(blocks, "_is_valid", lambda _: True)  # the parser's time is not measured
    assert outcome(lambda: needs_no_tree(Source(text, "f")), 256, 5) == "done"


@pytest.mark.parametrize(
    ("text", "room"),
    [
        pytest.param("a: 1\n", MAX_FLOW - 5, id="fewer characters than there may be brackets"),
        pytest.param("[" * 30_000 + "{" * 19_990 + "x" * 20, 8, id="brackets"),
        pytest.param("[" * MAX_FLOW, -2, id="too many brackets"),
        pytest.param("- a\n" * 199_990, 8, id="values that may be collections"),
        pytest.param("-\n" * 100_000 + "a:\n" * 90_000 + "b: #\n" * 9_990, 8, id="collections on lines below"),
        pytest.param("a:,b\n" * 333_330, 8, id="values"),
        pytest.param("x" * (MAX_BYTES - 400), 98, id="bytes"),
        pytest.param("\N{LATIN SMALL LETTER E WITH ACUTE}" * (MAX_BYTES // 2 - 200), 98, id="bytes of other letters"),
    ],
)
def test_room_for_more_values(text: str, room: int) -> None:
    assert room_of(text) == room


@pytest.mark.parametrize(
    ("text", "depth"),
    [
        pytest.param("- [{a: [1]}]\n", 3, id="few"),
        pytest.param("- {a: [1]}\n" * 60, 2, id="many beside each other"),
        pytest.param("[" + "[]" * 100 + "[[[", 4, id="open ones around many"),
        pytest.param("]" * 50 + "[" * 100, 100, id="closed ones that were never opened"),
    ],
)
def test_levels_of_brackets(text: str, depth: int) -> None:
    assert blocks._flow_depth(text) == depth
