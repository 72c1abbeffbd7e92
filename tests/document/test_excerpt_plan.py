"""What an excerpt keeps for batches: each is made in an excerpt, with the result of the whole text."""

from __future__ import annotations

from typing import Any

import pytest

from tarmak_iam.document import Append, Document, Edit, EditRefused, Insert, Remove, Set
from tarmak_iam.document.excerpt import Excerpt, excerpt_for
from tarmak_iam.document.nodes import Span
from tarmak_iam.document.outline import outline
from tarmak_iam.document.render import depends_on_neighbours
from tarmak_iam.document.splices import Splice
from tarmak_iam.routes import Key

POOL = """\
- name: pool-{0}  # pool {0}
  type: worker
  # until the next release
  minCount: 1
  labels: [{{key: zone, value: b}}]
"""
POOLS = "pools:\n" + "".join(POOL.format(number) for number in range(60))
REST = "rest:\n" + "".join(f"  some-key-{number}: 1\n" for number in range(60))

FIRST = "- {b: 1}\n- {b: 2}\n- {b: 3}\n- {b: 4}\n"
LAST = "- {b: 7}\n- {b: five}\n- {b: 9}\n- {b: 10}\n"


def edited_in_excerpt(text: str, *edits: Edit) -> str:
    """The text after edits, which need not the whole text and have the same result there."""
    document = Document.parse(text)
    edited, whole = document._edited_in_excerpt(edits), document._edited(edits)
    assert edited is not None
    assert edited.text == whole.text
    assert edited.removed_comments == whole.removed_comments
    return edited.text


def excerpt_of(text: str, *edits: Edit) -> Excerpt:
    level = Document.parse(text)._outline
    assert level is not None
    excerpt = excerpt_for(text, level, edits)
    assert excerpt is not None
    return excerpt


def new(number: int) -> dict[str, Any]:
    return {"name": f"new-{number}", "type": "worker"}


BEGIN = "pools:\n- name: pool-0  # pool 0\n"


@pytest.mark.parametrize(
    ("edit", "kept"),
    [
        (
            Set(("pools", 20, "minCount"), 5),
            "- name: pool-20  # pool 20\n  minCount: 1\n  labels: [{key: zone, value: b}]\n",
        ),
        (Set(("pools", 20, "minCount"), "x: y"), POOL.format(20)),
        (
            Set(("pools", 20, "maxCount"), 5),
            "- name: pool-20  # pool 20\n  labels: [{key: zone, value: b}]\n- name: pool-21  # pool 21\n",
        ),
        (
            Insert(("pools", 20), new(1)),
            "".join(f"- name: pool-{number}  # pool {number}\n" for number in range(18, 23)),
        ),
        (Insert(("pools", 20), {"name": "x: y"}), "".join(map(POOL.format, range(18, 23)))),
        (
            Remove(("pools", 20)),
            "- name: pool-19  # pool 19\n" + POOL.format(20) + "- name: pool-21  # pool 21\n",
        ),
    ],
)
def test_what_is_kept(edit: Edit, kept: str) -> None:
    edited_in_excerpt(POOLS, edit)
    assert excerpt_of(POOLS, edit).text == BEGIN + kept


@pytest.mark.parametrize(
    "edits",
    [
        [Insert(("pools", 4 * number), new(number)) for number in range(15)],
        [Remove(("pools", 2 * number)) for number in range(15)],
        [Set(("pools", 3 * number, "minCount"), 5) for number in range(20)],
        [Append(("pools",), new(number)) for number in range(10)],
    ],
)
def test_a_batch_of_one_kind_reads_a_part_of_the_list(edits: list[Edit]) -> None:
    edited_in_excerpt(POOLS, *edits)
    assert len(excerpt_of(POOLS, *edits).text) < 0.6 * len(POOLS)


def names(text: str) -> list[str]:
    return [pool["name"] for pool in Document.parse(text).data["pools"]]


def test_paths_after_items_are_inserted_and_removed() -> None:
    edited = edited_in_excerpt(
        POOLS,
        Remove(("pools", 5)),
        Set(("pools", 5, "name"), "was-6"),
        Insert(("pools", 3), new(1)),
        Set(("pools", 6, "type"), "master"),
        Set(("pools", 3, "type"), "newest"),
        Append(("pools",), new(2)),
        Set(("pools", 60, "name"), "last"),
        Insert(("pools", 4), new(3)),
        Remove(("pools", 4)),
        Remove(("pools", 30)),
    )
    expected = [f"pool-{number}" for number in range(60)]
    expected[6] = "was-6"
    del expected[30], expected[5]
    assert names(edited) == [*expected[:3], "new-1", *expected[3:], "last"]
    assert Document.parse(edited).data["pools"][3]["type"] == "newest"
    assert edited.count("master") == 1
    assert "- name: was-6  # pool 6\n  type: master\n" in edited


def test_a_value_in_a_new_item_is_written_as_the_items_around_are() -> None:
    text = POOLS.replace("worker", "'worker'").replace("pools:", 'a: "x"\npools:')
    edited = edited_in_excerpt(text, Insert(("pools", 20), {"name": "x"}), Set(("pools", 20, "type"), "y: z"))
    assert "- name: x\n  type: 'y: z'\n- name: pool-20" in edited


def test_a_value_inside_of_one_that_was_set_is_written_as_the_items_around_are() -> None:
    text = "x:\n  y: 1\nz:\n  y: 1\na:\n- b: 1\n- b: 1\n- b:\n        c: 1\n" + REST
    edited = edited_in_excerpt(text, Set(("a", 0), {}), Set(("a", 0, "x"), {"k": 1}))
    assert "a:\n- x:\n        k: 1\n- b: 1\n" in edited


def test_the_last_lines_of_a_file_without_a_line_end() -> None:
    text = REST + "a:\n- name: one\n  some: other-key-and-value\n  text: |\n    value\n- b"
    assert Document.parse(text).remove(("a", 1)).text == text.removesuffix("- b")


@pytest.mark.parametrize(
    ("text", "edits", "expected"),
    [
        # the blank line below what is removed would become part of the text above
        (
            "a:\n- name: one\n  some: other-key-and-value\n  text: |+\n    x\n- b\n\n- c\n",
            [Remove(("a", 1))],
            "a:\n- name: one\n  some: other-key-and-value\n  text: |+\n    x\n- c\n",
        ),
        (
            "a:\n- name: one\n  some: other-key-and-value\n  text: |+\n    x\n- b\n- b\n\n- c\n",
            [Remove(("a", 1)), Remove(("a", 1))],
            "a:\n- name: one\n  some: other-key-and-value\n  text: |+\n    x\n- c\n",
        ),
        # below a text whose first line alone has blank lines below it
        (
            "a:\n- text: |\n    long text that is not shortened\n\n  b: 1\n- c\n",
            [Insert(("a", 1), 1)],
            "a:\n- text: |\n    long text that is not shortened\n\n  b: 1\n- 1\n- c\n",
        ),
        # above a comment at the end of the item before
        (
            "a:\n- name: one\n  some: other-key-and-value\n  other: value\n# about c\n- c\n",
            [Insert(("a", 1), 1)],
            "a:\n- name: one\n  some: other-key-and-value\n  other: value\n- 1\n# about c\n- c\n",
        ),
        # another edit leads to the item before
        (
            "a:\n- name: one\n  k: 1\n\n  some: other-key-and-value\n- c\n",
            [Set(("a", 0, "name"), "two"), Insert(("a", 1), 1)],
            "a:\n- name: two\n  k: 1\n\n  some: other-key-and-value\n- 1\n- c\n",
        ),
        # at the end of a list, and of a file
        (
            "a:\n- name: one\n  some: other-key-and-value\n  other: value\n",
            [Append(("a",), 1)],
            "a:\n- name: one\n  some: other-key-and-value\n  other: value\n- 1\n",
        ),
        # a heading over items that follow
        (
            "a:\n# one and two\n- name: one\n- name: two\n- name: three\n",
            [Insert(("a", 0), 1)],
            "a:\n# one and two\n- 1\n- name: one\n- name: two\n- name: three\n",
        ),
        (
            "a:\n- x\n# three\n- three\n- two\n- two\n- three\n- two\n",
            [Remove(("a", 1))],
            "a:\n- x\n# three\n- two\n- two\n- three\n- two\n",
        ),
        (
            "a:\n- x\n# three\n- three\n- two\n- two\n- four\n- two\n",
            [Remove(("a", 1))],
            "a:\n- x\n- two\n- two\n- four\n- two\n",
        ),
        # the names next to a comment decide whether it was commented out
        (
            "a:\n- name: x\n# size: of the pool, in nodes\n- name: two\n- k: 1\n  size: 3\n",
            [Remove(("a", 1))],
            "a:\n- name: x\n# size: of the pool, in nodes\n- k: 1\n  size: 3\n",
        ),
        # a comment between a dash and its item
        (
            "a:\n-\n  # two\n  name: two\n- name: three\n- name: four\n- name: five-two\n- name: two\n",
            [Remove(("a", 0))],
            "a:\n- name: three\n- name: four\n- name: five-two\n- name: two\n",
        ),
        # all items are removed but those that are far away
        (
            "a:\n- b\n- c\n- d\n- e\n- f\n",
            [Remove(("a", 4)), Remove(("a", 0))],
            "a:\n- c\n- d\n- e\n",
        ),
        # an item becomes empty and is pruned: the other edits have the indices without it
        (
            "a:\n- b: 1\n- b: 2\n- b: 3\n",
            [Remove(("a", 0, "b"), prune=True), Set(("a", 0, "b"), 5)],
            "a:\n- b: 5\n- b: 3\n",
        ),
        (
            "a:\n- {b: 1}\n- b: 2\n- b: 3\n",
            [Remove(("a", 0, "b"), prune=True), Set(("a", 0, "b"), 5)],
            "a:\n- b: 5\n- b: 3\n",
        ),
        # next to items that are new, and at the end
        (
            "a:\n- name: one\n  k: 1\n- b\n- c\n",
            [Insert(("a", 3), 1)],
            "a:\n- name: one\n  k: 1\n- b\n- c\n- 1\n",
        ),
        (
            "a:\n- name: one\n  k: 1\n- b\n- c\n",
            [Insert(("a", 0), 1), Append(("a",), 2), Remove(("a", 3))],
            "a:\n- 1\n- name: one\n  k: 1\n- b\n- 2\n",
        ),
        (
            "a:\n- b\n- c\n- d\n",
            [Remove(("a", 1)), Insert(("a", 0), 1), Insert(("a", 0), 2)],
            "a:\n- 2\n- 1\n- b\n- d\n",
        ),
        # the comment is not about the fifth item alone, which the index of the fourth leads to when the first is pruned
        (
            f"a:\n- {{b: 0}}\n{FIRST}# five\n- {{b: five}}\n- {{b: 6}}\n{LAST}",
            [Remove(("a", 0, "b"), prune=True), Set(("a", 5, "b"), 5), Remove(("a", 4))],
            f"a:\n{FIRST}# five\n- {{b: 5}}\n{LAST}",
        ),
        (
            f"a:\n- b: 0\n{FIRST}# five\n- {{b: five}}\n- {{b: 6}}\n{LAST}",
            [Remove(("a", 0, "b"), prune=True), Set(("a", 5, "b"), 5), Remove(("a", 4))],
            f"a:\n{FIRST}# five\n- {{b: 5}}\n{LAST}",
        ),
    ],
)
def test_batches(text: str, edits: list[Edit], expected: str) -> None:
    assert edited_in_excerpt(text + REST, *edits) == expected + REST
    assert Document.parse(REST + text).edit(*edits).text == REST + expected


@pytest.mark.parametrize(
    ("edits", "refusal"),
    [
        ([Remove(("a", 99))], "a has no index 99"),
        ([Remove(("a", -1))], "a has no index -1"),
        ([Set(("a", -1, "b"), 5)], "a has no index -1"),
        ([Set(("a", 0), 5), Remove(("a", -1))], "a has no index -1"),
        ([Set(("a", "k"), 5)], "a is a list, not a mapping"),
        ([Remove(("a", "k"))], "a is a list, not a mapping"),
        ([Remove(("m", 0))], "m is a mapping, not a list"),
        ([Insert(("m", "k"), 1)], "m is a mapping, not a list"),
        ([Insert(("m", 0), 1)], "m is a mapping, not a list"),
        ([Insert(("a", "k"), 1)], "a new item cannot be inserted into a at k"),
        ([Insert(("a", 7), 1)], "a new item cannot be inserted into a at 7"),
        ([Insert(("a", -1), 1)], "a new item cannot be inserted into a at -1"),
        ([Remove((Key("m", 3),))], "has no key m number 4"),
    ],
)
def test_a_path_that_leads_nowhere_is_refused(edits: list[Edit], refusal: str) -> None:
    document = Document.parse("a:\n- b: 1\n  c: some-value-that-is-not-shortened\n- x\nm:\n  n: 1\n" + REST)
    assert document._edited_in_excerpt(tuple(edits)) is None
    with pytest.raises(EditRefused, match=refusal):
        document.edit(*edits)


def test_a_change_next_to_a_place_where_lines_are_left_out() -> None:
    text = "a: 1\nb: 2\n# c\n\nc: 3\nd: 4\n"
    kept = Span(0, 15), Span(20, 25)
    excerpt, length = Excerpt("a: 1\nb: 2\n# c\n\nd: 4\n", kept, (), frozenset({20})), len(text)
    assert excerpt.in_whole([Splice(3, 4, "5")], length) == [Splice(3, 4, "5")]
    assert excerpt.in_whole([Splice(5, 5, "x: 1\n")], length) == [Splice(5, 5, "x: 1\n")]
    for start in (10, 14):  # only a comment and a blank line are between
        assert excerpt.in_whole([Splice(start, start, "x: 1\n")], length) is None
    assert excerpt.in_whole([Splice(5, 16, "")], length) is None
    assert excerpt.in_whole([Splice(15, 15, "x: 1\n")], length) == [Splice(20, 20, "x: 1\n")]
    closed = Excerpt(excerpt.text, kept, (), frozenset())
    assert closed.in_whole([Splice(15, 15, "x: 1\n")], length) is None


def test_the_indentation_of_items_is_that_of_the_list_whatever_is_inside_of_them() -> None:
    text = "a:\n" + "- b:\n  -   x: 1\n  -   y: 1\n  -   z: 1\n" * 3
    assert Document.parse(text).append(("a",), {"k": 1}).text == text + "- k: 1\n"


@pytest.mark.parametrize(
    ("value", "depends"),
    [
        (1, False),
        (None, False),
        ("a b", False),
        ("", True),
        ("a, b", True),
        ("on", True),
        ("a\nb", True),
        ({"a": 1, "b": "x"}, False),
        ({"a": {}, "b": []}, False),
        ({"a": {"b": 1}}, True),
        ({"a": [1]}, True),
        ({"a": "on"}, True),
        ({"on": 1}, True),
        ([1, [2, {"a": 1}]], False),
        (["on"], True),
        ((1,), True),
    ],
)
def test_what_depends_on_the_members_around(value: object, depends: bool) -> None:
    assert depends_on_neighbours(value) is depends


@pytest.mark.parametrize(
    ("lines", "are_closed"),
    [
        ("a: 1\n", True),
        ("a: [{k: v}, {b: c}]  # it's [\n", True),
        ("a: it's\n", True),
        ("a: [x,  # ]\n  y]\n", True),
        ("a: [x,\nb: y]\n", False),
        ("a: [x,  # ]\nb: y]\n", False),
        ("a: x#y [z\n", True),
        ('a: "x\nb: y"\n', False),
    ],
)
def test_lines_that_end_between_two_tokens(lines: str, are_closed: bool) -> None:
    text = f"{lines}c: 1\n"
    level = outline(text, closed=False)
    assert level is not None
    assert level.accepts(text, 0, len(level.lengths) - 2) is are_closed
