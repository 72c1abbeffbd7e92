"""Templates without quotes, as in `username: {{SessionName}}`, and in quotes.

YAML reads them as mappings, so that nobody can read the whole file: the authenticator does not start.
"""

from __future__ import annotations

import re
from pathlib import Path

from tarmak_iam.config.type_repairs import Repair, RepairedFile
from tarmak_iam.document import Document
from tarmak_iam.document.nodes import Scalar, walk
from tarmak_iam.document.source import Source
from tarmak_iam.errors import ParseError, TarmakIamError
from tarmak_iam.files.boundary import Boundary
from tarmak_iam.files.on_disk import FileOnDisk
from tarmak_iam.files.read import read_if_present
from tarmak_iam.mappings.mappings_file import Mappings
from tarmak_iam.text import shortened

# After a colon, a dash, a bracket or a comma, up to a comma, a bracket, a comment or the end of the line.
_TEMPLATE = re.compile(
    r"""(?:(?<=[:-])[ \t]+|(?<=[\[,])[ \t]*)
    (?P<text>\{\{[ ]*\w+[ ]*\}\}(?:[^\s,\[\]{}"'#]|\{\{\w+\}\})*)
    (?=[ \t]*(?:[,\]\r\n]|\Z)|[ \t]+\#)""",
    re.VERBOSE,
)


def with_templates_quoted(data: bytes, filename: str) -> RepairedFile | None:
    """None if the file can be read as it is, or could not be read then either."""
    try:
        source = Source.decode(data, filename)
    except ParseError:
        return None
    spans = [match.span("text") for match in _TEMPLATE.finditer(source.text)]
    if not spans or _readable(source) is not None:
        return None
    text = source.text
    for start, end in reversed(spans):
        text = f'{text[:start]}"{text[start:end]}"{text[end:]}'
    starts = {start + 2 * number for number, (start, _) in enumerate(spans)}
    after = _readable(source.with_text(text))
    nodes = walk(after.root) if after is not None and after.root is not None else ()
    quoted = {node.start for node in nodes if isinstance(node, Scalar) and node.style == "double"}
    if after is None or not starts <= quoted:
        return None  # one of them is in a comment, or in another string
    repairs = (
        Repair(source.place(start), f"put the template in quotes: {shortened(source.text[start:end])}", is_safe=False)
        for start, end in spans
    )
    return RepairedFile(source.text, after, tuple(repairs))


def load_repaired(path: Path, within: Boundary) -> tuple[Mappings, RepairedFile] | None:
    """As `Mappings.load`, with the templates in quotes; nothing is written. None for a file that does not exist, that
    can be read as it is, or not then either. Raises FileError."""
    data = read_if_present(path, within)
    repaired = None if data is None else with_templates_quoted(data, str(path))
    if repaired is None:
        return None
    try:
        mappings = Mappings.parse(repaired.after.to_bytes(), str(path))
    except TarmakIamError:
        return None
    return Mappings(mappings.document, FileOnDisk.of(path, data, within)), repaired


def _readable(source: Source) -> Document | None:
    try:
        return Document.parse(source.encode(), source.filename, json=False)
    except ParseError:
        return None
