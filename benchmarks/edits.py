"""One edit of a tarmak.yaml: time and memory of tarmak-iam, the round trip of ruamel.yaml, and yaml-edit.

Every tool runs in a separate process for each file, so that the peak memory is that of the tool. tarmak-iam parses,
edits, and parses the result again to prove the edit; the others do not.
"""

from __future__ import annotations

import importlib
import io
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from tables import Cells, Table
from timing import program, shortest

__all__ = ["EDITS", "EXAMPLE", "own_program"]

ROOT = Path(__file__).resolve().parent.parent
EXAMPLE = ROOT / "examples" / "single" / "tarmak.yaml"
CORPUS = ROOT.parent / "shared" / "corpus"
FILES = ("tarmak-3k.yaml", "tarmak-100k.yaml")
PATH = ("clusters", 0, "kubernetes", "apiServer", "amazon", "awsIAMAuthenticatorInit")
LONG = 3000
"""A call that takes more milliseconds than this is run only once."""
NOT_INSTALLED = 3

Edit = Callable[[bytes], bytes]


# --- the tools: each is imported by its function, which gives the edit ---------------------------------------------


def round_trip() -> Edit:
    ruamel = importlib.import_module("ruamel.yaml")

    def edit(raw: bytes) -> bytes:
        yaml = ruamel.YAML()
        yaml.preserve_quotes = True
        yaml.width = 4096
        data = yaml.load(raw)
        data["clusters"][0]["kubernetes"]["apiServer"].setdefault("amazon", {})["awsIAMAuthenticatorInit"] = True
        out = io.BytesIO()
        yaml.dump(data, out)
        return out.getvalue()

    return edit


def with_c_parser() -> Edit:
    reader = importlib.import_module("tarmak_iam.document.yaml_reader")
    if not reader.has_c_parser():
        raise ImportError("ruamel.yaml's C parser")
    return _ours()


def with_pure_parser() -> Edit:
    for name in ("_ruamel_yaml", "_ruamel_yaml_clibz"):  # as if neither extra were installed
        sys.modules[name] = None  # type: ignore[assignment]  # so that importing it raises
    return _ours()


def _ours() -> Edit:
    document = importlib.import_module("tarmak_iam.document").Document
    return lambda raw: document.parse(raw).set(PATH, True).to_bytes()


def yaml_edit() -> Edit:
    document = importlib.import_module("yaml_edit").Document
    path = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in PATH)[1:]

    def edit(raw: bytes) -> bytes:
        parsed = document.parse(raw.decode())
        parsed.set_path(path, True)
        return str(parsed).encode()

    return edit


TOOLS: dict[str, Callable[[], Edit]] = {
    "ruamel.yaml round trip": round_trip,
    "tarmak-iam, C parser": with_c_parser,
    "tarmak-iam, pure parser": with_pure_parser,
    "yaml-edit": yaml_edit,
}


# --- one tool and one file, in a separate process ----------------------------------------------------------------


@dataclass(frozen=True)
class Measured:
    """The shortest time; the peak memory of the process, and the peak before the first edit (the imports)."""

    milliseconds: float
    megabytes: float
    imports: float

    @property
    def own(self) -> float:
        return self.megabytes - self.imports


def measure(tool: str, file: Path) -> Measured:
    """Raises ImportError where the tool is not installed."""
    edit, raw = TOOLS[tool](), file.read_bytes()
    results: list[bytes] = []
    imports = peak()
    # CPU time, without that of other processes.
    took = shortest(lambda: results.append(edit(raw)), 0, time.process_time)
    megabytes = peak()
    if took < LONG:
        took = min(took, shortest(lambda: edit(raw), 1.5, time.process_time))
    check(raw, results[0])
    return Measured(took, megabytes, imports)


def peak() -> float:
    """The largest size of this process so far, in MB.

    On Linux ru_maxrss begins with the size of the process that started this one; VmHWM does not.
    """
    status = Path("/proc/self/status")
    if status.exists():
        return int(status.read_text().partition("VmHWM:")[2].split()[0]) / 1024
    size = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return size / (1024 * 1024 if sys.platform == "darwin" else 1024)


def check(raw: bytes, result: bytes) -> None:
    """The result means what was intended: everything as before, and the new value. Left out for large files,
    for which the tool does the same."""
    if len(raw) > 200_000:
        return
    yaml = importlib.import_module("ruamel.yaml").YAML(typ="safe")
    intended = yaml.load(raw)
    intended["clusters"][0]["kubernetes"]["apiServer"]["amazon"] = {PATH[-1]: True}
    assert yaml.load(result) == intended


def in_a_process(tool: str, file: Path) -> Measured | None:
    """None where the tool is not installed."""
    result = subprocess.run([sys.executable, __file__, tool, str(file)], check=False, stdout=subprocess.PIPE)
    if result.returncode == NOT_INSTALLED:
        return None
    result.check_returncode()
    return Measured(**json.loads(result.stdout))


# --- the files -----------------------------------------------------------------------------------------------------


def texts() -> Iterator[str]:
    """About 3 KB, 100 KB and 1 MB: from ../shared, else the cluster of the example, repeated."""
    small, large = (CORPUS / name for name in FILES)
    if small.exists() and large.exists():
        yield small.read_text()
        yield large.read_text()
        yield repeated(large.read_text(), 10)
        return
    example = EXAMPLE.read_text()
    for copies in (1, 40, 400):
        yield repeated(example, copies)


def repeated(text: str, times: int) -> str:
    """A tarmak.yaml with its clusters repeated under the same key."""
    head, _, rest = text.partition("clusters:\n")
    lines = rest.splitlines(keepends=True)
    end = next(number for number, line in enumerate(lines) if line[:1].isalpha())
    return head + "clusters:\n" + "".join(lines[:end]) * times + "".join(lines[end:])


# --- the table -----------------------------------------------------------------------------------------------------


def table() -> Cells:
    """Ratios are relative to the first tool. Memory is the peak minus that of the imports."""
    cells: dict[str, list[str]] = {tool: [] for tool in TOOLS}
    with tempfile.TemporaryDirectory() as directory:
        file = Path(directory) / "tarmak.yaml"
        for text in texts():
            file.write_text(text)
            results = {tool: in_a_process(tool, file) for tool in TOOLS}
            base = results[next(iter(TOOLS))]
            assert base is not None
            for tool, got in results.items():
                if got is not None:
                    cells[tool] += [
                        f"{got.milliseconds / base.milliseconds:.2f} ({got.milliseconds:,.0f} ms)",
                        f"{got.own / base.own:.2f} ({got.own:.1f} MB)" if base.own else "-",
                    ]
    return {tool: row for tool, row in cells.items() if row}


EDITS = Table(
    "edits",
    "One edit of a tarmak.yaml of 3 KB, 100 KB and 1 MB, relative to the round trip of ruamel.yaml",
    "",
    ("3 KB: time", "memory", "100 KB: time", "memory", "1 MB: time", "memory"),
    tuple(TOOLS),
    table,
)


def own_program(*words: str, environment: Mapping[str, str] | None = None) -> Callable[[], bytes]:
    return program([sys.executable, "-m", "tarmak_iam", *words], environment)


def main(arguments: list[str]) -> int:
    """A tool and a file: its numbers, for `in_a_process`."""
    tool, file = arguments
    try:
        measured = measure(tool, Path(file))
    except ImportError:
        return NOT_INSTALLED
    print(json.dumps(measured.__dict__))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
