"""What was commented out, and what is prose that looks like it."""

from __future__ import annotations

import pytest

from tarmak_iam.document import Document, commented_out
from tarmak_iam.document.commented_out import Neighbours
from tarmak_iam.document.nodes import Mapping, Sequence

KEYS = Neighbours(frozenset(("if", "run", "ref")))
CAPITALS = Neighbours(frozenset(("Type", "Name")))
SCALARS = Neighbours(frozenset(), in_scalars=True)


@pytest.mark.parametrize(
    "text",
    [
        "# port: 80",
        "#port:",
        "# 'port': [80, 81]  # both",
        '# port: "80 and more"',
        "#name: several plain words here",
        "# - name: several plain words here",
        "#- exec: rails r 'x'",
        "#- apt install x",
        "# - word",
        "#   - word   # with a comment",
        "# if: github.ref == 'x'",
        "# other: a && b",
        "# run: make -j4 test",
        "# ref: x",
        "# run: all tests",
        "# run: a b c1 d2 e3",
    ],
)
def test_it_was_commented_out(text: str) -> None:
    assert commented_out.is_commented_out(text, KEYS)


@pytest.mark.parametrize(
    "text",
    [
        "# prose",
        "#",
        "# https://example.org:80/x",
        "# run: how it is run, in words",
        "# other: a b",
        "# run: all the tests",
        "# run: x1 the tests of it",
        "# Default: 5",
        "# Type: string",
        "# default: 5",
        "# renovate: datasource=x depName=y",
        "# - several words",
        "#-x",
    ],
)
def test_it_is_prose(text: str) -> None:
    assert not commented_out.is_commented_out(text, KEYS)


def test_what_is_next_to_it_decides() -> None:
    assert commented_out.is_commented_out("# Default: 5", CAPITALS)
    assert commented_out.is_commented_out("# Default: 5", Neighbours(frozenset(("Type", "name"))))
    assert not commented_out.is_commented_out("# ref: x", CAPITALS)
    assert commented_out.is_commented_out("# - make deploy", SCALARS)


def test_neighbours_are_the_members_before_and_after() -> None:
    root = Document.parse("a: 1\nb: 2\nc: 3\nd: [{x: 1}, {y: 2}, g]\ne: [f, g, {z: 1, '': 2}]\n'': 1\n")._tree.root
    assert isinstance(root, Mapping)
    assert Neighbours.of(root, 0) == Neighbours(frozenset("ab"))
    assert Neighbours.of(root, 1) == Neighbours(frozenset("abc"))
    assert Neighbours.of(root, 2) == Neighbours(frozenset("bcd"))
    assert Neighbours.of(root, 4) == Neighbours(frozenset("de"))
    maps, scalars = (root.entries[number].value for number in (3, 4))
    assert isinstance(maps, Sequence)
    assert isinstance(scalars, Sequence)
    assert Neighbours.of(maps, 0) == Neighbours(frozenset("xy"))
    assert Neighbours.of(maps, 1) == Neighbours(frozenset("xy"))
    assert Neighbours.of(scalars, 0) == Neighbours(frozenset(), in_scalars=True)
    assert Neighbours.of(scalars, 1) == Neighbours(frozenset("z"))
