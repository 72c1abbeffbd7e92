"""How the time of reading and editing grows with the text.

`python benchmarks/growth.py [--size BYTES] [--pure] [ROW ...]`: for each row the times at a quarter of the size, at
half of it and at all of it. Twice as much may take a little more than twice as long; a row that grows faster is marked.
"""

from __future__ import annotations

import argparse
import importlib
import pkgutil
import signal
import sys
import time
from collections.abc import Callable
from functools import partial
from itertools import pairwise
from types import FrameType
from typing import Any

from timing import shortest

from tarmak_iam.document import Append, Document, Edit, Insert, Move, Remove, Rename, Set
from tarmak_iam.errors import TarmakIamError

__all__ = ["BATCHES", "SHAPES", "main"]

MOST = 3.0
"""For twice the size: n log n takes about 2.2 times as long, and what grows with the square 4 times. The caches of the
processor, and other load on the machine, account for the rest."""
LONGEST = 30.0
"""Seconds after which a row is ended. A timer of processor time would make the clock coarse on some systems."""
SECONDS = 0.3


class TooLong(Exception):
    """It takes longer than LONGEST."""


# --- texts: what is around a key that is set -----------------------------------------------------------------------


def line(begin: str, part: str, end: str = "\n") -> Callable[[int], str]:
    """One long line."""
    return lambda size: f"k: 1\n{begin}{part * (size // len(part))}{end}z: 1\n"


def lines(begin: str, part: str, end: str = "") -> Callable[[int], str]:
    """Many lines; `{n}` is the number of each."""

    def text(size: int) -> str:
        count = size // len(part)
        return f"k: 1\n{begin}{''.join(part.replace('{n}', str(number)) for number in range(count))}{end}z: 1\n"

    return text


SHAPES: dict[str, Callable[[int], str]] = {
    "flow mappings in one line": line("a: [", "{k: 1}, ", "]\n"),
    "flow lists in one line": line("a: [", "[0], ", "]\n"),
    "words in one flow list": line("a: [", "word, ", "]\n"),
    "JSON in one line of a block scalar": line("a: |\n  [", '{"k": "v: 1", "l": [1, 2]}, ', "]\n"),
    "a scalar with ?": line("a: b", " ?y"),
    "a scalar with :": line("a: b", " :y"),
    "a scalar with #": line("a: b", "#y"),
    "a scalar of words": line("a: b", " word"),
    "a comment with keys and tags": line("#", " a: !x"),
    "a comment with quotes": line("#", ' it\'s "so"'),
    "a comment in a line": line("a: b  #", " a: *b"),
    "a double-quoted scalar": line('a: "', 'b: \\" # {', '"\n'),
    "a single-quoted scalar": line("a: '", "b: '' # [", "'\n"),
    "a template": line("a: 'b", "{{ x }} ", "'\n"),
    "a long key": line("", "k", ": 1\n"),
    "blanks at the end of a line": line("a: b", " "),
    "tabs at the end of a line": line("a: b", "\t"),
    "a flow list in many lines": lines("a: [\n", "  word{n},  # c\n", "  ]\n"),
    "a flow mapping in many lines": lines("a: {\n", "  k{n}: v,\n", "  }\n"),
    "a block scalar": lines("a: |\n", "  line {n}: # x\n"),
    "a folded scalar": lines("a: >\n", "  line {n}: # x\n"),
    "a plain scalar of many lines": lines("a: b\n", "  word {n}\n"),
    "a quoted scalar of many lines": lines("a: 'b\n", "  word: {n}\n", "  '\n"),
    "keys": lines("", "key-{n}: value\n"),
    "keys of one mapping below another": lines("a:\n", "  key-{n}: value\n"),
    "items": lines("a:\n", "- item {n}\n"),
    "items with keys": lines("a:\n", "- name: n{n}\n  zone: b\n"),
    "lists in lists": lines("a:\n", "- - - {n}\n    - 1\n"),
    "nested blocks": lines("", "".join(f"{' ' * depth}k{{n}}-{depth}:\n" for depth in range(100))),
    "nested brackets": lines("", "a{n}: " + "[" * 90 + "]" * 90 + "\n"),
    "anchors": lines("", "k{n}: &a{n} v\n"),
    "anchors and aliases": lines("", "k{n}: &a{n} v\nl{n}: *a{n}\n"),
    "merge keys": lines("a: &a {x: 1}\n", "m{n}:\n  <<: *a\n  y: 1\n"),
    "tags": lines("", "k{n}: !t v\n"),
    "comments": lines("", "# comment {n}\n"),
    "comments at the ends of lines": lines("", "k{n}: v  # comment\n"),
    "comments deeper and deeper": lines("a:\n  b: 1\n", "    # {n}\n  # {n}\n# {n}\n"),
    "blank lines": lines("", "\n"),
    "lines with CRLF": lines("", "k{n}: v\r\n"),
    "tabs after keys": lines("", "k{n}:\tv\n"),
    "explicit keys": lines("", "? k{n}\n: v\n"),
    "documents": lines("", "---\nk{n}: v\n"),
}


def of_shape(make: Callable[[int], str], size: int) -> Callable[[], object]:
    """Reading and two edits. A refusal or an error of the text is an answer, too."""
    text = make(size)

    def edited() -> object:
        try:
            document = Document.parse(text).set(("k",), 2)
            return document.set(("k",), 3).to_bytes()
        except TarmakIamError as error:
            return error

    return edited


# --- batches: as many edits as there are items ---------------------------------------------------------------------


def items(count: int) -> str:
    return "a:\n" + "".join(f"- name: n{number}  # c\n  zone: b\n" for number in range(count)) + "z: {}\n"


def of_batch(edit: Callable[[int, int], Edit], size: int) -> Callable[[], object]:
    count = size // 100
    text, edits = items(count), [edit(number, count) for number in range(count // 2)]
    return lambda: Document.parse(text).edit(*edits).to_bytes()


BATCHES: dict[str, Callable[[int, int], Edit]] = {
    "sets": lambda number, _: Set(("a", number, "zone"), "c"),
    "sets of one value": lambda number, _: Set(("a", 0, "zone"), number),
    "new keys": lambda number, _: Set(("a", number, "new", "key"), 1),
    "new keys of one mapping": lambda number, _: Set(("z", f"k{number}"), 1),
    "new keys of the root": lambda number, _: Set((f"k{number}",), 1),
    "appends": lambda number, _: Append(("a",), {"name": number}),
    "inserts at the beginning": lambda number, _: Insert(("a", 0), {"name": number}),
    "inserts everywhere": lambda number, _: Insert(("a", number * 2), {"name": number}),
    "removes at the beginning": lambda *_: Remove(("a", 0)),
    "removes everywhere": lambda number, _: Remove(("a", number)),
    "removes of keys": lambda number, _: Remove(("a", number, "zone")),
    "renames": lambda number, _: Rename(("a", number, "zone"), "place"),
    "moves to the beginning": lambda _, count: Move(("a", count - 1), ("a", 0)),
    "moves of keys": lambda number, _: Move(("a", number, "zone"), ("z", f"k{number}")),
    "moves into a list": lambda number, _: Move(("a", 0), ("b", number)),
}


def updated(change: Callable[[list[Any]], list[Any]], size: int) -> Callable[[], object]:
    text = items(size // 100)
    data = Document.parse(text).data
    data["a"] = change(data["a"])
    return lambda: Document.parse(text).update(data, identities=["name"]).to_bytes()


UPDATES: dict[str, Callable[[list[Any]], list[Any]]] = {
    "update(): values": lambda found: [{**item, "zone": "c"} for item in found],
    "update(): a list reversed": lambda found: found[::-1],
    "update(): every second item gone": lambda found: found[::2],
    "update(): other items": lambda found: [{"name": f"o{number}"} for number in range(len(found))],
}

ROWS: dict[str, Callable[[int], Callable[[], object]]] = {
    **{name: partial(of_shape, make) for name, make in SHAPES.items()},
    **{f"batch: {name}": partial(of_batch, edit) for name, edit in BATCHES.items()},
    **{name: partial(updated, change) for name, change in UPDATES.items()},
}


def _end(_number: int, _frame: FrameType | None) -> None:
    raise TooLong


def row(make: Callable[[int], Callable[[], object]], size: int) -> list[str]:
    times: list[float] = []
    for part in (4, 2, 1):
        work = make(size // part)
        signal.setitimer(signal.ITIMER_REAL, LONGEST)
        try:
            times.append(shortest(work, SECONDS, time.process_time))
        except TooLong:
            return [*(f"{took:.1f} ms" for took in times), f"more than {LONGEST:g} s", "**grows faster**"]
        except TarmakIamError as error:
            return [*(f"{took:.1f} ms" for took in times), f"{type(error).__name__}: {str(error)[:80]}", ""]
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
    factors = [later / earlier for earlier, later in pairwise(times)]
    grows = factors[-1] > MOST
    return [
        *(f"{took:.1f} ms" for took in times),
        ", ".join(f"{factor:.1f}" for factor in factors),
        "**grows faster**" * grows,
    ]


def without_c_parser() -> None:
    package = importlib.import_module("tarmak_iam.document")
    for info in pkgutil.iter_modules(package.__path__):
        module = importlib.import_module(f"tarmak_iam.document.{info.name}")
        if hasattr(module, "has_c_parser"):
            module.has_c_parser = lambda: False  # type: ignore[attr-defined]


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python benchmarks/growth.py")
    parser.add_argument("--size", type=int, default=200_000)
    parser.add_argument("--pure", action="store_true", help="without the C parser")
    parser.add_argument("rows", nargs="*", metavar="ROW", help="part of the name of one of: " + "; ".join(ROWS))
    asked = parser.parse_args(argv)
    if asked.pure:
        without_c_parser()
    signal.signal(signal.SIGALRM, _end)
    print("| what | n | 2 n | 4 n | factors | |\n| --- | ---: | ---: | ---: | ---: | --- |")
    for name, make in ROWS.items():
        if not asked.rows or any(part in name for part in asked.rows):
            print(f"| {name} | {' | '.join(row(make, asked.size))} |", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
