"""Three hundred edits of a list of a thousand items as one batch, in single edits of the same kind:
`python benchmarks/batches.py KIND` measures one kind, in a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from tables import Cells, Table
from timing import shortest

from tarmak_iam.document import Append, Document, Edit, Insert, Remove, Set

__all__ = ["BATCHES"]

ITEMS, COUNT = 1000, 300
TARGET = 10
"""Single edits."""
SECONDS = 3.0
ITEM = """\
- name: pool-{number}  # pool {number}
  type: worker
  # until the next release
  minCount: 1
  maxCount: 3
  labels: [{{key: zone, value: b}}]
"""
TEXT = "pools:\n" + "".join(ITEM.format(number=number) for number in range(ITEMS))
NEW = {"name": "new", "type": "worker", "minCount": 1}


def one_item(number: int) -> dict[str, Any]:
    return {**NEW, "name": f"new-{number}"}


EDITS: dict[str, Callable[[int], Edit]] = {
    "set": lambda number: Set(("pools", number * 3, "maxCount"), 5),
    "append": lambda number: Append(("pools",), one_item(number)),
    "insert": lambda number: Insert(("pools", number * 4), one_item(number)),
    "remove": lambda number: Remove(("pools", number * 2)),
}
"""By kind, edit number n of a batch, as it is after the edits before it."""
UPDATE = "update"
ROWS = {
    "set": "300 values are set",
    "append": "300 items are appended",
    "insert": "300 items are inserted",
    "remove": "300 items are removed",
    UPDATE: "update() with 300 changed values",
}


def performed(kind: str, document: Document, count: int) -> Document:
    if kind != UPDATE:
        return document.edit(*map(EDITS[kind], range(count)))
    data = document.shared_data
    pools = [{**pool, "maxCount": 5} if number % 3 == 0 else pool for number, pool in enumerate(data["pools"])]
    return document.update({"pools": pools[: 3 * count] + data["pools"][3 * count :]})


def from_text(kind: str, count: int) -> bytes:
    return performed(kind, Document.parse(TEXT), count).to_bytes()


@dataclass(frozen=True)
class Times:
    """Milliseconds of one edit and of a batch: with parsing and writing, and of a document that was parsed already."""

    single: float
    batch: float
    parsed_single: float
    parsed_batch: float


def measure(kind: str) -> Times:
    def least(work: Callable[[], object]) -> float:
        return shortest(work, SECONDS, time.process_time)

    parsed = Document.parse(TEXT)
    changed = performed(kind, parsed, COUNT).data
    pools = changed["pools"]
    counts = {"append": ITEMS + COUNT, "insert": ITEMS + COUNT, "remove": ITEMS - COUNT}
    assert len(pools) == counts.get(kind, ITEMS)
    assert kind in counts or sum(pool["maxCount"] == 5 for pool in pools) == COUNT
    return Times(
        *(least(partial(from_text, kind, count)) for count in (1, COUNT)),
        *(least(partial(performed, kind, parsed, count)) for count in (1, COUNT)),
    )


def table() -> Cells:
    cells = {}
    for kind, row in ROWS.items():
        done = subprocess.run([sys.executable, __file__, kind], check=True, stdout=subprocess.PIPE)
        times = Times(**json.loads(done.stdout))
        cells[row] = [
            f"{times.batch / times.single:.1f} ({times.batch:.0f} ms)",
            str(TARGET),
            f"{times.parsed_batch / times.parsed_single:.1f} ({times.parsed_batch:.0f} ms)",
        ]
    return cells


BATCHES = Table(
    "batches",
    f"{COUNT} edits of a list of {ITEMS} items as one batch, in single edits of the same kind",
    "",
    ("parse, edit, write: in single edits", "target", "edit only: in single edits"),
    tuple(ROWS.values()),
    table,
)


if __name__ == "__main__":
    print(json.dumps(measure(sys.argv[1]).__dict__))
