"""Single keys of a section: which there are, what type each has, and what a text on a command line is for one."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any, get_args

from pydantic import TypeAdapter, ValidationError
from pydantic.fields import FieldInfo

from tarmak_iam.config.keys import WHOLE_FILE
from tarmak_iam.config.misfits import misfit
from tarmak_iam.config.sections import Section, SectionModel
from tarmak_iam.config.types import field_at
from tarmak_iam.document import Document
from tarmak_iam.errors import ConfigError, ParseError, SelectionError

__all__ = ["Option", "option", "options"]

_NAMES = {"boolean": "a boolean", "integer": "a whole number", "number": "a number", "string": "a string"}


@dataclass(frozen=True, slots=True)
class Option:
    """A key of a section; `path` leads to it from the section on. A block has keys of its own and no value."""

    section: Section[Any]
    path: tuple[str, ...]
    field: FieldInfo

    @property
    def key(self) -> str:
        """As a person writes it: `publicELBAccessLogs.bucket`."""
        return ".".join(self.path)

    @property
    def block(self) -> type[SectionModel] | None:
        """The model of the keys below it."""
        return _model_of(self.field)

    def typed(self, text: str) -> Any:
        """The value that a text stands for: itself where the key takes texts, else what YAML makes of it.

        Raises ConfigError for what the key does not take.
        """
        if self._misfit(text) is None:
            return text
        try:
            value = Document.parse(text, json=False).data
        except ParseError:
            value = text
        if value is None:
            raise ConfigError(f"{self.key} needs a value", remedy=f"to take it out, unset {self.key}")
        self.check(value)
        return value

    def check(self, value: Any) -> None:
        """Raises ConfigError for a value that the key does not take."""
        self._check_block()
        what = self._misfit(value)
        if what is not None:
            shown = json.dumps(value, ensure_ascii=False, default=str)
            is_tarmaks = field_at("Cluster", (*self.section.path, *self.path)) is not None
            refused = f": {WHOLE_FILE}" if is_tarmaks and what.startswith("must be") else ""
            raise ConfigError(f"{self.key} {what}, not {shown}{refused}", remedy=self.field.description or "")

    def _check_block(self) -> None:
        if self.block is not None:
            keys = ", ".join(f"{self.key}.{name}" for name in self.block.model_fields)
            raise ConfigError(f"{self.key} is a block of keys", remedy=f"set one of {keys}")

    def _misfit(self, value: Any) -> str | None:
        """What the key wants instead, None if it takes the value. Strict, as Tarmak is: no 1 for true, no "5" for 5."""
        annotation: Any = self.field.annotation
        if self.field.metadata:
            annotation = Annotated.__class_getitem__((annotation, *self.field.metadata))  # type: ignore[attr-defined]
        adapter: TypeAdapter[Any] = TypeAdapter(annotation)
        extra = self.field.json_schema_extra
        allowed = extra.get("enum") if isinstance(extra, dict) else None
        if isinstance(allowed, list) and (value not in allowed or isinstance(value, bool)):
            return f"can only be {' or '.join(str(each) for each in allowed if each is not None)}"
        try:
            adapter.validate_json(json.dumps(value), strict=True)
        except (ValidationError, TypeError, ValueError) as error:
            wanted = _NAMES.get(_type_name(adapter.json_schema()))
            if wanted:
                return f"must be {wanted}"
            return f"is wrong: {misfit(error)[1]}" if isinstance(error, ValidationError) else "must be plain data"
        return None


def options(section: Section[Any]) -> Iterator[Option]:
    """Every key that has a value, in the model's order."""
    yield from _options(section, section.model, ())


def option(section: Section[Any], key: str) -> Option:
    """The key of that name, the section's own path before it or not. Raises SelectionError."""
    model: type[SectionModel] | None = section.model
    path = tuple(key.removeprefix(f"{section.name}.").split("."))
    field: FieldInfo | None = None
    for name in path:
        field = None if model is None else model.model_fields.get(name)
        if field is None:
            raise _unknown(section, key)
        model = _model_of(field)
    assert field is not None  # a split text has at least one part
    return Option(section, path, field)


def _options(section: Section[Any], model: type[SectionModel], path: tuple[str, ...]) -> Iterator[Option]:
    for name, field in model.model_fields.items():
        block = _model_of(field)
        if block is None:
            yield Option(section, (*path, name), field)
        else:
            yield from _options(section, block, (*path, name))


def _unknown(section: Section[Any], key: str) -> SelectionError:
    keys = [each.key for each in options(section)]
    near = difflib.get_close_matches(key.casefold(), {each.casefold(): each for each in keys}, n=1)
    hint = next((f"did you mean {each}?" for each in keys if near and each.casefold() == near[0]), "")
    return SelectionError(f"{section.name} has no key '{key}'", remedy=hint or f"its keys are {', '.join(keys)}")


def _model_of(field: FieldInfo) -> type[SectionModel] | None:
    for each in (field.annotation, *get_args(field.annotation)):
        if isinstance(each, type) and issubclass(each, SectionModel):
            return each
    return None


def _type_name(schema: dict[str, Any]) -> str:
    """The one type that the schema has beside null, empty if there is no such."""
    names = {each.get("type") for each in schema.get("anyOf", [schema])} - {"null"}
    name = names.pop() if len(names) == 1 else ""
    return name if isinstance(name, str) and not {"enum", "pattern", "format"} & schema.keys() else ""
