"""What a key that Tarmak does not know was probably meant to be: another spelling, or another place."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache

from tarmak_iam.config.leaves import Misfit, leaf_value
from tarmak_iam.config.types import ITEM, NOT_WRITTEN, Field, TypePath, fields_of, root_struct
from tarmak_iam.document.nodes import Mapping, Node, Scalar, Sequence, dereference
from tarmak_iam.document.scalars import ScalarError, resolve_v2
from tarmak_iam.near import CLOSE, bare, closest, spelled_otherwise

__all__ = ["Meant", "meant"]

_CLOSE_ELSEWHERE = 0.88
_LONG = 8


@dataclass(frozen=True, slots=True)
class Meant:
    """The path of the field that was probably meant; a guess that is not sure is one of several that are likely."""

    path: TypePath
    is_sure: bool


def meant(
    name: str, node: Node, parent: TypePath, struct: str, beside: Iterable[str], others: Iterable[str] = ()
) -> Meant | None:
    """What was meant by a key of the struct at `parent`, None if nothing is like it.

    `node` is the key's value; `beside` are the keys next to it, which were not meant, and `others` names that are
    known there as well.
    """
    fields = fields_of(struct)
    same = spelled_otherwise(name, (*fields, *others))
    if same:
        return Meant((*parent, same), is_sure=True)
    found = _elsewhere(name, node, parent)
    if found is None or not found.is_sure:
        left = {each for each in fields if _fits(node, fields[each]) is not None} | set(others)
        close = closest(name, left - set(beside), CLOSE)
        found = Meant((*parent, close), is_sure=True) if close else found
    return found or _misspelt_elsewhere(name, node)


def _misspelt_elsewhere(name: str, node: Node) -> Meant | None:
    """Only names that there are once, and long ones: others are like too many things."""
    unique = {short: places[0] for short, places in _places().items() if len(places) == 1 and len(short) >= _LONG}
    close = closest(name, unique, _CLOSE_ELSEWHERE)
    return Meant(unique[close][0], is_sure=True) if close and _fits(node, unique[close][1]) is not None else None


@dataclass(frozen=True, slots=True)
class _Candidate:
    path: TypePath
    shared: int
    """How many keys of the value the field's struct has."""
    distance: int
    is_near: bool
    """Whether it is above or right below where the key stands: indented too far, or not far enough."""

    @property
    def rank(self) -> tuple[int, int]:
        return -self.shared, self.distance


def _elsewhere(name: str, node: Node, parent: TypePath) -> Meant | None:
    places = _places().get(bare(name), ())
    candidates = []
    for path, field in places:
        shared = _fits(node, field)
        if shared is not None or len(places) == 1:  # a name that there is only once is enough of a hint
            candidates.append(_candidate(path, shared or 0, parent))
    likely = [each for each in candidates if each.shared or each.is_near or len(places) == 1]
    likely.sort(key=lambda each: each.rank)
    if not likely or (len(likely) > 1 and likely[0].rank == likely[1].rank):
        return None
    is_sure = likely[0].shared > 0 or (len(places) == 1 and len(bare(name)) >= _LONG)
    return Meant(likely[0].path, is_sure)


def _candidate(path: TypePath, shared: int, parent: TypePath) -> _Candidate:
    home = path[:-1]
    common = 0
    while common < min(len(home), len(parent)) and home[common] == parent[common]:
        common += 1
    distance = len(home) - common + len(parent) - common
    is_near = common == len(home) or (common == len(parent) and distance <= 2)
    return _Candidate(path, shared, distance, is_near)


def _fits(node: Node, field: Field) -> int | None:
    """None if the field cannot hold the value, else how many of the value's keys its struct has."""
    node = dereference(node)
    if isinstance(node, Sequence):
        return 0 if field.kind == "list" else None
    if isinstance(node, Mapping):
        if field.kind != "struct":
            return 0 if field.kind == "map" else None
        known = {bare(each) for each in fields_of(field.struct)}
        shared = sum(bare(entry.text or "") in known for entry in node.entries)
        return shared if shared or not node.entries else None
    return 0 if isinstance(node, Scalar) and _holds(field, node) else None


def _holds(field: Field, node: Scalar) -> bool:
    try:
        value = resolve_v2(node)
    except ScalarError:
        return False
    if value is None:
        return True
    if field.kind in ("struct", "list", "map"):
        return False
    try:
        leaf_value(field.kind, value, is_json=False)
    except Misfit:
        return False
    return True


@cache
def _places() -> dict[str, list[tuple[TypePath, Field]]]:
    """Every field that a person may write, by its bare name."""
    places: dict[str, list[tuple[TypePath, Field]]] = {}
    waiting: list[tuple[TypePath, Field]] = [((), root_struct())]
    while waiting:
        path, field = waiting.pop()
        if field.kind == "list" and field.of is not None:
            waiting.append(((*path, ITEM), field.of))
        elif field.kind == "struct" and field.struct not in NOT_WRITTEN:
            for name, child in fields_of(field.struct).items():
                places.setdefault(bare(name), []).append(((*path, name), child))
                waiting.append(((*path, name), child))
    return places
