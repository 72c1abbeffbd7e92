"""Which key was probably meant by one that Tarmak does not know: another spelling, or another place."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from typing import NamedTuple

from tarmak_iam.config.tarmak_types import (
    ITEM,
    NOT_WRITTEN,
    Field,
    TypePath,
    fields_of,
    root_field,
)
from tarmak_iam.document.nodes import Mapping, Node, Scalar, Sequence, dereference
from tarmak_iam.document.scalars import ScalarError, resolve_v2
from tarmak_iam.text import CLOSE, bare, closest, is_one_typo, is_slip, spelled_otherwise

_CLOSE_ELSEWHERE = 0.88
_LONG = 8
# Names that AWS, its SDKs and other tools use for the same thing.
_OTHER_WORDS = {
    "region": "location",
    "env": "environment",
    "instancetype": "size",
    "minsize": "minCount",
    "maxsize": "maxCount",
    "availabilityzone": "zone",
    "volumetype": "type",
}
_OF_EVERY_OBJECT = {"apiVersion", "kind"}
"""These keys do not belong below the top level."""
_SHORT = 5
_SHORTEST = 3


class KeySuggestion(NamedTuple):
    """The path of the field that was probably meant. If `is_sure` is false, other fields are as likely, or it is only a
    guess. `fits` is whether the field accepts such a value."""

    path: TypePath
    is_sure: bool
    fits: bool = True


def suggest_key(
    name: str, node: Node, parent: TypePath, struct: str, siblings: Iterable[str], others: Iterable[str] = ()
) -> KeySuggestion | None:
    """The key that was probably meant by a key of the struct at `parent`; None if nothing is similar.

    `node` is the value of the key; `siblings` are the other keys of the same mapping, which were not meant; `others`
    are further names that are known there.
    """
    fields = fields_of(struct)
    same = spelled_otherwise(name, (*fields, *others))
    if same:
        return KeySuggestion((*parent, same), is_sure=True)
    if name == "name" and "metadata" in fields and "metadata" not in siblings and isinstance(dereference(node), Scalar):
        return KeySuggestion((*parent, "metadata", "name"), is_sure=True)  # where Kubernetes objects have it
    left = (set(fields) | set(others)) - set(siblings)
    fitting = {each for each in left if each not in fields or _may_hold(fields[each], node)}
    here = _misspelt_here(name, fitting, parent)
    found = _elsewhere(name, node, parent)
    if found is not None and found.is_sure and (here is None or found.fits):
        return found
    typed = [each for each in set(siblings) & set(fields) if is_one_typo(bare(name), bare(each))]
    twice = _misspelt_here(name, typed, parent)
    other_word = _other_word(name, left, parent)
    return here or found or twice or other_word or _misspelt_elsewhere(name, node) or _misfitting(name, left, parent)


def _misspelt_here(name: str, known: Iterable[str], parent: TypePath) -> KeySuggestion | None:
    """A field that differs by one typo, the likeliest kind of typo first; else the most similar field."""
    by_rank: dict[int, list[str]] = {}
    for each in sorted(known):
        if is_one_typo(bare(name), bare(each)):
            by_rank.setdefault(not is_slip(bare(name), bare(each)), []).append(each)
    if by_rank:
        rank, likely = min(by_rank.items())
        is_only_one = len(likely) == len(by_rank) == 1
        return KeySuggestion((*parent, likely[0]), is_only_one and (not rank or _is_telling(name, likely[0])))
    close = closest(name, set(known) - _OF_EVERY_OBJECT, CLOSE)
    if close is None:
        return None
    # A part of a longer name, such as version in apiVersion, is another word.
    is_whole = abs(len(bare(close)) - len(bare(name))) < _SHORTEST
    return KeySuggestion((*parent, close), is_sure=is_whole and _is_telling(name, close))


def _other_word(name: str, known: Iterable[str], parent: TypePath) -> KeySuggestion | None:
    """A guess: another word for the same thing, or the key joined with the key of its mapping (kubernetesVersion)."""
    word = _OTHER_WORDS.get(bare(name))
    if word is not None and word in known:
        return KeySuggestion((*parent, word), is_sure=False)
    for places in _places().values():
        for path, _ in places:
            if path[:-2] == parent and len(path) > 1 and bare("".join(path[-2:])) == bare(name):
                return KeySuggestion(path, is_sure=False)
    return None


def _is_telling(name: str, field: str) -> bool:
    """Whether enough letters are equal to exclude another word: `id` may mean anything, `enabld` may not."""
    return len(bare(field)) >= _SHORT or (len(bare(name)) < len(bare(field)) and len(bare(name)) >= _SHORTEST)


def _misfitting(name: str, known: Iterable[str], parent: TypePath) -> KeySuggestion | None:
    """A field that differs by one typo, but has another type of value."""
    likely = [each for each in sorted(known) if is_one_typo(bare(name), bare(each))]
    return KeySuggestion((*parent, likely[0]), is_sure=False, fits=False) if len(likely) == 1 else None


def _misspelt_elsewhere(name: str, node: Node) -> KeySuggestion | None:
    """Only long names that exist once: other names are similar to too many fields."""
    unique = {short: places[0] for short, places in _places().items() if len(places) == 1 and len(short) >= _LONG}
    close = closest(name, unique, _CLOSE_ELSEWHERE)
    return (
        KeySuggestion(unique[close][0], is_sure=True) if close and _fits(node, unique[close][1]) is not None else None
    )


def _elsewhere(name: str, node: Node, parent: TypePath) -> KeySuggestion | None:
    """A field of that name in another place: with the most keys of the value, then the nearest one. A place above the
    key, or directly below it, is likely without any: the key is indented too far, or not far enough."""
    places = _places().get(bare(name), ())
    likely: list[tuple[tuple[int, int], TypePath, bool]] = []
    for path, field in places:
        shared, home = _fits(node, field), path[:-1]
        common = next((at for at, pair in enumerate(zip(home, parent, strict=False)) if pair[0] != pair[1]), None)
        common = min(len(home), len(parent)) if common is None else common
        distance = len(home) + len(parent) - 2 * common
        is_near = common == len(home) or (common == len(parent) and distance <= 2)
        # A name that exists only once is hint enough.
        if len(places) == 1 or shared or (shared is not None and is_near):
            likely.append(((-(shared or 0), distance), path, shared is not None))
    likely.sort(key=lambda each: each[0])
    if not likely or (len(likely) > 1 and likely[0][0] == likely[1][0]):
        return None
    (shared_keys, _), path, fits = likely[0]
    return KeySuggestion(path, shared_keys < 0 or (len(places) == 1 and len(bare(name)) >= _LONG), fits)


def _may_hold(field: Field, node: Node) -> bool:
    """Whether the field may hold the value; also a YAML mapping with a key that is misspelt."""
    value, known = dereference(node), [bare(each) for each in field.fields]
    keys = [bare(entry.text or "") for entry in value.entries] if isinstance(value, Mapping) else []
    return _fits(node, field) is not None or any(is_one_typo(key, each) for key in keys for each in known)


def _fits(node: Node, field: Field) -> int | None:
    """None if the field cannot hold the value, else how many keys of the value exist in its struct."""
    node = dereference(node)
    if isinstance(node, Mapping) and field.kind == "struct":
        known = {bare(each) for each in field.fields}
        shared = sum(bare(entry.text or "") in known for entry in node.entries)
        return shared if shared or not node.entries else None
    if isinstance(node, Scalar):
        try:
            value = resolve_v2(node)
        except ScalarError:
            return None
        return 0 if value is None or (field.is_scalar and field.accepts(value)) else None
    return 0 if field.kind == ("list" if isinstance(node, Sequence) else "map") else None


@cache
def _places() -> dict[str, list[tuple[TypePath, Field]]]:
    """Every field that may be written by hand, by its bare name."""
    places: dict[str, list[tuple[TypePath, Field]]] = {}
    waiting: list[tuple[TypePath, Field]] = [((), root_field())]
    while waiting:
        path, field = waiting.pop()
        if field.kind == "list" and field.of is not None:
            waiting.append(((*path, ITEM), field.of))
        elif field.kind == "struct" and field.struct not in NOT_WRITTEN:
            for name, child in fields_of(field.struct).items():
                places.setdefault(bare(name), []).append(((*path, name), child))
                waiting.append(((*path, name), child))
    return places
