"""What `check` finds, as a review tells it: by the entry, the cluster or the file that it is about."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from tarmak_iam.findings import Subject
from tarmak_iam.lint import Located, Report
from tarmak_iam.report.model import Noted
from tarmak_iam.routes import Route

__all__ = ["Told", "about_the_file"]

_Steps = tuple[str | int, ...]


class Told:
    """The findings about one cluster; those that comments set aside too, with what the comments say."""

    def __init__(self, report: Report, cluster_id: str, entries: Iterable[Route]) -> None:
        """`entries`: the routes of the mappings' entries."""
        routes = {route.plain for route in entries}
        self._of_entry: dict[_Steps, list[Noted]] = {route: [] for route in routes}
        self._others: list[Noted] = []
        for located, noted in _all(report):
            if located.cluster == cluster_id:
                own = [steps for steps in _leading_to(located) if steps in routes]
                for found in [self._of_entry[steps] for steps in own] or [self._others]:
                    found.append(noted)

    def of_entry(self, route: Route) -> tuple[Noted, ...]:
        """About an entry of the mappings, or something in it."""
        return tuple(self._of_entry[route.plain])

    @property
    def of_cluster(self) -> tuple[Noted, ...]:
        """About the cluster and its files, but none of the entries."""
        return tuple(self._others)


def about_the_file(report: Report) -> tuple[Noted, ...]:
    """About tarmak.yaml, and no single cluster of it."""
    return tuple(noted for located, noted in _all(report) if located.cluster is None)


def _all(report: Report) -> Iterable[tuple[Located, Noted]]:
    yield from ((each, _noted(each, None)) for each in report.findings)
    yield from ((each, _noted(each, each.reason)) for each in report.suppressed)


def _leading_to(located: Located) -> Iterator[_Steps]:
    """The way to what a finding in the mappings is about, step by step; without the occurrences of keys, which rules
    need not tell."""
    finding = located.finding
    if finding.subject is Subject.MAPPINGS:
        steps = finding.route.plain
        yield from (steps[:count] for count in range(len(steps) + 1))


def _noted(located: Located, ignored: str | None) -> Noted:
    finding = located.finding
    return Noted(finding.id, finding.severity, located.place, finding.message, finding.remedy, ignored)
