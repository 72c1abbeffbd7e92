"""A batch of edits does what its edits do one after the other, on the items that their paths mean before all of them,
or is refused."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from hypothesis import event, given
from hypothesis import strategies as st

from tarmak_iam import TarmakConfig, TarmakIamError

HEAD = "apiVersion: api.tarmak.io/v1alpha1\nkind: Config\nclusters:\n- {}\n"
CLUSTERS = ("a", "b", "c", "d")
ITEMS = ("p", "q", "r")


@dataclass(eq=False)
class Item:
    """A cluster, or an item of its list. `origin` are the indexes it has in the file; None if an edit added it."""

    name: str
    origin: tuple[int, ...] | None = None
    number: int | None = None
    items: list[Item] | None = None
    is_cluster: bool = False

    @property
    def data(self) -> dict[str, Any]:
        data: dict[str, Any] = {"environment": "dev", "metadata": {"name": self.name}} if self.is_cluster else {}
        data |= {} if self.is_cluster else {"name": self.name}
        data |= {} if self.number is None else {"x-n": self.number}
        return data | ({} if self.items is None else {"x-items": [each.data for each in self.items]})

    def replace_items(self, new: list[Item]) -> None:
        """An item of that name takes the place of the old one, if no other has its name."""
        old, self.items = self.items or [], new
        before, after = [each.name for each in old], [each.name for each in new]
        for index, each in enumerate(old):
            if before == after:
                found = new[index]
            elif before.count(each.name) == after.count(each.name) == 1:
                found = new[after.index(each.name)]
            else:
                continue
            found.origin = each.origin
            if each.items is not None and found.items is not None:
                was = Item("", items=each.items)
                was.replace_items(found.items)


def clusters(names: Sequence[str], *, is_file: bool = False) -> list[Item]:
    made = []
    for index, name in enumerate(names):
        items = [Item(each, (index, at) if is_file else None) for at, each in enumerate(ITEMS)]
        made.append(Item(name, (index,) if is_file else None, None, items, is_cluster=True))
    return made


def file() -> Item:
    return Item("", items=clusters(CLUSTERS, is_file=True))


CONFIG = TarmakConfig.parse(HEAD)
CONFIG = CONFIG.with_document(CONFIG.document.set(("clusters",), [each.data for each in file().items or ()]))


@dataclass(frozen=True)
class Step:
    """One edit. The path is of names and indexes: of a cluster, and of one of its items."""

    verb: str
    path: tuple[str | int, ...]
    value: Any = None
    names: tuple[tuple[str, ...], ...] = field(default=(CLUSTERS, ITEMS))

    def text(self, key: str = "") -> str:
        text = "/clusters"
        for number, step in enumerate(self.path):
            name = f"dev-{step}" if isinstance(step, str) and not number else step
            text += f"{'.x-items' if number else ''}[{name}]"
        return f"{text}{key}"

    def made_on(self, edits: Any) -> Any:
        if self.verb == "number":
            return edits.set(self.text(".x-n"), self.value)
        if self.verb == "rename":
            return edits.set(self.text(".metadata.name" if len(self.path) == 1 else ".name"), self.value)
        if self.verb == "list":
            return edits.set(self.text(".x-items"), [Item(name).data for name in self.value])
        if self.verb == "clusters":
            return edits.set("/clusters", [each.data for each in clusters(self.value)])
        if self.verb == "append":
            return edits.append(self.text(".x-items"), Item(self.value).data)
        key = {"unset": "", "unset number": ".x-n", "unset list": ".x-items"}[self.verb]
        return edits.unset(self.text(key))

    def perform(self, root: Item) -> bool:
        """Makes the edit on the model; False if its path means an item that is gone."""
        above, found = root, root
        for depth, step in enumerate(self.path):
            above, is_last = found, depth + 1 == len(self.path)
            each = self._found(above, step, depth)
            if each is None:
                return self.verb == "unset" and is_last and isinstance(step, str)
            found = each
        if self.verb == "unset":
            assert above.items is not None
            above.items.remove(found)
        else:
            self._change(found)
        return True

    def _found(self, above: Item, step: str | int, depth: int) -> Item | None:
        names = self.names[depth]
        index = names.index(step) if isinstance(step, str) else step % len(names)
        if depth and above.origin is None and isinstance(step, int):  # what an edit added has only new items
            items = above.items or []
            return items[step] if -len(items) <= step < len(items) else None
        same = [each for each in above.items or () if each.origin is not None and each.origin[-1] == index]
        if same and (above.origin is not None or not depth):
            return same[0]
        new = [each for each in above.items or () if each.name == step]
        return new[0] if len(new) == 1 and new[0].origin is None else None

    def _change(self, found: Item) -> None:
        if self.verb in ("number", "unset number"):
            found.number = self.value
        elif self.verb == "rename":
            found.name = self.value
        elif self.verb == "list":
            found.replace_items([Item(name) for name in self.value])
        elif self.verb == "clusters":
            found.replace_items(clusters(self.value))
        elif self.verb == "unset list":
            found.items = None
        elif all(each.data != {"name": self.value} for each in found.items or ()):
            found.items = [*(found.items or ()), Item(self.value)]


def some_of(names: Sequence[str]) -> st.SearchStrategy[tuple[str, ...]]:
    return st.lists(st.sampled_from([*names, "n"]), min_size=1, max_size=len(names), unique=True).map(tuple)


def any_step() -> st.SearchStrategy[Step]:
    cluster: st.SearchStrategy[str | int] = st.sampled_from([*CLUSTERS, 0, 1, 2, 3, -1])
    one: st.SearchStrategy[tuple[str | int, ...]] = cluster.map(lambda first: (first,))
    inside: st.SearchStrategy[str | int] = st.sampled_from([*ITEMS, 0, 1, 2, -1])
    item: st.SearchStrategy[tuple[str | int, ...]] = st.tuples(cluster, inside)
    name = st.sampled_from([*ITEMS, "n", "m"])
    return st.one_of(
        st.builds(Step, st.just("number"), one | item, st.integers(1, 99)),
        st.builds(Step, st.just("rename"), item, name),
        st.builds(Step, st.just("rename"), one, st.sampled_from([*CLUSTERS, "e", "f"])),
        st.builds(Step, st.just("unset"), one | item),
        st.builds(Step, st.just("unset number"), one | item),
        st.builds(Step, st.just("unset list"), one),
        st.builds(Step, st.just("append"), one, name),
        st.builds(Step, st.just("list"), one, some_of(ITEMS)),
        st.builds(Step, st.just("clusters"), st.just(()), some_of(CLUSTERS)),
    )


@given(st.lists(any_step(), min_size=2, max_size=6))
def test_a_batch_is_its_edits_one_after_the_other_or_is_refused(steps: list[Step]) -> None:
    root, edits = file(), CONFIG.edit()
    performed = [step.perform(root) for step in steps]
    for step in steps:
        edits = step.made_on(edits)
    try:
        after = edits.apply()
    except TarmakIamError as error:
        event(f"refused: {error.what[:25]}, {all(performed)}")
        return
    event("made")
    assert all(performed)
    assert after.document.data["clusters"] == [each.data for each in root.items or ()]
