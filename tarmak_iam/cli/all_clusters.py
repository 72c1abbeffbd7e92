"""--all-clusters and --environment: one cluster after the other; an error in one does not end the others."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from tarmak_iam.cli.console import ExitCode, error_sentences, note, print_json, progress
from tarmak_iam.cli.formats import print_excerpt_of_error
from tarmak_iam.errors import SelectionError, TarmakIamError
from tarmak_iam.text import shortened

if TYPE_CHECKING:
    from tarmak_iam.config import Cluster, TarmakConfig


FAILED = "failed"
NOT_ATOMIC = "nothing was written: --atomic requires that the edit is accepted for every cluster"
ReportProgress = Callable[[str], None]
ClusterWork = Callable[["Cluster", ReportProgress], Any]
"""The work for one cluster; it passes what it waits for to the second argument. May raise TarmakIamError. What it
prints are lines that begin with the name of the cluster."""


class ClusterOutcome(NamedTuple):
    """The result for a cluster: a value, or the error that prevented it."""

    cluster: Cluster
    value: Any
    error: TarmakIamError | None = None

    @property
    def name(self) -> str:
        return self.cluster.cluster_name


def clusters_of(config: TarmakConfig, environment: str | None = None, *, with_hubs: bool = False) -> list[Cluster]:
    """Those that a name selects, of the environment if given, hubs only `with_hubs`. Entries that are skipped are
    noted. Raises SelectionError."""
    chosen, selectable = [], config.clusters_in(environment)
    for cluster in config.clusters:
        if environment not in (None, cluster.environment):
            continue
        if cluster in selectable:
            reason = f"{shortened(cluster.cluster_name)} is a hub: it has no masters"
            if with_hubs or not cluster.is_hub:
                chosen.append(cluster)
                continue
        elif cluster.environment and cluster.name:
            reason = f"duplicate cluster {shortened(cluster.cluster_name)}, and Tarmak uses the first"
        else:
            reason = "an entry without environment or name is not a cluster"
        note_skipped(config, cluster, reason)
    if not chosen:
        what = "no cluster found" if with_hubs else "no cluster with masters found"
        raise SelectionError(what, place=config.document.position(("clusters",)))
    return chosen


def noting(cluster: Cluster) -> Callable[[str], None]:
    """Prints a line about the cluster, which stays on a terminal."""
    return lambda text: note(f"{shortened(cluster.cluster_name)}: {text}")


def with_mappings(config: TarmakConfig, outcomes: Iterable[ClusterOutcome]) -> Iterator[ClusterOutcome]:
    """Without the clusters whose value is None: that they have no mappings file is noted."""
    for outcome in outcomes:
        if outcome.error is None and outcome.value is None:
            note_skipped(config, outcome.cluster, f"{shortened(outcome.name)} has no mappings file")
        else:
            yield outcome


def note_skipped(config: TarmakConfig, cluster: Cluster, reason: str) -> None:
    note(f"{config.document.position(cluster.route)}: note: skipped: {reason}")


def for_each(clusters: Sequence[Cluster], work: ClusterWork, doing: str) -> Iterator[ClusterOutcome]:
    """Yields each outcome as soon as it is there. `doing` is shown meanwhile, as in `checking`; errors are printed."""
    for number, cluster in enumerate(clusters, 1):
        name = shortened(cluster.cluster_name)

        def plain(text: str, name: str = name) -> None:
            note(f"{name}: {text}")

        with progress(plain, f"{doing} {name} ({number} of {len(clusters)}): ") as show:
            if show is not plain:
                show("")
            try:
                outcome = ClusterOutcome(cluster, work(cluster, show))
            except TarmakIamError as error:
                outcome = ClusterOutcome(cluster, None, error)
        if outcome.error is not None:
            print_cluster_error(outcome.error, outcome.name)
        yield outcome


def print_cluster_error(error: TarmakIamError, cluster_name: str = "") -> None:
    """Like every error, with the name of the cluster, unless what is wrong contains it."""
    name = shortened(cluster_name)
    note(*error_sentences(error, whose="" if name in error.what else f"{name}: "))
    print_excerpt_of_error(error.place)


def finish_all(
    outcomes: Sequence[ClusterOutcome],
    as_json: Callable[[Any], dict[str, object]],
    output: str,
    word: Callable[[Any], str],
    quiet: str,
    codes: Mapping[str, ExitCode] | None = None,
) -> None:
    """Prints results as JSON, one object a cluster, and a summary, which does not name the clusters of the `quiet`
    word. Exits with ERROR if there was one, else with the lowest of the `codes` of the words; without `codes`, all
    words but `quiet` are FINDINGS."""
    if output == "json":
        shown = [{"error": str(outcome.error)} if outcome.error else as_json(outcome.value) for outcome in outcomes]
        print_json([{"cluster": outcome.name, **part} for outcome, part in zip(outcomes, shown, strict=True)])
    words = [(outcome.name, FAILED if outcome.error else word(outcome.value)) for outcome in outcomes]
    note(outcome_counts(words, quiet))
    states = {state for _, state in words} - {quiet}
    codes = {**(dict.fromkeys(states, ExitCode.FINDINGS) if codes is None else codes), FAILED: ExitCode.ERROR}
    if reached := [codes[state] for state in states if state in codes]:
        click.get_current_context().exit(ExitCode.ERROR if ExitCode.ERROR in reached else min(reached))


def outcome_counts(words: Collection[tuple[str, str]], quiet: str) -> str:
    """`3 clusters: 2 unchanged, 1 differs (prod-blue)`; the clusters of the `quiet` word are not listed."""
    names: dict[str, list[str]] = {quiet: []}
    for name, what in words:
        names.setdefault(what, []).append(shortened(name))
    listed = {what: "" if what == quiet else f" ({', '.join(those)})" for what, those in names.items()}
    parts = [f"{len(those)} {what}{listed[what]}" for what, those in names.items() if those]
    return f"{len(words)} cluster{'' if len(words) == 1 else 's'}{':' if parts else ''} {', '.join(parts)}".rstrip()
