"""The values that texts of the command line stand for, and whether Tarmak accepts a value for a field."""

from __future__ import annotations

import re
from typing import Any

from tarmak_iam.config.decode import decode_value
from tarmak_iam.config.ignored_content import IgnoredContent
from tarmak_iam.config.tarmak_types import Field
from tarmak_iam.document import Document
from tarmak_iam.document.nodes import is_custom_tag, walk
from tarmak_iam.document.plain_values import UnwritableValue, plain
from tarmak_iam.document.render import yaml_bytes
from tarmak_iam.errors import ConfigError, ParseError
from tarmak_iam.routes import Key, Route
from tarmak_iam.text import quoted, shortened


def yaml_value(text: str, *, octal_of: str = "") -> Any:
    """The value of a text in YAML; the text itself if it is not valid YAML. `octal_of`: the path of a value that must
    not be a number that YAML reads as an octal one.

    Raises ConfigError for such a number, and as `check_plain`, without a place."""
    try:
        document = Document.parse(text, json=False)
    except ParseError:
        return text
    try:
        check_plain(document)
    except ConfigError as error:
        error.place = None  # the text is no file
        raise
    value, digits = document.data, text.strip()
    is_octal = type(value) is int and re.match(r"[-+]?0[0-7_]+\Z", digits) and value != int(digits.replace("_", ""))
    if octal_of and is_octal:
        remedy = f"write {value}, or remove the leading zero: YAML reads {digits} as an octal number"
        raise ConfigError(f"{octal_of} must not be {shortened(text)}", remedy=remedy)
    return value


def check_plain(document: Document) -> None:
    """Raises ConfigError, with its place in the document, for what would be lost if its values were written elsewhere:
    all but one of several equal keys, and tags such as `!secret`."""
    for duplicate in IgnoredContent(document).duplicates if document.has_duplicates else ():
        place = document.position(duplicate.route, at_key=True)
        raise ConfigError(f"duplicate key {quoted(duplicate.name)}", remedy="keep one of them", place=place)
    for node in walk(document.root) if document.root is not None else ():
        if node.tag is not None and is_custom_tag(node.tag):
            what = f"the tag {shortened(node.tag)} would not be written"
            raise ConfigError(what, remedy="remove it", place=document.place(node))


def text_value(text: str, field: Field | None, name: str) -> Any:
    """The value that a text stands for where Tarmak wants that field: a string as it is, everything else in YAML or
    JSON. `name` is the path of the value, for messages. Raises ConfigError.

    Whether Tarmak accepts the value is for `checked_value` to say.
    """
    if field is not None and (field.kind in ("string", "timestamp") or (field.is_bytes and not text.startswith("["))):
        return text
    value = yaml_value(text, octal_of=name if field is not None and field.holds_numbers else "")
    if field is not None and not field.is_scalar and value == text and text.lstrip()[:1] in ("[", "{"):
        what, remedy = f"the value of {name} is a string", "write it as in [a, b] or {key: value}"
        try:
            Document.parse(text, json=False)
        except ParseError as error:
            what = f"the value of {name} is not valid YAML: {error.what.removeprefix('invalid YAML: ')}"
        raise ConfigError(what, remedy=remedy)
    if field is not None and field.kind == "quantity" and type(value) not in (int, float):
        return text
    return value


def checked_value(value: Any, field: Field | None, name: str) -> Any:
    """The value as it is written to the file: 5 for 5.0 where Tarmak wants a whole number.

    `name` is its path, for messages; empty for a whole cluster or file. Raises ConfigError, without a place, for a
    value that Tarmak could not read in that field, or that YAML has no form for.
    """
    if value is None:
        raise ConfigError(f"{name} requires a value", remedy="" if " " in name else f"to remove it, unset {name}")
    try:
        value = plain(value)
    except UnwritableValue as error:
        raise ConfigError(f"{name}: {error}" if name else str(error), remedy=error.remedy) from None
    if field is None:
        return value
    value = with_whole_numbers(value, field)
    document = Document.parse(yaml_bytes({"value": value}), json=False)
    node = document.node(("value",))
    assert node is not None
    try:
        decode_value(document, node, field, Route((Key(name),)) if name else Route())
    except ConfigError as error:  # for a text on the command line there are no lines below
        remedy = error.remedy
        if field.kind == "list" and isinstance(value, (str, int, float)):
            remedy = f"write [{shortened(value)}], or append it"
        elif field.kind in ("map", "struct") and not isinstance(value, dict):
            remedy = "write a mapping, as in {key: value}"
        raise ConfigError(error.what, remedy=remedy) from None
    return value


def with_whole_numbers(value: Any, field: Field) -> Any:
    """A value with floats such as 5.0 as whole numbers where Tarmak wants them, at any depth."""
    if isinstance(value, dict):
        members = {key: (member, field.below(key)) for key, member in value.items()}
        return {key: member if of is None else with_whole_numbers(member, of) for key, (member, of) in members.items()}
    if isinstance(value, list) and field.kind == "list" and field.of is not None:
        return [with_whole_numbers(item, field.of) for item in value]
    is_whole = isinstance(value, float) and field.is_number and field.kind != "float64" and field.accepts(value)
    return field.read(value) if is_whole else value
