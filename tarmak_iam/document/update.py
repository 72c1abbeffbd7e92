"""The edits that turn one value into another: few and small ones, so that what stays keeps its text and comments."""

from __future__ import annotations

from collections import Counter, defaultdict, deque
from collections.abc import Hashable, Iterable, Iterator
from collections.abc import Sequence as SequenceOf
from difflib import SequenceMatcher
from itertools import count
from typing import Any

from tarmak_iam.document.comments import have_comments
from tarmak_iam.document.edits import AddKeys, Arrange, Drop, Insert, Remove, ReplaceAlias, Rewrite, Set, SharedEdit
from tarmak_iam.document.nodes import Alias, Mapping, Sequence
from tarmak_iam.document.plain_values import construct, same, value_at
from tarmak_iam.document.shared import effective_entries, step_to
from tarmak_iam.document.target import Target, locate, native_keys
from tarmak_iam.document.tree import Tree
from tarmak_iam.document.write import takes_members
from tarmak_iam.routes import Key, Route


def _is_in_parts(target: Target, wanted: Any) -> bool:
    kind = {Mapping: dict, Sequence: list}.get(type(target.node))
    return bool(wanted) and not target.missing and kind is type(wanted) and not takes_members(target, wanted)


def parts_of(tree: Tree, data: Any, edit: Set, asked: Route) -> Iterator[SharedEdit] | None:
    """The edits that set a collection in the place of one of its kind, so that only what differs is changed; None if
    that is not what the edit does. `asked`: the path that leads there."""
    target = locate(tree, Route.of(edit.path)) if isinstance(edit.value, (dict, list)) else None
    if target is None or not _is_in_parts(target, edit.value):
        return None
    current = construct(target.node, tree.source) if tree.has_aliases else value_at(data, target.native_path)
    return differences(target._replace(route=asked, keeps_tags=edit.keep_tag), current, edit.value)


def differences(target: Target, current: Any, wanted: Any, identities: Identities = ()) -> Iterator[SharedEdit]:
    """The edits, one after the other, that turn the target's value `current` into `wanted`.

    `identities` are those of `matched_items`. A value that cannot be changed in parts is set as a whole.
    """
    node = target.node
    if same(current, wanted):
        return
    if isinstance(node, Alias):
        yield ReplaceAlias(target.route, wanted)
    elif not _is_in_parts(target, wanted):
        yield Set(target.route, wanted, target.keeps_tags)
    elif isinstance(node, Mapping):
        yield from _of_mapping(target, node, current, wanted, identities)
    elif isinstance(node, Sequence):
        yield from _of_list(target, node, current, wanted, identities)


def _of_mapping(
    target: Target, node: Mapping, current: dict[Any, Any], wanted: dict[Any, Any], identities: Identities
) -> Iterator[SharedEdit]:
    keys, route = native_keys(node), target.route
    numbers = {key: number for number, key in enumerate(keys) if not node.entries[number].is_merge}
    brought = {key for key in current if key not in numbers}
    hidden = numbers.keys() - effective_entries(node).keys() if node.merge_entries else set()
    # One merged key cannot be removed alone: the other merged keys are written out.
    drops_merges = not brought <= wanted.keys() or any(
        key not in wanted or not same(current[key], wanted[key]) for key in hidden
    )
    changed = [key for key in numbers if key in wanted and key not in hidden and not same(current[key], wanted[key])]
    # Aliases come last: the others may change what they refer to.
    for key in sorted(changed, key=lambda key: isinstance(node.entries[numbers[key]].value, Alias)):
        yield from differences(target.member(numbers[key]), current[key], wanted[key], identities)
    staying = set() if drops_merges else {key for key in brought if same(current[key], wanted[key])}
    new = {key: value for key, value in wanted.items() if key not in numbers and key not in staying}
    stays = [not drops_merges if entry.is_merge else keys[at] in wanted for at, entry in enumerate(node.entries)]
    gone = [number for number, is_kept in enumerate(stays) if not is_kept]
    removes: list[SharedEdit] = [Remove(route / Key(node.entries[number].text or "")) for number in reversed(gone)]
    if node.merge_entries or len(node.lasts) < len(node.entries):
        removes = [Drop(route, tuple(gone))] if gone else []
    adds: list[SharedEdit] = [AddKeys(route, new)] if new else []
    # A key that only becomes a string (`1:` to `"1":`) must be removed before the new one is added.
    becomes_text = {node.entries[number].text for number in gone} & set(map(str, new))
    yield from removes + adds if becomes_text else adds + removes
    if drops_merges:
        for key in (key for key in wanted if key in hidden):
            yield Set(route / step_to(node, node.entries[numbers[key]]), wanted[key])


def _of_list(
    target: Target, node: Sequence, current: list[Any], wanted: list[Any], identities: Identities
) -> Iterator[SharedEdit]:
    route, pairs = target.route, matched_items(current, wanted, identities)
    replaced = {
        before
        for after, before in pairs.items()
        if not (isinstance(current[before], (dict, list)) and isinstance(wanted[after], (dict, list)))
        and not same(current[before], wanted[after])
    }
    if replaced and have_comments(target.tree, node, replaced):
        # What a comment says of the old value may be wrong for the new one.
        pairs = {after: before for after, before in pairs.items() if before not in replaced}
    for after, before in pairs.items():
        yield from differences(target.member(before), current[before], wanted[after], identities)
    afters = {before: after for after, before in pairs.items()}
    now: list[int | None] = [afters.get(before) for before in range(len(current))]
    """The list as the edits so far leave it: of each item its index in `wanted`, or None if it goes."""
    if node.flow and not pairs and replaced:
        yield Rewrite(route, wanted)  # the comments on a line of its items would stay with the new ones
        return
    for index in range(len(wanted)):
        if index not in pairs:
            at = now.index(index - 1) + 1 if index else 0  # below the item that it follows
            yield Insert(route / at, wanted[index])
            now.insert(at, index)
    for place in [place for place in reversed(range(len(now))) if now[place] is None]:
        yield Remove(route / place)  # last, because a list that is left empty loses its layout
        del now[place]
    if now != sorted(range(len(wanted))):
        yield Arrange(route, tuple(now.index(index) for index in range(len(wanted))))


Identity = str | SequenceOf[str]
"""Dotted paths of scalars that together identify an item of a list: `("environment", "metadata.name")`, `"name"`."""

Identities = tuple[Identity, ...]
_ALIKE = 0.5
_MOST_EQUAL = 100_000
"""Pairs of equal items; of more, the first is the same as the first."""


def matched_items(old: SequenceOf[Any], new: SequenceOf[Any], identities: Iterable[Identity] = ()) -> dict[int, int]:
    """The same items of two lists: for an index of `new` the index of `old`. Each item has at most one counterpart.

    Mappings with an identity (the first of `identities` whose paths all lead to scalars) are matched only by that.
    All other items are matched if they are equal, and then the collections with at least half of the scalars in them.
    Of what is then left between two matched items, runs of the same length are matched by position.
    """
    groups = [(identity,) if isinstance(identity, str) else tuple(identity) for identity in identities]
    pairs: dict[int, int] = {}
    old_keys, new_keys = ([_identity(item, groups) for item in items] for items in (old, new))
    _pair_in_order(pairs, dict(enumerate(old_keys)), dict(enumerate(new_keys)))
    # An item with an identity but no counterpart differs from all others.
    before = {index: _frozen(old[index]) for index, key in enumerate(old_keys) if key is None}
    after = {index: _frozen(new[index]) for index, key in enumerate(new_keys) if key is None}
    pairs.update(_longest_common(before, after))  # so that few items have to move
    _pair_in_order(pairs, before, after)
    taken = set(pairs.values())
    _pair_alike(
        pairs,
        {i: _leaves(old[i]) for i in before if i not in taken and isinstance(old[i], (dict, list))},
        {i: _leaves(new[i]) for i in after if i not in pairs and isinstance(new[i], (dict, list))},
    )
    taken = set(pairs.values())
    left = {index: old[index] for index in before if index not in taken}
    _pair_in_gaps(pairs, left, {index: new[index] for index in after if index not in pairs})
    return pairs


def _pair_in_order(pairs: dict[int, int], old: dict[int, Hashable], new: dict[int, Hashable]) -> None:
    """Pairs equal keys in order: the second of two with the second of two. None is no key."""
    taken, waiting = set(pairs.values()), defaultdict[Hashable, deque[int]](deque)
    for index, key in old.items():
        if key is not None and index not in taken:
            waiting[key].append(index)
    for index, key in new.items():
        if index not in pairs and waiting.get(key):
            pairs[index] = waiting[key].popleft()


def _longest_common(old: dict[int, Hashable], new: dict[int, Hashable]) -> Iterator[tuple[int, int]]:
    """Equal items that keep their order: for an index of `new` that of `old`."""
    befores, afters = list(old), list(new)
    for end in (0, -1):
        while befores and afters and old[befores[end]] == new[afters[end]]:
            yield afters.pop(end), befores.pop(end)
    left_keys, right_keys = [old[index] for index in befores], [new[index] for index in afters]
    counts = Counter(left_keys)
    if sum(counts[key] for key in right_keys) > _MOST_EQUAL:
        return
    for left, right, size in SequenceMatcher(None, left_keys, right_keys, autojunk=False).get_matching_blocks():
        yield from zip(afters[right : right + size], befores[left : left + size], strict=True)


def _pair_alike(pairs: dict[int, int], old: dict[int, set[Hashable]], new: dict[int, set[Hashable]]) -> None:
    """Pairs similar collections. Only those with a scalar in common are compared."""
    having: dict[Hashable, set[int]] = defaultdict(set)
    for index, leaves in old.items():
        for leaf in leaves:
            having[leaf].add(index)
    for index, leaves in new.items():
        shared = Counter(other for leaf in leaves for other in having[leaf])
        scores = [(common / max(len(leaves), len(old[other])), -other) for other, common in shared.items()]
        best, other = max(scores, default=(0.0, 0))
        if best >= _ALIKE:
            pairs[index] = -other
            for leaf in old[-other]:
                having[leaf].discard(-other)


def _pair_in_gaps(pairs: dict[int, int], old: dict[int, Any], new: dict[int, Any]) -> None:
    """Pairs by position what is left below the same matched item, or at the top, if it is as much in both lists."""
    for first in [index for index in new if index - 1 not in new]:
        start = pairs.get(first - 1, -1) + 1 if first else 0
        size = next(size for size in count(1) if first + size not in new)
        if (first and not start) or start + size in old or not all(start + number in old for number in range(size)):
            continue
        for before, after in zip(range(start, start + size), range(first, first + size), strict=True):
            removed, added = old[before], new[after]
            are_mappings = removed and added and isinstance(removed, dict) and isinstance(added, dict)
            if not are_mappings or removed.keys() & added.keys():
                pairs[after] = before  # mappings without a common key are about different things


def _identity(item: Any, groups: Iterable[SequenceOf[str]]) -> Hashable | None:
    for group in groups:
        values: list[Any] = []
        for path in group:
            value = item
            for step in path.split("."):
                value = value.get(step) if isinstance(value, dict) else None
            values.append(value)
        if not any(value is None or isinstance(value, (dict, list)) for value in values):
            return (*group, *((type(value), value) for value in values))
    return None


def _leaves(value: Any, path: tuple[Hashable, ...] = ()) -> set[Hashable]:
    """The scalars and empty collections inside, each with its path, in which an item of a list has no index."""
    if not value or not isinstance(value, (dict, list)):
        return {(*path, _frozen(value))}
    if isinstance(value, list):
        return set().union(*(_leaves(child, (*path, None)) for child in value))
    return set().union(*(_leaves(child, (*path, _frozen(key))) for key, child in value.items()))


def _frozen(value: Any) -> Hashable:
    """A hashable form that is equal only for the same values: true, 1 and 1.0 differ; the order of keys is ignored."""
    if isinstance(value, dict):
        return ("mapping", frozenset((_frozen(key), _frozen(child)) for key, child in value.items()))
    if isinstance(value, list):
        return ("list", *map(_frozen, value))
    return (type(value), repr(value))
