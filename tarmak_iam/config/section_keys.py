"""The installed sections and their keys, and the values that texts on the command line stand for: of these keys, and of
any field of Tarmak."""

from __future__ import annotations

import re
import types
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, NamedTuple, Union, get_args, get_origin

from tarmak_iam.config.api_server import AMAZON
from tarmak_iam.config.decode import decode_value
from tarmak_iam.config.ignored_content import IgnoredContent
from tarmak_iam.config.sections import Section
from tarmak_iam.config.tarmak_types import CLUSTER_FIELD, ITEM, Field, TypePath
from tarmak_iam.document import Document
from tarmak_iam.document.nodes import is_custom_tag, walk
from tarmak_iam.document.plain_values import UnwritableValue, plain
from tarmak_iam.document.render import yaml_bytes
from tarmak_iam.errors import ConfigError, ParseError, SelectionError
from tarmak_iam.plugins import OWN, Provided, check_unique, provided
from tarmak_iam.routes import Key, Route
from tarmak_iam.text import did_you_mean, quoted, shortened

if TYPE_CHECKING:
    from pydantic.fields import FieldInfo

    from tarmak_iam.config.section_model import SectionModel

GROUP = "tarmak_iam.sections"
"""The entry-point group; each of its entry points is a `Section`."""

BUILT_IN: tuple[Section[Any], ...] = (AMAZON,)
"""Our own sections, in the order of the documentation."""


def load_sections() -> tuple[Section[Any], ...]:
    """The built-in section, then those of installed distributions, sorted by the names of their entry points. Raises
    ConfigError, naming the distributions, if one cannot be loaded, or is at, above or below the path of another."""
    return tuple(installed.value for installed in installed_sections())


def owned_paths() -> list[TypePath]:
    """The type paths of the sections, below which plugins know the keys even if Tarmak does not."""
    return [("clusters", ITEM, *section.path) for section in load_sections()]


def installed_sections() -> list[Provided[Section[Any]]]:
    """As `load_sections`, with the names of the distributions."""
    installed: list[Provided[Section[Any]]] = [Provided(section, OWN) for section in BUILT_IN]
    for plugin in provided(GROUP, Section):
        section, origin = plugin.value, plugin.origin
        if not section.path:
            raise ConfigError(f"a section of {origin} has no path", remedy=f"remove {origin}")
        check_unique("section", [(other.value.name, other.origin) for other in (*installed, plugin)])
        for other in installed:
            width = min(len(other.value.path), len(section.path))
            if other.value.path[:width] == section.path[:width]:
                what = f"the sections {other.value.name} of {other.origin} and {section.name} of {origin} overlap"
                raise ConfigError(what, remedy="remove one of them")
        installed.append(plugin)
    return installed


def section_named(name: str) -> Section[Any]:
    """The section with that dotted path. Raises SelectionError, and ConfigError as `load_sections` does."""
    sections = {section.name: section for section in load_sections()}
    if name not in sections:
        raise SelectionError(f"unknown section '{name}'", remedy=did_you_mean(name, sections, "choose one of"))
    return sections[name]


class SectionKey(NamedTuple):
    """A key of a section; `path` is its path below the section. `block` is the model of the keys below it, or Tarmak's
    struct: such a key has no value. `field` is that of a plugin's model, None for a key that only Tarmak checks."""

    path: tuple[str, ...]
    block: type[SectionModel] | Field | None
    field: FieldInfo | None = None

    @property
    def key(self) -> str:
        """As it is written on the command line: `publicELBAccessLogs.bucket`."""
        return ".".join(self.path)

    @property
    def is_text(self) -> bool:
        """Whether a plugin's model accepts only strings."""
        if self.field is None:
            return False
        from pydantic import TypeAdapter

        annotation: Any = self.field.annotation
        schema = TypeAdapter(annotation).json_schema()
        return {alternative.get("type") for alternative in schema.get("anyOf", [schema])} <= {"string", "null"}


def keys_of(section: Section[Any]) -> Iterator[SectionKey]:
    """Every key with a value, in the order of Tarmak's struct or of the model."""
    return (key for key in _all_keys(section) if key.block is None)


def _all_keys(section: Section[Any]) -> Iterable[SectionKey]:
    block = CLUSTER_FIELD.below(*section.path) if section.is_plain else section.model_class
    return () if block is None else _keys_below((), block)


def _keys_below(path: tuple[str, ...], block: type[SectionModel] | Field) -> Iterator[SectionKey]:
    for name, field in (block.fields if isinstance(block, Field) else block.model_fields).items():
        if isinstance(field, Field):
            key = SectionKey((*path, name), field if field.kind == "struct" else None)
        else:
            key = SectionKey((*path, name), block_of(field), field)
        yield key
        if key.block is not None:
            yield from _keys_below(key.path, key.block)


def key_named(section: Section[Any], key: str) -> SectionKey:
    """The key of that name, with or without the path of the section before it. Raises SelectionError."""
    path = tuple(key.removeprefix(f"{section.name}.").split("."))
    named = next((other for other in _all_keys(section) if other.path == path), None)
    if named is None:
        remedy = did_you_mean(key, [other.key for other in keys_of(section)], "its keys are")
        raise SelectionError(f"{section.name} has no key {quoted(key)}", remedy=remedy)
    return named


def block_of(field: FieldInfo) -> type[SectionModel] | None:
    """The model of the keys below a field; None for a field with a value, including a list of models."""
    from tarmak_iam.config.section_model import SectionModel

    annotation: Any = field.annotation
    kinds = get_args(annotation) if get_origin(annotation) in (Union, types.UnionType) else (annotation,)
    models = [kind for kind in kinds if kind is not type(None)]
    # In Python 3.10 list[str] is also an instance of type, which issubclass then rejects.
    is_model = len(models) == 1 and isinstance(models[0], type) and get_origin(models[0]) is None
    return models[0] if is_model and issubclass(models[0], SectionModel) else None


def yaml_value(text: str, *, octal_of: str = "") -> Any:
    """The value of a text in YAML; the text itself if it is not valid YAML. Raises ConfigError as `check_plain`,
    without a place, and for a number that YAML reads as octal, if `octal_of` is the path of a value that must be none.
    """
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
    JSON; `checked_value` says whether Tarmak accepts it. `name` is its path, for messages. Raises ConfigError."""
    if field is not None and (field.kind in ("string", "timestamp") or (field.is_bytes and not text.startswith("["))):
        return text
    value = yaml_value(text, octal_of=name if field is not None and field.holds_numbers else "")
    if field is not None and not field.is_scalar and value == text and text.lstrip()[:1] in ("[", "{"):
        what = f"the value of {name} is not a list or mapping in YAML"
        raise ConfigError(what, remedy="write it as in [a, b] or {key: value}")
    if field is not None and field.kind == "quantity" and type(value) not in (int, float):
        return text
    return value


def checked_value(value: Any, field: Field | None, name: str) -> Any:
    """The value as it is written to the file: 5 for 5.0 where Tarmak wants a whole number. `name` is its path, for
    messages; empty for a whole cluster or file. Raises ConfigError, without a place, for a value that Tarmak could not
    read in that field, or that YAML has no form for."""
    if value is None:
        raise ConfigError(f"{name} requires a value", remedy="" if " " in name else "to remove it, unset it")
    try:
        value = plain(value)
    except UnwritableValue as error:
        raise ConfigError(f"{name}: {error}" if name else str(error), remedy=error.remedy) from None
    if field is None:
        return value
    value = with_whole_number(value, field)
    document = Document.parse(yaml_bytes({"value": value}), json=False)
    node = document.node(("value",))
    assert node is not None
    try:
        decode_value(document, node, field, Route((Key(name),)) if name else Route())
    except ConfigError as error:  # for a text on the command line there are no lines below
        remedy = error.remedy
        if field.kind == "list" and isinstance(value, (str, int, float)):
            remedy = f"write [{shortened(value)}], or append it"
        elif field.kind == "list" and not isinstance(value, list):
            remedy = "write a list, as in [a, b]"
        elif field.kind in ("map", "struct") and not isinstance(value, dict):
            remedy = "write a mapping, as in {key: value}"
        raise ConfigError(error.what, remedy=remedy) from None
    if field.is_number and field.choices and value not in field.choices:  # others have checks of their own
        raise ConfigError(f"{name} must be {' or '.join(map(str, field.choices))}, not {value}")
    return value


def with_whole_number(value: Any, field: Field) -> Any:
    """A value; a float such as 5.0 is a whole number where Tarmak wants one."""
    is_whole = isinstance(value, float) and field.is_number and field.kind != "float64" and field.accepts(value)
    return field.read(value) if is_whole else value
