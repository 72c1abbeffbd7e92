"""What `check` finds, as a review tells it: by the entry, the cluster or the file that it is about."""

from __future__ import annotations

from collections.abc import Iterable

from tarmak_iam.findings import Finding, Subject
from tarmak_iam.lint import Located, Report, Subjects
from tarmak_iam.lint.suppression import Suppression, suppressions_of
from tarmak_iam.report.model import Noted
from tarmak_iam.routes import Route

__all__ = ["Told"]


class Told:
    """The findings of one cluster's subjects; those that comments set aside too, with what the comments say."""

    def __init__(self, subjects: Subjects, report: Report) -> None:
        comments = [
            each
            for subject in Subject
            if (document := subjects.text_of(subject)) is not None
            for each in suppressions_of(document, subject)
        ]
        shown = [(each.finding, _noted(each, None)) for each in report.findings]
        ignored = [(each.finding, _noted(each, _reason(each, comments))) for each in report.suppressed]
        self._all = (*shown, *ignored)

    def of_entry(self, route: Route) -> tuple[Noted, ...]:
        """About an entry of the mappings, or something in it."""
        return tuple(noted for finding, noted in self._all if _is_in(finding, route))

    def of_cluster(self, index: int, entries: Iterable[Route]) -> tuple[Noted, ...]:
        """About the cluster of that index and its files, but none of the entries."""
        own = tuple(entries)
        return tuple(
            noted
            for finding, noted in self._all
            if not any(_is_in(finding, route) for route in own)
            and (finding.subject is not Subject.CONFIG or _cluster_index(finding) == index)
        )

    def of_file(self) -> tuple[Noted, ...]:
        """About tarmak.yaml, and no single cluster of it."""
        return tuple(
            noted
            for finding, noted in self._all
            if finding.subject is Subject.CONFIG and _cluster_index(finding) is None
        )


def _is_in(finding: Finding, route: Route) -> bool:
    """Without the occurrences of keys, which rules need not tell."""
    return finding.subject is Subject.MAPPINGS and finding.route.plain[: len(route)] == route.plain


def _cluster_index(finding: Finding) -> int | None:
    match finding.route.plain:
        case ("clusters", int(index), *_):
            return index
        case _:
            return None


def _noted(located: Located, ignored: str | None) -> Noted:
    finding = located.finding
    return Noted(finding.id, finding.severity, located.place, finding.message, finding.remedy, ignored)


def _reason(located: Located, comments: Iterable[Suppression]) -> str:
    finding, line = located.finding, located.place.line
    found = (each for each in comments if each.subject is finding.subject and each.line == line)
    return next((each.reason for each in found if each.id == finding.id.upper()), "")
