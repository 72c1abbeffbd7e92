"""The same sixty edits of fifteen files with each tool: how many results are right, and what is lost.

The files are in tests/golden/edits/tarmak: a tarmak.yaml as Tarmak writes it, as people write it, in every style. A
result is right if, for Tarmak's parser, it has the intended change and no other; tests/golden has recordings of that
parser.
"""

from __future__ import annotations

import copy
import difflib
import importlib
import io
import json
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tables import Cells, Table
from tools import jq_yq, mikefarah_yq, yamlpatch

from tarmak_iam.document import Document
from tarmak_iam.document.plain_values import assigned, same, value_at
from tarmak_iam.errors import TarmakIamError

__all__ = ["FIDELITY"]

EDITS = Path(__file__).resolve().parent.parent / "tests" / "golden" / "edits"

Tool = Callable[[bytes, dict[str, Any]], bytes]


class Refused(Exception):
    """The tool refuses the edit with an error."""


# --- the tools ---------------------------------------------------------------------------------------------------


def ours(raw: bytes, edit: dict[str, Any]) -> bytes:
    document = Document.parse(raw, index=edit["doc"])
    try:
        if edit["op"] == "append":
            return document.append(edit["path"], edit["value"]).to_bytes()
        if edit["op"] == "delete":
            return document.remove(edit["path"]).to_bytes()
        return document.set(edit["path"], edit["value"]).to_bytes()
    except TarmakIamError as error:
        raise Refused(error) from None


def round_trip() -> Tool:
    ruamel = importlib.import_module("ruamel.yaml")

    def edit(raw: bytes, wanted: dict[str, Any]) -> bytes:
        yaml = ruamel.YAML()
        yaml.preserve_quotes = True
        yaml.width = 4096
        documents = list(yaml.load_all(raw))
        change(documents[wanted["doc"]], wanted)
        out = io.BytesIO()
        yaml.dump_all(documents, out)
        return out.getvalue()

    return edit


def load_and_dump() -> Tool:
    yaml = importlib.import_module("yaml")

    def edit(raw: bytes, wanted: dict[str, Any]) -> bytes:
        documents = list(yaml.safe_load_all(raw))
        change(documents[wanted["doc"]], wanted)
        text: str = yaml.safe_dump_all(documents, sort_keys=False)
        return text.encode()

    return edit


def change(data: Any, wanted: dict[str, Any]) -> None:
    """Like an edit by hand: missing parents are created, and a null parent is treated as missing."""
    *parents, last = wanted["path"]
    for step in parents:
        if isinstance(step, str) and data.get(step) is None:
            data[step] = {}
        data = data[step]
    if wanted["op"] == "delete":
        del data[last]
    elif wanted["op"] == "append":
        if data.get(last) is None:
            data[last] = []
        data[last].append(wanted["value"])
    else:
        data[last] = wanted["value"]


def yamluna() -> Tool:
    module = importlib.import_module("yamluna")

    def edit(raw: bytes, wanted: dict[str, Any]) -> bytes:
        yaml = module.YAML()
        yaml.line_break = "\r\n" if b"\r\n" in raw else None  # it keeps them only where it is told to
        documents = yaml.load_all(raw)
        change(documents[wanted["doc"]], wanted)
        text: str = yaml.dump_all(documents)
        return text.encode()

    return edit


def yaml_edit() -> Tool:
    stream = importlib.import_module("yaml_edit").YamlFile

    def edit(raw: bytes, wanted: dict[str, Any]) -> bytes:
        parsed = stream.parse(raw.decode())
        document, (*parents, last) = parsed[wanted["doc"]], wanted["path"]
        path = dotted(wanted["path"])
        if wanted["op"] == "append":
            present = document.get_path(path)
            if present is not None and present.is_sequence():
                present.as_sequence().append(wanted["value"])
            else:
                document.set_path(path, [wanted["value"]])
        elif wanted["op"] != "delete":
            document.set_path(path, wanted["value"])
        elif isinstance(last, int):  # remove_path removes keys only
            del document.get_path(dotted(parents)).as_sequence()[last]
        elif not document.remove_path(path):
            raise Refused(path)
        return str(parsed).encode()

    return edit


def dotted(path: list[str | int]) -> str:
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)[1:]


def of_yamlpatch(program: str) -> Tool:
    def edit(raw: bytes, wanted: dict[str, Any]) -> bytes:
        if wanted["doc"]:
            raise Refused(wanted["doc"])  # its paths are those of the first document
        with tempfile.TemporaryDirectory() as directory:
            file = Path(directory) / "tarmak.yaml"
            file.write_bytes(raw)
            done = subprocess.run([program, file, json.dumps(wanted)], check=False, capture_output=True)
        if done.returncode:
            raise Refused(done.stderr.decode(errors="replace"))
        return done.stdout

    return edit


def of_program(program: str, *options: str) -> Tool:
    """Both programs named yq accept the syntax of jq for these edits."""

    def edit(raw: bytes, wanted: dict[str, Any]) -> bytes:
        done = subprocess.run([program, *options, expression(wanted)], input=raw, check=False, capture_output=True)
        if done.returncode:
            raise Refused(done.stderr.decode(errors="replace"))
        return done.stdout

    return edit


def expression(wanted: dict[str, Any]) -> str:
    path = "".join(f"[{step}]" if isinstance(step, int) else f'["{step}"]' for step in wanted["path"])
    value = json.dumps(wanted.get("value"))
    if wanted["op"] == "delete":
        return f"del(.{path})"
    return f".{path} += [{value}]" if wanted["op"] == "append" else f".{path} = {value}"


IN_PYTHON = {
    "ruamel.yaml round trip": round_trip,
    "PyYAML": load_and_dump,
    "yaml-edit": yaml_edit,
    "yamluna": yamluna,
}


def tools() -> Iterator[tuple[str, Tool]]:
    """The tools that are installed."""
    yield "tarmak-iam", ours
    for name, make in IN_PYTHON.items():
        try:
            yield name, make()
        except ImportError:
            continue
    if program := yamlpatch():
        yield "yamlpatch", of_yamlpatch(program)
    if program := mikefarah_yq():
        yield "yq (mikefarah)", of_program(program)
    if program := jq_yq():
        yield "yq (jq)", of_program(program, "-y")


# --- what came out -----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Outcome:
    """`lines`: removed and added lines of the diff; `comments`: lost comments that the edit did not have to remove."""

    state: str
    lines: int = 0
    comments: int = 0


def judged(tool: Tool, edit: dict[str, Any]) -> Outcome:
    raw = (EDITS / "tarmak" / edit["file"]).read_bytes()
    before = Document.parse(raw, index=edit["doc"])
    try:
        result = tool(raw, edit)
    except Exception:  # whatever a tool says in place of a result
        return Outcome("refused")
    try:
        after = Document.parse(result, index=edit["doc"])
        is_right = same(after.data, intended(before.data, edit))
    except (TarmakIamError, UnicodeDecodeError):
        return Outcome("wrong")
    kept = [comment.text.strip() for comment in after.comments]
    lost = [text for text in (comment.text.strip() for comment in before.comments) if text not in kept]
    comments = 0 if edit["op"] == "delete" else len(lost)
    return Outcome("right" if is_right else "wrong", lines_changed(raw, result), comments)


def intended(data: Any, edit: dict[str, Any]) -> Any:
    path = edit["path"]
    if edit["op"] == "append":
        return assigned(data, path, [*(value_at(data, path) or []), edit["value"]])
    if edit["op"] == "delete":
        after = copy.deepcopy(data)
        del value_at(after, path[:-1])[path[-1]]
        return after
    return assigned(data, path, edit["value"])


def lines_changed(before: bytes, after: bytes) -> int:
    """With line endings, so that changed line endings are counted."""
    old, new = (data.decode("utf-8", "replace").splitlines(keepends=True) for data in (before, after))
    return sum(line[:1] in "+-" for line in list(difflib.unified_diff(old, new, n=0))[2:] if line[:2] != "@@")


def measure() -> Cells:
    wanted = json.loads((EDITS / "tarmak.json").read_text())
    cells = {}
    for name, tool in tools():
        outcomes = [judged(tool, edit) for edit in wanted]
        right, refused, wrong = (
            [each for each in outcomes if each.state == state] for state in ("right", "refused", "wrong")
        )
        made = right + wrong
        lines = [each.lines for each in made]
        cells[name] = [
            *(f"{len(each)}" for each in (right, refused, wrong)),
            f"{statistics.median(lines):.0f}" if lines else "-",
            f"{max(lines, default=0)}",
            f"{sum(each.comments for each in made)}",
        ]
    return cells


FIDELITY = Table(
    "fidelity",
    "Sixty edits of fifteen files: the results",
    "",
    ("right", "refused", "wrong", "lines changed, median", "max", "comments lost"),
    ("tarmak-iam", *IN_PYTHON, "yamlpatch", "yq (mikefarah)", "yq (jq)"),
    measure,
)


if __name__ == "__main__":  # what each tool does to one edit: python benchmarks/fidelity.py ID TOOL
    (chosen,) = (edit for edit in json.loads((EDITS / "tarmak.json").read_text()) if edit["id"] == sys.argv[1])
    sys.stdout.buffer.write(dict(tools())[sys.argv[2]]((EDITS / "tarmak" / chosen["file"]).read_bytes(), chosen))
