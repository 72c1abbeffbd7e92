"""Sections: parts of a cluster in tarmak.yaml, each with its own typed model, defaults, validation and rules.

The built-in section is `kubernetes.apiServer.amazon`. Plugins add others through the entry-point group
`tarmak_iam.sections`, where each entry point is a `Section`. They can use everything that the built-in one uses.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, TypeVar

from tarmak_iam.findings import At, Severity
from tarmak_iam.plugins import guarded, lazy_exports

if TYPE_CHECKING:
    from pydantic import ValidationError

    from tarmak_iam.config.section_model import SectionModel
else:  # pydantic takes longer to import than everything else: it is needed where a model is
    __getattr__, __dir__ = lazy_exports(__name__, {"tarmak_iam.config.section_model": "SectionModel"})

__all__ = ["Path", "Problem", "Section", "SectionModel", "SectionRule"]


_WANTED = {
    "bool": "a boolean",
    "int": "a whole number",
    "float": "a number",
    "string": "a string",
    "list": "a list",
    "dict": "a YAML mapping",
    "model": "a YAML mapping",
}
_SHOULD_BE = "Input should be "


class FieldError(NamedTuple):
    """`path` leads from the model's data to the value with the error. `wanted` names the required type, as in
    "a boolean", if only the type is wrong."""

    path: tuple[str | int, ...]
    message: str
    wanted: str = ""


def validation_error() -> type[ValidationError]:
    """pydantic's error, for `except` clauses: it is imported when another error is compared with it."""
    from pydantic import ValidationError

    return ValidationError


def field_errors(error: ValidationError) -> list[FieldError]:
    """All errors, in the order of the model."""
    errors = []
    for detail in error.errors(include_url=False):
        # pydantic also puts the validator function into the path.
        path = tuple(step for step in detail["loc"] if not (isinstance(step, str) and step.startswith("function-")))
        kind = detail["type"].removesuffix("_type").removesuffix("_parsing")
        if detail["type"] == "missing":
            errors.append(FieldError(path[:-1], f"{path[-1]} is missing"))
            continue
        wanted = _WANTED.get(kind, "") if detail["type"] != kind else ""
        message = detail["msg"].removeprefix("Value error, ").removeprefix("Assertion failed, ") or "it is wrong"
        if wanted or message.startswith(_SHOULD_BE):
            message = f"must be {wanted or message.removeprefix(_SHOULD_BE)}"
        message = f"{message[0].lower()}{message[1:]}"
        errors.append(FieldError(path, message, wanted))
    return errors


Model = TypeVar("Model", bound="SectionModel")
Path = tuple[str | int, ...]
"""Keys and list indices below a cluster or a section."""


@dataclass(frozen=True, slots=True)
class Problem:
    """A problem in a section, at `path` below it; `remedy` says what to do, `at` is the key or the value."""

    path: Path
    message: str
    remedy: str = ""
    at: At = At.VALUE

    def __post_init__(self) -> None:
        _check_path(self.path, (str, int))


@dataclass(frozen=True, slots=True)
class SectionRule:
    """A rule of `tarmak-iam check` about a section: something that is valid, but not what its author expects.

    `check` is called with the model as the file contains it, without defaults, and with all plain data of the cluster;
    it returns the problems. `id` identifies the rule, with a prefix of its author (`ACME001`).
    """

    id: str
    severity: Severity
    summary: str
    check: Callable[[Any, Mapping[str, Any]], Iterable[Problem]] = field(repr=False)
    name: str = field(default="", kw_only=True)
    """A name of words with dashes; a comment may suppress the rule by it."""


@dataclass(frozen=True, slots=True)
class Section(Generic[Model]):
    """A section at `path` below a cluster.

    `model` may be a function that imports the model and returns it, because pydantic takes longer to import than
    everything else: then Tarmak checks the types, and `validate` and the rules are called with plain data, as the file
    contains them. `defaults` returns the model that takes effect. `validate` is called with it and returns the
    problems because of which an edit must be refused. `rules` find what is valid, but surprising.
    """

    path: tuple[str, ...]
    model: type[Model] | Callable[[], type[Model]]
    defaults: Callable[[Model], Model] = field(default=lambda model: model)
    validate: Callable[[Any], Iterable[Problem]] = field(default=lambda _: ())
    rules: tuple[SectionRule, ...] = ()

    def __post_init__(self) -> None:
        _check_path(self.path, (str,))

    @property
    def name(self) -> str:
        """The dotted path; two sections with the same name are an error."""
        return ".".join(self.path)

    @property
    def model_class(self) -> type[Model]:
        """The model, imported if it is not yet."""
        return self.model if isinstance(self.model, type) else self.model()

    def read(self, cluster: Mapping[str, Any]) -> Model | None:
        """The typed section of a cluster's plain data, None if it is missing or null.

        As strict as Tarmak: a string is not accepted for a number. Raises pydantic's ValidationError for wrong data.
        """
        data = self.data(cluster)
        if data is None:
            return None
        # Read as JSON, as Tarmak does: there a date is a string and a tuple is a list, even for a strict reader.
        return self.model_class.model_validate_json(json.dumps(_without_nulls(data)), strict=True)

    def values(self, cluster: Mapping[str, Any]) -> Any:
        """What `validate` and the rules get: the plain data if the model is a function. Raises as `read`."""
        return self.read(cluster) if isinstance(self.model, type) else self.data(cluster)

    def data(self, cluster: Mapping[str, Any]) -> Any:
        """The part of a cluster's plain data that belongs to the section."""
        data: Any = cluster
        for key in self.path:
            data = data.get(key) if isinstance(data, Mapping) else None
        return data

    def effective_values(self, given: Model | None) -> dict[str, Any]:
        """The plain values with defaults; `given` is the model as the file contains it, None without it. Empty if a
        required key is not set. Raises as `effective`."""
        try:
            model = self.model_class() if given is None else given
        except validation_error():
            return {}
        values: dict[str, Any] = self.effective(model).model_dump(mode="json", exclude_none=True)
        return values

    def effective(self, model: Model) -> Model:
        """The model with its defaults. Raises ConfigError if the plugin's function fails."""
        made: Model = self.guarded(self.defaults, model)
        return made

    def problems(self, cluster: Mapping[str, Any]) -> list[Problem]:
        """The problems of a cluster's section: data that do not fit the model, else what `validate` returns.

        Raises ConfigError if a function of the plugin fails.
        """
        try:
            values = self.values(cluster)
        except validation_error() as error:
            return [Problem(flaw.path, flaw.message) for flaw in field_errors(error)]
        defaults = self.defaults if isinstance(self.model, type) else lambda plain: plain
        return [] if values is None else self.guarded(lambda: list(self.validate(defaults(values))))

    def guarded(self, function: Callable[..., Any], *args: Any) -> Any:
        """The result of a function of the section. Raises ConfigError, naming the section, for any exception."""
        return guarded(f"the section {self.name}", function, *args)


def _check_path(path: Any, kinds: tuple[type, ...]) -> None:
    if not isinstance(path, tuple) or not all(isinstance(step, kinds) for step in path):
        raise TypeError(f"a path must be a tuple of keys, as in ('kubernetes', 'dashboard'), not {path!r}")


def _without_nulls(data: Any) -> Any:
    """Tarmak treats a null key as a missing key."""
    if isinstance(data, Mapping):
        return {key: _without_nulls(value) for key, value in data.items() if value is not None}
    return [_without_nulls(item) for item in data] if isinstance(data, list) else data
