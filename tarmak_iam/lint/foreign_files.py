"""Files and sections of other tools where the authenticator's own should be; `map import` reads them."""

from __future__ import annotations

import shlex
from functools import lru_cache

from tarmak_iam.document import Document
from tarmak_iam.document.nodes import Mapping
from tarmak_iam.errors import TarmakIamError
from tarmak_iam.lint.authenticator_keys import root_keys, spelled
from tarmak_iam.lint.messages import IMPORT, MAP
from tarmak_iam.mappings.formats import SECTIONS, Import, read_mappings


@lru_cache(maxsize=4)
def is_foreign(document: Document) -> bool:
    """Whether the whole file is a Kubernetes object or another tool's file, none of which the authenticator reads."""
    root = document.root
    texts = {entry.text for entry in root.entries if entry.text is not None} if isinstance(root, Mapping) else set()
    keys = {spelled(root_keys(), text) for text in texts}
    if any(key and (key == "server" or key.startswith("server.")) for key in keys):
        return False
    if {"kind", "apiVersion"} <= texts:
        return True
    found = _read(document, None) if None in keys else None
    return found is not None and "authenticator" not in found.formats


def import_remedy(document: Document) -> str:
    """Commands that keep the file under another name, and create a mappings file with its entries."""
    file = shlex.quote(document.filename)
    moved = shlex.quote(f"{document.filename}.orig")
    found = _read(document, None)
    if found is not None and found.entries:
        return f"move it and import it: mv {file} {moved} && {IMPORT} {moved}"
    return f"move it and map an admin: mv {file} {moved} && {MAP} add ARN --username NAME --group system:masters"


def section_format(document: Document, route_name: str) -> str:
    """The format of another tool that a top-level key belongs to; empty for none."""
    root = document.root
    entry = root.last(route_name) if isinstance(root, Mapping) else None
    if entry is None:
        return ""
    first, last = (
        document.source.position(at)[0] for at in (entry.key.start, max(entry.key.start, entry.value.end - 1))
    )
    lines = range(first, last + 1)
    for form in reversed(SECTIONS):  # aws-auth last: it accepts the most
        found = _read(document, form)
        if found and found.entries and all(each.place and each.place.line in lines for each in found.entries):
            return form
    return ""


def _read(document: Document, form: str | None) -> Import | None:
    try:
        return read_mappings(document.text, document.filename, form)
    except TarmakIamError:
        return None
