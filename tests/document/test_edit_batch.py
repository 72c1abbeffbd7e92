"""A batch of edits: edits that come into each other's way, and what a batch costs."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tarmak_iam.document import Append, Document, EditRefused, Insert, Remove, Set
from tarmak_iam.document.edit_batch import EditBatch
from tarmak_iam.document.edit_proof import NotProven
from tarmak_iam.document.edits import ValueEdit as Edit
from tarmak_iam.document.intent import Intent
from tarmak_iam.document.plain_values import same
from tarmak_iam.document.source import MAX_DEPTH, Source
from tarmak_iam.document.tree import Tree
from tarmak_iam.errors import ParseError, Place
from tarmak_iam.routes import Key, Route
from tests.document.test_edit_proof import BY_HAND
from tests.document.test_update import blocks
from tests.support.thorough import examples


def tree(text: str) -> Tree:
    return Tree.read(Source.decode(text, "tarmak.yaml"), json=False)


class CountedBatch(EditBatch):
    """Without a second attempt, which would hide that the first one came out wrong. `texts`: what was read again."""

    def __init__(self, text: str) -> None:
        self.texts: list[str] = []
        document = Document.parse(text, "tarmak.yaml")

        def read(edited: str) -> tuple[Tree, Any]:
            self.texts.append(edited)
            return document._read(edited)

        super().__init__(document._tree, document.data, read, retries=False)

    def edited(self, *edits: Edit) -> str:
        for edit in edits:
            self.perform(edit)
        self.finish()
        return self.tree.source.text


def edited_at_once(text: str, *edits: Edit) -> str:
    return CountedBatch(text).edited(*edits)


@pytest.mark.parametrize(
    ("text", "edits", "edited"),
    [
        (
            "a:\n  b:\n    c: 1\n",
            (Set(("a", "e"), 2), Set(("a", "b", "d"), 3)),
            "a:\n  b:\n    c: 1\n    d: 3\n  e: 2\n",
        ),
        (
            "a:\n  b:\n    c: 1\nz: 1\n",
            (Set(("a", "e"), 2), Set(("a", "b", "d"), 3)),
            "a:\n  b:\n    c: 1\n    d: 3\n  e: 2\nz: 1\n",
        ),
        ("a:\n  b: 1\n", (Set(("z",), 2), Set(("a", "e"), 3)), "a:\n  b: 1\n  e: 3\nz: 2\n"),
        ("a: {b: 1, c: 2}\n", (Remove(("a", "b")), Remove(("a", "c"))), "a: {}\n"),
        ("a:\n  b: 1\n  c: 2\n", (Remove(("a", "b")), Remove(("a", "c"))), "a: {}\n"),
        ("a: {}\nz: 1\n", (Set(("a", "b"), 1), Set(("a", "c"), 2)), "a:\n  b: 1\n  c: 2\nz: 1\n"),
    ],
)
def test_edits_of_one_place_wait_for_each_other(text: str, edits: tuple[Edit, ...], edited: str) -> None:
    assert edited_at_once(text, *edits) == edited


def test_what_shares_an_anchor_may_not_change_with_it() -> None:
    with pytest.raises(EditRefused) as caught:
        edited_at_once("a: &x {k: 1}\nb: *x\n", Set(("a",), {"k": 2}))
    assert caught.value.what == "the edit would also change line 2: b"


def test_edits_of_a_batch_that_is_refused_change_nothing() -> None:
    document = Document.parse("a: 1\n")
    with pytest.raises(EditRefused, match="edit 2 of 2: b does not exist"):
        document.edit(Set(("a",), 2), Remove(("b",)))
    assert document.text == "a: 1\n"


@pytest.mark.parametrize(
    ("text", "edits", "texts"),
    [
        ("a: {x: 1}\n", (Set(("a", "b"), 2), Set(("a", "c"), 3)), ["a: {x: 1, b: 2, c: 3}\n"]),
        (
            "a: {x: 1}\nz: 1\n",
            (Set(("z",), 2), Set(("a", "b"), 2), Set(("a", "c"), 3), Set(("a", "d"), 4)),
            ["a: {x: 1, b: 2, c: 3, d: 4}\nz: 2\n"],
        ),
        (
            "a: {x: 1}\nz: 1\n",
            (Set(("a", "b"), 2), Set(("z",), 2), Set(("a", "c"), 3)),
            ["a: {x: 1, b: 2, c: 3}\nz: 2\n"],
        ),
        ("a: [0]\nz: 1\n", (Append(("a",), 1), Set(("z",), 2), Set(("w",), 3)), ["a: [0, 1]\nz: 2\nw: 3\n"]),
        ("a: [0]\n", (Append(("a",), 1), Append(("a",), 2)), ["a: [0, 1, 2]\n"]),
        ("a:\n- 0\n", (Append(("a",), 1), Set(("a", 0), 5)), ["a:\n- 5\n- 1\n"]),
        # an item moves those behind it, so the next path is one of the new list
        ("a: [1, 2, 3]\n", (Remove(("a", 0)), Set(("a", 0), 5), Insert(("a", 1), 4)), ["a: [5, 4, 3]\n"]),
        ("a:\n- 1\n- 2\n- 3\n", (Remove(("a", 1)), Remove(("a", 1)), Append(("a",), 4)), ["a:\n- 1\n- 4\n"]),
        ("a:\n- {k: 1}\n- 2\n", (Insert(("a", 0), 0), Set(("a", 1, "k"), 5)), ["a:\n- 0\n- {k: 5}\n- 2\n"]),
        # edits inside of what is new
        ("a: 1\n", (Set(("l",), []), Append(("l",), {"k": 1}), Set(("l", 0, "k"), 2)), ["a: 1\nl:\n- k: 2\n"]),
        ("a: 1\n", (Set(("b", "c"), 1), Set(("b", "d"), 2), Remove(("b", "c"))), ["a: 1\nb:\n  d: 2\n"]),
        ("a: 1\n", (Set(("b",), 1), Set(("c",), 2), Remove(("b",))), ["a: 1\nc: 2\n"]),
        ("a: []\n", (Append(("a",), 1), Append(("a",), 2), Insert(("a", 0), 0)), ["a:\n- 0\n- 1\n- 2\n"]),
        ("", (Set(("a",), 1), Set(("b",), 2)), ["a: 1\nb: 2\n"]),
        ("a: 1\n", (Set(("a",), 2), Set(("a",), 3)), ["a: 3\n"]),
        # what is deeper comes first where both are written at one place
        ("- k: 1\n- 2\n", (Insert((1,), 5), Set((0, "l"), 2)), ["- k: 1\n  l: 2\n- 5\n- 2\n"]),
        # what the draft cannot take is made on the text that the edits before it give
        ("a: 1\n", (Remove(("a",), True), Set(("b",), 2)), ["", "b: 2\n"]),
        (
            "a:\n  b: 1\n",
            (Set(("a",), {"b": 1, 1: "x"}), Set(("a", "1"), "z")),
            ["a:\n  b: 1\n  1: x\n", "a:\n  b: 1\n  1: z\n"],
        ),
        ("a: 1\n", (Set(("e",), {1: "x"}), Set(("e", "1"), "z")), ["a: 1\ne:\n  1: x\n", "a: 1\ne:\n  1: z\n"]),
        (
            "l:\n- a\n- b\nz: 1\n",
            (Set(("z",), 2), Set(("l",), ["b", "a"])),
            ["l:\n- a\n- b\nz: 2\n", "l:\n- b\n- a\nz: 2\n"],
        ),
        # removing all leaves [] or {}, which what is new then fills
        ("a: [1]\n", (Remove(("a", 0)), Append(("a",), 2)), ["a: []\n", "a:\n- 2\n"]),
        ("a: 1\nb: 2\n", (Remove(("a",)), Remove(("b",)), Set(("c",), 3)), ["b: 2\n", "{}\n", '{"c": 3}\n']),
        ("a: {b: 1}\nc: 1\n", (Remove(("a", "b"), True), Set(("c",), 2)), ["c: 2\n"]),
        (
            "a: {b: 1, c: 2}\nd: 1\n",
            (Remove(("a", "b"), True), Remove(("a", "c"), True)),
            ["a: {c: 2}\nd: 1\n", "d: 1\n"],
        ),
        ("a: 1\n", (), []),
        ("a: 1\n", (Set(("a",), 1),), []),
    ],
)
def test_edits_are_made_together_as_far_as_they_can(text: str, edits: tuple[Edit, ...], texts: list[str]) -> None:
    batch = CountedBatch(text)
    assert batch.edited(*edits) == (texts or [text])[-1]
    assert batch.texts == texts


@pytest.mark.parametrize(
    ("error", "what"),
    [
        (ParseError("no comma", place=Place("x", 1, 2)), "the edit would make the text invalid (no comma)"),
        (ValueError("no end"), "the edit is not possible here (no end)"),
    ],
)
def test_a_text_that_cannot_be_read_again_is_no_proof(error: Exception, what: str) -> None:
    def read(_: str) -> tuple[Tree, Any]:
        raise error

    document = Document.parse("a: 1\nb: 1\nc: 1\n", "tarmak.yaml")
    batch = EditBatch(document._tree, document.data, read, retries=False)
    for key in "abc":
        batch.perform(Set((key,), 2))
    with pytest.raises(NotProven) as caught:
        batch.finish()
    assert (caught.value.what, caught.value.remedy) == (what, BY_HAND)
    assert (str(caught.value.place), batch.number) == ("tarmak.yaml:1:4", 1)


def test_a_value_that_no_edits_lead_to(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tarmak_iam.document.edit_batch.Reconciler.changes", lambda *_: iter(()))
    with pytest.raises(EditRefused) as caught:
        CountedBatch("a: 1\n").turn(Route.of(("a",)), 2)
    assert caught.value.what == "the text cannot be edited to have this value"
    assert str(caught.value.place) == "tarmak.yaml:1:4"


def test_another_encoding_than_utf_8_is_refused() -> None:
    document = Document.parse("a: 1\n".encode("utf-16"), "tarmak.yaml")
    with pytest.raises(EditRefused) as caught:
        document.edit(Set(("a",), 2))
    assert str(caught.value) == "tarmak.yaml:1:1: the file is encoded as UTF-16-LE; save it as UTF-8 first"


def test_paths_have_an_end() -> None:
    deep = Document.parse("").edit(Set(("a",) * MAX_DEPTH, 1))
    assert deep.data != {}
    with pytest.raises(EditRefused) as caught:
        deep.edit(Set(("a",) * (MAX_DEPTH + 1), 1))
    assert caught.value.what == f"the path has more than {MAX_DEPTH} steps"
    assert caught.value.remedy == "use a shorter path"


LIST = "l:\n" + "".join(f"- n{number}  # {number}\n" for number in range(1000)) + "z: 1\n"
ITEMS = "l:\n" + "".join(f"- name: n{number}  # {number}\n" for number in range(1000)) + "z: 1\n"
KEYS = "l:\n" + "".join(f"  k{number}: {number}  # {number}\n" for number in range(1000)) + "z: 1\n"
FLOW_LIST = "l: [" + ", ".join(f"n{number}" for number in range(1000)) + "]\n"


@pytest.mark.parametrize("text", [LIST, ITEMS, FLOW_LIST], ids=["scalars", "mappings", "flow"])
def test_edits_of_one_list_cost_one_pass_over_the_file(text: str) -> None:
    for edits in (
        [Append(("l",), {"name": "x"}) for _ in range(300)],
        [Insert(("l", 0), "x") for _ in range(300)],
        [Insert(("l", 3 * number), number) for number in range(300)],
        [Remove(("l", 0)) for _ in range(300)],
        [Remove(("l", 2 * number)) for number in range(300)],
        [Remove(("l", 0)) for _ in range(1000)],
        [Set(("l", number), [number]) for number in range(300)],
        [edit(number) for number in range(0, 300, 3) for edit in MIXED],
    ):
        batch = CountedBatch(text)
        batch.edited(*edits)
        assert len(batch.texts) == 1


MIXED = (
    lambda number: Remove(("l", number)),
    lambda number: Insert(("l", number), "x"),
    lambda number: Set(("l", number + 1), "z"),
    lambda number: Append(("l",), number),
)


def test_edits_of_one_mapping_cost_one_pass_over_the_file() -> None:
    for edits in (
        [Set(("l", f"k{number}"), "x") for number in range(300)],
        [Set(("l", f"x{number}"), "x") for number in range(300)],
        [Remove(("l", f"k{number}")) for number in range(300)],
        [Remove(("l", f"k{number}")) for number in range(1000)],
    ):
        batch = CountedBatch(KEYS)
        batch.edited(*edits)
        assert len(batch.texts) == 1


def test_edits_in_each_others_way_are_made_in_halves() -> None:
    """Each list is emptied and filled again, which needs two texts; all lists together need no more."""
    text = "".join(f"a{number}: [1]\n" for number in range(64))
    emptied = [Remove((f"a{number}", 0)) for number in range(64)]
    filled = [Append((f"a{number}",), 2) for number in range(64)]
    batch = CountedBatch(text)
    assert batch.edited(*emptied, *filled) == "".join(f"a{number}:\n- 2\n" for number in range(64))
    assert len(batch.texts) == 2


def test_the_order_of_removals_does_not_decide_whose_comment_it_is() -> None:
    text = "# head\n\n# of a and b\na: 1  # a\nb: 2\n# of c\nc: 3\n\n# of d\nd: 4\n# end\n"
    document = Document.parse(text)
    for keys in itertools.combinations("abcd", 3):
        made = {
            (edited.text, edited.removed_comments)
            for order in itertools.permutations(keys)
            for edited in [document.edit(*(Remove((key,)) for key in order))]
        }
        assert len(made) == 1


def values_at(value: Any, path: tuple[str | int, ...] = ()) -> list[tuple[tuple[str | int, ...], Any]]:
    members = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [(path, value), *(found for step, child in members for found in values_at(child, (*path, step)))]


NEW = st.sampled_from(["z", 7, None, "q: r", {"n": 1}, ["i"], [], {}, "two\nlines\n", {"n": {"o": [1]}}])


@st.composite
def edits_of(draw: st.DrawFn, document: Document) -> Edit:
    path, present = draw(st.sampled_from(values_at(document.data)))
    kind = draw(st.sampled_from(["set", "new", "append", "insert", "remove", "prune"]))
    if kind in ("remove", "prune"):
        return Remove(path, kind == "prune")
    if kind == "append":
        return Append(path if isinstance(present, list) else (*path, "w"), draw(NEW))
    if kind == "insert" and isinstance(present, list):
        return Insert((*path, draw(st.integers(0, len(present)))), draw(NEW))
    return Set((*path, draw(st.sampled_from("abx"))) if kind == "new" else path, draw(NEW))


@settings(max_examples=examples(200), deadline=None)
@given(blocks(), st.data())
def test_a_batch_is_what_its_edits_are_one_by_one(lines: list[str], data: st.DataObject) -> None:
    """Of a document without comments. Only how new text is laid out may differ: one by one, an edit follows the style
    of the text that the edit before it wrote."""
    document = one_by_one = Document.parse("\n".join(lines) + data.draw(st.sampled_from(["", "\n"])), json=False)
    edits: list[Edit] = []
    for _ in range(data.draw(st.integers(2, 5))):
        edit = data.draw(edits_of(one_by_one))
        try:
            one_by_one = one_by_one.edit(edit)
        except EditRefused:
            continue
        edits.append(edit)
    made = document.edit(*edits)
    assert same(made.data, one_by_one.data)
    is_plain = all(isinstance(edit, Remove) or isinstance(edit.value, int) for edit in edits)
    if is_plain and not document.comments:
        assert made.text == one_by_one.text


@pytest.mark.parametrize(
    ("text", "edits", "edited"),
    [
        ("a: 1\n", (Remove(("a",), True), Set(("b",), 2)), "b: 2\n"),
        ("a: {b: 1, c: 1}\n", (Set(("a", "b"), 2), Set(("a",), {"b": 1, "c": 1})), "a: {b: 1, c: 1}\n"),
        ("a: {b: 1, c: 1}\n", (Set(("a", "b"), 2), Set(("a",), {"b": 2, "c": 3})), "a: {b: 2, c: 3}\n"),
        ("a:\n  b: 1\n", (Set(("a",), {"b": 1, 1: "x"}), Set(("a", "1"), "z")), "a:\n  b: 1\n  1: z\n"),
        ("a: 1\n", (Set(("e",), {1: "x"}), Set(("e", "1"), "z")), "a: 1\ne:\n  1: z\n"),
        ("a: 1\n", (Set(("e",), {"x": 1}), Set(("e",), {"x": 2, "a": 3})), "a: 1\ne:\n  x: 2\n  a: 3\n"),
        ("a: 1\n", (Set(("e",), {}), Set(("e", "k", 0, "z"), 1)), "a: 1\ne:\n  k:\n  - z: 1\n"),
        ("a: 1\n", (Set(("e",), None), Append(("e",), 1)), "a: 1\ne:\n- 1\n"),
        ("a: 1\n", (Set(("m", "x"), 1), Remove(("m", "x"), True)), "a: 1\n"),
        ("a: 1\n", (Set(("m",), {"x": {"b": 1}}), Remove(("m", "x", "b"), True)), "a: 1\n"),
        ("a: 1\n", (Set(("m",), {"x": 1, "b": 2}), Remove(("m", "x"), True)), "a: 1\nm:\n  b: 2\n"),
        ("a: [1]\n", (Append(("a",), 2), Remove(("a", 1), True)), "a: [1]\n"),
        ("l: [1]\nz: 1\n", (Append(("l",), 2), Remove(("l", 0)), Remove(("l", 0), True)), "z: 1\n"),
        ("a: 1\nb: 2\n", (Set(("a",), 2), Remove(("a",))), "b: 2\n"),
        (
            "c: &c {x: 1}\na:\n  <<: *c\n  b: 1\n",
            (Set(("a", "b"), 2), Set(("a", "x"), 3)),
            "c: &c {x: 1}\na:\n  <<: *c\n  b: 2\n  x: 3\n",
        ),
        ("- - a\n  - b\n", (Remove((0, 0)), Insert((0, 0), "x")), "- - x\n  - b\n"),
        ("- - a\n  - b\n", (Insert((0, 1), "x"), Remove((0, 0))), "- - x\n  - b\n"),
        ("- a\n- b", (Remove((1,)), Append((), "x")), "- a\n- x"),
        ("l: [a, b]\n", (Remove(("l", 1)), Append(("l",), "x"), Remove(("l", 0))), "l: [x]\n"),
        ("{a: 1, b: 2,}\n", (Remove(("b",)), Set(("c",), 3)), "{a: 1, c: 3,}\n"),
        # without a line end, the new block scalar would not be what is wanted: the edit is made in another way
        ("a: 1\nz: 2", (Set(("a",), 3), Set(("b",), "x\ny\n"), Set(("z",), 4)), 'a: 3\nz: 4\nb: "x\\ny\\n"'),
        ("a: {b: 1}\nz: 2", (Set(("a",), {"b": "x\ny\n", "c": 2}), Set(("z",), 4)), 'a: {b: "x\\ny\\n", c: 2}\nz: 4'),
        (
            "a:\n  b: 1",
            (Set(("a",), {"b": 2, "c": "x\ny\n"}), Set(("z",), 4)),
            "a:\n  b: 2\n  c: |\n    x\n    y\nz: 4",
        ),
    ],
)
def test_edits_that_build_on_each_other(text: str, edits: tuple[Edit, ...], edited: str) -> None:
    assert Document.parse(text, json=False).edit(*edits).text == edited


@pytest.mark.parametrize(
    ("edits", "refusal"),
    [
        ((Append(("l",), 2), Set(("l", "k"), 1)), "edit 2 of 2: l is a list, not a mapping"),
        ((Append(("l",), 2), Remove(("l", 5))), "edit 2 of 2: l has no index 5"),
        ((Append(("l",), 2), Insert(("l", 4), 1)), "edit 2 of 2: a new item cannot be inserted into l at 4"),
        ((Append(("l",), 2), Insert(("l", "k"), 1)), "edit 2 of 2: a new item cannot be inserted into l at k"),
        ((Append(("l",), 2), Insert(("l", -1), 1)), "edit 2 of 2: a new item cannot be inserted into l at -1"),
        ((Set(("m",), 1), Set(("m", "k"), 2)), "edit 2 of 2: m is a scalar, not a mapping"),
        ((Set(("m",), [1]), Set(("m", 3), 2)), "edit 2 of 2: m has no index 3"),
        ((Set(("m",), [1]), Insert(("m", 3), 2)), "edit 2 of 2: a new item cannot be inserted into m at 3"),
        ((Set(("m",), {"k": 1}), Append(("m",), 2)), "edit 2 of 2: m is a mapping, not a list"),
        ((Set(("m",), {"k": 1}), Remove(("m", "x"))), "edit 2 of 2: m.x does not exist"),
        ((Set(("m",), {"k": 1}), Set(("m", 0), 2)), "edit 2 of 2: m is a mapping, not a list"),
        (
            (Set(("m",), {"k": 1}), Set(("m", "x"), {1, 2})),
            "edit 2 of 2: a value of type set cannot be written as YAML",
        ),
        ((Append(("l",), 2), Append(("l",), {1, 2})), "edit 2 of 2: a value of type set cannot be written as YAML"),
        ((Set(("m",), 1), Set((Key("m", 1),), 2)), "edit 2 of 2: (the whole document) has no key m number 2"),
        ((Set(("m",), {"k": 1}), Set(("m", Key("k", 1)), 2)), "edit 2 of 2: m has no key k number 2"),
        ((Remove(("a",)), Set(("l", 0), 2), Remove(("a",))), "edit 3 of 3: a does not exist"),
        ((Append(("l",), 2), Append(("b",), 2), Append(("l",), 3)), "edit 2 of 3: b is a scalar, not a list"),
        (
            (Append(("l",), 2), Append(("x",), 2), Append(("l",), 3)),
            "edit 2 of 3: the edit would also change line 5: w",
        ),
        ((Set(("b",), 1), Set(("w", 0), 5)), "edit 2 of 2: w is the alias *x: the edit would also change line 4: x"),
    ],
)
def test_a_refusal_has_the_number_of_the_edit(edits: tuple[Edit, ...], refusal: str) -> None:
    document = Document.parse("l: [1]\na: 1\nb: 2\nx: &x [1]\nw: *x\n")
    with pytest.raises(EditRefused) as caught:
        document.edit(*edits)
    assert caught.value.what == refusal
    assert document.text == "l: [1]\na: 1\nb: 2\nx: &x [1]\nw: *x\n"


def test_what_is_written_anew_is_refused() -> None:
    document = Document.parse("a: on\nb: 1\n", "tarmak.yaml")
    batch = EditBatch(document._tree, document.data, lambda text: document._read(text.replace("on", "true")))
    batch.perform(Set(("b",), 2))
    with pytest.raises(NotProven) as caught:
        batch.finish()
    assert caught.value.what == "the edit would also change how a is written"


def test_no_edit_is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    """If the draft forgets an edit, the edit is made in another way."""
    monkeypatch.setattr("tarmak_iam.document.edit_batch.Draft.changes", lambda _: [])
    monkeypatch.setattr(EditBatch, "_fitting", lambda batch, changes: (changes, batch._splices(changes[0])))
    assert Document.parse("a: 1\n").set(("a",), 2).text == "a: 2\n"


def test_a_second_attempt_goes_on_where_the_first_one_failed() -> None:
    """What the first round removed is not counted twice."""
    document = Document.parse("k: 1  # k\nl:\n- a\n- b\n", "tarmak.yaml")
    texts: list[str] = []

    def read(text: str) -> tuple[Tree, Any]:
        texts.append(text)
        if len(texts) == 2:
            raise ParseError("no", place=Place("x", 1, 1))
        return document._read(text)

    batch = EditBatch(document._tree, document.data, read)
    batch.turn(Route(), {"l": ["b", "a", "c"]})
    assert batch.tree.source.text == "l:\n- b\n- a\n- c\n"
    assert [comment.text for comment in batch.removed] == ["# k"]
    assert texts[:2] == ["l:\n- a\n- c\n- b\n", "l:\n- b\n- a\n- c\n"]


def test_what_is_intended_is_copied_once() -> None:
    data: Any = {"l": [1], "m": {"k": [2]}}
    intent = Intent(data)
    intent.insert(["l"], 1, [3])
    changed = intent.data["l"]
    intent.remove(["l", 0])
    intent.extend(["m"], {"n": 4})
    assert intent.data["l"] is changed
    assert intent.data["m"]["k"] is data["m"]["k"]
    assert (intent.data, data) == ({"l": [3], "m": {"k": [2], "n": 4}}, {"l": [1], "m": {"k": [2]}})


def test_a_value_whose_anchor_moves_is_copied_without_other_changes() -> None:
    """Both would insert lines at the end: no text with lines in the wrong order is read."""
    batch = CountedBatch("a: &x\n  k: 1\nb: *x\n")
    edited = batch.edited(Remove(("a",)), Set(("c",), 2))
    assert edited == "b: &x\n  k: 1\nc: 2\n"
    assert batch.texts == ["b: &x\n  k: 1\n", edited]


def test_an_anchor_moves_without_other_changes_of_an_update() -> None:
    batch = CountedBatch("a: &x\n  k: 1\nb: *x\n")
    batch.turn(Route(), {"b": {"k": 1}, "c": 2})
    assert batch.texts == ["a: &x\n  k: 1\nb: *x\nc: 2\n", "b: &x\n  k: 1\nc: 2\n"]


@pytest.mark.parametrize("text", ["x: [1, 2, 3]\n", "x:\n- 1\n- 2\n- 3\n"])
@pytest.mark.parametrize("new", list(itertools.permutations((1, 2, 3), 2)))
def test_an_item_is_set_in_the_list_as_an_earlier_edit_leaves_it(text: str, new: tuple[int, int]) -> None:
    """A list that gets fewer items in another order takes several rounds."""
    document = Document.parse(text, "f")
    for value in (1, 2, 3):
        assert document.edit(Set(("x",), [*new]), Set(("x", 0), value)).data == {"x": [value, new[1]]}
        assert document.edit(Set(("x",), [*new]), Set(("x", 1), value)).data == {"x": [new[0], value]}
