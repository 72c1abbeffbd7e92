"""The sections that are there: the built-in one, and those of installed distributions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tarmak_iam.config.amazon import AMAZON
from tarmak_iam.config.sections import Section
from tarmak_iam.errors import ConfigError, SelectionError
from tarmak_iam.near import did_you_mean
from tarmak_iam.plugins import OWN, brought, check_unique

__all__ = ["GROUP", "Installed", "installed_sections", "load_sections", "section_named"]

GROUP = "tarmak_iam.sections"
"""The entry-point group; each of its entry points is a `Section`."""


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
    found = [Installed(AMAZON, OWN)]
    for each in brought(GROUP, Section):
        new = Installed(each.value, each.origin)
        _check_path(new, found)
        found.append(new)
    return tuple(found)


def section_named(name: str) -> Section[Any]:
    """The section of that dotted path. Raises SelectionError, and ConfigError as `load_sections` does."""
    sections = {section.name: section for section in load_sections()}
    if name not in sections:
        raise SelectionError(f"there is no section '{name}'", remedy=did_you_mean(name, sections, "choose one of"))
    return sections[name]


def _check_path(new: Installed, found: list[Installed]) -> None:
    if not new.section.path:
        raise ConfigError(f"a section of {new.origin} has no path", remedy=f"remove {new.origin}")
    check_unique("section", [(each.section.name, each.origin) for each in (*found, new)])
    for other in found:
        width = min(len(other.section.path), len(new.section.path))
        if other.section.path[:width] == new.section.path[:width]:
            what = f"the sections {other.section.name} of {other.origin} and {new.section.name} of {new.origin}"
            raise ConfigError(f"{what} are within one another", remedy="remove one of them")
