"""Sections: parts of a cluster in tarmak.yaml with a typed model, defaults, validation and findings of their own.

The built-in one is `kubernetes.apiServer.amazon`; others arrive through the entry-point group
`tarmak_iam.sections`, each entry point a `Section`. The built-in one uses nothing they could not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError, model_validator

from tarmak_iam.config.misfits import misfit
from tarmak_iam.findings import Severity

__all__ = ["Problem", "Section", "SectionModel", "SectionRule"]

Model = TypeVar("Model", bound="SectionModel")


class SectionModel(BaseModel):
    """Base of a section's models: frozen, unknown keys ignored and null as absent, as Tarmak does.

    Field names are the file's own keys; a field's docstring is also its text in the JSON Schema.
    """

    model_config = ConfigDict(frozen=True, extra="ignore", use_attribute_docstrings=True)

    @model_validator(mode="before")
    @classmethod
    def _null_is_absent(cls, data: Any) -> Any:
        return {key: value for key, value in data.items() if value is not None} if isinstance(data, Mapping) else data


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong in a section, at `path` below it; `remedy` says what to do."""

    path: tuple[str | int, ...]
    message: str
    remedy: str = ""


def _unchanged(model: Any) -> Any:
    return model


def _no_problems(model: Any) -> tuple[Problem, ...]:
    del model
    return ()


@dataclass(frozen=True, slots=True)
class SectionRule:
    """A rule of `tarmak-iam check` about a section: what is allowed there, and yet not what its author expects.

    `check` takes the model as the file has it, without defaults, and the whole cluster's plain data, and gives
    the problems. `id` is the author's own (`ACME001`), for everybody to tell the rule by.
    """

    id: str
    severity: Severity
    summary: str
    check: Callable[[Any, Mapping[str, Any]], Iterable[Problem]] = field(repr=False)


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

    @property
    def name(self) -> str:
        """The dotted path; two sections with one name are an error."""
        return ".".join(self.path)

    def read(self, cluster: Mapping[str, Any]) -> Model | None:
        """The typed section of a cluster's plain data, None where the file has none (or null).

        Raises pydantic's ValidationError for data that does not fit the model.
        """
        data: Any = cluster
        for key in self.path:
            data = data.get(key) if isinstance(data, Mapping) else None
        return None if data is None else self.model.model_validate(data)

    def problems(self, cluster: Mapping[str, Any]) -> list[Problem]:
        """What is wrong with a cluster's section: data that do not fit the model, else what `validate` says."""
        try:
            model = self.read(cluster)
        except ValidationError as error:
            path, message = misfit(error)
            return [Problem(path, message)]
        return [] if model is None else list(self.validate(self.defaults(model)))
