"""Where what was at a route is after edits that were made together."""

from __future__ import annotations

import pytest

from tarmak_iam.config.earlier_edits import EarlierEdits
from tarmak_iam.document import Append, Document, Edit, Remove, Set
from tarmak_iam.document.edits import ValueEdit
from tarmak_iam.routes import Route

P, Q, R = ({"metadata": {"name": name}} for name in "pqr")
UNNAMED = {"minCount": 1}

POOLS = ("clusters", 0, "instancePools")
CIDRS = ("clusters", 0, "kubernetes", "apiServer", "allowCIDRs")

TEXT = """\
clusters:
- instancePools:
  - metadata: {name: p}
  - metadata: {name: q}
  - minCount: 2
  kubernetes: {apiServer: {allowCIDRs: [10.0.0.0/8, 192.0.2.0/24]}}
"""
SHARED = """\
clusters:
- instancePools: &pools
  - metadata: {name: p}
  - metadata: {name: q}
- instancePools: *pools
  taints: [{key: k}]
"""
OTHERS = ("clusters", 1, "instancePools")


def earlier(text: str, *edits: ValueEdit) -> EarlierEdits:
    before = Document.parse(text)
    made: tuple[Edit, ...] = edits
    found = EarlierEdits(before)
    found.add(edits, before, before.edit(*made))
    return found


@pytest.mark.parametrize(
    ("edits", "route", "now"),
    [
        # a list that is removed, or what it is in
        ([Remove(POOLS)], (*POOLS, 0), None),
        ([Remove(("clusters", 0))], (*POOLS, 0), None),
        ([Remove(CIDRS)], (*POOLS, 1), (*POOLS, 1)),
        # items before and after one that is removed
        ([Remove((*POOLS, 1))], (*POOLS, 0), (*POOLS, 0)),
        ([Remove((*POOLS, 1))], (*POOLS, 1, "x"), None),
        ([Remove((*POOLS, 1))], (*POOLS, 2, "x"), (*POOLS, 1, "x")),
        # a list with other items: by name
        ([Set(POOLS, [R, Q, P])], (*POOLS, 0, "x"), (*POOLS, 2, "x")),
        ([Set(POOLS, [R, Q])], (*POOLS, 0), None),
        ([Set(POOLS, [P, P, Q])], (*POOLS, 0), None),
        ([Set(POOLS, [P, Q])], (*POOLS, 5), None),
        # items without a name: none is certain to be the same, unless all names are the same as before
        ([Set(POOLS, [UNNAMED, P, Q])], (*POOLS, 2), None),
        ([Set(POOLS, [P, Q, UNNAMED])], (*POOLS, 2), (*POOLS, 2)),
        ([Set(POOLS, [Q, P]), Append(POOLS, R)], (*POOLS, 0), (*POOLS, 1)),
        # another item, or the same one with another value
        ([Set((*POOLS, 0), R)], (*POOLS, 0), None),
        ([Set((*POOLS, 0), R)], (*POOLS, 1), (*POOLS, 1)),
        ([Set((*POOLS, 0), {**P, "minCount": 3})], (*POOLS, 0), (*POOLS, 0)),
        ([Set((*POOLS, 0, "metadata"), {"name": "z"})], (*POOLS, 0), (*POOLS, 0)),
        ([Set((*CIDRS, 0), "198.51.100.0/24")], (*CIDRS, 0), (*CIDRS, 0)),
        ([Set((*CIDRS, 0), {"a": 1})], (*CIDRS, 0), None),
        ([Set((*POOLS, 0), "p2")], (*POOLS, 0), None),
    ],
)
def test_items_of_a_list(
    edits: list[ValueEdit], route: tuple[str | int, ...], now: tuple[str | int, ...] | None
) -> None:
    found = earlier(TEXT, *edits).carried(Route.of(route))
    assert (found and found.plain) == now


@pytest.mark.parametrize(
    ("edits", "route", "now"),
    [
        # the other use of a list that is shared
        ([Remove((*POOLS, 0), through_alias=True)], (*OTHERS, 1), (*OTHERS, 0)),
        ([Remove((*POOLS, 0), through_alias=True)], (*OTHERS, 0), None),
        # the item whose name is changed is the same; that of the other use cannot be told from another one
        ([Set((*POOLS, 0, "metadata", "name"), "z", through_alias=True)], (*POOLS, 0), (*POOLS, 0)),
        ([Set((*POOLS, 0, "metadata", "name"), "z", through_alias=True)], (*OTHERS, 0), None),
    ],
)
def test_items_of_a_list_that_is_shared(
    edits: list[ValueEdit], route: tuple[str | int, ...], now: tuple[str | int, ...] | None
) -> None:
    found = earlier(SHARED, *edits).carried(Route.of(route))
    assert (found and found.plain) == now


@pytest.mark.parametrize(("text", "through"), [(TEXT, False), (TEXT, True), (f"x: &x 1\n{TEXT}", False)])
def test_what_is_not_shared_is_not_changed_by_an_edit_elsewhere(text: str, through: bool) -> None:
    """The pool gets another name by the first edit, and not by the second one."""
    rename = Set((*POOLS, 0, "metadata", "name"), "z", through_alias=through)
    found = earlier(text, rename, Set(CIDRS, ["10.0.0.0/8"], through_alias=through))
    assert found.carried(Route.of((*POOLS, 0))) == Route.of((*POOLS, 0))


@pytest.mark.parametrize("texts", [(TEXT, "clusters: []\n"), ("clusters: []\n", TEXT), ("", "")])
def test_an_item_that_is_not_in_both_documents_is_gone(texts: tuple[str, str]) -> None:
    before, after = map(Document.parse, texts)
    found = EarlierEdits(before)
    found.add([Set((*POOLS, 0), P)], before, after)
    assert found.carried(Route.of((*POOLS, 0))) is None


def test_where_an_item_was_in_the_original() -> None:
    """For what is new, the list that it is in."""
    found = earlier(TEXT, Set(POOLS, [R, Q, P]))
    routes = [(*POOLS, 2, "minCount"), (*POOLS, 0, "minCount"), POOLS]
    assert [found.origin(Route.of(each)).plain for each in routes] == [(*POOLS, 0, "minCount"), POOLS, POOLS]


def test_an_edit_that_moves_no_item_is_no_change() -> None:
    assert len(earlier(TEXT, Set((*POOLS, 0, "minCount"), 3), Append(CIDRS, "198.51.100.0/24"))) == 0
    assert len(earlier(TEXT, Set((*POOLS, 0, "minCount"), 3), Remove(CIDRS))) == 1
