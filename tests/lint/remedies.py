"""Carries out what the remedy of a finding says, to the letter: one result for each thing that the sentence offers.

What the words decide by themselves is done by remedy_clauses.py, on the place of the finding. Where the sentence leaves
a choice to the person, remedy_choices.py says what a person does.
"""

from __future__ import annotations

from collections.abc import Mapping

from tarmak_iam.lint import Located, Report, examine
from tests.lint.files import CONFIG_NAME, Files, subjects_of
from tests.lint.mapped import CONFIG
from tests.lint.remedy_choices import CHOICES
from tests.lint.remedy_clauses import carried_out, ignored_above, offers
from tests.lint.remedy_place import NotLiteral, Place

__all__ = [
    "NotLiteral",
    "applied",
    "findings",
    "grants",
    "ignored",
    "inspected",
    "repaired",
    "ways",
]

Grants = Mapping[str, tuple[str, frozenset[str]]]


def inspected(files: Files) -> Report:
    return examine(subjects_of(files))


def findings(files: Files) -> list[Located]:
    return list(inspected(files).findings)


def grants(files: Files) -> Grants:
    """Principal to username and groups, as the daemon of the settings has them; nothing where it would not start."""
    installation = subjects_of(files).installation
    if installation is None or installation.mappings is None:
        return {}
    return {
        f"{each.kind} {each.principal}".lower(): (each.username, frozenset(each.groups or ()))
        for each in installation.loaded.grants
    }


def ignored(files: Files, located: Located) -> Files:
    """With a comment right above the line of the finding."""
    return ignored_above(Place({CONFIG_NAME: CONFIG, **files}, located))


def ways(files: Files, located: Located) -> list[Files]:
    """The files after each thing that the remedy offers. Raises NotLiteral for a sentence that nobody can follow."""
    finding = located.finding
    for choice in CHOICES.get(finding.id, ()):
        if choice.says in finding.remedy and not choice.is_clause:
            return [each({CONFIG_NAME: CONFIG, **files}) for each in choice.does]
    place = Place({CONFIG_NAME: CONFIG, **files}, located)
    return [made for clause in offers(finding.remedy) for made in _followed(place, clause)]


def _followed(place: Place, clause: str) -> list[Files]:
    """One of the things that a sentence offers."""
    choices = CHOICES.get(place.located.finding.id, ())
    chosen = next((each for each in choices if each.is_clause and each.says in clause), None)
    return [each(place.files) for each in chosen.does] if chosen else carried_out(place, clause)


def applied(files: Files, located: Located) -> Files:
    """The files after the first thing that the remedy offers."""
    return ways(files, located)[0]


def repaired(files: Files, rule_id: str, way: int = 0, most: int = 20) -> Files:
    """The files after the same thing was done for each finding of the rule, the first one first, while it changes
    something."""
    for _ in range(most):
        found = next((each for each in findings(files) if each.finding.id == rule_id), None)
        if found is None:
            return files
        possible = ways(files, found)
        before, files = files, possible[min(way, len(possible) - 1)]
        if {CONFIG_NAME: CONFIG, **before} == files:
            break
    return files
