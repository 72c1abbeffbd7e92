"""The sections that are there: the built-in one, and those of installed distributions."""

from __future__ import annotations

from importlib import metadata
from typing import Any

from tarmak_iam.config.amazon import AMAZON
from tarmak_iam.config.sections import Section
from tarmak_iam.errors import ConfigError, SelectionError

__all__ = ["GROUP", "load_sections", "section_named"]

GROUP = "tarmak_iam.sections"
"""The entry-point group; each of its entry points is a `Section`."""


def load_sections() -> tuple[Section[Any], ...]:
    """The built-in section, then those of installed distributions by the names of their entry points.

    Raises ConfigError, naming the distributions, where one cannot be loaded, brings no Section, or brings a
    section or a rule that another one has.
    """
    origins: dict[str, str] = {}
    sections: list[Section[Any]] = []
    points = sorted(metadata.entry_points(group=GROUP), key=lambda each: each.name)
    for section, origin in [(AMAZON, "tarmak-iam"), *((_load(point), _origin(point)) for point in points)]:
        for name in (f"section {section.name}", *(f"rule {rule.id}" for rule in section.rules)):
            if name in origins:
                raise ConfigError(
                    f"the {name} is brought by {origins[name]} and by {origin}", remedy="remove one of them"
                )
            origins[name] = origin
        sections.append(section)
    return tuple(sections)


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
