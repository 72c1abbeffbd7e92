"""The tools that edit a tarmak.yaml, and what one edit costs with each: `python benchmarks/edit_tools.py TOOL FILE`.

Every tool runs in a separate process for each file, so that the peak memory is that of the tool.
"""

from __future__ import annotations

import importlib
import io
import json
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from timing import shortest
from tools import yamlpatch

__all__ = [
    "C_PARSER",
    "PURE_PARSER",
    "REFUSED",
    "ROUND_TRIP",
    "TOOLS",
    "YAMLPATCH",
    "Measured",
    "NotInstalled",
    "measured",
    "peak",
]

PATH = ("clusters", 0, "kubernetes", "apiServer", "amazon", "awsIAMAuthenticatorInit")
EDIT = {"op": "set", "path": PATH, "value": True}
LONG = 3000
"""An edit that takes more milliseconds than this is made only once."""
SECONDS = 1.5
MOST_SECONDS = 300
"""A tool is ended after that time."""
REFUSED, TOO_SLOW = "refused", f"more than {MOST_SECONDS} s"
NOT_INSTALLED = 3


class NotInstalled(Exception):
    """The tool cannot be measured on this machine."""


@dataclass(frozen=True)
class Tool:
    """`set` returns the edited document, which is the same one if documents can change."""

    parse: Callable[[bytes], Any]
    set: Callable[[Any, bool], Any]
    text: Callable[[Any], str]
    to_bytes: Callable[[Any], bytes]

    def edit(self, raw: bytes) -> bytes:
        return self.to_bytes(self.set(self.parse(raw), True))


# --- the tools: each is imported by its function --------------------------------------------------------------------


def round_trip() -> Tool:
    ruamel = importlib.import_module("ruamel.yaml")

    def parse(raw: bytes) -> Any:
        yaml = ruamel.YAML()
        yaml.preserve_quotes = True
        yaml.width = 4096
        return yaml, yaml.load(raw)

    def to_bytes(parsed: Any) -> bytes:
        out = io.BytesIO()
        parsed[0].dump(parsed[1], out)
        return out.getvalue()

    return Tool(parse, assign, lambda parsed: to_bytes(parsed).decode(), to_bytes)


def assign(parsed: Any, value: bool) -> Any:
    """In the data of a parser and its data."""
    parsed[1]["clusters"][0]["kubernetes"]["apiServer"].setdefault("amazon", {})[PATH[-1]] = value
    return parsed


def yamluna() -> Tool:
    module = importlib.import_module("yamluna")

    def parse(raw: bytes) -> Any:
        yaml = module.YAML()
        return yaml, yaml.load(raw)

    def text(parsed: Any) -> str:
        return str(parsed[0].dump(parsed[1]))

    return Tool(parse, assign, text, lambda parsed: text(parsed).encode())


def with_c_parser() -> Tool:
    reader = importlib.import_module("tarmak_iam.document.yaml_reader")
    if not reader.has_c_parser():
        raise ImportError("ruamel.yaml's C parser")
    return _ours()


def with_anchor() -> Tool:
    """As most edits of a file with an anchor: the whole text is read, before the edit and after it."""
    ours = with_c_parser()
    return replace(ours, parse=lambda raw: ours.parse(raw.replace(b"\nkind: ", b"\nkind: &kind ", 1)))


def with_pure_parser() -> Tool:
    for name in ("_ruamel_yaml", "_ruamel_yaml_clibz"):  # as if neither extra were installed
        sys.modules[name] = None  # type: ignore[assignment]  # so that importing it raises
    return _ours()


def _ours() -> Tool:
    document = importlib.import_module("tarmak_iam.document").Document
    importlib.import_module("tarmak_iam.document.engine")  # as all imports before the first edit
    return Tool(
        document.parse,
        lambda parsed, value: parsed.set(PATH, value),
        lambda edited: str(edited.text),
        lambda edited: bytes(edited.to_bytes()),
    )


def yaml_edit() -> Tool:
    document = importlib.import_module("yaml_edit").Document
    path = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in PATH)[1:]

    def put(parsed: Any, value: bool) -> Any:
        parsed.set_path(path, value)
        return parsed

    return Tool(lambda raw: document.parse(raw.decode()), put, str, lambda parsed: str(parsed).encode())


ROUND_TRIP, C_PARSER, PURE_PARSER = "ruamel.yaml round trip", "tarmak-iam, C parser", "tarmak-iam, pure parser"
ANCHOR = "tarmak-iam, C parser, file with an anchor"
OTHERS = YAML_EDIT, YAMLUNA, YAMLPATCH = "yaml-edit", "yamluna", "yamlpatch"
IN_PYTHON: dict[str, Callable[[], Tool]] = {
    ROUND_TRIP: round_trip,
    C_PARSER: with_c_parser,
    ANCHOR: with_anchor,
    PURE_PARSER: with_pure_parser,
    YAML_EDIT: yaml_edit,
    YAMLUNA: yamluna,
}
TOOLS = (*IN_PYTHON, YAMLPATCH)


# --- one tool and one file, in a separate process ------------------------------------------------------------------


@dataclass(frozen=True)
class Measured:
    """The least processor time of parsing, editing and writing, and of a further edit of what was parsed, up to its
    text; the peak memory of the process, and the peak before the first edit (the imports)."""

    milliseconds: float
    further: float
    megabytes: float
    imports: float

    @property
    def own(self) -> float:
        return self.megabytes - self.imports


def measured(tool: str, file: Path) -> Measured | str:
    """In place of numbers: that the tool refuses the file, or takes too long. Raises NotInstalled."""
    if tool == YAMLPATCH:
        return _of_yamlpatch(file)
    result = subprocess.run([sys.executable, __file__, tool, str(file)], check=False, stdout=subprocess.PIPE)
    if result.returncode == NOT_INSTALLED:
        raise NotInstalled(tool)
    if result.returncode == -signal.SIGALRM:
        return TOO_SLOW
    result.check_returncode()
    return Measured(**json.loads(result.stdout))


def _of_yamlpatch(file: Path) -> Measured | str:
    program = yamlpatch()
    if program is None:
        raise NotInstalled(YAMLPATCH)
    command = [program, str(file), json.dumps(EDIT)]
    result, numbers = (
        subprocess.run([*command, *more], check=False, capture_output=True) for more in ([], [str(SECONDS)])
    )
    if result.returncode or numbers.returncode:
        return REFUSED
    check(file.read_bytes(), result.stdout)
    return Measured(**json.loads(numbers.stdout))


def measure(tool: Tool, raw: bytes) -> Measured:
    documents: list[Any] = []
    imports = peak()
    # CPU time, without that of other processes.
    took = shortest(lambda: documents.append(_edited(tool, raw)), 0, time.process_time)
    megabytes = peak()
    check(raw, tool.to_bytes(documents[0]))
    value = True

    def edit_again() -> None:
        nonlocal value
        value = not value
        documents[0] = tool.set(documents[0], value)
        tool.text(documents[0])

    further = shortest(edit_again, SECONDS, time.process_time)
    documents.clear()
    if took < LONG:
        took = min(took, shortest(lambda: tool.edit(raw), SECONDS, time.process_time))
    return Measured(took, further, megabytes, imports)


def _edited(tool: Tool, raw: bytes) -> Any:
    document = tool.set(tool.parse(raw), True)
    tool.to_bytes(document)
    return document


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


def main(arguments: list[str]) -> int:
    name, file = arguments
    signal.alarm(MOST_SECONDS)  # a timer of processor time would make the clock coarse on some systems
    try:
        tool = IN_PYTHON[name]()
    except ImportError:
        return NOT_INSTALLED
    print(json.dumps(measure(tool, Path(file).read_bytes()).__dict__))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
