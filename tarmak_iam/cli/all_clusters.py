"""--all-clusters: one cluster after the other; an error of one does not end the others."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

from tarmak_iam.cli.console import error_line, note, progress
from tarmak_iam.cli.exit_codes import ExitCode
from tarmak_iam.cli.formats.text import print_excerpt_of_error
from tarmak_iam.errors import SelectionError, TarmakIamError
from tarmak_iam.text import shortened

if TYPE_CHECKING:
    from tarmak_iam.config import Cluster, TarmakConfig


T = TypeVar("T")

FAILED = "failed"

ReportProgress = Callable[[str], None]

ClusterWork = Callable[["Cluster", ReportProgress], T]
"""What is done for a cluster; what it waits for goes to the second. May raise TarmakIamError, and prints nothing."""


@dataclass(frozen=True, slots=True)
class ClusterOutcome(Generic[T]):
    """What came of a cluster: one value, or the error because of which there is none."""

    cluster: Cluster
    values: tuple[T, ...]
    error: TarmakIamError | None = None

    @property
    def name(self) -> str:
        return self.cluster.cluster_name

    @property
    def value(self) -> T:
        """Only where there is no error."""
        return self.values[0]


def clusters_with_masters(config: TarmakConfig) -> list[Cluster]:
    """The clusters that can have an authenticator, in file order, with a note on each entry that is passed over.

    Raises SelectionError where none is left.
    """
    chosen = []
    for cluster in config.clusters:
        reason = _reason_to_skip(config, cluster)
        if reason is None:
            chosen.append(cluster)
        else:
            note(f"{config.document.position(cluster.route)}: note: passed over: {reason}")
    if not chosen:
        raise SelectionError("there is no cluster with masters in it", place=config.document.position(("clusters",)))
    return chosen


def _reason_to_skip(config: TarmakConfig, cluster: Cluster) -> str | None:
    if cluster in config.selectable_clusters:
        return f"{shortened(cluster.cluster_name)} is a hub: it has no masters" if cluster.is_hub else None
    if cluster.environment and cluster.name:
        return f"{shortened(cluster.cluster_name)} is there already, and Tarmak takes the first"
    return "an entry without environment or name is no cluster"


def for_each(clusters: Sequence[Cluster], work: ClusterWork[T], doing: str) -> Iterator[ClusterOutcome[T]]:
    """The outcome for each, once it is there: what the caller prints then, nothing else is in the way of.

    `doing` is what a terminal shows meanwhile, as in `checking`. An error is told when it happens.
    """
    for number, cluster in enumerate(clusters, 1):
        outcome = _cluster_outcome(
            cluster, work, f"{doing} {shortened(cluster.cluster_name)} ({number} of {len(clusters)})"
        )
        if outcome.error is not None:
            print_cluster_error(outcome.error, outcome.name)
        yield outcome


def print_cluster_error(error: TarmakIamError, cluster_name: str = "") -> None:
    """As every error is told, and with the cluster where it does not say itself whose it is."""
    name = shortened(cluster_name)
    note(error_line(error, whose="" if name in error.message else f"{name}: "))
    print_excerpt_of_error(error.place)


def _cluster_outcome(cluster: Cluster, work: ClusterWork[T], doing: str) -> ClusterOutcome[T]:
    def plain(text: str) -> None:
        note(f"{shortened(cluster.cluster_name)}: {text}")

    with progress(plain) as tell:
        if tell is plain:
            waiting = plain
        else:
            tell(doing)

            def waiting(text: str) -> None:
                tell(f"{doing}: {text}")

        try:
            return ClusterOutcome(cluster, (work(cluster, waiting),))
        except TarmakIamError as error:
            return ClusterOutcome(cluster, (), error)


def error_json(outcome: ClusterOutcome[T]) -> dict[str, str]:
    """What stands in a list in the place of what a cluster would have given."""
    return {"cluster": outcome.name, "error": str(outcome.error)}


def outcomes_exit_code(
    outcomes: Iterable[ClusterOutcome[T]], has_found: Callable[[T], bool] = lambda _: False
) -> ExitCode:
    """ERROR if there is one among them, else FINDINGS if something was found, else OK."""
    codes = [
        ExitCode.ERROR if each.error else ExitCode.FINDINGS if has_found(each.value) else ExitCode.OK
        for each in outcomes
    ]
    return max(codes, default=ExitCode.OK)


def outcome_summary(outcomes: Sequence[ClusterOutcome[T]], word: Callable[[T], str], quiet: str) -> str:
    """One line: `3 clusters: 2 unchanged, 1 differs (prod-blue)`; those of the `quiet` word are not named."""
    return outcome_counts([(each.name, FAILED if each.error else word(each.value)) for each in outcomes], quiet)


def outcome_counts(words: Collection[tuple[str, str]], quiet: str) -> str:
    """The same of pairs: a cluster's name, and the word for what came of it."""
    names: dict[str, list[str]] = {quiet: []}
    for name, what in words:
        names.setdefault(what, []).append(shortened(name))
    parts = [
        f"{len(those)} {what}" + ("" if what == quiet else f" ({', '.join(those)})")
        for what, those in names.items()
        if those
    ]
    return f"{len(words)} cluster{'' if len(words) == 1 else 's'}: {', '.join(parts)}"
