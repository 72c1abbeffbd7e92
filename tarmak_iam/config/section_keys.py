"""The installed sections and their keys: names, types, and the value that a text on the command line stands for."""

from __future__ import annotations

import json
import types
from collections.abc import Iterator
from contextlib import suppress
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple, Union, get_args, get_origin

from tarmak_iam.config.amazon import AMAZON
from tarmak_iam.config.decode import FILE_REFUSED
from tarmak_iam.config.sections import Section, field_errors, validation_error
from tarmak_iam.config.tarmak_types import ITEM, ScalarTypeError, TypePath, field_at, scalar_value
from tarmak_iam.config.typed_values import octal_flaw, yaml_value
from tarmak_iam.errors import ConfigError, SelectionError
from tarmak_iam.plugins import OWN, check_unique, provided
from tarmak_iam.text import did_you_mean, quoted, shortened

if TYPE_CHECKING:
    from pydantic import TypeAdapter
    from pydantic.fields import FieldInfo

    from tarmak_iam.config.section_model import SectionModel

GROUP = "tarmak_iam.sections"
"""The entry-point group; each of its entry points is a `Section`."""

BUILT_IN: tuple[Section[Any], ...] = (AMAZON,)
"""Our own sections, in the order of the documentation."""


class InstalledSection(NamedTuple):
    """A section and the distribution that provides it."""

    section: Section[Any]
    origin: str


def load_sections() -> tuple[Section[Any], ...]:
    """The built-in section, then those of installed distributions, sorted by the names of their entry points.

    Raises ConfigError, naming the distributions, if one cannot be loaded, does not provide a Section, or provides one
    at, above or below the path of another section.
    """
    return tuple(installed.section for installed in installed_sections())


def owned_paths() -> list[TypePath]:
    """The type paths of the sections, below which plugins know the keys even if Tarmak does not."""
    return [("clusters", ITEM, *section.path) for section in load_sections()]


def installed_sections() -> tuple[InstalledSection, ...]:
    """As `load_sections`, with the names of the distributions."""
    installed = [InstalledSection(section, OWN) for section in BUILT_IN]
    for section, origin in ((plugin.value, plugin.origin) for plugin in provided(GROUP, Section)):
        if not section.path:
            raise ConfigError(f"a section of {origin} has no path", remedy=f"remove {origin}")
        names = [(other.section.name, other.origin) for other in installed]
        check_unique("section", [*names, (section.name, origin)])
        for other in installed:
            width = min(len(other.section.path), len(section.path))
            if other.section.path[:width] == section.path[:width]:
                what = f"the sections {other.section.name} of {other.origin} and {section.name} of {origin} overlap"
                raise ConfigError(what, remedy="remove one of them")
        installed.append(InstalledSection(section, origin))
    return tuple(installed)


def section_named(name: str) -> Section[Any]:
    """The section with that dotted path. Raises SelectionError, and ConfigError as `load_sections` does."""
    sections = {section.name: section for section in load_sections()}
    if name not in sections:
        raise SelectionError(f"unknown section '{name}'", remedy=did_you_mean(name, sections, "choose one of"))
    return sections[name]


class SectionKey(NamedTuple):
    """A key of a section; `path` is its path below the section. A block has keys below it and no value."""

    section: Section[Any]
    path: tuple[str, ...]
    field: FieldInfo

    @property
    def key(self) -> str:
        """As it is written on the command line: `publicELBAccessLogs.bucket`."""
        return ".".join(self.path)

    def typed(self, text: str) -> Any:
        """The value that a text stands for: the text itself if the key accepts only strings, else its value in YAML, or
        the text. Raises ConfigError for a value that the key does not accept."""
        if self._kinds <= {"string", "null"}:
            return self.checked(text)
        value = yaml_value(text)
        flaw = octal_flaw(text, value)
        if flaw is not None:
            raise ConfigError(f"{self.key} must not be {shortened(text)}", remedy=flaw)
        try:
            return self.checked(value)
        except ConfigError:
            if value == text or value is None:
                raise
            with suppress(ConfigError):
                return self.checked(text)
            raise

    def checked(self, value: Any) -> Any:
        """The value as it is written to the file: 5 for 5.0 if Tarmak requires a whole number.

        Raises ConfigError for a value that the key does not accept. As strict as Tarmak: 1 is not accepted for true,
        nor "5" for 5.
        """
        block = block_of(self.field)
        if block is not None:
            keys = ", ".join(f"{self.key}.{name}" for name in block.model_fields)
            raise ConfigError(f"{self.key} is a block of keys", remedy=f"set one of {keys}")
        if value is None:
            raise ConfigError(f"{self.key} requires a value", remedy=f"to remove the key, use unset {self.key}")
        as_tarmak = self._as_tarmak(value)
        if self._allowed and not any(as_tarmak == each and type(as_tarmak) is type(each) for each in self._allowed):
            raise self._refused(f"must be {' or '.join(map(str, self._allowed))}", value)
        try:
            self._adapter.validate_json(json.dumps(as_tarmak), strict=True)
        except validation_error() as error:
            first = field_errors(error)[0]
            where = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in first.path)
            what = first.message if first.message.startswith("must be ") else f"is wrong: {first.message}"
            raise self._refused(what, value, where=where) from None
        except (TypeError, ValueError):
            raise self._refused("must be plain data", value) from None
        return as_tarmak

    def _as_tarmak(self, value: Any) -> Any:
        """The value as Tarmak's own field reads it, if Tarmak has that field. Raises ConfigError."""
        known = field_at("Cluster", (*self.section.path, *self.path))
        if known is None or not known.is_scalar:
            return value
        try:
            return scalar_value(known.kind, value, is_json=False)
        except ScalarTypeError as error:
            raise self._refused(f"must be {error}", value, FILE_REFUSED) from None

    def _refused(self, what: str, value: Any, why: str = "", *, where: str = "") -> ConfigError:
        shown = json.dumps(value, ensure_ascii=False, default=str)
        remedies = ["write true or false"] if self.choices == ["true", "false"] else []
        if self.field.description:
            remedies.append(f"the key's description: {self.field.description}")
        return ConfigError(f"{self.key}{where} {what}, not {shown}{why and ': ' + why}", remedy="; ".join(remedies))

    @property
    def choices(self) -> list[str]:
        """The possible values of the key as they are written on the command line; empty if any value is possible."""
        if self._allowed:
            return list(map(str, self._allowed))
        return ["true", "false"] if self._kinds - {"null"} == {"boolean"} else []

    @property
    def _allowed(self) -> list[Any]:
        """The only values that the schema of the field allows, without null; empty if it allows any."""
        extra = self.field.json_schema_extra
        enum = extra.get("enum") if isinstance(extra, dict) else None
        return [each for each in enum if each is not None] if isinstance(enum, list) else []

    @property
    def _kinds(self) -> set[Any]:
        schema = self._adapter.json_schema()
        return {each.get("type") for each in schema.get("anyOf", [schema])}

    @property
    def _adapter(self) -> TypeAdapter[Any]:
        from pydantic import TypeAdapter

        annotation: Any = self.field.annotation
        if self.field.metadata:
            annotation = Annotated[(annotation, *self.field.metadata)]
        return TypeAdapter(annotation)


def keys_of(
    section: Section[Any], model: type[SectionModel] | None = None, path: tuple[str, ...] = ()
) -> Iterator[SectionKey]:
    """Every key with a value, in the order of the model; with a model and path, only the keys of that block."""
    for name, field in (model or section.model).model_fields.items():
        block = block_of(field)
        if block is None:
            yield SectionKey(section, (*path, name), field)
        else:
            yield from keys_of(section, block, (*path, name))


def key_named(section: Section[Any], key: str) -> SectionKey:
    """The key of that name, with or without the path of the section before it. Raises SelectionError."""
    model: type[SectionModel] | None = section.model
    path = tuple(key.removeprefix(f"{section.name}.").split("."))
    field: FieldInfo | None = None
    for name in path:
        field = None if model is None else model.model_fields.get(name)
        if field is None:
            remedy = did_you_mean(key, [each.key for each in keys_of(section)], "its keys are")
            raise SelectionError(f"{section.name} has no key {quoted(key)}", remedy=remedy)
        model = block_of(field)
    assert field is not None  # a split text has at least one part
    return SectionKey(section, path, field)


def block_of(field: FieldInfo) -> type[SectionModel] | None:
    """The model of the keys below a field; None for a field with a value, including a list of models."""
    from tarmak_iam.config.section_model import SectionModel

    annotation: Any = field.annotation
    kinds = get_args(annotation) if get_origin(annotation) in (Union, types.UnionType) else (annotation,)
    kinds = tuple(each for each in kinds if each is not type(None))
    only = kinds[0] if len(kinds) == 1 else None
    # In Python 3.10 list[str] is also an instance of type, which issubclass then rejects.
    if not isinstance(only, type) or get_origin(only) is not None:
        return None
    return only if issubclass(only, SectionModel) else None
