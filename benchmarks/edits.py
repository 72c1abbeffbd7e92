"""One edit of a tarmak.yaml: its time and memory, ours against ruamel.yaml's round trip and against yaml-edit.

Every tool has a process of its own for each file, so that its peak of memory is its own. Ours parses,
edits, and parses once more to verify; the others do not verify.
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
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

__all__ = ["edits", "shortest"]

ROOT = Path(__file__).resolve().parent.parent
EXAMPLE = ROOT / "examples" / "single" / "tarmak.yaml"
CORPUS = ROOT.parent / "shared" / "corpus"
FILES = ("tarmak-3k.yaml", "tarmak-100k.yaml")
PATH = ("clusters", 0, "kubernetes", "apiServer", "amazon", "awsIAMAuthenticatorInit")
LONG = 3000
"""What takes more milliseconds than that is run once only: it is its own average."""
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


# --- one tool and one file, in a process of its own ----------------------------------------------------------------


@dataclass(frozen=True)
class Measured:
    """The shortest time; the process's peak of memory, and what that was before the first edit (the imports)."""

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
    # The processor's time: other processes do not count.
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


def shortest(work: Callable[[], object], seconds: float, clock: Callable[[], float] = time.perf_counter) -> float:
    """The shortest of as many runs as begin within the seconds, one at least; in milliseconds."""
    times: list[float] = []
    while not times or sum(times) < seconds:
        started = clock()
        work()
        times.append(clock() - started)
    return min(times) * 1000


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


def texts() -> Iterator[tuple[str, str]]:
    """Name and text: of some 3 KB, of 100 KB, and ten times that."""
    small, large = (CORPUS / name for name in FILES)
    if small.exists() and large.exists():
        yield small.name, small.read_text()
        yield large.name, large.read_text()
        yield f"{large.name}, its clusters 10 times", repeated(large.read_text(), 10)
        return
    print("There is no ../shared/corpus: the example's cluster is repeated instead.\n")
    example = EXAMPLE.read_text()
    for copies in (1, 40, 400):
        yield f"the example, its cluster {copies} times", repeated(example, copies)


def repeated(text: str, times: int) -> str:
    """A tarmak.yaml with its clusters repeated under the same key."""
    head, _, rest = text.partition("clusters:\n")
    lines = rest.splitlines(keepends=True)
    end = next(number for number, line in enumerate(lines) if line[:1].isalpha())
    return head + "clusters:\n" + "".join(lines[:end]) * times + "".join(lines[end:])


# --- the tables ----------------------------------------------------------------------------------------------------


def edits() -> None:
    sizes, results = [], []
    with tempfile.TemporaryDirectory() as directory:
        file = Path(directory) / "tarmak.yaml"
        for name, text in texts():
            file.write_text(text)
            sizes.append(file.stat().st_size)
            results.append({tool: in_a_process(tool, file) for tool in TOOLS})
            print_table(f"{name} ({sizes[-1]:,} bytes)", results[-1])
    print_linearity(sizes, results)


def print_table(title: str, result: dict[str, Measured | None]) -> None:
    """Ratios are to the first tool. `own` is the peak less that of the imports."""
    base = next(iter(result.values()))
    assert base is not None
    print(f"{title}\n{'':24}{'ms':>10}{'ratio':>8}{'peak MB':>10}{'ratio':>8}{'own MB':>10}{'ratio':>8}")
    for tool, got in result.items():
        if got is None:
            print(f"{tool:24}{'not installed':>18}")
            continue
        pairs = ((got.milliseconds, base.milliseconds), (got.megabytes, base.megabytes), (got.own, base.own))
        print(f"{tool:24}" + "".join(f"{value:10.1f}{ratio(value, to):>8}" for value, to in pairs))
    print()


def ratio(value: float, to: float) -> str:
    return f"{value / to:.2f}" if to else "-"


def print_linearity(sizes: list[int], results: list[dict[str, Measured | None]]) -> None:
    print("ms per 100 KB of a file of" + "".join(f"{size / 1000:>10.1f} KB" for size in sizes))
    for tool in TOOLS:
        cells = [per_100_kb(result[tool], size) for result, size in zip(results, sizes, strict=True)]
        print(f"{tool:26}" + "".join(f"{cell:>13}" for cell in cells))
    print()


def per_100_kb(got: Measured | None, size: int) -> str:
    return "-" if got is None else f"{got.milliseconds * 100_000 / size:.1f}"


def main(arguments: list[str]) -> int:
    """Without arguments the tables; with a tool and a file its numbers, for `in_a_process`."""
    if not arguments:
        edits()
        return 0
    tool, file = arguments
    try:
        measured = measure(tool, Path(file))
    except ImportError:
        return NOT_INSTALLED
    print(json.dumps(measured.__dict__))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
