"""Items of a list that move together with their comments."""

from __future__ import annotations

import itertools
from collections import Counter
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tarmak_iam.document import Document
from tarmak_iam.document.arrangement import can_be_reordered
from tarmak_iam.document.source import Source
from tarmak_iam.document.target import Holder, Target
from tarmak_iam.document.tree import Tree
from tarmak_iam.routes import Route

SECTIONS = "l:\n# --- A\n- a\n- b\n# --- B\n- c\n- d\nm: 1\n"


@pytest.mark.parametrize("order", list(itertools.permutations("abcd")))
def test_a_heading_is_above_an_item_of_its_section(order: tuple[str, ...]) -> None:
    edited = Document.parse(SECTIONS).update({"l": list(order), "m": 1})
    lines = edited.text.splitlines()
    assert [line for line in lines if line.startswith("-")] == [f"- {item}" for item in order]
    assert lines[lines.index("# --- A") + 1] in ("- a", "- b")
    assert lines[lines.index("# --- B") + 1] in ("- c", "- d")
    assert edited.removed_comments == ()


@dataclass(frozen=True)
class Layout:
    """How a list of sections is written. `heading` has a {} for the name, and `|` between lines; `above` and `below`:
    whether a blank line is there."""

    heading: str
    above: bool
    below: bool
    commented: bool
    indent: str
    newline: str
    ended: bool

    def text(self, sections: list[tuple[str, list[str]]]) -> str:
        lines = ["l:"]
        for number, (name, items) in enumerate(sections):
            lines += [""] if number and self.above else []
            lines += [self.indent + line for line in self.heading.format(name).split("|")]
            lines += [""] if self.below else []
            for item in items:
                lines += [f"{self.indent}# about {item}"] if self.commented else []
                lines.append(f"{self.indent}- {item}  # tail of {item}")
        return self.newline.join([*lines, "m: 1"]) + (self.newline if self.ended else "")


LAYOUTS = st.builds(
    Layout,
    st.sampled_from(["# --- {}", "######|# {}|######", "# == {} =="]),
    st.booleans(),
    st.booleans(),
    st.booleans(),
    st.sampled_from(["", "  "]),
    st.sampled_from(["\n", "\r\n"]),
    st.booleans(),
)


@given(LAYOUTS, st.lists(st.integers(1, 3), min_size=1, max_size=4), st.data())
def test_sections_that_stay_together_keep_their_headings(layout: Layout, sizes: list[int], data: st.DataObject) -> None:
    sections = [(f"S{number}", [f"i{number}{item}" for item in range(size)]) for number, size in enumerate(sizes)]
    wanted = [(name, data.draw(st.permutations(items))) for name, items in data.draw(st.permutations(sections))]
    before = Document.parse(layout.text(sections))
    after = before.update({"l": [item for _, items in wanted for item in items], "m": 1})
    assert after.text == layout.text(wanted)
    back = after.update(before.data)
    assert back.text == before.text


@given(
    st.permutations(range(6)),
    st.lists(st.sampled_from(["", "\n", "# -- x\n", "# - old\n", "\n# of a\n\n", "#####\n"]), min_size=6, max_size=6),
)
def test_any_order_keeps_all_comments_and_lines(order: list[int], gaps: list[str]) -> None:
    lines = "".join(f"{gap}- n{number}\n" for number, gap in enumerate(gaps))
    before = Document.parse(f"l:\n{lines}m: 1\n")
    after = before.update({"l": [f"n{number}" for number in order], "m": 1})
    assert after.removed_comments == ()
    assert Counter(comment.text for comment in after.comments) == Counter(comment.text for comment in before.comments)
    assert [line for line in after.text.splitlines() if line.startswith("-")] == [f"- n{number}" for number in order]


@pytest.mark.parametrize(
    ("text", "is_possible"),
    [
        ("- a\n- b\n", True),
        ("- - a\n  - b\n", True),
        ("- [a]\n", True),
        ("[a, b]\n", False),
        ("[\n  a,\n  b,\n]\n", False),
        ("\n[a]\n", False),
    ],
)
def test_only_items_of_a_block_list_are_moved_as_lines(text: str, is_possible: bool) -> None:
    tree = Tree.read(Source.decode(text, "f.yaml"))
    assert tree.root is not None
    assert can_be_reordered(Target(tree, Route(), (Holder(tree.root),), ())) is is_possible
