"""report: who can get into which cluster, as whom, by what."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import click

from tarmak_iam.cli.all_clusters import FAILED, ClusterOutcome, ClusterWork, ReportProgress, for_each, outcome_counts
from tarmak_iam.cli.console import note, print_json, print_line, print_payload
from tarmak_iam.cli.exit_codes import ExitCode
from tarmak_iam.cli.options import access_options, all_clusters_option, format_option
from tarmak_iam.cli.session import Session, kubectl_of, pass_session
from tarmak_iam.lint import Report, Subjects, examine

if TYPE_CHECKING:
    from tarmak_iam.config import Cluster, TarmakConfig
    from tarmak_iam.hook.cluster.kubectl import Kubectl
    from tarmak_iam.report import AccessReview, ClusterReview, Repository, ReviewedCluster

    Reach = Callable[[Cluster, ReportProgress], Kubectl]


T = TypeVar("T")

_COLOURS = {"admin": "red", "node": "magenta", "elevated": "yellow", "nobody": "cyan"}


@click.command(
    epilog="\b\nExamples:\n"
    "  tarmak-iam report --all-clusters -o html > access.html\n"
    "  tarmak-iam report --kubeconfig ~/.tarmak/dev-cluster/kubeconfig\n"
    '  tarmak-iam report --all-clusters --live -o json --date "$(date -I)"'
)
@all_clusters_option
@click.option("--live", is_flag=True, help="Ask the clusters too, through the kubeconfig that tarmak names.")
@access_options
@click.option("--date", default="", metavar="TEXT", help="Date of the review, shown as given; without it, none.")
@format_option("text", "html", "json")
@pass_session
@click.pass_context
def report(
    context: click.Context,
    session: Session,
    all_clusters: bool,
    live: bool,
    kubeconfig: Path | None,
    kube_context: str | None,
    date: str,
    output: str,
) -> None:
    """Access review: who can get in as whom, by which entry, with what is found about it and its last change.

    Reads the files, and the history of the git repository around them. With --live, --kubeconfig or --context the
    cluster is asked what usernames and groups may do, and whether its own mappings are those of the files. Exits with 2
    if a cluster cannot be read: the others are in the review all the same.
    """
    is_reached = kubeconfig is not None or kube_context is not None
    if all_clusters and is_reached:
        raise click.UsageError("--kubeconfig and --context are about one cluster: --live asks each through its own")
    config = session.config()

    def reach(cluster: Cluster, tell: ReportProgress) -> Kubectl:
        return kubectl_of(replace(session, cluster_name=cluster.cluster_name), kubeconfig, kube_context, tell)

    review = _ReviewBuilder(session, config, all_clusters).review(reach if live or is_reached else None, date)
    _print(review, output)
    if all_clusters and review.clusters:
        note(outcome_counts([(each.cluster, _state(each)) for each in review.clusters], "open"))
    if review.failed:
        context.exit(ExitCode.ERROR)


def _state(cluster: ClusterReview) -> str:
    if cluster.error or cluster.live_error:
        return FAILED
    if cluster.is_hub:
        return "hub"
    return "closed" if cluster.status and cluster.status.login_obstacles else "open"


@dataclass(frozen=True, slots=True)
class _ReviewBuilder:
    """A review of one cluster, whose errors are the command's, or of all, where they are in the review."""

    session: Session
    config: TarmakConfig
    all_clusters: bool

    def review(self, reach: Reach | None, date: str) -> AccessReview:
        from tarmak_iam.report import Repository, put_together

        config = self.config
        chosen = config.selectable_clusters if self.all_clusters else (self.session.cluster(config),)
        outcomes = self._each(chosen, self._read, "reading")
        subjects = [each.value for each in outcomes if not each.error]
        found = examine(*(subjects or [Subjects(config)]))
        assert config.path is not None  # it is loaded from a file
        repository = Repository.of(config.path.parent)
        if repository.remedy:
            note(f"the last changes are not known: {repository.unknown}; {repository.remedy}")
        reviewed = {each.name: self._reviewed(each, found, repository) for each in outcomes}
        if reach is not None:
            self._ask(reviewed, [each for each in outcomes if not each.error], reach)
        return put_together(config.path, list(reviewed.values()), found, repository, date)

    def _read(self, cluster: Cluster, _: ReportProgress) -> Subjects:
        return Subjects.of_cluster(self.config, cluster, self.session.files(self.config, cluster))

    def _reviewed(self, outcome: ClusterOutcome[Subjects], found: Report, repository: Repository) -> ReviewedCluster:
        from tarmak_iam.report import ReviewedCluster, review_cluster, unreadable_cluster

        if outcome.error is not None:
            place = self.config.document.position(outcome.cluster.route)
            return ReviewedCluster(unreadable_cluster(outcome.name, place, outcome.error))
        installation = outcome.value.installation
        assert installation is not None  # of_cluster gives one
        return ReviewedCluster(review_cluster(outcome.value, found, repository), installation.loaded)

    def _ask(self, reviewed: dict[str, ReviewedCluster], read: list[ClusterOutcome[Subjects]], reach: Reach) -> None:
        """Puts what each cluster says into its review, or why it says nothing."""
        from tarmak_iam.report import ask_cluster

        installations = {each.name: each.value.installation for each in read}

        def ask(cluster: Cluster, tell: ReportProgress) -> ClusterReview:
            installation = installations[cluster.cluster_name]
            assert installation is not None  # of_cluster gives one
            return ask_cluster(reviewed[cluster.cluster_name].review, installation, reach(cluster, tell))

        with_masters = [each.cluster for each in read if not reviewed[each.name].review.is_hub]
        for outcome in self._each(with_masters, ask, "asking"):
            before = reviewed[outcome.name].review
            error = outcome.error
            after = outcome.value if error is None else replace(before, live=True, live_error=error.message)
            reviewed[outcome.name] = replace(reviewed[outcome.name], review=after)
            if error is None and after.live_error:
                note(f"{outcome.name}: {after.live_error}")

    def _each(self, clusters: Sequence[Cluster], work: ClusterWork[T], doing: str) -> list[ClusterOutcome[T]]:
        if self.all_clusters:
            return list(for_each(clusters, work, doing))
        return [ClusterOutcome(cluster, (work(cluster, note),)) for cluster in clusters]


def _coloured(line: str) -> str:
    """With what is privileged, and who gets nothing, in a colour on a terminal."""
    word = line.split(maxsplit=1)[0] if line.startswith("    ") else ""
    return line.replace(word, click.style(word, fg=_COLOURS[word], bold=True), 1) if word in _COLOURS else line


def _print(review: AccessReview, output: str) -> None:
    from tarmak_iam.report import as_lines, page, review_json

    if output == "json":
        print_json(review_json(review))
    elif output == "html":
        print_payload(page(review).encode())
    else:
        for line in as_lines(review):
            print_line(_coloured(line))
