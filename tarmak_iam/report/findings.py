"""What `check` finds, as a review tells it: by the entry, the cluster or the file that it is about."""

from __future__ import annotations

from collections.abc import Iterable

from tarmak_iam.findings import Subject
from tarmak_iam.lint import Located, Report
from tarmak_iam.report.model import Noted
from tarmak_iam.routes import Route

__all__ = ["Told", "about_the_file"]


class Told:
    """The findings about one cluster; those that comments set aside too, with what the comments say."""

    def __init__(self, report: Report, cluster_id: str) -> None:
        self._all = [(each, noted) for each, noted in _all(report) if each.cluster == cluster_id]

    def of_entry(self, route: Route) -> tuple[Noted, ...]:
        """About an entry of the mappings, or something in it."""
        return tuple(noted for located, noted in self._all if _is_in(located, route))

    def of_cluster(self, entries: Iterable[Route]) -> tuple[Noted, ...]:
        """About the cluster and its files, but none of these entries."""
        own = tuple(entries)
        return tuple(noted for located, noted in self._all if not any(_is_in(located, route) for route in own))


def about_the_file(report: Report) -> tuple[Noted, ...]:
    """About tarmak.yaml, and no single cluster of it."""
    return tuple(noted for located, noted in _all(report) if located.cluster is None)


def _all(report: Report) -> Iterable[tuple[Located, Noted]]:
    yield from ((each, _noted(each, None)) for each in report.findings)
    yield from ((each, _noted(each, each.reason)) for each in report.suppressed)


def _is_in(located: Located, route: Route) -> bool:
    """Without the occurrences of keys, which rules need not tell."""
    finding = located.finding
    return finding.subject is Subject.MAPPINGS and finding.route.plain[: len(route)] == route.plain


def _noted(located: Located, ignored: str | None) -> Noted:
    finding = located.finding
    return Noted(finding.id, finding.severity, located.place, finding.message, finding.remedy, ignored)
