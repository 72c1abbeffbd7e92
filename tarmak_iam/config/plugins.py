"""The sections that are there: the built-in one, and those of installed distributions."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import metadata
from typing import Any

from tarmak_iam.config.amazon import AMAZON
from tarmak_iam.config.sections import Section
from tarmak_iam.errors import ConfigError, SelectionError

__all__ = ["GROUP", "OWN", "Installed", "installed_sections", "load_sections", "section_named"]

GROUP = "tarmak_iam.sections"
"""The entry-point group; each of its entry points is a `Section`."""

OWN = "tarmak-iam"
"""The distribution that brings what is built in."""


@dataclass(frozen=True, slots=True)
class Installed:
    """A section and the distribution that brings it."""

    section: Section[Any]
    origin: str


def load_sections() -> tuple[Section[Any], ...]:
    """The built-in section, then those of installed distributions by the names of their entry points.

    Raises ConfigError, naming the distributions, where one cannot be loaded, brings no Section, or brings one at
    the path of another, above or below it.
    """
    return tuple(each.section for each in installed_sections())


def installed_sections() -> tuple[Installed, ...]:
    """As `load_sections`, with the distributions' names."""
    points = sorted(metadata.entry_points(group=GROUP), key=lambda each: each.name)
    found = [Installed(AMAZON, OWN)]
    for point in points:
        new = Installed(_load(point), _origin(point))
        for other in found:
            width = min(len(other.section.path), len(new.section.path))
            if other.section.name == new.section.name:
                what = f"the section {new.section.name} is brought by {other.origin} and by {new.origin}"
                raise ConfigError(what, remedy="remove one of them")
            if other.section.path[:width] == new.section.path[:width]:
                what = f"the sections {other.section.name} of {other.origin} and {new.section.name} of {new.origin}"
                raise ConfigError(f"{what} are within one another", remedy="remove one of them")
        found.append(new)
    return tuple(found)


def section_named(name: str) -> Section[Any]:
    """The section of that dotted path. Raises SelectionError, and ConfigError as `load_sections` does."""
    sections = {section.name: section for section in load_sections()}
    if name not in sections:
        raise SelectionError(f"there is no section '{name}'", remedy=f"choose one of {', '.join(sections)}")
    return sections[name]


def _load(point: metadata.EntryPoint) -> Section[Any]:
    try:
        section = point.load()
    except Exception as error:  # whatever somebody else's module raises while it is imported
        raise ConfigError(
            f"the section plugin {point.name} of {_origin(point)} cannot be loaded: {type(error).__name__}: {error}",
            remedy=f"mend or remove {_origin(point)}",
        ) from error
    if not isinstance(section, Section) or not section.path:
        raise ConfigError(
            f"the entry point {point.name} of {_origin(point)} is no Section", remedy=f"remove {_origin(point)}"
        )
    return section


def _origin(point: metadata.EntryPoint) -> str:
    return point.dist.name if point.dist else point.value
