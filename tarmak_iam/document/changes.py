"""Single changes of a document: the splices that each one makes, and what it means for the plain values."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from tarmak_iam.document.arrange import arrange
from tarmak_iam.document.geometry import member_start, size, starts_line
from tarmak_iam.document.insert import add_items, add_members, begin, is_empty
from tarmak_iam.document.intent import assigned, extended, inserted, value_at, without
from tarmak_iam.document.nodes import Mapping, Sequence
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

    def may_follow(self, earlier: Change) -> bool:
        """Whether this change can be planned on a tree that does not have the earlier one yet."""
        if self.members is not None and earlier.members is not None and self.target.route == earlier.target.route:
            return self._may_stand_beside(earlier)
        return not earlier._reaches(self.target.route) and not self._takes(earlier.target.route)

    def completes(self, _waiting: Iterable[Change]) -> bool:
        """Whether it ends what others began in a way that none of them alone would."""
        return False

    def joined_to(self, _earlier: Change) -> Change | None:
        """One change that does what the earlier one and this one do; None if there is no such."""
        return None

    def touches(self, route: Route) -> bool:
        """Whether the tree no longer shows what is at a route, or below it."""
        return self._reaches(route) or route.leads_to(self.target.route)

    def _may_stand_beside(self, _earlier: Change) -> bool:
        """Whether it and an earlier change of the same collection's members do not count on each other."""
        return False

    def _takes(self, route: Route) -> bool:
        """Whether what is at a route changes as a part of this."""
        if self.members is None:
            return self.target.route.leads_to(route)
        return any(member.leads_to(route) for member in self.members)

    def _reaches(self, route: Route) -> bool:
        """Whether a route leads elsewhere than before, or to something else."""
        if self.members is not None and isinstance(self.target.node, Sequence):
            return self.target.route.leads_to(route)  # with an item more or less the indices behind it shift
        return self._takes(route)


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

    @cached_property
    def members(self) -> tuple[Route, ...] | None:
        return None if is_empty(self.target) else tuple(self.target.route / str(key) for key in self.new)

    def joined_to(self, earlier: Change) -> Change | None:
        if not isinstance(earlier, AddMembers) or earlier.target.route != self.target.route:
            return None
        return AddMembers(self.target, {**earlier.new, **self.new})

    def _may_stand_beside(self, earlier: Change) -> bool:
        if isinstance(earlier, AddMembers):
            return _is_block(self.target) and not self.new.keys() & earlier.new.keys()
        return isinstance(earlier, RemoveMembers) and earlier.leaves_a_block


@dataclass(frozen=True)
class AddItems(Change):
    """New items for a list, or for what is empty, from `index` on."""

    index: int
    new: list[Any]

    def splices(self) -> list[Splice]:
        return add_items(self.target, self.index, self.new)

    def applied(self, data: Any) -> Any:
        return inserted(data, self.target.native_path, self.index, self.new)

    @cached_property
    def members(self) -> tuple[Route, ...] | None:
        return None if is_empty(self.target) else (self.target.route / self.index,)

    def joined_to(self, earlier: Change) -> Change | None:
        """Only what is added to the end, one behind the other."""
        if not isinstance(earlier, AddItems) or earlier.target.route != self.target.route:
            return None
        end = size(self.target.node) if self.target.node else 0
        is_joint = earlier.index == self.index == end or is_empty(self.target)
        return AddItems(self.target, earlier.index, [*earlier.new, *self.new]) if is_joint else None

    def _may_stand_beside(self, earlier: Change) -> bool:
        return isinstance(earlier, AddItems) and self.index < earlier.index


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

    @cached_property
    def members(self) -> tuple[Route, ...] | None:
        return tuple(self.target.member(number).route for number in self.numbers)

    @property
    def leaves_a_block(self) -> bool:
        """Whether a block mapping keeps members: then new ones have nothing to do with those that go."""
        return _is_block(self.target) and len(self.numbers) < size(self.target.holders[-1].node)

    def completes(self, waiting: Iterable[Change]) -> bool:
        """The last one that goes leaves {} or []."""
        others = (other for other in waiting if isinstance(other, RemoveMembers))
        taken = sum(len(other.numbers) for other in others if other.target.route == self.target.route)
        return bool(taken) and taken + len(self.numbers) == size(self.target.holders[-1].node)

    def _may_stand_beside(self, earlier: Change) -> bool:
        if isinstance(earlier, RemoveMembers):
            return self._takes_whole_lines and earlier._takes_whole_lines
        return isinstance(earlier, AddMembers) and self.leaves_a_block

    @property
    def _takes_whole_lines(self) -> bool:
        """Whether no other member moves: not where the first one stands behind a dash. Of a list they all do."""
        node, source = self.target.node, self.target.tree.source
        if not isinstance(node, Mapping) or node.flow or self.own is not None:
            return False
        return starts_line(source, member_start(source, node, min(self.numbers)))


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


def _is_block(target: Target) -> bool:
    """Whether the target is a block mapping with members: their lines have nothing to do with each other."""
    return isinstance(target.node, Mapping) and not target.node.flow and bool(target.node.entries)
