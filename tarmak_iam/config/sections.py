"""Sections: parts of a cluster in tarmak.yaml with a typed model, defaults and validation of their own.

The built-in one is `kubernetes.apiServer.amazon`; others arrive through the entry-point group
`tarmak_iam.sections`, each entry point a `Section`. The built-in one uses nothing they could not.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from pydantic import BaseModel, ConfigDict, model_validator

from tarmak_iam.errors import ConfigError

__all__ = ["Problem", "Section", "SectionModel", "load_sections"]

GROUP = "tarmak_iam.sections"
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

    path: tuple[str, ...]
    message: str
    remedy: str = ""


def _unchanged(model: Any) -> Any:
    return model


def _no_problems(model: Any) -> tuple[Problem, ...]:
    del model
    return ()


@dataclass(frozen=True, slots=True)
class Section(Generic[Model]):
    """A section at `path` below a cluster.

    `defaults` gives the model that takes effect; `validate` takes that and returns what is wrong with it.
    """

    path: tuple[str, ...]
    model: type[Model]
    defaults: Callable[[Model], Model] = field(default=_unchanged)
    validate: Callable[[Model], tuple[Problem, ...]] = field(default=_no_problems)

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


def load_sections() -> tuple[Section[Any], ...]:
    """The built-in section, then those of installed distributions by name.

    Raises ConfigError naming both distributions where two bring the same section.
    """
    from importlib.metadata import entry_points

    from tarmak_iam.config.amazon import AMAZON  # which imports this module

    sections: dict[str, tuple[Section[Any], str]] = {AMAZON.name: (AMAZON, "tarmak-iam")}
    for point in sorted(entry_points(group=GROUP), key=lambda each: each.name):
        section = point.load()
        origin = point.dist.name if point.dist else point.value
        if not isinstance(section, Section):
            raise ConfigError(f"the entry point {point.name} of {origin} is no Section", remedy=f"remove {origin}")
        if section.name in sections:
            other = sections[section.name][1]
            raise ConfigError(
                f"the section {section.name} is brought by {other} and by {origin}", remedy="remove one of them"
            )
        sections[section.name] = (section, origin)
    return tuple(section for section, _ in sections.values())
