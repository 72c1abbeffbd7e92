"""Single changes of a document: the splices that each one makes, and what it means for the plain values."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

from tarmak_iam.document.arrange import arrange
from tarmak_iam.document.insert import add_items, add_members, begin, is_empty
from tarmak_iam.document.intent import assigned, extended, inserted, value_at, without
from tarmak_iam.document.nodes import Sequence
from tarmak_iam.document.remove import remove_members, remove_root, sparing
from tarmak_iam.document.splice import Splice
from tarmak_iam.document.target import Target
from tarmak_iam.document.tree import Comment
from tarmak_iam.document.write import write
from tarmak_iam.routes import Route

__all__ = ["AddItems", "AddMembers", "Arrange", "Change", "RemoveMembers", "RemoveRoot", "Write"]


@dataclass(frozen=True)
class Change(ABC):
    """`target` is the node that changes, or whose members do: nothing of its route is missing."""

    target: Target

    @abstractmethod
    def splices(self) -> list[Splice]:
        """What happens to the text. Raises EditRefused."""

    @abstractmethod
    def applied(self, data: Any, /) -> Any:
        """What happens to the plain values; `data` itself stays as it is."""

    @property
    def members(self) -> tuple[Route, ...] | None:
        """The routes of the members that come or go; None where the whole node changes."""
        return None

    def disturbs(self, other: Change) -> bool:
        """Whether the two cannot be planned on the same tree: one changes what the other stands on."""
        if self.members is not None and other.members is not None and self.target.route == other.target.route:
            return True  # each counts on the collection's other members
        return self._reaches(other.target.route) or other._reaches(self.target.route)

    def touches(self, route: Route) -> bool:
        """Whether the tree no longer shows what is at a route, or below it."""
        return self._reaches(route) or route.leads_to(self.target.route)

    def _reaches(self, route: Route) -> bool:
        place, members = self.target.route, self.members
        if members is None or isinstance(self.target.holders[-1].node, Sequence):
            return place.leads_to(route)  # with an item more or less the indices behind it shift
        return any(member.leads_to(route) for member in members)


@dataclass(frozen=True)
class Write(Change):
    """Another value in the place of the node."""

    value: Any

    def splices(self) -> list[Splice]:
        return write(self.target, self.value) if self.target.holders else begin(self.target, self.value)

    def applied(self, data: Any) -> Any:
        return assigned(data, self.target.native_path, self.value)


@dataclass(frozen=True)
class AddMembers(Change):
    """New keys for a mapping, or for what is empty."""

    new: dict[Any, Any]

    def splices(self) -> list[Splice]:
        return add_members(self.target, self.new)

    def applied(self, data: Any) -> Any:
        return extended(data, self.target.native_path, self.new)

    @property
    def members(self) -> tuple[Route, ...] | None:
        return None if is_empty(self.target) else tuple(self.target.route / str(key) for key in self.new)


@dataclass(frozen=True)
class AddItems(Change):
    """New items for a list, or for what is empty, from `index` on."""

    index: int
    new: list[Any]

    def splices(self) -> list[Splice]:
        return add_items(self.target, self.index, self.new)

    def applied(self, data: Any) -> Any:
        return inserted(data, self.target.native_path, self.index, self.new)

    @property
    def members(self) -> tuple[Route, ...] | None:
        return None if is_empty(self.target) else (self.target.route / self.index,)


@dataclass(frozen=True)
class RemoveMembers(Change):
    """Members taken out, by their numbers in the collection; of the comment lines only `own`, if that is known."""

    numbers: tuple[int, ...]
    own: tuple[Comment, ...] | None = None

    def splices(self) -> list[Splice]:
        splices = remove_members(self.target, self.numbers)
        return splices if self.own is None else sparing(self.target.tree, splices, self.own)

    def applied(self, data: Any) -> Any:
        keys = [self.target.member(number).holders[-1].native for number in self.numbers]
        return without(data, self.target.native_path, keys)

    @property
    def members(self) -> tuple[Route, ...] | None:
        return tuple(self.target.member(number).route for number in self.numbers)


@dataclass(frozen=True)
class RemoveRoot(Change):
    """The whole document taken out; of the comment lines only `own`."""

    own: tuple[Comment, ...]

    def splices(self) -> list[Splice]:
        return sparing(self.target.tree, remove_root(self.target.tree), self.own)

    def applied(self, _data: Any) -> Any:
        return None


@dataclass(frozen=True)
class Arrange(Change):
    """The items of a list in another order: the index of every item, as they are to follow each other."""

    order: tuple[int, ...]

    def splices(self) -> list[Splice]:
        return arrange(self.target, self.order)

    def applied(self, data: Any) -> Any:
        items = value_at(data, self.target.native_path)
        return assigned(data, self.target.native_path, [items[number] for number in self.order])
