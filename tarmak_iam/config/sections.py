"""Sections: parts of a cluster in tarmak.yaml, each with its own typed model, defaults, validation and rules.

The built-in section is `kubernetes.apiServer.amazon`. Plugins add others through the entry-point group
`tarmak_iam.sections`, where each entry point is a `Section`. They can use everything that the built-in one uses.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from tarmak_iam.config.tarmak_types import CLUSTER_FIELD
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


def validation_error() -> type[ValidationError]:
    """pydantic's error, for `except` clauses: it is imported when another error is compared with it."""
    from pydantic import ValidationError

    return ValidationError


def field_errors(error: ValidationError) -> list[tuple[Path, str]]:
    """The path of each error from the model's data to the value, and its message; in the order of the model."""
    errors: list[tuple[Path, str]] = []
    for detail in error.errors(include_url=False):
        # pydantic also puts the validator function into the path.
        path = tuple(step for step in detail["loc"] if not (isinstance(step, str) and step.startswith("function-")))
        kind = detail["type"].removesuffix("_type").removesuffix("_parsing")
        if detail["type"] == "missing":
            errors.append((path[:-1], f"{path[-1]} is missing"))
            continue
        wanted = _WANTED.get(kind, "") if detail["type"] != kind else ""
        message = detail["msg"].removeprefix("Value error, ").removeprefix("Assertion failed, ") or "it is wrong"
        if wanted or message.startswith(_SHOULD_BE):
            message = f"must be {wanted or message.removeprefix(_SHOULD_BE)}"
        errors.append((path, f"{message[0].lower()}{message[1:]}"))
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

    `defaults` returns the model that takes effect. `validate` is called with it and returns the problems because of
    which an edit must be refused. `rules` find what is valid, but surprising. `model` may be a function that imports
    and returns the model, because pydantic takes longer to import than everything else: if Tarmak has the keys, its
    types are checked in place of the model, and all of these functions are called with plain data.
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
    def is_plain(self) -> bool:
        """Whether its values are plain data of Tarmak's types, and its model is only for Python programs."""
        return not isinstance(self.model, type) and CLUSTER_FIELD.below(*self.path) is not None

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
        """What the functions get: the plain data or the model, None if the section is missing. Raises as `read`."""
        return self.data(cluster) if self.is_plain else self.read(cluster)

    def data(self, cluster: Mapping[str, Any]) -> Any:
        """The part of a cluster's plain data that belongs to the section."""
        data: Any = cluster
        for key in self.path:
            data = data.get(key) if isinstance(data, Mapping) else None
        return data

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
            return [Problem(*flaw) for flaw in field_errors(error)]
        return [] if values is None else self.guarded(lambda: list(self.validate(self.defaults(values))))

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
