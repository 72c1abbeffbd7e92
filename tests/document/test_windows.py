"""What a window of the text contains, and which edits need more than one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tarmak_iam.document import Append, Document, Edit, Insert, Move, Remove, Rename, Set
from tarmak_iam.document.blocks import document_of
from tarmak_iam.document.parsed import read_tree
from tarmak_iam.document.source import Source
from tarmak_iam.document.splices import Splice
from tarmak_iam.document.tree import Tree
from tarmak_iam.document.windows import Unsuitable, Window
from tarmak_iam.document.yaml_reader import has_c_parser
from tarmak_iam.routes import Key, Route
from tests.document.test_blocks import CLUSTERS
from tests.support.both_ways import one_way

# What a window contains.


def window(text: str, edit: Edit) -> str:
    document = document_of(text)
    assert document is not None
    return Window(document, (edit,)).text


LIST = "l:\n" + "".join(f"- name: n{number}\n  size: {number}\n" for number in range(60)) + "m: 1\n"
LONG = "x" * 130
MAPPING = "a:\n" + "".join(f"  k{number}: {number}\n" for number in range(60)) + "b: 2\n"


@pytest.mark.parametrize(
    ("edit", "text"),
    [
        pytest.param(Set(("l", 30, "size"), 5), "l:\n- name: n30\n  size: 30\n- 0\nfollowing-0: 0\n", id="a value"),
        pytest.param(Set(("m",), 5), "m: 1\n", id="the last value"),
        pytest.param(Set(("new",), 5), "m: 1\n", id="a new key"),
        pytest.param(
            Append(("l",), 5),
            "l:\n- name: n58\n  size: 58\n- name: n59\n  size: 59\nfollowing-0: 0\n",
            id="the last items, for one below them",
        ),
        pytest.param(
            Insert(("l", 30), 5),
            "l:\n"
            + "".join(f"- name: n{number}\n  size: {number}\n" for number in range(28, 33))
            + "- 0\nfollowing-0: 0\n",
            id="the items around a new one",
        ),
        pytest.param(
            Insert(("l", 0), 5),
            "l:\n" + "".join(f"- name: n{number}\n  size: {number}\n" for number in range(3)) + "- 0\nfollowing-0: 0\n",
            id="the first items",
        ),
        pytest.param(
            Remove(("l", 30)),
            "l:\n- name: n29\n  size: 29\n- name: n30\n  size: 30\n- 0\nfollowing-0: 0\n",
            id="an item that goes, and the one before it",
        ),
        pytest.param(
            Remove(("l", 0)),
            "l:\n- name: n0\n  size: 0\n- name: n1\n  size: 1\n- 0\nfollowing-0: 0\n",
            id="the first item, and the one that becomes the first",
        ),
        pytest.param(Rename(("l", 30, "name"), "x"), "l:\n- name: n30\n  size: 30\n- 0\nfollowing-0: 0\n", id="a key"),
        pytest.param(
            Move(("l", 30), ("l", 3)),
            "l:\n- name: n2\n  size: 2\n- name: n3\n  size: 3\n- name: n4\n  size: 4\n- name: n29\n  size: 29\n"
            "- name: n30\n  size: 30\n- 0\nfollowing-0: 0\n",
            id="the old and the new place of an item",
        ),
        pytest.param(
            Move(("l", 3), ("l", 30)),
            "l:\n- name: n2\n  size: 2\n- name: n3\n  size: 3\n- name: n29\n  size: 29\n- name: n30\n  size: 30\n"
            "- name: n31\n  size: 31\n- 0\nfollowing-0: 0\n",
            id="the same in the other direction",
        ),
        pytest.param(
            Move(("l", 30), ("l", 59)),
            "l:\n- name: n29\n  size: 29\n- name: n30\n  size: 30\n- name: n58\n  size: 58\n- name: n59\n  size: 59\n"
            "following-0: 0\n",
            id="the end of the list, behind which nothing is",
        ),
        pytest.param(
            Move(("l", 30, "size"), ("l", 5, "pages")),
            "l:\n- name: n5\n  size: 5\n- name: n29\n  size: 29\n- name: n30\n  size: 30\n- 0\nfollowing-0: 0\n",
            id="a key of one item and of another",
        ),
        pytest.param(
            Move(("l", 30), ("new",)),
            "l:\n- name: n29\n  size: 29\n- name: n30\n  size: 30\n- 0\nm: 1\n",
            id="an item that becomes the value of a key",
        ),
        pytest.param(
            Move(("m",), ("l", 30)),
            "l:\n"
            + "".join(f"- name: n{number}\n  size: {number}\n" for number in (28, 29, 30, 31, 32, 59))
            + "m: 1\n",
            id="a value that becomes an item, which is written like those around it",
        ),
    ],
)
def test_what_a_window_of_a_list_contains(edit: Edit, text: str) -> None:
    assert window(LIST, edit) == text


@pytest.mark.parametrize(
    ("edit", "items"),
    [
        (Move(("l", 3), ("l", 7)), "- n2\n- n3\n- n4\n- n5\n# c\n- n6\n- n7\n- n8\n"),
        (Move(("l", 7), ("l", 3)), "- n2\n- n3\n- n4\n- n5\n# c\n- n6\n- n7\n"),
        (Move(("l", 3), ("l", 5)), "- n2\n- n3\n- n4\n- n5\n# c\n- n6\n"),
        (Move(("l", 6), ("l", 9)), "- n5\n# c\n- n6\n- n8\n- n9\n- n10\n"),
        (Move(("l", 10), ("l", 30)), "- n9\n- n10\n- n29\n- n30\n- n31\n"),
    ],
)
def test_a_comment_between_two_places_of_an_item_is_looked_at(edit: Edit, items: str) -> None:
    """Whose it is, the items above and below it show."""
    there = window("l:\n" + "".join(f"- n{number}\n" + "# c\n" * (number == 5) for number in range(60)), edit)
    assert there == f"l:\n{items}- 0\n"


@pytest.mark.parametrize(
    ("edit", "items"),
    [
        (Remove(("l", 5)), "- name: n4\n  size: 4\n- name: n5\n  pad: {}\n  size: 5\n"),
        (
            Move(("l", 5), ("l", 2)),
            "".join(f"- name: n{number}\n  size: {number}\n" for number in (1, 2, 3, 4))
            + "- name: n5\n  pad: {}\n  size: 5\n",
        ),
    ],
)
def test_of_a_long_item_beside_a_place_only_its_ends_are_looked_at(edit: Edit, items: str) -> None:
    lines = (f"- name: n{number}\n  pad: {LONG}\n  size: {number}\n" for number in range(9))
    assert window("l:\n" + "".join(lines), edit) == f"l:\n{items.format(LONG)}- 0\n"


@pytest.mark.parametrize(
    ("edit", "text"),
    [
        (Set(("a", "k30"), 5), "a:\n  k30: 30\n  following-0: 0\nfollowing-0: 0\n"),
        (Set(("a", "new"), 5), "a:\n  k59: 59\nfollowing-0: 0\n"),
        (Remove(("a", "k30")), "a:\n  k29: 29\n  k30: 30\n  following-0: 0\nfollowing-0: 0\n"),
        (Move(("a", "k30"), ("c",)), "a:\n  k29: 29\n  k30: 30\n  following-0: 0\nb: 2\n"),
    ],
)
def test_what_a_window_of_a_mapping_contains(edit: Edit, text: str) -> None:
    assert window(MAPPING, edit) == text


def test_what_stands_in_for_what_is_left_out_is_not_edited() -> None:
    document = document_of(LIST)
    assert document is not None
    there = Window(document, (Set(("l", 30, "size"), 5),))
    at = there.text.index("- 0\n")
    with pytest.raises(Unsuitable):
        there.edited([Splice(at, at + 4, "")])


def test_items_that_are_left_out_of_a_window_are_not_forgotten_there() -> None:
    """In the window with both edits, all items of the list that it has are removed."""
    edits = [Remove(("l", 0)) for _ in range(59)]
    edited = Document.parse(LIST + "n:\n- 1\n- 2\n").edit(*edits, Remove(("n", 0)))
    assert edited.text == "l:\n- name: n59\n  size: 59\nm: 1\nn:\n- 2\n"
    edited = Document.parse(MAPPING).edit(Remove(("a", "k0")), Remove(("a", "k1")), Set(("b",), 3))
    assert edited.text == MAPPING.replace("  k0: 0\n  k1: 1\n", "").replace("b: 2", "b: 3")


def test_a_window_has_what_is_before_the_first_member() -> None:
    assert window("# c\n---\n" + MAPPING, Set(("b",), 5)) == "# c\n---\nb: 2\n"
    assert window("a:\n  # c\n" + MAPPING[3:], Set(("a", "k1"), 5)).startswith("a:\n  # c\n  k1: 1\n")


def test_a_window_has_the_neighbours_that_show_how_text_is_written() -> None:
    text = window(LIST, Insert(("l", 30), {"k": {"m": 1}}))
    assert [line for line in text.splitlines() if "name" in line] == [f"- name: n{number}" for number in range(28, 33)]


@pytest.mark.parametrize(
    "edit",
    [
        pytest.param(Set((), 5), id="the whole document"),
        pytest.param(Set(("l", "k"), 5), id="a key of a list"),
        pytest.param(Insert(("l", 61), 5), id="a place behind the last item"),
        pytest.param(Rename(("m",), "l"), id="a key that exists already"),
        pytest.param(Rename(("m",), "on"), id="a key that may be another one to another reader"),
        pytest.param(Move(("l", 0), ("l", 3, "x")), id="a place whose index the removal shifts"),
        pytest.param(Move(("l", 0), ()), id="the root"),
    ],
)
def test_edits_that_need_the_whole_text(edit: Edit) -> None:
    with pytest.raises(Unsuitable):
        window(LIST, edit)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param('a: "x\nb: y"\nc: 1\n', id="lines of a scalar that look like members"),
        pytest.param("a: [x,\nb: y]\nc: 1\n", id="lines of a flow list that look like members"),
    ],
)
def test_texts_whose_members_cannot_be_told_apart(text: str) -> None:
    with pytest.raises(Unsuitable):
        window(text, Set(("c",), 5))
    assert Document.parse(text).set(("c",), 5).text == text.replace("c: 1", "c: 5")


def test_routes_and_offsets_in_a_window() -> None:
    document = document_of(LIST)
    assert document is not None
    there = Window(document, (Remove(("l", 30)),))
    assert there.inside(Remove(("l", 30, "size"))) == Remove(Route.of(("l", 1, "size")))
    for text in ("l:", "- name: n29", "name: n30", "size: 30"):
        assert there.offset(there.text.index(text)) == LIST.index(text)
    last = Window(document, (Set(("m",), 5),))
    assert last.offset(len(last.text)) == len(LIST)


def test_members_that_a_change_does_not_reach_are_kept() -> None:
    """They are not divided again, and what is known of them is still known."""
    document = document_of(LIST)
    assert document is not None
    block = document.block
    assert block is not None
    before = block.value(0)
    assert before is not None
    there = Window(document, (Remove(("l", 30)),))
    unchanged = there.edited([])
    assert (unchanged.text, unchanged.block) == (LIST, block)
    item = there.text.index("- name: n30")
    value = there.text.index("30\n", item + len("- name: n30"))
    for start, end, text, changed in (
        (value, value + 2, "5", {30}),
        (item, item, "# c\n", {29}),
        (item, item + 2, "# c\n- ", {29, 30}),  # the comment is below the item before it
    ):
        edited = there.edited([Splice(start, end, text)])
        place = there.offset(start)
        assert edited.text == LIST[:place] + text + LIST[place + end - start :]
        assert edited.block is not None
        assert edited.block.members[1] is block.members[1]
        after = edited.block.value(0)
        assert after is not None
        kept = zip(before.members, after.members, strict=True)
        assert {number for number, (old, new) in enumerate(kept) if old is not new} == changed


@pytest.fixture
def sizes(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """The sizes of the texts that are read into trees."""
    lengths = list[int]()

    def recorded(source: Source, *arguments: Any, **options: Any) -> Tree:
        lengths.append(len(source.text))
        return read_tree(source, *arguments, **options)

    for module in ("parsed", "engine"):
        monkeypatch.setattr(f"tarmak_iam.document.{module}.read_tree", recorded)
    with one_way():
        yield lengths


@pytest.mark.skipif(not has_c_parser(), reason="ruamel.yaml's C parser is not installed")
def test_edits_are_made_in_windows(sizes: list[int]) -> None:
    edited = Document.parse(LIST).edit(
        Set(("l", 30, "size"), 7),
        Append(("l",), {"name": "x"}),
        Insert(("l", 3), {"name": "y"}),
        Remove(("l", 0)),
        Rename(("l", 0, "name"), "title"),
        Move(("l", 40), ("l", 1)),
        Move(("m",), ("l", 5, "m")),
        Set(("l", 7), {"name": "other", "size": [1, {"k": 2}]}),
    )
    assert edited.text.startswith("l:\n- title: n1\n  size: 1\n- name: n40\n")
    assert edited.text.endswith("- name: x\n")
    assert max(sizes) < 300


@pytest.mark.skipif(not has_c_parser(), reason="ruamel.yaml's C parser is not installed")
def test_edits_are_made_in_windows_after_one_in_the_whole_text(sizes: list[int]) -> None:
    """Also where the text gets longer than what has surely not too many values."""
    text = "".join(f"k{number}: {number}\n" for number in range(4_300))
    Document.parse(text).edit(
        *(Rename((f"k{number}",), f"key-{number}") for number in range(400)),
        Set((Key("k500", 0),), 1),
        *(Set((f"k{number}",), "text") for number in range(600, 700)),
    )
    assert sum(size > 1_000 for size in sizes) <= 6


def test_a_batch_of_every_kind_on_many_clusters() -> None:
    """Every edit of a test is made in the whole text, too."""
    Document.parse(CLUSTERS).edit(
        Set(("clusters", 3, "name"), "x"),
        Set(("clusters", 30, "kubernetes", "zone"), "y"),
        Remove(("clusters", 20, "text")),
        Append(("clusters", 7, "pools"), {"type": "master"}),
        Remove(("clusters", 20, "pools", 0), prune=True),
        Insert(("clusters", 1), {"name": "new"}),
        Move(("clusters", 39), ("clusters", 0)),
        Rename(("clusters", 5, "text"), "words"),
        Set(("other",), {"a": [1, 2]}),
    )


@pytest.mark.parametrize(
    ("before", "edit", "after"),
    [
        pytest.param(
            f"x:\n-   name: y\nl:\n- name: one\n  pad: {LONG}\n- null\n",
            Append(("l",), False),
            f"x:\n-   name: y\nl:\n- name: one\n  pad: {LONG}\n- null\n- false\n",
            id="where the content of a scalar item begins",
        ),
        pytest.param(
            f'm:\n  q: \'x: y\'\n  last: {LONG}\na: "t: "\nb: "t: "\n',
            Set(("m", "# x"), 1),
            f"m:\n  q: 'x: y'\n  last: {LONG}\n  '# x': 1\na: \"t: \"\nb: \"t: \"\n",
            id="the quotes of a new key",
        ),
    ],
)
def test_what_is_next_to_new_text_shows_how_it_is_written(before: str, edit: Edit, after: str) -> None:
    """The window has it, also where the value does not depend on it. Every edit is made in the whole text, too."""
    assert Document.parse(before).edit(edit).text == after
