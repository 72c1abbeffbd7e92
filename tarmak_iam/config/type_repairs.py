"""Values of tarmak.yaml in the wrong type, such as a quoted boolean or a version that is a number, in the right one.

Tarmak rejects a whole file for one such value. A value is only changed where its text leaves no doubt about what was
meant, and only if Tarmak accepts the file afterwards. The repair is unsafe if it disables IAM login, which may be
enabled now.
"""

from __future__ import annotations

import re
from typing import Any, NamedTuple

from tarmak_iam.config.cluster import ReadFile
from tarmak_iam.config.ignored_content import IgnoredContent, TypedScalar
from tarmak_iam.document import Document, Set
from tarmak_iam.document.json_reader import looks_like_json
from tarmak_iam.document.render import scalar_text
from tarmak_iam.document.source import Source
from tarmak_iam.errors import Place, TarmakIamError
from tarmak_iam.routes import Route
from tarmak_iam.text import shortened

_NUMBER = r"[-+]?(?:0|[1-9][0-9]*)(?P<fraction>\.[0-9]+)?\Z"
_INIT = ("kubernetes", "apiServer", "amazon", "awsIAMAuthenticatorInit")
_BOOLEANS = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}
_NAMES = {str: "a string", bool: "a boolean", int: "a number", float: "a number"}


class Repair(NamedTuple):
    """One value that is written otherwise. `title` says in one sentence what is written. `route` leads to the value.
    `is_safe` is false for a value on which access depends."""

    place: Place
    title: str
    route: Route = Route()
    is_safe: bool = True


class RepairedFile(NamedTuple):
    """The text before, and the document after all repairs."""

    before: str
    after: Document
    repairs: tuple[Repair, ...]

    @property
    def is_safe(self) -> bool:
        return all(repair.is_safe for repair in self.repairs)


def with_types_repaired(data: bytes, filename: str) -> RepairedFile | None:
    """None if Tarmak accepts the file as it is, or if it would not accept it with all values repaired."""
    repairs, edits = [], []
    try:
        document = Document.parse(data, filename, json=looks_like_json(Source.decode(data, filename)))
        for scalar in IgnoredContent(document).scalars:
            value = _repaired(scalar, is_json=document.is_json)
            if value is not None and document.has(scalar.route):
                shown = f'"{shortened(value)}"' if isinstance(value, str) else scalar_text(value)
                title = f"write {shown}: Tarmak requires {_NAMES[type(value)]} here"
                is_safe = scalar.route.plain[2:] != _INIT or value is True
                repairs.append(Repair(document.position(scalar.route), title, scalar.route, is_safe))
                edits.append(Set(scalar.route, value))
        after = document.edit(*edits)
        ReadFile.parse(after.to_bytes(), filename)
    except TarmakIamError:
        return None
    return RepairedFile(document.text, after, tuple(repairs)) if repairs else None


def _repaired(scalar: TypedScalar, *, is_json: bool) -> Any:
    """The value in the type of its field; None if it has that type, or if it is not certain what was meant."""
    field, text = scalar.field, scalar.node.text.strip()
    value: Any = None
    if scalar.value is None or not field.is_scalar or field.accepts(scalar.value, is_json=is_json):
        return None
    number = re.match(_NUMBER, text) if isinstance(scalar.value, str) and field.is_number else None
    # No boolean or number is a path: as authTokenWebhookFile it would keep the API server from starting.
    if field.kind == "string" and scalar.route.plain[2:] != ("kubernetes", "apiServer", "authTokenWebhookFile"):
        value = text  # as it is written: 1.10 is not 1.1
    elif field.kind == "bool" and isinstance(scalar.value, str):
        value = _BOOLEANS.get(text.lower())
    elif number is not None and (field.kind == "float64" or number["fraction"] is None):
        value = int(text) if number["fraction"] is None else float(text)
    return value if value is not None and field.accepts(value, is_json=is_json) else None
