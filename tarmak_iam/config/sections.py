"""Sections: parts of a cluster in tarmak.yaml with a typed model, defaults, validation and findings of their own.

The built-in one is `kubernetes.apiServer.amazon`; others arrive through the entry-point group
`tarmak_iam.sections`, each entry point a `Section`. The built-in one uses nothing they could not.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from tarmak_iam.findings import At, Severity
from tarmak_iam.plugins import guarded

__all__ = ["Path", "Problem", "Section", "SectionModel", "SectionRule"]


_WANTED = {
    "bool": "a boolean",
    "int": "a whole number",
    "float": "a number",
    "string": "a string",
    "list": "a list",
    "dict": "a mapping",
    "model": "a mapping",
}


@dataclass(frozen=True, slots=True)
class FieldError:
    """`path` leads from the model's data to what does not fit; `wanted` names the type where that is all there is
    to say, as in "a boolean"; `is_extra` is true for a key that the model does not have."""

    path: tuple[str | int, ...]
    message: str
    wanted: str = ""
    is_extra: bool = False


def field_errors(error: ValidationError) -> list[FieldError]:
    """All that is wrong, in the model's order."""
    found = []
    for each in error.errors(include_url=False):
        path = tuple(step for step in each["loc"] if not _is_validator(step))
        kind = each["type"].removesuffix("_type").removesuffix("_parsing")
        if each["type"] == "missing":
            found.append(FieldError(path[:-1], f"{path[-1]} is missing"))
            continue
        wanted = _WANTED.get(kind, "") if each["type"] != kind else ""
        what = each["msg"].removeprefix("Value error, ").removeprefix("Assertion failed, ") or "it is wrong"
        message = f"must be {wanted}" if wanted else f"{what[0].lower()}{what[1:]}"
        found.append(FieldError(path, message, wanted, each["type"] == "extra_forbidden"))
    return found


def _is_validator(step: int | str) -> bool:
    """pydantic names the validator function in the path, too."""
    return isinstance(step, str) and step.startswith("function-")


Model = TypeVar("Model", bound="SectionModel")

Path = tuple[str | int, ...]
"""Keys and list indices below a cluster, or below a section."""


class SectionModel(BaseModel):
    """Base of a section's models: frozen, and unknown keys ignored, as Tarmak does.

    Field names are the file's own keys, without aliases; a field's docstring is also its text in the JSON Schema.
    A key that is null is one that is not there.
    """

    model_config = ConfigDict(frozen=True, extra="ignore", use_attribute_docstrings=True)

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        super().__pydantic_init_subclass__(**kwargs)
        for name, each in cls.model_fields.items():
            if each.alias or each.validation_alias or each.serialization_alias:
                raise TypeError(f"{cls.__name__}.{name} has an alias: a field is called what its key is")


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong in a section, at `path` below it; `remedy` says what to do, `at` whether key or value is meant."""

    path: Path
    message: str
    remedy: str = ""
    at: At = At.VALUE

    def __post_init__(self) -> None:
        _check_path(self.path, (str, int))


def _unchanged(model: Any) -> Any:
    return model


def _no_problems(model: Any) -> tuple[Problem, ...]:
    del model
    return ()


@dataclass(frozen=True, slots=True)
class SectionRule:
    """A rule of `tarmak-iam check` about a section: what is allowed there, and yet not what its author expects.

    `check` takes the model as the file has it, without defaults, and all of the cluster's plain data, and gives
    the problems. `id` is the author's own (`ACME001`), for everybody to tell the rule by.
    """

    id: str
    severity: Severity
    summary: str
    check: Callable[[Any, Mapping[str, Any]], Iterable[Problem]] = field(repr=False)
    name: str = field(default="", kw_only=True)
    """In words with dashes, for people to remember; comments may name the rule by it."""


@dataclass(frozen=True, slots=True)
class Section(Generic[Model]):
    """A section at `path` below a cluster.

    `defaults` gives the model that takes effect; `validate` takes that and returns what is wrong with it, so
    wrong that no edit may lead there; `rules` are about what is merely surprising.
    """

    path: tuple[str, ...]
    model: type[Model]
    defaults: Callable[[Model], Model] = field(default=_unchanged)
    validate: Callable[[Model], Iterable[Problem]] = field(default=_no_problems)
    rules: tuple[SectionRule, ...] = ()

    def __post_init__(self) -> None:
        _check_path(self.path, (str,))

    @property
    def name(self) -> str:
        """The dotted path; two sections with one name are an error."""
        return ".".join(self.path)

    def read(self, cluster: Mapping[str, Any]) -> Model | None:
        """The typed section of a cluster's plain data, None where the file has none (or null).

        As strict as Tarmak is: no text for a number. Raises pydantic's ValidationError for data that do not fit.
        """
        data = self.data(cluster)
        if data is None:
            return None
        # Read as JSON, as Tarmak does: there a date is a text and a tuple a list, even to a strict reader.
        return self.model.model_validate_json(json.dumps(_without_nulls(data)), strict=True)

    def data(self, cluster: Mapping[str, Any]) -> Any:
        """The section's own part of a cluster's plain data."""
        data: Any = cluster
        for key in self.path:
            data = data.get(key) if isinstance(data, Mapping) else None
        return data

    def effective(self, model: Model) -> Model:
        """The model with its defaults. Raises ConfigError where the plugin's function fails."""
        made: Model = self.guarded(self.defaults, model)
        return made

    def problems(self, cluster: Mapping[str, Any]) -> list[Problem]:
        """What is wrong with a cluster's section: data that do not fit the model, else what `validate` says.

        Raises ConfigError where the plugin's functions fail.
        """
        try:
            model = self.read(cluster)
        except ValidationError as error:
            return [Problem(each.path, each.message) for each in field_errors(error)]
        return [] if model is None else self.guarded(lambda: list(self.validate(self.defaults(model))))

    def guarded(self, function: Callable[..., Any], *args: Any) -> Any:
        """What a function of the section gives. Raises ConfigError, naming the section, for whatever it raises."""
        return guarded(f"the section {self.name}", function, *args)


def _check_path(path: Any, kinds: tuple[type, ...]) -> None:
    if not isinstance(path, tuple) or not all(isinstance(step, kinds) for step in path):
        raise TypeError(f"a path is a tuple of keys, as in ('kubernetes', 'dashboard'), not {path!r}")


def _without_nulls(data: Any) -> Any:
    """For Tarmak a key that is null is one that is not there."""
    if isinstance(data, Mapping):
        return {key: _without_nulls(value) for key, value in data.items() if value is not None}
    return [_without_nulls(item) for item in data] if isinstance(data, list) else data
