"""--all-clusters: one cluster after the other; an error in one does not end the others."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Generic, TypeVar

from tarmak_iam.cli.console import error_line, note, progress
from tarmak_iam.cli.exit_codes import ExitCode
from tarmak_iam.cli.formats.text import print_excerpt_of_error
from tarmak_iam.errors import SelectionError, TarmakIamError
from tarmak_iam.late_dataclass import dataclass
from tarmak_iam.text import shortened

if TYPE_CHECKING:
    from tarmak_iam.config import Cluster, TarmakConfig


T = TypeVar("T")

FAILED = "failed"

ReportProgress = Callable[[str], None]

ClusterWork = Callable[["Cluster", ReportProgress], T]
"""The work for one cluster; it passes what it waits for to the second argument. May raise TarmakIamError, and prints
nothing."""


@dataclass(frozen=True, slots=True)
class ClusterOutcome(Generic[T]):
    """The result for a cluster: one value, or the error that prevented it."""

    cluster: Cluster
    values: tuple[T, ...]
    error: TarmakIamError | None = None

    @property
    def name(self) -> str:
        return self.cluster.cluster_name

    @property
    def value(self) -> T:
        """Only if there is no error."""
        return self.values[0]


def clusters_with_masters(config: TarmakConfig) -> list[Cluster]:
    """The clusters that can have an authenticator, in file order. A note is printed for each entry that is skipped.

    Raises SelectionError if there are none.
    """
    chosen = []
    for cluster in config.clusters:
        reason = _reason_to_skip(config, cluster)
        if reason is None:
            chosen.append(cluster)
        else:
            note_skipped(config, cluster, reason)
    if not chosen:
        raise SelectionError("no cluster with masters found", place=config.document.position(("clusters",)))
    return chosen


def selectable_clusters(config: TarmakConfig) -> list[Cluster]:
    """The clusters that a name selects, hubs included, in file order. A note is printed for each other entry.

    Raises SelectionError if there are none.
    """
    for cluster in config.clusters:
        if cluster not in config.selectable_clusters:
            note_skipped(config, cluster, _reason_to_skip(config, cluster) or "")
    if not config.selectable_clusters:
        raise SelectionError("no cluster found", place=config.document.position(("clusters",)))
    return list(config.selectable_clusters)


def note_skipped(config: TarmakConfig, cluster: Cluster, reason: str) -> None:
    note(f"{config.document.position(cluster.route)}: note: skipped: {reason}")


def _reason_to_skip(config: TarmakConfig, cluster: Cluster) -> str | None:
    if cluster in config.selectable_clusters:
        return f"{shortened(cluster.cluster_name)} is a hub: it has no masters" if cluster.is_hub else None
    if cluster.environment and cluster.name:
        return f"duplicate cluster {shortened(cluster.cluster_name)}, and Tarmak uses the first"
    return "an entry without environment or name is not a cluster"


def for_each(clusters: Sequence[Cluster], work: ClusterWork[T], doing: str) -> Iterator[ClusterOutcome[T]]:
    """Yields the outcome of each cluster as soon as it is finished, so that the caller can print it then.

    `doing` is what a terminal shows meanwhile, as in `checking`. An error is printed when it happens.
    """
    for number, cluster in enumerate(clusters, 1):
        outcome = _cluster_outcome(
            cluster, work, f"{doing} {shortened(cluster.cluster_name)} ({number} of {len(clusters)})"
        )
        if outcome.error is not None:
            print_cluster_error(outcome.error, outcome.name)
        yield outcome


def print_cluster_error(error: TarmakIamError, cluster_name: str = "") -> None:
    """Like every error, with the name of the cluster if the message does not contain it."""
    name = shortened(cluster_name)
    note(error_line(error, whose="" if name in error.message else f"{name}: "))
    print_excerpt_of_error(error.place)


def _cluster_outcome(cluster: Cluster, work: ClusterWork[T], doing: str) -> ClusterOutcome[T]:
    def plain(text: str) -> None:
        note(f"{shortened(cluster.cluster_name)}: {text}")

    with progress(plain) as show:
        if show is plain:
            waiting = plain
        else:
            show(doing)

            def waiting(text: str) -> None:
                show(f"{doing}: {text}")

        try:
            return ClusterOutcome(cluster, (work(cluster, waiting),))
        except TarmakIamError as error:
            return ClusterOutcome(cluster, (), error)


def error_json(outcome: ClusterOutcome[T]) -> dict[str, str]:
    """The item of a list of results for a cluster that failed."""
    return {"cluster": outcome.name, "error": str(outcome.error)}


def outcomes_exit_code(
    outcomes: Iterable[ClusterOutcome[T]], has_found: Callable[[T], bool] = lambda _: False
) -> ExitCode:
    """ERROR if a cluster failed, else FINDINGS if one has findings, else OK."""
    codes = [
        ExitCode.ERROR if each.error else ExitCode.FINDINGS if has_found(each.value) else ExitCode.OK
        for each in outcomes
    ]
    return max(codes, default=ExitCode.OK)


def outcome_summary(outcomes: Sequence[ClusterOutcome[T]], word: Callable[[T], str], quiet: str) -> str:
    """One line: `3 clusters: 2 unchanged, 1 differs (prod-blue)`; the clusters of the `quiet` word are not listed."""
    return outcome_counts([(each.name, FAILED if each.error else word(each.value)) for each in outcomes], quiet)


def outcome_counts(words: Collection[tuple[str, str]], quiet: str) -> str:
    """The same for pairs of a cluster's name and the word for its outcome."""
    names: dict[str, list[str]] = {quiet: []}
    for name, what in words:
        names.setdefault(what, []).append(shortened(name))
    parts = [
        f"{len(those)} {what}" + ("" if what == quiet else f" ({', '.join(those)})")
        for what, those in names.items()
        if those
    ]
    return f"{len(words)} cluster{'' if len(words) == 1 else 's'}: {', '.join(parts)}"
