"""Which key was probably meant by one that Tarmak does not know: another spelling, or another place."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from typing import NamedTuple

from tarmak_iam.config.tarmak_types import ITEM, NOT_WRITTEN, Field, TypePath, fields_of, root_field
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
    name: str, node: Node | None, parent: TypePath, struct: str, siblings: Iterable[str], others: Iterable[str] = ()
) -> KeySuggestion | None:
    """The key that was probably meant by a key of the struct at `parent`; None if nothing is similar.

    `node` is the value of the key, None if it may be any; `siblings` are the other keys of the same mapping, which were
    not meant; `others` are further names that are known there.
    """
    fields, short, node = fields_of(struct), bare(name), None if node is None else dereference(node)
    same = spelled_otherwise(name, (*fields, *others))
    if same:
        return KeySuggestion((*parent, same), is_sure=True)
    if name == "name" and "metadata" in fields and "metadata" not in siblings and isinstance(node, Scalar | None):
        return KeySuggestion((*parent, "metadata", "name"), is_sure=True)  # where Kubernetes objects have it
    free = (set(fields) | set(others)) - set(siblings)
    fitting = {key for key in free if key not in fields or _shared_keys(node, fields[key]) is not None}
    here, elsewhere = _misspelt(name, fitting, parent), _elsewhere(name, node, parent)
    if elsewhere is not None and elsewhere.is_sure and (here is None or elsewhere.fits):
        return elsewhere
    if here or elsewhere:
        return here or elsewhere
    typos = [key for key in sorted(fields) if is_one_typo(short, bare(key))]
    if any(key in siblings for key in typos):
        return _misspelt(name, [key for key in typos if key in siblings], parent)
    if _OTHER_WORDS.get(short) in free:
        return KeySuggestion((*parent, _OTHER_WORDS[short]), is_sure=False)
    paths = [(path, field) for places in _places().values() for path, field in places]
    for path, _ in paths:  # the key joined with the key of its mapping (kubernetesVersion)
        if path[:-2] == parent and len(path) > 1 and bare("".join(path[-2:])) == short:
            return KeySuggestion(path, is_sure=False)
    # Only long names that exist once: other names are similar to too many fields.
    unique = {key: places[0] for key, places in _places().items() if len(places) == 1 and len(key) >= _LONG}
    close = closest(name, unique, _CLOSE_ELSEWHERE)
    if close is not None and _shared_keys(node, unique[close][1]) is not None:
        return KeySuggestion(unique[close][0], is_sure=True)
    return KeySuggestion((*parent, typos[0]), is_sure=False, fits=False) if len(typos) == 1 else None


def _misspelt(name: str, known: Iterable[str], parent: TypePath) -> KeySuggestion | None:
    """A field that differs by one typo, the likeliest kind of typo first; else the most similar field."""
    short = bare(name)
    typos = sorted(
        (key for key in known if is_one_typo(short, bare(key))), key=lambda key: not is_slip(short, bare(key))
    )
    if typos:
        is_sure = len(typos) == 1 and (is_slip(short, bare(typos[0])) or _is_telling(short, bare(typos[0])))
        return KeySuggestion((*parent, typos[0]), is_sure)
    close = closest(name, set(known) - _OF_EVERY_OBJECT, CLOSE)
    if close is None:
        return None
    # A part of a longer name, such as version in apiVersion, is another word.
    is_whole = abs(len(bare(close)) - len(short)) < _SHORTEST
    return KeySuggestion((*parent, close), is_sure=is_whole and _is_telling(short, bare(close)))


def _is_telling(name: str, field: str) -> bool:
    """Whether enough letters are equal to exclude another word: `id` may mean anything, `enabld` may not."""
    return len(field) >= _SHORT or (_SHORTEST <= len(name) < len(field))


def _elsewhere(name: str, node: Node | None, parent: TypePath) -> KeySuggestion | None:
    """A field of that name in another place: with the most keys of the value, then the nearest one. A place above the
    key, or directly below it, is likely without any: the key is indented too far, or not far enough."""
    places = _places().get(bare(name), ())
    likely: list[tuple[tuple[int, int], TypePath, bool]] = []
    for path, field in places:
        shared, home = _shared_keys(node, field), path[:-1]
        differing = (at for at, steps in enumerate(zip(home, parent, strict=False)) if steps[0] != steps[1])
        common = next(differing, min(len(home), len(parent)))
        distance = len(home) + len(parent) - 2 * common
        is_near = common == len(home) or (common == len(parent) and distance <= 2)
        # A name that exists only once is hint enough.
        if len(places) == 1 or shared or (shared is not None and is_near):
            likely.append(((-(shared or 0), distance), path, shared is not None))
    likely.sort()
    if not likely or (len(likely) > 1 and likely[0][0] == likely[1][0]):
        return None
    (shared_keys, _), path, fits = likely[0]
    return KeySuggestion(path, shared_keys < 0 or (len(places) == 1 and len(bare(name)) >= _LONG), fits)


def _shared_keys(node: Node | None, field: Field) -> int | None:
    """How many keys of the value exist in the struct of the field; None if the field cannot hold the value."""
    if isinstance(node, Mapping) and field.kind == "struct":
        known, keys = {bare(key) for key in field.fields}, [bare(entry.text or "") for entry in node.entries]
        may_hold = not keys or any(key in known or is_one_typo(key, other) for key in keys for other in known)
        return sum(key in known for key in keys) if may_hold else None
    if isinstance(node, Scalar):
        try:
            value = resolve_v2(node)
        except ScalarError:
            return None
        return 0 if value is None or (field.is_scalar and field.accepts(value)) else None
    return 0 if node is None or field.kind == ("list" if isinstance(node, Sequence) else "map") else None


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
