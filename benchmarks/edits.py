"""One edit of a tarmak.yaml of several sizes with several tools: time and memory, and the time of a further edit."""

from __future__ import annotations

import contextlib
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from pathlib import Path

from edit_tools import ANCHOR, C_PARSER, OTHERS, PURE_PARSER, ROUND_TRIP, TOOLS, Measured, NotInstalled, measured
from tables import Cells, Table
from timing import program

__all__ = ["EDITS", "EXAMPLE", "FURTHER", "own_program"]

ROOT = Path(__file__).resolve().parent.parent
EXAMPLE = ROOT / "examples" / "single" / "tarmak.yaml"
CORPUS = ROOT.parent / "shared" / "corpus"
FILES = ("tarmak-3k.yaml", "tarmak-100k.yaml")
SIZES = ("3 KB", "100 KB", "5 MB")
C_TARGET, PURE_TARGET = (f"target with the {kind} parser" for kind in ("C", "pure"))


# --- the files -----------------------------------------------------------------------------------------------------


def texts() -> Iterator[str]:
    """About 3 KB, 100 KB and 5 MB: from ../shared, else the cluster of the example, repeated."""
    small, large = (CORPUS / name for name in FILES)
    if small.exists() and large.exists():
        yield small.read_text()
        yield large.read_text()
        yield repeated(large.read_text(), 50)
        return
    example = EXAMPLE.read_text()
    for copies in (1, 40, 2000):
        yield repeated(example, copies)


def repeated(text: str, times: int) -> str:
    """A tarmak.yaml with its clusters repeated under the same key."""
    head, _, rest = text.partition("clusters:\n")
    lines = rest.splitlines(keepends=True)
    end = next(number for number, line in enumerate(lines) if line[:1].isalpha())
    return head + "clusters:\n" + "".join(lines[:end]) * times + "".join(lines[end:])


# --- the tables ----------------------------------------------------------------------------------------------------


@cache
def results() -> Mapping[str, Mapping[str, Measured | str]]:
    """By tool and size; why there are no numbers where a tool has none. Without tools that are not installed."""
    found: dict[str, dict[str, Measured | str]] = {}
    with tempfile.TemporaryDirectory() as directory:
        file = Path(directory) / "tarmak.yaml"
        for size, text in zip(SIZES, texts(), strict=True):
            file.write_text(text)
            for tool in TOOLS:
                with contextlib.suppress(NotInstalled):
                    found.setdefault(tool, {})[size] = measured(tool, file)
    return found


def one_edit() -> Cells:
    """Memory is the peak minus that of the imports."""
    cells: dict[str, list[str]] = {
        C_TARGET: ["25", "", "50", "", "", "150 MB"],
        PURE_TARGET: ["3", "", "3", "", "3", ""],
    }
    for tool, by_size in results().items():
        cells[tool] = []
        for size, got in by_size.items():
            base = results()[ROUND_TRIP][size]
            assert isinstance(base, Measured)
            if isinstance(got, str):
                cells[tool] += [got, ""]
                continue
            memory = f"{got.own / base.own:.2f} ({got.own:.1f} MB)" if base.own else f"{got.own:.1f} MB"
            cells[tool] += [faster(base.milliseconds, got.milliseconds), memory]
    return cells


def further_edit() -> Cells:
    cells: dict[str, list[str]] = {C_TARGET: ["1 ms", "2 ms"]}
    for tool, by_size in results().items():
        cells[tool] = []
        for size in SIZES[1:]:
            base, got = results()[ROUND_TRIP][size], by_size[size]
            assert isinstance(base, Measured)
            cells[tool].append(got if isinstance(got, str) else faster(base.further, got.further))
    return cells


def faster(base: float, milliseconds: float) -> str:
    """How many times faster than the base, and the milliseconds, both in three digits."""
    times = base / milliseconds
    digits = 2 if milliseconds < 10 else 1 if milliseconds < 100 else 0
    return f"{times:,.{0 if times >= 100 else 1}f} ({milliseconds:,.{digits}f} ms)"


EDITS = Table(
    "edits",
    "One edit of a tarmak.yaml of 3 KB, 100 KB and 5 MB: how many times faster than the round trip of ruamel.yaml, and"
    " the memory relative to it",
    "",
    tuple(column for size in SIZES for column in (f"{size}: times faster", "memory")),
    (ROUND_TRIP, C_PARSER, C_TARGET, ANCHOR, PURE_PARSER, PURE_TARGET, *OTHERS),
    one_edit,
)
FURTHER = Table(
    "further",
    "A further edit of a file that was parsed already: how many times faster than assigning to the parsed data of"
    " ruamel.yaml and writing it",
    "",
    SIZES[1:],
    (ROUND_TRIP, C_PARSER, C_TARGET, ANCHOR, PURE_PARSER, *OTHERS),
    further_edit,
)


def own_program(*words: str, environment: Mapping[str, str] | None = None) -> Callable[[], bytes]:
    return program([sys.executable, "-m", "tarmak_iam", *words], environment)
