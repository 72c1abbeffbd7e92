"""The values of tarmak.yaml that Tarmak uses and that differ between two texts of the file, with their paths."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from tarmak_iam.config.cluster import ReadFile
from tarmak_iam.config.key_paths import ROOT, KeyStep, PathStep, joined
from tarmak_iam.config.path_lookup import item_steps, items_of
from tarmak_iam.config.sections import Path
from tarmak_iam.config.tarmak_output import NOW, defaulted
from tarmak_iam.config.tarmak_types import root_field
from tarmak_iam.document.plain_values import same, value_at
from tarmak_iam.document.render import Layout, flow_text
from tarmak_iam.routes import Route
from tarmak_iam.text import quoted, shortened


class ChangedValue(NamedTuple):
    """`steps` lead to the value in Tarmak's data. `path` is written as for `config get`, relative to the cluster with
    the index `cluster`, or absolute where that is None. None stands for a key that is not set and has no known
    default."""

    steps: Path
    path: str
    cluster: int | None
    before: Any
    after: Any

    @property
    def text(self) -> str:
        """As in `kubernetes.version: 1.11.1 -> 1.12.9`."""
        return f"{self.path}: {value_text(self.before)} -> {value_text(self.after)}"


def value_text(value: Any) -> str:
    """A value in one line, for messages; `not set` for None. Its end, as the tag of an image, may be what differs."""
    if value is None:
        return "not set"
    if isinstance(value, str):
        return shortened(value, 200) if value and not re.search(r"\s", value) else quoted(value)
    return shortened(flow_text(value, Layout()), 200)


def changed_values(before: ReadFile, after: ReadFile) -> Iterator[ChangedValue]:
    """In the order of `before`, then new keys. Tarmak's default stands for a key that is not set, so that setting a key
    to its default changes nothing."""
    used = (defaulted(before.data), defaulted(after.data)) if not same(before.data, after.data) else ()
    for steps in _differing(before.data, after.data, ()):
        old, new = (
            value_at(defaults, steps) if (value := value_at(file.data, steps)) is None else value
            for file, defaults in zip((before, after), used, strict=True)
        )
        old, new = (None if value == NOW else value for value in (old, new))
        field = root_field().below(*steps)
        if field is not None and field.kind == "bool" and not field.is_pointer:  # Go's zero value
            old, new = (False if value is None and (old, new) != (None, None) else value for value in (old, new))
        if not same(old, new):
            is_of_cluster = steps[0] == "clusters" and len(steps) > 2
            path = _path(before if value_at(after.data, steps[:-1]) is None else after, steps, 2 * is_of_cluster)
            yield ChangedValue(steps, path, int(steps[1]) if is_of_cluster else None, old, new)


def _differing(old: Any, new: Any, steps: Path) -> Iterator[Path]:
    """The paths of scalars and lists that differ. Lists of objects of the same length are compared item by item."""
    is_list = isinstance(old, list) and isinstance(new, list) and len(old) == len(new)
    items = (*old, *new) if is_list else (old, new)
    if same(old, new):
        return
    if not all(value is None or isinstance(value, dict) for value in items):
        yield from (steps,) if steps else ()
    elif is_list:
        for index, pair in enumerate(zip(old, new, strict=True)):
            yield from _differing(*pair, (*steps, index))
    else:
        for key in dict.fromkeys((*(old or {}), *(new or {}))):
            yield from _differing((old or {}).get(key), (new or {}).get(key), (*steps, key))


def _path(file: ReadFile, steps: Path, start: int) -> str:
    """The path with the names of items; of two items with the same name, with their indices."""
    shown: list[PathStep] = []
    for number, step in enumerate(steps[start:], start):
        if isinstance(step, str):
            shown.append(KeyStep(step))
            continue
        items = items_of(file.document.node(Route.of(steps[:number])))
        shown.append(item_steps(items, root_field().below(*steps[: number + 1]))[step])
    return f"{'' if start else ROOT}{joined(tuple(shown))}"
