"""What an edit must cost at most, each beside its target: `python benchmarks/targets.py [ROW ...]`.

A row is measured in one run with what it is compared with. benchmarks/growth.py has how the time grows.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import cache, partial
from pathlib import Path
from typing import Any

from batches import ITEM
from edit_tools import ANCHOR, C_PARSER, PATH, PURE_PARSER, ROUND_TRIP, YAML_EDIT, Measured, measured
from edits import texts
from timing import shortest

from tarmak_iam.document import Append, Document, Edit, Insert, Move, Remove, Rename, Set

__all__ = ["BATCHES_OF_300", "ROWS", "main"]

SMALL, LARGE, HUGE = range(3)
SECONDS = 1.0
COUNT, POOLS = 300, 228
"""So many pools are 30 KB."""

Row = tuple[str, str, bool]
"""What was measured, the target, and whether it is reached."""


# --- one edit, in a process of each tool ---------------------------------------------------------------------------


@cache
def of_tool(tool: str, size: int) -> Measured:
    with tempfile.TemporaryDirectory() as directory:
        file = Path(directory) / "tarmak.yaml"
        file.write_text(list(texts())[size])
        numbers = measured(tool, file)
    if isinstance(numbers, str):
        raise SystemExit(f"{tool}: {numbers}")
    return numbers


def times_faster(tool: str, other: str, size: int, least: float) -> Row:
    ours, theirs = of_tool(tool, size).milliseconds, of_tool(other, size).milliseconds
    ratio = theirs / ours
    target = f"at least {least:g} times" if least else "(none)"
    return f"{ratio:.1f} times ({ours:.2f} ms, {theirs:.2f} ms)", target, ratio >= least


def further(most: float) -> Row:
    took = of_tool(C_PARSER, LARGE).further
    return f"{took:.2f} ms", f"at most {most:g} ms", took <= most


def memory(most: float) -> Row:
    size = of_tool(C_PARSER, HUGE).own
    return f"{size:.1f} MB", f"less than {most:g} MB", size < most


# --- several of our own edits, in this process ---------------------------------------------------------------------


def milliseconds(work: Callable[[], object]) -> float:
    return shortest(work, SECONDS, time.process_time)


def ratio(work: Callable[[], object], base: Callable[[], object], most: float) -> Row:
    work(), base()
    took, other = milliseconds(work), milliseconds(base)
    return f"{took / other:.2f} times ({took:.2f} ms, {other:.2f} ms)", f"at most {most:g} times", took / other <= most


def document_start() -> Row:
    """Parsing and an edit of 100 KB."""
    text = list(texts())[LARGE]

    def edited(raw: str) -> bytes:
        return Document.parse(raw).set(PATH, True).to_bytes()

    return ratio(partial(edited, f"---\n{text}"), partial(edited, text), 1.1)


def long_list() -> Document:
    """18,000 lines."""
    return Document.parse("pools:\n" + "".join(ITEM.format(number=number) for number in range(3000)))


def move(edit: Edit) -> Row:
    document = long_list()
    return ratio(lambda: document.edit(edit), lambda: document.set(("pools", 1500, "maxCount"), 5), 10)


def pools() -> bytes:
    return ("pools:\n" + "".join(ITEM.format(number=number) for number in range(POOLS))).encode()


def _key(number: int, *, of: tuple[str, str] = ("type", "labels")) -> tuple[str, int, str]:
    return "pools", number % POOLS, of[number // POOLS]


BATCHES_OF_300: dict[str, Callable[[int], Edit]] = {
    "sets": lambda number: Set(_key(number, of=("minCount", "maxCount")), 5),
    "new keys": lambda number: Set(("pools", number % POOLS, f"new-{number}", "key"), number),
    "appends": lambda number: Append(("pools",), {"name": f"new-{number}", "type": "worker"}),
    "inserts": lambda number: Insert(("pools", number % POOLS), {"name": f"new-{number}"}),
    "removes of keys": lambda number: Remove(_key(number)),
    "renames": lambda number: Rename(_key(number), f"new-{number}"),
    "moves of items": lambda number: Move(("pools", number % POOLS), ("pools", (number * 7) % POOLS)),
    "moves of keys": lambda number: Move(_key(number), ("pools", (number + 1) % POOLS, f"key-{number}")),
    "moves of keys into new parents": lambda number: Move(
        _key(number), ("pools", number % POOLS, "spec", f"key-{number}")
    ),
}


def batch(make: Callable[[int], Edit]) -> Row:
    raw, edits = pools(), [make(number) for number in range(COUNT)]
    return at_most_100_ms(lambda: Document.parse(raw).edit(*edits).to_bytes())


def removes_of_items() -> Row:
    raw, edits = pools(), [Remove(("pools", 0)) for _ in range(POOLS - 1)]
    return at_most_100_ms(lambda: Document.parse(raw).edit(*edits).to_bytes())


def update() -> Row:
    raw = pools()
    data = Document.parse(raw).data
    for number, pool in enumerate(data["pools"]):
        pool["maxCount"] = 5
        if number < COUNT - POOLS:
            pool["minCount"] = 2
    return at_most_100_ms(lambda: Document.parse(raw).update(data).to_bytes())


def reversal() -> Row:
    raw = pools()
    data: dict[str, list[Any]] = Document.parse(raw).data
    data["pools"].reverse()
    return at_most_100_ms(lambda: Document.parse(raw).update(data, identities=["name"]).to_bytes())


def mixed() -> Row:
    kinds = [BATCHES_OF_300[kind] for kind in ("sets", "new keys", "appends", "renames")]
    return batch(lambda number: kinds[number % len(kinds)](number))


def one_by_one(make: Callable[[int], Edit]) -> Row:
    """Each on the document that the edit before it made."""
    raw, edits = pools(), [make(number) for number in range(COUNT)]

    def edited() -> bytes:
        document = Document.parse(raw)
        for edit in edits:
            document = document.edit(edit)
        return document.to_bytes()

    took = milliseconds(edited)
    return f"{took / COUNT:.2f} ms each", "(none)", True


def at_most_100_ms(work: Callable[[], object]) -> Row:
    took = milliseconds(work)
    return f"{took:.1f} ms", "at most 100 ms", took <= 100


ROWS: dict[str, Callable[[], Row]] = {
    "3.6 KB, ruamel.yaml": partial(times_faster, C_PARSER, ROUND_TRIP, SMALL, 12),
    "3.6 KB, yaml-edit": partial(times_faster, C_PARSER, YAML_EDIT, SMALL, 0),
    "100 KB, ruamel.yaml": partial(times_faster, C_PARSER, ROUND_TRIP, LARGE, 60),
    "100 KB, yaml-edit": partial(times_faster, C_PARSER, YAML_EDIT, LARGE, 1),
    "3.6 KB with an anchor, ruamel.yaml": partial(times_faster, ANCHOR, ROUND_TRIP, SMALL, 9),
    "3.6 KB, pure parser, ruamel.yaml": partial(times_faster, PURE_PARSER, ROUND_TRIP, SMALL, 3),
    "100 KB, a further edit": partial(further, 1.5),
    "5 MB, memory": partial(memory, 30),
    "100 KB after ---, against 100 KB": document_start,
    "18,000 lines, a move of an item, against a set": partial(move, Move(("pools", 1000), ("pools", 2000))),
    "18,000 lines, a move of a key, against a set": partial(
        move, Move(("pools", 1000, "type"), ("pools", 2000, "spec", "type"))
    ),
    **{f"30 KB, 300 {kind}": partial(batch, make) for kind, make in BATCHES_OF_300.items()},
    "30 KB, 227 removes of items": removes_of_items,
    "30 KB, 300 edits of four kinds": mixed,
    "30 KB, update() with 300 changed values": update,
    "30 KB, update() with a list reversed": reversal,
    "30 KB, 300 sets one by one": partial(one_by_one, BATCHES_OF_300["sets"]),
    "30 KB, 300 renames one by one": partial(one_by_one, BATCHES_OF_300["renames"]),
}


def selected(names: list[str]) -> Iterator[tuple[str, Callable[[], Row]]]:
    for name, measure in ROWS.items():
        if not names or any(asked in name for asked in names):
            yield name, measure


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python benchmarks/targets.py")
    parser.add_argument("rows", nargs="*", metavar="ROW", help="part of the name of one of: " + "; ".join(ROWS))
    print("| what | measured | target | |\n| --- | ---: | ---: | --- |")
    missed = 0
    for name, measure in selected(parser.parse_args(argv).rows):
        numbers, target, is_reached = measure()
        missed += not is_reached
        print(f"| {name} | {numbers} | {target} | {'' if is_reached else '**missed**'} |", flush=True)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
