"""The grammar of lines: what it accepts is valid to both parsers, and they read it alike."""

from __future__ import annotations

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import tarmak_iam.document.document as document_module
from tarmak_iam.document import Append, Document, Edit, Remove, Set
from tarmak_iam.document.line_grammar import is_surely_valid
from tarmak_iam.document.nodes import walk
from tarmak_iam.document.plain_values import construct
from tarmak_iam.document.regular import is_closed, is_valid, may_be_regular, room_for_values
from tarmak_iam.document.source import Source
from tarmak_iam.document.tree import Tree
from tarmak_iam.document.yaml_reader import has_c_parser
from tarmak_iam.errors import ParseError
from tests.document.test_bad_input import outcome
from tests.document.test_corpus import shape
from tests.document.test_regular import CLUSTERS, FRAGMENTS

ACCEPTED = [
    "a: 1\n",
    "a: 1",
    "a:",
    "- a",
    "-",
    "\n# c\n\n  # d\na: 1\n\n  # e\n ",
    "  a: 1\n  b: 2\n",
    "a: 1 # c\nb:   2\nc: # d\n",
    "a:\nb:\n  c:\n    d: 1\n  e: 2\nf: 3\n",
    "a:\n- b\n- c\nd: 1\n",
    "a:\n  - b\n  -\n  - c\nd:\n",
    "- a: 1\n  b: 2\n-   c: 3\n    d: 4\n",
    "-\n  a: 1\n- # c\n  b: 2\n",
    "- - a\n  - b\n- - - c: d\n      e: f\n",
    "- a:\n  - b\n  c:\n    - d\n- e\n",
    "a b/c: d\n'q r': 1\n\"s: t\" : 2\nu:v: w\nhttp://x: y\n",
    'a: b c  d\nb: -1\nc: --x -y - z\nd: a#b\ne: a:b::c\nf: it\'s "so" & *so\n',
    "a: '# it''s: [so' # c\nb: \"\\\"\\n: #\\\\\"\nc: ''\nd: \"\"\n",
    "a: []\nb: {}\nc: [ ] # d\nd: {  }\n",
    "a: [b, 'c, )' ,\"d\", e f, -1, [[g], {h: i}]]\n",
    "a: {b: c, 'd': [e], \"f\" : {g: h}, i j: k:l}\n",
    "a: [system:masters, 10.0.0.0/8]\n",
    "- [a]\n- {b: c}\n",
    "a: |\n  b: [\n\n    c\n  # d\nb: >-\n   c\n\n\n# d\nc: |+ # e\n x\n \n\nd: 1\n",
    "- |\n a\n- b: |\n   c\n  d: |\n   e",
    "a:\n- |\n b\n-  - |\n    c\n",
    "é: ü\n\xa0b: \U0001f600\n",
]

NOT_ACCEPTED = [
    # not valid
    "a: 1\n  b: 2\n",
    "a: 1\n b\n c: 1\n",
    "a:\n  b: 1\n c: 2\n",
    "  a: 1\nb: 2\n",
    "- a\nb: 1\n",
    "a: 1\n- b\n",
    "- - a\n  b: 1\n",
    "- a\n  - b: 1\n",
    "-\n  - a\n b: 1\n",
    "a:\n  - b\n  c: 1\n",
    "a:\n    - b\n  - c\n",
    "a: b: c\n",
    "a: b:\n",
    "a: - b\n",
    "a: -\n",
    "a: ? b\n",
    "a: @b\n",
    "a: `b\n",
    "a: %b\n",
    "a: , b\n",
    "a: ]\n",
    "a: }\n",
    "- 'a' b\n",
    'a: "b" c\n',
    'a: "\\q"\n',
    "a: 'b\n",
    "a: [b]c\n",
    "a: [b] c\n",
    "a: [b\n",
    "a: [b}\n",
    "a: {b: c]\n",
    "a: {b: c}}\n",
    "a: [b, [c]\n",
    "a: ['b' c]\n",
    "a: [b #c]\n",
    "a: {b: {c: d}\n",
    "a: |\n  b\n c\nd: 1\n",
    "a: |x\n  b\n",
    "- a: |\n  b\n",
    "- a: |\n  b\n  c: d\n",
    "a: \x07\n",
    "a: \x7f\n",
    "a: \x85b",
    "a: \ufffe\n",
    "x" * 1100 + ": 1\n",
    "a: {" + "x" * 1100 + ": 1}\n",
    "a: {'" + "x" * 1100 + "': 1}\n",
    "'a'" + " " * 1100 + ": 1\n",
    "a: {'b'" + " " * 1100 + ": 1}\n",
    ": a\n",
    "a: -: b\n",
    "a:: b: c\n",
    "a:b: c: d\n",
    "a:b\nc: d\n",
    "a #b: c\nd: 1\n",
    "a:b #c: d\ne: 1\n",
    "a: [b:c]]\n",
    'a: "b\\nc" d"\n',
    'a: "b\\n\\q"\n',
    "a: 'b''c' d'\n",
    "a:\n  b:\n c: 1\n",
    "a:\n  b: |\n c\n",
    "a: |\n   b\n  c: d\n",
    "a: [b]\n  c: d\n",
    # perhaps valid: left to the parser
    "",
    "# c\n",
    "a\n",
    "'a'\n",
    "[a]\n",
    "|\n a\n",
    "a: b\n  c\n",
    "a:\n  b\n",
    "- a\n b\n",
    "a: 'b\n  c'\n",
    "a: [b,\n  c]\n",
    "a: |2\n  b\n",
    "a: |\n\n  b\n",
    "a: |\nb: 1\n",
    "a: |\n",
    "a: [b, ]\n",
    "a: {b}\n",
    "a: {b: }\n",
    "a: [b: c]\n",
    "a: [b?]\n",
    "a: 'b'#c\n",
    "a: |\n  \n  b\n",
    "a: |\n   \n  b\n",
    "a: [b :c]\n",
    "a: [b  :c]\n",
    "a: [b:c :d]\n",
    "a: {b: c:d,e}\n",
    'a: "b\\n\n  c"\n',
    "a: 'b''\n  c'\n",
    'a: "\\x41"\n',
    "a : :b\n",
]


def regular(text: str) -> bool:
    return may_be_regular(Source(text, "f"))


@pytest.mark.parametrize("text", ACCEPTED)
def test_accepted(text: str) -> None:
    assert regular(text)
    assert is_surely_valid(text)
    check(text)


@pytest.mark.parametrize("text", NOT_ACCEPTED)
def test_not_accepted(text: str) -> None:
    assert not is_surely_valid(text)


def check(text: str) -> None:
    """An accepted text is valid to both parsers, which read it alike, and nothing in it is refused later."""
    source = Source(text, "f")
    tree = Tree.read(source, json=False, pure=True)
    assert tree.next_document is None
    assert is_closed(tree.root, text)
    construct(tree.root, source)
    if has_c_parser() and not re.search(r"[\[{].*:[0-9A-Za-z/]", text):  # libyaml's error, which go-yaml does not have
        assert is_valid(text)
        assert shape(Tree.read(source, json=False).root) == shape(tree.root)


LINES = [
    *(
        " " * depth + line
        for depth in (0, 0, 0, 1, 2, 2, 2, 4)
        for line in ("a: 1\n", "b:\n", "- c\n", "-\n", "- d: 2\n")
    ),
    *(
        "- - e\n",
        "  - - f\n",
        "k: |\n",
        "  - >-\n",
        "- g: |\n",
        "   text\n",
        "  text\n",
        " text\n",
        "# c\n",
        "\n",
        "  \n",
    ),
    *("h: [i, {j: k}]\n", "- 'l'\n", '  m: "n"\n', "    o: 'p' # q\n", "'r': s\n"),
]
TEXTS = st.one_of(
    st.lists(st.sampled_from(LINES), max_size=8),
    st.lists(st.sampled_from([*FRAGMENTS, "k: ", "- ", ": |\n  ", "[a, ", "'"]), max_size=10),
    st.lists(st.sampled_from(["k: ", "- ", "['", "{", *"abcn#:-'\"[]{},&*?% ", ": ", " #"]), max_size=8),
).map("".join)


@given(TEXTS)
@example("a: [x:y]\n")
def test_what_is_accepted_is_valid(text: str) -> None:
    if regular(text) and is_surely_valid(text):
        check(text)


PLACES = [
    *("a: {}b\n", "a: {} b\n", "a: b{}\n", "a: b {}\n", "a: b {}c\n", "a: b{}c\n", "a: b c{}"),
    *("{}a: b\n", "a{}: b\n", "a {}b: c\n", "a{}b: c\n", "a:{}b\n", "a: b\n{}\nc: d\n", "- {}\n", "- {}a\n", "{}- a\n"),
    *(
        "a: 'b{}c'\n",
        "a: 'b'{}\n",
        "a: 'b'{} # c\n",
        'a: "b{}c"\n',
        'a: "b\\{}c"\n',
        'a: "b"{}\n',
        "'a{}b': c\n",
        '"a{}b" : c\n',
    ),
    *("'a'{}: b\n", "a: ['b{}c', d]\n", "a: {{'b{}c': d}}\n", "a: ['b'{}]\n"),
    *(
        "a: [{}b, c]\n",
        "a: [{} b, c]\n",
        "a: [b{}, c]\n",
        "a: [b {}, c]\n",
        "a: [b{}c]\n",
        "a: [b {}c, d]\n",
        "a: [b,{}]\n",
    ),
    *("a: [b c{}d]\n", "a: [b:{}c]\n", "a: [b:c{}d]\n", "a: [b]{}\n", "a: [b] {}\n", "a:{}[b]\n", "a: [{}]\n"),
    *(
        "a: {{{}b: c}}\n",
        "a: {{b{}: c}}\n",
        "a: {{b{}c: d}}\n",
        "a: {{b {}c: d}}\n",
        "a: {{b:{}c}}\n",
        "a: {{b: {}c}}\n",
    ),
    *(
        "a: {{b: c{}}}\n",
        "a: {{b: c{}d: e}}\n",
        "a: {{b: c,{}}}\n",
        "a: {{b: c}}{}\n",
        "a: {{{}}}\n",
        "a: {{b: [c]{} }}\n",
    ),
    *(
        "a: |{}\n  b\n",
        "a: |\n{}  b\n",
        "a: |\n {} b\nc: d\n",
        "a: |\n  b\n{}\nc: d\n",
        "a: |\n  b\n {}\nc: d\n",
        "a: >+{} # b\n  c\n",
    ),
]
SIGNS = [
    *map(chr, range(32, 127)),
    *(
        "",
        "\n",
        "\n ",
        "\n  ",
        "- ",
        "-b",
        "-.",
        ": ",
        " :",
        "::",
        ":b",
        " #",
        "# ",
        "''",
        "\x07",
        "\x7f",
        "\x9f",
        "\xa0",
        "\ufffd",
        "\ufffe",
    ),
    *(
        "\t",
        " |",
        " >",
        " - ",
        " ? ",
        ", ",
        " ,",
        "[]",
        "{}",
        " [",
        " {",
        "x: ",
        "- x: ",
        "x" * 1100,
        " " * 1100,
        "x:" * 600,
        "\n-",
        "\n- b",
    ),
]


@pytest.mark.sample(20)
@pytest.mark.parametrize("place", PLACES)
def test_each_sign_in_each_place(place: str) -> None:
    for sign in SIGNS:
        text = place.format(sign)
        if regular(text) and is_surely_valid(text):
            check(text)


@given(TEXTS)
def test_no_text_has_more_values_than_signs(text: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        try:
            root = Tree.read(Source(text, "f"), json=False).root
        except ParseError:
            return
        patch.setattr("tarmak_iam.document.regular.MAX_VALUES", 0)
        if root is not None and regular(text):
            assert sum(1 for _ in walk(root)) <= -room_for_values(text)


def test_a_text_with_too_many_values_is_left_to_the_parser(monkeypatch: pytest.MonkeyPatch) -> None:
    assert is_surely_valid("- a\n" * 30)
    monkeypatch.setattr("tarmak_iam.document.regular.MAX_VALUES", 60)
    assert not is_surely_valid("- a\n" * 30)


LONG = {
    "blanks after a colon": "a:" + " " * 400_000 + "@\n",
    "escapes": 'a: "' + "\\n" * 200_000 + '"\n',
    "quotes": "a: '" + "''" * 200_000 + "'\n",
    "words": "a:" + " b" * 200_000 + ": c\n",
    "colons in a word": "a: [b" + ":c" * 200_000 + "]\n",
    "blank lines": "a: b\n" + "\n" * 400_000 + "c: d\n",
    "comments": "a: b\n" + "#\n" * 200_000 + "c: d\n",
    "lines of a block scalar": "a: |\n" + "  b\n" * 100_000 + "c: d\n",
}


@pytest.mark.parametrize("text", LONG.values(), ids=LONG)
def test_long_texts_need_little_time_and_memory(text: str) -> None:
    assert outcome(lambda: is_surely_valid(text), 16, 2) == "done"


EDITS: list[Edit] = [
    Set(("clusters", 20, "kubernetes", "version"), "1.99.0"),
    Append(("clusters",), {"name": "new"}),
    Remove(("clusters", 20, "text")),
]


@pytest.mark.parametrize("edit", EDITS)
def test_the_pure_parser_reads_excerpts_only(edit: Edit, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("yaml_reader", "document"):
        monkeypatch.setattr(f"tarmak_iam.document.{module}.has_c_parser", lambda: False)
    monkeypatch.setattr(document_module, "PROVEN_ONCE_IN", 1_000_000)
    read, sizes = Tree.read, []

    def recorded(source: Source, *args: object, **options: object) -> Tree:
        sizes.append(len(source.text))
        return read(source, *args, **options)  # type: ignore[arg-type]  # the same arguments

    monkeypatch.setattr(Tree, "read", recorded)
    edited = Document.parse(CLUSTERS).edit(edit).set(("clusters", 1, "name"), "other")
    assert len(sizes) == 4
    assert max(sizes) < len(CLUSTERS) / 5
    assert edited.text != CLUSTERS


@pytest.mark.usefixtures("both_parsers")
def test_a_text_that_is_not_accepted_is_read() -> None:
    with pytest.raises(ParseError, match=re.escape("f:2:4: invalid YAML: mapping values are not allowed")):
        Document.parse("a: b\n  c: d\n", "f")
    assert Document.parse("a: b\n  c\n").data == {"a": "b c"}
