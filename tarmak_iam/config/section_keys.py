"""The installed sections and their keys: names, types, and the value that a text on the command line stands for."""

from __future__ import annotations

import json
import types
from collections.abc import Iterator
from contextlib import suppress
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple, Union, get_args, get_origin

from tarmak_iam.config.api_server import AMAZON
from tarmak_iam.config.decode import FILE_REFUSED
from tarmak_iam.config.sections import Section, field_errors, validation_error
from tarmak_iam.config.tarmak_types import CLUSTER_FIELD, ITEM, ScalarTypeError, TypePath
from tarmak_iam.config.typed_values import yaml_value
from tarmak_iam.errors import ConfigError, SelectionError
from tarmak_iam.plugins import OWN, Provided, check_unique, provided
from tarmak_iam.text import did_you_mean, quoted

if TYPE_CHECKING:
    from pydantic import TypeAdapter
    from pydantic.fields import FieldInfo

    from tarmak_iam.config.section_model import SectionModel

GROUP = "tarmak_iam.sections"
"""The entry-point group; each of its entry points is a `Section`."""

BUILT_IN: tuple[Section[Any], ...] = (AMAZON,)
"""Our own sections, in the order of the documentation."""


def load_sections() -> tuple[Section[Any], ...]:
    """The built-in section, then those of installed distributions, sorted by the names of their entry points.

    Raises ConfigError, naming the distributions, if one cannot be loaded, does not provide a Section, or provides one
    at, above or below the path of another section.
    """
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
    """A key of a section; `path` is its path below the section. `block` is the model of the keys below it: such a key
    has no value."""

    section: Section[Any]
    path: tuple[str, ...]
    field: FieldInfo
    block: type[SectionModel] | None

    @property
    def key(self) -> str:
        """As it is written on the command line: `publicELBAccessLogs.bucket`."""
        return ".".join(self.path)

    def typed(self, text: str) -> Any:
        """The value that a text stands for: the text itself if the key accepts only strings, else its value in YAML, or
        the text. Raises ConfigError for a value that the key does not accept."""
        if self._kinds <= {"string", "null"}:
            return self.checked(text)
        value = yaml_value(text, octal_of=self.key)
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
        if self.block is not None:
            keys = ", ".join(f"{self.key}.{name}" for name in self.block.model_fields)
            raise ConfigError(f"{self.key} is a block of keys", remedy=f"set one of {keys}")
        if value is None:
            raise ConfigError(f"{self.key} requires a value", remedy=f"to remove the key, use unset {self.key}")
        known, as_tarmak, flaw = CLUSTER_FIELD.below(*self.section.path, *self.path), value, ""
        try:
            as_tarmak = known.read(value) if known is not None and known.is_scalar else value
            if self._allowed and (type(as_tarmak), as_tarmak) not in [(type(other), other) for other in self._allowed]:
                flaw = f" must be {' or '.join(map(str, self._allowed))}"
            else:
                self._adapter.validate_json(json.dumps(as_tarmak), strict=True)
        except ScalarTypeError as error:
            flaw = f" must be {error}"
        except validation_error() as error:
            path, message, *_ = field_errors(error)[0]
            where = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)
            flaw = f"{where} {message if message.startswith('must be ') else f'is wrong: {message}'}"
        except (TypeError, ValueError):
            flaw = " must be plain data"
        if not flaw:
            return as_tarmak
        shown = json.dumps(value, ensure_ascii=False, default=str)
        why = f": {FILE_REFUSED}" if known is not None and known.is_scalar and not known.accepts(value) else ""
        remedies = ["write true or false"] if self.choices == ["true", "false"] else []
        if self.field.description:
            remedies.append(f"the key's description: {self.field.description}")
        raise ConfigError(f"{self.key}{flaw}, not {shown}{why}", remedy="; ".join(remedies))

    @property
    def choices(self) -> list[str]:
        """The possible values of the key as they are written on the command line; empty if any value is possible."""
        return list(map(str, self._allowed)) or (["true", "false"] if self._kinds - {"null"} == {"boolean"} else [])

    @property
    def _allowed(self) -> list[Any]:
        """The only values that the schema of the field allows, without null; empty if it allows any."""
        extra = self.field.json_schema_extra
        allowed = extra.get("enum") if isinstance(extra, dict) else None
        return [value for value in allowed if value is not None] if isinstance(allowed, list) else []

    @property
    def _kinds(self) -> set[Any]:
        schema = self._adapter.json_schema()
        return {alternative.get("type") for alternative in schema.get("anyOf", [schema])}

    @property
    def _adapter(self) -> TypeAdapter[Any]:
        from pydantic import TypeAdapter

        annotation: Any = self.field.annotation
        return TypeAdapter(Annotated[(annotation, *self.field.metadata)] if self.field.metadata else annotation)


def keys_of(section: Section[Any]) -> Iterator[SectionKey]:
    """Every key with a value, in the order of the model."""
    return (key for key in _all_keys(section, section.model_class, ()) if key.block is None)


def _all_keys(section: Section[Any], model: type[SectionModel], path: tuple[str, ...]) -> Iterator[SectionKey]:
    for name, field in model.model_fields.items():
        block = block_of(field)
        yield SectionKey(section, (*path, name), field, block)
        if block is not None:
            yield from _all_keys(section, block, (*path, name))


def key_named(section: Section[Any], key: str) -> SectionKey:
    """The key of that name, with or without the path of the section before it. Raises SelectionError."""
    path = tuple(key.removeprefix(f"{section.name}.").split("."))
    named = next((other for other in _all_keys(section, section.model_class, ()) if other.path == path), None)
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
