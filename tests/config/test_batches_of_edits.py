"""A batch of edits changes what its paths mean in the file before it, or is refused as two edits touch each other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import Any

from hypothesis import event, given
from hypothesis import strategies as st

from tarmak_iam import TarmakConfig, TarmakIamError

HEAD = "apiVersion: api.tarmak.io/v1alpha1\nkind: Config\nclusters:\n- {}\n"
CLUSTERS = ("a", "b", "c", "d")
ITEMS = ("p", "q", "r")


@dataclass(eq=False)
class Item:
    """A cluster, or an item of its list."""

    name: str
    items: list[Item] | None = None
    is_cluster: bool = False
    number: int | None = None
    name_before: str = field(init=False)

    def __post_init__(self) -> None:
        self.name_before = self.name

    @property
    def data(self) -> dict[str, Any]:
        data: dict[str, Any] = {"environment": "dev", "metadata": {"name": self.name}} if self.is_cluster else {}
        data |= {} if self.is_cluster else {"name": self.name}
        data |= {} if self.number is None else {"x-n": self.number}
        return data | ({} if self.items is None else {"x-items": [each.data for each in self.items]})


def clusters(names: Sequence[str]) -> list[Item]:
    return [Item(name, [Item(each) for each in ITEMS], is_cluster=True) for name in names]


CONFIG = TarmakConfig.parse(HEAD)
CONFIG = CONFIG.with_document(CONFIG.document.set(("clusters",), [each.data for each in clusters(CLUSTERS)]))


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

    @property
    def indexes(self) -> tuple[int, ...]:
        pairs = zip(self.path, self.names, strict=False)
        return tuple(names.index(step) if isinstance(step, str) else step % len(names) for step, names in pairs)

    @property
    def place(self) -> tuple[str | int, ...]:
        """What the edit touches."""
        keys: dict[str, tuple[str | int, ...]] = {
            "append": ("items", ITEMS.index(self.value) if self.value in ITEMS else f"new {self.value}"),
            "list": ("items",),
            "unset list": ("items",),
            "number": ("number",),
            "unset number": ("number",),
            "rename": ("name",),
        }
        inside: tuple[str | int, ...] = ("items", *self.indexes[1:]) if len(self.indexes) > 1 else ()
        return (*self.indexes[:1], *inside, *keys.get(self.verb, ()))

    def touches(self, other: Step) -> bool:
        width = min(len(self.place), len(other.place))
        is_same = (self.verb, self.place, self.value) == (other.verb, other.place, other.value)
        return self.place[:width] == other.place[:width] and not is_same

    def perform(self, root: list[Item], above: list[Item], found: Item | None) -> None:
        if self.verb == "unset":
            assert found is not None
            if found in above:  # the same edit may be there twice
                above.remove(found)
        elif self.verb == "clusters":
            root[:] = clusters(self.value)
        else:
            assert found is not None
            self._change(found)

    def _change(self, found: Item) -> None:
        if self.verb in ("number", "unset number"):
            found.number = self.value
        elif self.verb == "rename":
            found.name = self.value
        elif self.verb == "list":
            found.items = [Item(name) for name in self.value]
        elif self.verb == "unset list":
            found.items = None
        elif all(each.name_before != self.value for each in found.items or ()):  # whatever a rename makes of it
            assert found.items is not None
            found.items.append(Item(self.value))


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
def test_a_batch_changes_what_its_paths_mean_in_the_file_or_is_refused(steps: list[Step]) -> None:
    root, edits = clusters(CLUSTERS), CONFIG.edit()
    targets: list[tuple[list[Item], Item | None]] = []
    for step in steps:
        above, found = root, None
        for index in step.indexes:
            above = above if found is None else found.items or []
            found = above[index]
        targets.append((above, found))
        edits = step.made_on(edits)
    is_touched = any(one.touches(other) for one, other in combinations(steps, 2))
    after, refusal = None, ""
    try:
        after = edits.apply()
    except TarmakIamError as error:
        refusal = error.what
    event(f"refused: {refusal[:25]}")
    assert ("change the same part of the file" in refusal) == is_touched
    if after is None:
        return
    for step, target in zip(steps, targets, strict=True):
        step.perform(root, *target)
    assert after.document.data["clusters"] == [each.data for each in root]
