"""Edits that read only an excerpt: which ones do, and that the results are the same.

tests/conftest.py has every such edit made in the whole text too, and fails if the results differ.
"""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import tarmak_iam.document.document as document_module
from tarmak_iam.document import Append, Document, Edit, EditRefused, Insert, Remove, Set
from tarmak_iam.document.excerpt import excerpt_for
from tarmak_iam.document.file_style import file_style
from tarmak_iam.document.outline import Level, outline
from tarmak_iam.document.source import Source
from tarmak_iam.document.splices import Splice
from tarmak_iam.document.tree import Tree
from tarmak_iam.errors import ParseError
from tarmak_iam.routes import Key

CLUSTERS = "clusters:\n" + "".join(
    f"# cluster {number}\n- name: dev-{number}  # its name\n  kubernetes:\n    version: 1.{number}.0\n    zone: local\n"
    f"  pools:\n  - {{type: worker, count: {number}}}\n  text: |\n    a line: with a colon\n    - and a dash\n"
    for number in range(40)
)


EDITS: list[tuple[Edit, ...]] = [
    (Set(("clusters", 20, "kubernetes", "version"), "1.99.0"),),
    (Set(("clusters", 39, "kubernetes", "version"), True),),
    (Set(("clusters", 0, "name"), "x"),),
    (Set(("clusters", 20, "kubernetes", "new", "deep"), ["a", {"b": "yes"}]),),
    (Append(("clusters",), {"name": "new", "pools": []}),),
    (Append(("clusters", 7, "pools"), {"type": "master"}),),
    (Insert(("clusters", 20), {"name": "new"}),),
    (Insert(("clusters", 0), {"name": "new"}),),
    (Remove(("clusters", 20)),),
    (Remove(("clusters", 39)),),
    (Remove(("clusters", 20, "text")),),
    (Remove(("clusters", 20, "pools", 0), prune=True),),
    (Set(("clusters", 3, "name"), "x"), Set(("clusters", 30, "name"), "y")),
    (Set(("clusters", 3, "name"), "x"), Set(("clusters", 30, "name"), "y"), Remove(("clusters", 20, "text"))),
    (Remove(("clusters", 3)), Set(("clusters", 3, "name"), "y")),
    (Insert(("clusters", 1), "x"), Remove(("clusters", 1))),
    (Set(("other",), "x"), Set(("other",), "y"), Append(("more",), 1)),
    (Set(("clusters", 20, "pools", 0, "type"), "x"),),
]


@pytest.mark.parametrize("edits", EDITS, ids=[str(number) for number in range(len(EDITS))])
@pytest.mark.usefixtures("both_parsers")
def test_edits_in_an_excerpt_are_those_of_the_whole_text(edits: tuple[Edit, ...]) -> None:
    document = Document.parse(CLUSTERS)
    edited, whole = document.edit(*edits), document._edited(edits)
    assert edited.to_bytes() == whole.to_bytes()
    assert edited.removed_comments == whole.removed_comments
    assert edited.data == whole.data == Document.parse(edited.to_bytes()).data


@pytest.mark.parametrize(
    "edits",
    [
        *EDITS[:8],
        *EDITS[10:14],
        (Set(("clusters", 30, "name"), "x"), Remove(("clusters", 3, "text"))),
        (Remove(("clusters", 20, "name")),),
    ],
)
@pytest.mark.parametrize("margin", ["", "  "])
def test_what_an_excerpt_is_enough_for(edits: tuple[Edit, ...], margin: str) -> None:
    document = Document.parse("".join(margin + line for line in CLUSTERS.splitlines(keepends=True)))
    edited, whole = document._edited_in_excerpt(edits), document._edited(edits)
    assert edited is not None
    assert edited.text == whole.text
    assert edited.removed_comments == whole.removed_comments
    assert edited._outline is not None
    assert same_outline(edited.text, 0, edited._outline, outline(edited.text, closed=False))


@pytest.mark.parametrize("number", [0, 20])
def test_the_first_line_of_what_follows_is_in_the_excerpt(number: int) -> None:
    document = Document.parse(CLUSTERS)
    assert document._outline is not None
    excerpt = excerpt_for(CLUSTERS, document._outline, [Set(("clusters", number, "text"), "x")])
    assert excerpt is not None
    assert excerpt.text.endswith(f"- name: dev-{number + 1}  # its name\n")


@given(st.lists(st.sampled_from([edit for edits in EDITS for edit in edits]), min_size=1, max_size=5))
def test_edits_one_after_the_other_keep_the_outline(edits: list[Edit]) -> None:
    document = Document.parse(CLUSTERS)
    for edit in edits:
        try:
            document = document.edit(edit)
        except EditRefused:
            continue
        level = document._outline
        if level is not None:
            assert same_outline(document.text, 0, level, outline(document.text, closed=False))


def same_outline(text: str, owner: int, known: Level | None, fresh: Level | None) -> bool:
    """Whether what is known of an outline is as if it was read anew."""
    if known is None or fresh is None:
        return known is fresh
    aspects = [(each.column, each.head, each.lengths, each.keys) for each in (known, fresh)]
    return aspects[0] == aspects[1] and all(
        same_outline(text, owner + known.start(number), inner, fresh.member(text, owner, number))
        for number, inner in known.inner.items()
    )


@pytest.fixture
def read_texts(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The texts that are read into nodes, without those of the second proof."""
    texts: list[str] = []
    read = Tree.read

    def recorded(source: Source, *args: Any, **options: Any) -> Tree:
        texts.append(source.text)
        return read(source, *args, **options)

    monkeypatch.setattr(Tree, "read", recorded)
    monkeypatch.setattr(document_module, "PROVEN_ONCE_IN", 1_000_000)
    return texts


def test_an_edit_reads_little_of_a_file(read_texts: list[str]) -> None:
    edited = Document.parse(CLUSTERS).set(("clusters", 20, "kubernetes", "version"), "1.99.0")
    edited.set(("clusters", 21, "kubernetes", "version"), "1.99.0").to_bytes()
    assert [text.count("\n") for text in read_texts] == [7, 7, 7, 7]


def test_what_an_excerpt_does_not_show_is_read_in_the_whole_text(read_texts: list[str]) -> None:
    with pytest.raises(
        EditRefused, match=re.escape("<bytes>:205:5: clusters[20].kubernetes is a mapping, not a list")
    ) as caught:
        Document.parse(CLUSTERS).set(("clusters", 20, "kubernetes", 1), 1)
    assert caught.value.place is not None
    assert CLUSTERS in read_texts


def test_where_lines_are_left_out_nothing_is_changed() -> None:
    document = Document.parse(CLUSTERS)
    assert document._outline is not None
    excerpt = excerpt_for(CLUSTERS, document._outline, [Set(("clusters", 20, "name"), "x")])
    assert excerpt is not None
    assert len(excerpt.kept) > 1
    at = excerpt.kept[0].end - excerpt.kept[0].start
    for start, end in ((at, at), (at - 1, at), (at, at + 1), (at - 1, at + 1)):
        assert excerpt.in_whole([Splice(start, end, "x\n")], len(CLUSTERS)) is None
    inside = excerpt.in_whole([Splice(at + 2, at + 3, "x")], len(CLUSTERS))
    assert inside == [Splice(excerpt.kept[1].start + 2, excerpt.kept[1].start + 3, "x")]


def test_two_proofs_that_differ_are_reported_and_the_whole_one_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    document = Document.parse(CLUSTERS)
    wrong = Document.parse("a: 1\n")
    monkeypatch.setattr(Document, "_edited_in_excerpt", lambda _self, _edits: wrong)
    with pytest.warns(RuntimeWarning, match="two proofs of one edit differ"):
        edited = document.set(("clusters", 20, "name"), "x")
    assert edited.data["clusters"][20]["name"] == "x"


def test_the_second_proof_is_made_of_some_edits_only(monkeypatch: pytest.MonkeyPatch) -> None:
    whole: list[object] = []
    edited = Document._edited

    def counted(self: Document, edits: tuple[Edit, ...]) -> Document:
        whole.append(edits)
        return edited(self, edits)

    monkeypatch.setattr(Document, "_edited", counted)
    monkeypatch.setattr(document_module, "PROVEN_ONCE_IN", 4)
    monkeypatch.setattr(document_module, "_COUNT", [0])
    document = Document.parse("a:\n  b: 1\nc:\n  d: 1\ne: 1\nf: 2\ng: 3\nh: 4\ni: 5\nj: 6\nk: 7\n")
    for number in range(8):
        document = document.set(("a", "b"), f"x{number}")
    assert len(whole) == 2
    large = Document.parse(CLUSTERS)
    for number in range(len(CLUSTERS) // 100):
        large = large.set(("clusters", number % 8, "name"), f"x{number}")
    assert len(whole) == 3


def test_a_regular_text_that_becomes_irregular() -> None:
    """The value has a sign that looks like a collection as key; what follows is read in the whole text."""
    edited = Document.parse(CLUSTERS).set(("clusters", 20, "name"), "x]: y")
    assert edited._outline is None
    assert edited.data["clusters"][20]["name"] == "x]: y"
    assert edited.set(("clusters", 21, "name"), "z").data["clusters"][21]["name"] == "z"


ITEMS = "items:\n" + "".join(f"- a: {number}\n  b: {number}\n" for number in range(40))


@pytest.mark.parametrize(
    "edits",
    [
        (Remove(("items", 0, "a"), prune=True), Remove(("items", 0, "b"), prune=True)),
        (Set(("items", 0), {"k": 1}), Remove(("items", 0, "k"), prune=True)),
        (
            Set(("items", 0, "k"), 1),
            *(Remove(("items", 0, "a"), prune=True), Remove(("items", 0, "b"), prune=True)),
            Remove(("items", 0, "k"), prune=True),
        ),
    ],
)
def test_an_item_that_several_edits_leave_empty(edits: tuple[Edit, ...]) -> None:
    """The indices of the later edits are those without it."""
    document = Document.parse(ITEMS)
    edited = document.edit(*edits, Set(("items", 3, "a"), "X"), Set(("items", 8, "b"), "Y"))
    lines = [f"- a: {number}\n  b: {number}\n" for number in range(1, 40)]
    lines[3], lines[8] = "- a: X\n  b: 4\n", '- a: 9\n  b: "Y"\n'
    assert edited.text == "items:\n" + "".join(lines)


def test_indices_after_an_item_is_removed() -> None:
    edits = (Remove(("items", 0)), Set(("items", 8, "a"), "X"), Set(("items", 20, "b"), "Y"))
    lines = [f"- a: {number}\n  b: {number}\n" for number in range(1, 40)]
    lines[8], lines[20] = "- a: X\n  b: 9\n", '- a: 21\n  b: "Y"\n'
    assert Document.parse(ITEMS).edit(*edits).text == "items:\n" + "".join(lines)


@pytest.mark.parametrize("left", range(1, 8))
def test_the_root_is_set_in_the_whole_text(left: int) -> None:
    document = Document.parse("".join(f"- a: {number}\n" for number in range(40)))
    value = [document.data[0], *document.data[40 - left : 39]]
    assert document.set((), value).data == value


KEYS = "m:\n" + "".join(f"  k{number}: 1\n" for number in range(40)) + "n: 1\n"


def test_a_comment_that_names_another_key_far_away_stays() -> None:
    text = KEYS.replace("  k20", "  # k20 and k39\n  k20")
    assert Document.parse(text).remove(("m", "k20")).text == text.replace("  k20: 1\n", "")


@pytest.mark.parametrize("comment", ["# gone: 1", "#gone: 1", "#   gone: 1", "# 'gone': 1", '# "gone" : 1'])
def test_a_key_is_added_below_the_line_where_it_was_commented_out(comment: str) -> None:
    text = KEYS.replace("  k5", f"  {comment}\n  k5")
    edited = Document.parse(text).set(("m", "gone"), 2)
    assert edited.text == text.replace("  k5", "  gone: 2\n  k5")


def test_all_that_is_left_is_pruned() -> None:
    edited = Document.parse("a:\n  b:\n    c: 1\n").remove(("a", "b", "c"), prune=True)
    assert edited.data is None


def test_lines_of_a_scalar_that_look_like_the_way_to_a_key() -> None:
    scalar = 'a: "x\nb:\n  c: 1\n  d: 2\n  e: 3\n  f: 4"\n'
    document = Document.parse("z: 1\n" + scalar + "".join(f"k{number}: 1\n" for number in range(40)))
    edited = document.set(("b", "c"), 9)
    assert edited.data["a"] == "x b: c: 1 d: 2 e: 3 f: 4"
    assert edited.data["b"] == {"c": 9}


def test_a_mapping_without_a_key_that_is_a_string() -> None:
    text = "m:\n  on: 1\nn:\n" + "".join(f"  k{number}: 1\n" for number in range(40))
    assert Document.parse(text).set(("m", "x"), 2).text == text.replace("  on: 1\n", "  on: 1\n  x: 2\n")


def test_one_of_several_equal_keys_is_looked_for_in_the_whole_text() -> None:
    with pytest.raises(EditRefused, match=re.escape("no key name number 2")):
        Document.parse(CLUSTERS).set(("clusters", 20, Key("name", 1)), "x")


@pytest.mark.parametrize("next_value", ["|\n" + "    x\n" * 40, "[\n" + "    x,\n" * 40 + "    ]\n"])
def test_a_value_that_begins_on_the_line_of_its_key_is_not_shortened(next_value: str) -> None:
    text = "a:\n  b:\n    c: 1\n  d: " + next_value + "e:\n" + "".join(f"  k{number}: 1\n" for number in range(200))
    document = Document.parse(text)
    assert document._outline is not None
    excerpt = excerpt_for(text, document._outline, [Set(("a", "b", "c"), 2)])
    assert excerpt is not None
    assert next_value in excerpt.text


def test_the_most_values_of_a_file(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("regular", "yaml_reader", "plain_values"):
        monkeypatch.setattr(f"tarmak_iam.document.{module}.MAX_VALUES", 1000)
    document = Document.parse("a: [1]\n" + "".join(f"k{number}: [1, 2, 3, 4, 5]\n" for number in range(120)))
    assert document._edited_in_excerpt((Set(("a",), [1, 2]),)) is not None
    assert document._edited_in_excerpt((Set(("a",), list(range(200))),)) is None
    with pytest.raises(EditRefused, match="more than a million values"):
        document.set(("a",), list(range(200)))


def test_ill_formed_text_is_rejected_when_it_is_read() -> None:
    with pytest.raises(ParseError, match=re.escape("<bytes>:403:1: invalid YAML")):
        Document.parse(CLUSTERS + "b: [\n")


@pytest.mark.parametrize(
    ("text", "aspect", "style"),
    [
        ("a: 'x'\nb: \"y\"\nc: 'z'\n", "quote", "single"),
        ("- 'x'\n", "quote", "single"),
        ("a: it's\n", "quote", None),
        ("a:\n    b: 1\n", "step", 4),
        ("a:\n  b: 1\nc:\n    d: 1\ne:\n    f: 1\n", "step", 4),
        ("a: 1\n", "step", None),
        ("a:\n- b\n", "dash", 0),
        ("a:\n  - b\n", "dash", 2),
        ("- a:\n    - b\n", "dash", 2),
        ("-   a: 1\n    b: 2\n", "item", 4),
        ("a: [b, c]\n", "flow", True),
        ("a:\n- b\n", "flow", False),
        ("a:\n- b: 1\n", "flow", None),
    ],
)
def test_how_most_of_a_file_is_written(text: str, aspect: str, style: object) -> None:
    assert file_style(text, aspect) == style
