"""CHANGELOG.md keeps the format of Keep a Changelog 1.1, and its head goes with the version."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date

import pytest

import tarmak_iam
from tests.support import ROOT

CHANGELOG = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
KINDS = ["Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"]
"""In the format's own order."""
RELEASE = re.compile(r"## \[(?P<version>[^\]]+)\](?: - (?P<date>\S+))?(?P<yanked> \[YANKED\])?")
VERSION = re.compile(r"(\d+)\.(\d+)\.(\d+)")


@dataclass(frozen=True)
class Release:
    version: str
    date: str | None
    kinds: list[str]
    entries: list[str]
    others: list[str]
    """Lines that are neither a heading nor part of an entry."""


def parsed(text: str) -> tuple[list[str], list[Release]]:
    """The lines before the first release, and the releases."""
    lines = [line for line in text.splitlines() if not re.match(r"\[[^\]]+\]: ", line)]
    starts = [number for number, line in enumerate(lines) if line.startswith("## ")]
    ends = [*starts[1:], len(lines)]
    return lines[: starts[0]], [_release(lines[start:end]) for start, end in zip(starts, ends, strict=True)]


def _release(lines: list[str]) -> Release:
    heading = RELEASE.fullmatch(lines[0])
    assert heading is not None, lines[0]
    entries: list[str] = []
    others = []
    for line in lines[1:]:
        if line.startswith("- "):
            entries.append(line[2:])
        elif line.startswith("  ") and entries:
            entries[-1] += line[1:]
        elif line and not line.startswith("### "):
            others.append(line)
    kinds = [line[4:] for line in lines if line.startswith("### ")]
    return Release(heading["version"], heading["date"], kinds, entries, others)


def number(version: str) -> tuple[int, ...]:
    whole = VERSION.fullmatch(version)
    assert whole is not None, version
    return tuple(map(int, whole.groups()))


HEAD, RELEASES = parsed(CHANGELOG)


def test_it_begins_as_the_format_says() -> None:
    assert HEAD[0] == "# Changelog"
    assert "https://keepachangelog.com/en/1.1.0/" in "".join(HEAD)
    assert "https://semver.org/" in "".join(HEAD)


def test_what_is_unreleased_comes_first_and_once() -> None:
    assert [release.version for release in RELEASES].index("Unreleased") == 0
    assert [release.version for release in RELEASES].count("Unreleased") == 1
    assert RELEASES[0].date is None


def test_releases_descend_and_have_their_day() -> None:
    numbers = [number(release.version) for release in RELEASES[1:]]
    assert numbers == sorted(set(numbers), reverse=True)
    days = [date.fromisoformat(release.date or "") for release in RELEASES[1:]]
    assert days == sorted(days, reverse=True)


@pytest.mark.parametrize("release", RELEASES, ids=lambda release: release.version)
def test_a_release_has_kinds_of_changes_with_entries(release: Release) -> None:
    assert release.kinds == [kind for kind in KINDS if kind in release.kinds]
    assert release.others == []
    assert bool(release.kinds) == bool(release.entries)
    for entry in release.entries:
        assert entry.endswith((".", ".)")), entry
    assert len(set(release.entries)) == len(release.entries)


def test_no_heading_is_without_entries() -> None:
    assert re.findall(r"^### .*\n+(?![-\n])", CHANGELOG, re.MULTILINE) == []


def test_a_link_of_a_release_names_one() -> None:
    """There are none as long as the project has no public home; then every release has its own."""
    defined = re.findall(r"^\[([^\]]+)\]: https://\S+$", CHANGELOG, re.MULTILINE)
    assert defined in ([], [release.version for release in RELEASES])


def test_the_version_is_that_of_the_head() -> None:
    """The newest release; once there are changes after it, the one that they are going to be."""
    newest = number(RELEASES[1].version) if len(RELEASES) > 1 else (0, 0, 0)
    ours = number(tarmak_iam.__version__)
    assert ours > newest if RELEASES[0].entries else ours == newest
