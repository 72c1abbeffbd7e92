"""Which items of lists the paths of a batch mean: those of the file before its first edit, wherever they are now."""

from __future__ import annotations

from collections.abc import Sequence as SequenceOf
from dataclasses import field, replace

from tarmak_iam.config.item_names import items_of, names_of
from tarmak_iam.config.key_paths import IndexStep, KeyPath
from tarmak_iam.config.path_lookup import NoSuchItem, SeveralItems, look_up
from tarmak_iam.config.tarmak_types import Field, fields_of, root_field
from tarmak_iam.document import Document
from tarmak_iam.document.edits import Remove, Set, ValueEdit
from tarmak_iam.document.nodes import Node, Scalar, dereference
from tarmak_iam.errors import Place, SelectionError
from tarmak_iam.late_dataclass import dataclass
from tarmak_iam.routes import Route, Step

_REMEDY = "make the later edit separately, on the edited file"


@dataclass(frozen=True, slots=True, eq=False)
class _Change:
    """Edits of a document that were made together, with their plain paths. `may_share`: they may also have changed what
    aliases repeat."""

    edits: tuple[tuple[ValueEdit, tuple[str | int, ...]], ...]
    before: Document
    after: Document
    may_share: bool

    def index_after(self, items: Route, index: int, now: Route, of: Field | None) -> int | None:
        """The index that an item has after the change; None if it is gone. `items` and `now` are the routes of its list
        before and after the change, and `of` is the type of the items."""
        plain, inside, is_set = items.plain, 0, False
        depth = len(plain)
        for edit, path in self.edits:
            if path == plain[: len(path)]:  # the list itself, or what it is in
                if isinstance(edit, Remove):
                    return None
                is_set = is_set or isinstance(edit, Set)
            elif path[:depth] == plain:  # one of its items, or what is in one
                removed = path[depth]
                assert isinstance(removed, int)
                if isinstance(edit, Remove) and len(path) == depth + 1:
                    return None if removed == index else index - 1 if removed < index else index
                if removed == index and len(path) == depth + 1 and self._replaces(path, of):
                    return None
                inside += 1
        is_followed = is_set or (self.may_share and inside < len(self.edits))
        return self._followed(items, index, now, of) if is_followed else index

    def _replaces(self, path: tuple[str | int, ...], of: Field | None) -> bool:
        """Whether the item of a list that is set at a path gets another name."""
        old, new = self.before.node(path), self.after.node(path)
        if old is None or new is None:
            return True
        both_plain = isinstance(dereference(old), Scalar) and isinstance(dereference(new), Scalar)
        return not both_plain and names_of(old, of) != names_of(new, of)

    def _followed(self, items: Route, index: int, now: Route, of: Field | None) -> int | None:
        """The index of the item in the new list that has its name, if no other item has that name in either."""
        old, new = _names(self.before.node(items), of), _names(self.after.node(now), of)
        if old == new:
            return index
        name = old[index] if index < len(old) else None
        return new.index(name) if name is not None and old.count(name) == new.count(name) == 1 else None


def _names(node: Node | None, of: Field | None) -> list[str | None]:
    return [(names_of(item, of) or (None,))[-1] for item in items_of(node)]


@dataclass(slots=True, eq=False)
class EarlierEdits:
    """The edits of a batch that were made already, and the document before them."""

    original: Document
    _changes: list[_Change] = field(default_factory=list)
    _is_edited: bool = False

    def __len__(self) -> int:
        """The number of changes; it does not count edits that leave all items of lists where they are."""
        return len(self._changes)

    def add(self, edits: SequenceOf[ValueEdit], before: Document, after: Document) -> None:
        """Adds edits that were made together: one that removes an item of a list, with none but edits of single values,
        or any that remove none."""
        self._is_edited = True
        is_through = any(edit.through_alias for edit in edits)
        if is_through or any(moves_items(edit, before) for edit in edits):
            may_share = is_through and "&" in before.text
            with_paths = tuple((edit, Route.of(edit.path).plain) for edit in edits)
            self._changes.append(_Change(with_paths, before, after, may_share))

    def carried(self, route: Route, since: int = 0) -> Route | None:
        """The route, now, of what was at a route after the first `since` changes; None if an item of a list on its way
        is gone. Keys of mappings stay what they are, even if they have been removed or are not there yet."""
        for change in self._changes[since:]:
            steps: list[Step] = []
            of: Field | None = root_field()
            for number, step in enumerate(route.steps):
                items = Route(route.steps[:number])
                of = _below(of, step)
                if not isinstance(step, int):
                    steps.append(step)
                    continue
                index = change.index_after(items, step, Route(tuple(steps)), of)
                if index is None:
                    return None
                steps.append(index)
            route = Route(tuple(steps))
        return route

    def origin(self, route: Route) -> Route:
        """Where what is at a route now was in the original; for what is new, the deepest list that it is in."""
        origin = Route()
        for number, step in enumerate(route.steps):
            here = route.steps[: number + 1]
            below = range(len(items_of(self.original.node(origin)))) if isinstance(step, int) else (step,)
            was = next((each for each in below if self._is_at(origin / each, here)), None)
            if was is None:
                break
            origin /= was
        return origin

    def _is_at(self, origin: Route, steps: tuple[Step, ...]) -> bool:
        now = self.carried(origin)
        return now is not None and now.steps == steps

    def items_of_path(self, base: Route, path: KeyPath) -> ItemsOfPath | None:
        """What chooses the items of a path; None before the first edit. `base` is the original route that a relative
        path begins at."""
        return ItemsOfPath(self, base, path) if self._is_edited else None


@dataclass(slots=True, eq=False)
class ItemsOfPath:
    """Chooses the items that the steps of a path mean."""

    _earlier: EarlierEdits
    _base: Route
    _path: KeyPath
    error: SelectionError | None = None
    """What is to be said if the document has no item either that the step means, with a place in the original."""
    _is_new: bool = False
    """Whether the path has gone through an item that an earlier edit added: what follows is not in the original."""

    def index(self, number: int, items: Route) -> int | None:
        """The index of the item that step `number` means in the original; `items` is the route of its list now. None
        if it means none there: then it may mean one that an earlier edit added, which `check` is to be asked about.

        Raises SelectionError if it means an item that is gone, or several.
        """
        if self._is_new:
            return None
        is_index = isinstance(self._path.steps[number], IndexStep)
        try:
            route = self._original_route(number)
        except SelectionError as error:
            is_missing = isinstance(error, NoSuchItem)
            moved = is_missing and is_index and not self._is_in_place(self._original_route(number - 1), items)
            if moved or isinstance(error, SeveralItems):
                raise
            self._is_new, self.error = True, error if is_missing else None
            return None
        now = self._earlier.carried(route)
        if now is not None:
            last = now.steps[-1]
            assert isinstance(last, int)
            return last
        self._is_new, self.error = True, self._gone(number, route)
        if is_index:
            raise self.error
        return None

    def check(self, number: int, found: Route) -> None:
        """Raises SelectionError if an item that was not chosen by `index` is one of the original: it has got the name
        of the one that the step means there."""
        self.error = None
        try:
            gone = self._original_route(number)
        except SelectionError:
            return
        count = len(items_of(self._earlier.original.node(gone.parent)))
        if any(self._earlier.carried(gone.parent / index) == found for index in range(count)):
            raise self._gone(number, gone)

    def _original_route(self, number: int) -> Route:
        head = replace(self._path, steps=self._path.steps[: number + 1])
        return look_up(self._earlier.original, self._base, head, unknown=True).route

    def _is_in_place(self, original: Route, items: Route) -> bool:
        """Whether no item of a list has got another index."""
        count = len(items_of(self._earlier.original.node(original)))
        return all(self._earlier.carried(original / index) == items / index for index in range(count))

    def _gone(self, number: int, route: Route) -> SelectionError:
        return gone_error(self._path.up_to(number + 1), self._earlier.original.position(route))


def gone_error(what: str, place: Place) -> SelectionError:
    """The error for a path through something that an earlier edit of the batch has removed or replaced."""
    return SelectionError(f"an earlier edit removes or replaces {what}", remedy=_REMEDY, place=place)


def _below(of: Field | None, step: Step) -> Field | None:
    """The type of what is at a step below a value of a type."""
    if of is None:
        return None
    if isinstance(step, int) or of.kind == "map":
        return of.of
    return fields_of(of.struct).get(step.text) if of.kind == "struct" else None


def moves_items(edit: ValueEdit, document: Document) -> bool:
    """Whether an edit may move, remove or replace items of lists."""
    if isinstance(edit, Remove):
        return True
    if not isinstance(edit, Set):
        return False
    route = Route.of(edit.path)
    if isinstance(edit.value, (dict, list)) or isinstance(route.steps[-1], int):
        return True
    node = document.node(route)
    return node is not None and not isinstance(dereference(node), Scalar)
