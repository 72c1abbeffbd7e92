"""CHANGELOG.md keeps the format of Keep a Changelog 1.1, and its head goes with the version."""

from __future__ import annotations

import re
from datetime import date

import pytest

import tarmak_iam
from tests.support import ROOT

CHANGELOG = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
KINDS = ["Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"]
"""In the format's own order."""
HEAD, *SECTIONS = re.split(r"^(?=## )", CHANGELOG, flags=re.MULTILINE)
HEADINGS = [re.match(r"## \[([^\]]+)\](?: - (\d{4}-\d\d-\d\d))?(?: \[YANKED\])?\n", section) for section in SECTIONS]
VERSIONS = [heading[1] if heading else "" for heading in HEADINGS]
ENTRY = re.compile(r"^- (?:.|\n  )+", re.MULTILINE)


def number(version: str) -> tuple[int, ...]:
    return tuple(map(int, version.split(".")))


def test_the_head_and_the_headings_are_those_of_the_format() -> None:
    assert HEAD.startswith("# Changelog\n")
    assert "https://keepachangelog.com/en/1.1.0/" in HEAD
    assert "https://semver.org/" in HEAD
    assert (VERSIONS[0], HEADINGS[0] and HEADINGS[0][2]) == ("Unreleased", None)
    numbers = [number(version) for version in VERSIONS[1:]]
    assert numbers == sorted(set(numbers), reverse=True)
    days = [date.fromisoformat(heading[2]) for heading in HEADINGS[1:] if heading]
    assert days == sorted(days, reverse=True)
    assert len(days) == len(numbers)


@pytest.mark.parametrize("section", SECTIONS, ids=VERSIONS)
def test_a_release_has_kinds_of_changes_with_entries(section: str) -> None:
    """One sentence each, and nothing else; links of releases come only once the project has a public home."""
    kinds = re.findall(r"^### (.*)$", section, re.MULTILINE)
    assert kinds == [kind for kind in KINDS if kind in kinds]
    assert re.findall(r"^### .*\n+(?![-\n])", section, re.MULTILINE) == []
    entries = ENTRY.findall(section)
    assert [entry for entry in entries if not entry.endswith((".", ".)"))] == []
    assert len(set(entries)) == len(entries)
    others = ENTRY.sub("", section.partition("\n")[2])
    assert [line for line in others.splitlines() if line and not line.startswith("### ")] == []


def test_the_version_is_that_of_the_head() -> None:
    """The newest release; once there are changes after it, the one that they are going to be."""
    newest = number(VERSIONS[1]) if len(VERSIONS) > 1 else (0, 0, 0)
    ours = number(tarmak_iam.__version__)
    assert ours > newest if "### " in SECTIONS[0] else ours == newest
