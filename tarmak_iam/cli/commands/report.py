"""report: which principals can log in to which cluster, as whom, and by which entry."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import click
from click.core import ParameterSource

from tarmak_iam.cli.all_clusters import FAILED, ClusterOutcome, ClusterWork, ReportProgress, for_each, outcome_counts
from tarmak_iam.cli.browser import open_page
from tarmak_iam.cli.console import note, print_json, print_payload, print_styled_line
from tarmak_iam.cli.exit_codes import ExitCode
from tarmak_iam.cli.options import access_options, all_clusters_option, format_option
from tarmak_iam.cli.session import Session, kubectl_of, pass_session
from tarmak_iam.late_dataclass import dataclass
from tarmak_iam.lint import Report, Subjects, examine

if TYPE_CHECKING:
    from tarmak_iam.config import Cluster, TarmakConfig
    from tarmak_iam.hook.cluster.kubectl import Kubectl
    from tarmak_iam.report import AccessReview, ClusterReview, Repository, ReviewedCluster

    Connect = Callable[[Cluster, ReportProgress], Kubectl]


T = TypeVar("T")

_WITH, _WITHOUT, _HUB = "with IAM login", "without IAM login", "hub"
_COLOURS = {"admin": "red", "node": "magenta", "elevated": "yellow", "denied": "cyan"}


@click.command(
    epilog="\b\nExamples:\n"
    "  tarmak-iam report --all-clusters -o html > access.html\n"
    "  tarmak-iam report --open\n"
    "  tarmak-iam report --kubeconfig ~/.tarmak/dev-cluster/kubeconfig\n"
    '  tarmak-iam report --all-clusters --live -o json --date "$(date -I)"'
)
@all_clusters_option
@click.option("--live", is_flag=True, help="Ask the clusters too, with the kubeconfig that Tarmak generates.")
@access_options
@click.option("--date", default="", metavar="TEXT", help="Date of the review, shown as given.")
@click.option("--open", "is_opened", is_flag=True, help="Open the HTML report in a browser, from a private file.")
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
    is_opened: bool,
    output: str,
) -> None:
    """Generate an access review: who can log in to a cluster.

    Lists each principal with its username, groups and privilege, its entry in the mappings file, the findings about it,
    and its last change in git. With --live, --kubeconfig or --context, the cluster is asked for its RBAC bindings and
    its current mappings. If a cluster cannot be read, the review contains the others, and the exit code is 2.
    """
    is_asked = kubeconfig is not None or kube_context is not None
    if all_clusters and is_asked:
        raise click.UsageError("--kubeconfig and --context are for one cluster: use --live with --all-clusters")
    if is_opened and output != "html":
        if context.get_parameter_source("output") is not ParameterSource.DEFAULT:
            raise click.UsageError(f"--open shows HTML: use it without -o {output}, or with -o html")
        output = "html"
    config = session.config()

    def connect(cluster: Cluster, report_progress: ReportProgress) -> Kubectl:
        own = replace(session, cluster_name=cluster.cluster_name)
        return kubectl_of(own, cluster.cluster_name, kubeconfig, kube_context, report_progress)

    review = _ReviewBuilder(session, config, all_clusters).review(connect if live or is_asked else None, date)
    if is_opened:
        _open(review)
    else:
        _print(review, output)
    if all_clusters and review.clusters:
        note(_counts(review))
    if review.failed:
        context.exit(ExitCode.ERROR)


def _counts(review: AccessReview) -> str:
    """As in `3 clusters: 2 with IAM login (dev-a, dev-b), 1 without (prod)`."""
    has_login = any(_state(each) == _WITH for each in review.clusters)
    order = [_WITH, _WITHOUT, _HUB, FAILED]
    states = sorted(((each.cluster, _state(each)) for each in review.clusters), key=lambda pair: order.index(pair[1]))
    words = {_WITHOUT: "without" if has_login else _WITHOUT}
    return outcome_counts([(name, words.get(state, state)) for name, state in states], "")


def _state(cluster: ClusterReview) -> str:
    if cluster.error or cluster.live_error:
        return FAILED
    if cluster.is_hub:
        return _HUB
    return _WITH if cluster.is_login_possible else _WITHOUT


@dataclass(frozen=True, slots=True)
class _ReviewBuilder:
    """A review of one cluster, or of all. Of all, errors are part of the review; else they end the command."""

    session: Session
    config: TarmakConfig
    all_clusters: bool

    def review(self, connect: Connect | None, date: str) -> AccessReview:
        from tarmak_iam.report import Repository, put_together

        config = self.config
        chosen = config.selectable_clusters if self.all_clusters else (self.session.cluster(config),)
        outcomes = self._each(chosen, self._read, "reading")
        subjects = [each.value for each in outcomes if not each.error]
        checked = subjects or [Subjects(config)]
        found = examine(*checked)
        if found.findings:
            from tarmak_iam.lint.fixing import with_fixes_in_remedies

            found = with_fixes_in_remedies(found, *checked)
        assert config.path is not None  # it is loaded from a file
        repository = Repository.of(config.path.parent)
        if repository.remedy:
            note(f"the last changes are not known: {repository.unknown}; {repository.remedy}")
        reviewed = {each.name: self._reviewed(each, found, repository) for each in outcomes}
        if connect is not None:
            self._ask(reviewed, [each for each in outcomes if not each.error], connect)
        return put_together(config.path, list(reviewed.values()), found, repository, date)

    def _read(self, cluster: Cluster, _: ReportProgress) -> Subjects:
        return Subjects.of_cluster(self.config, cluster, self.session.files(self.config, cluster))

    def _reviewed(self, outcome: ClusterOutcome[Subjects], found: Report, repository: Repository) -> ReviewedCluster:
        from tarmak_iam.report import ReviewedCluster, review_cluster, unreadable_cluster

        if outcome.error is not None:
            place = self.config.document.position(outcome.cluster.route)
            return ReviewedCluster(unreadable_cluster(outcome.name, place, outcome.error))
        installation = outcome.value.installation
        assert installation is not None  # of_cluster sets one
        return ReviewedCluster(review_cluster(outcome.value, found, repository), installation.loaded)

    def _ask(
        self, reviewed: dict[str, ReviewedCluster], read: list[ClusterOutcome[Subjects]], connect: Connect
    ) -> None:
        """Adds to each review what its cluster answers, or why it could not be asked."""
        from tarmak_iam.report import ask_cluster

        installations = {each.name: each.value.installation for each in read}

        def ask(cluster: Cluster, report_progress: ReportProgress) -> ClusterReview:
            installation = installations[cluster.cluster_name]
            assert installation is not None  # of_cluster sets one
            return ask_cluster(reviewed[cluster.cluster_name].review, installation, connect(cluster, report_progress))

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
    """The labels of privileges and denials are coloured on a terminal."""
    word = line.split(maxsplit=1)[0] if line.startswith("    ") else ""
    return line.replace(word, click.style(word, fg=_COLOURS[word], bold=True), 1) if word in _COLOURS else line


def _open(review: AccessReview) -> None:
    from tarmak_iam.report import page

    open_page("access-review.html", page(review).encode())


def _print(review: AccessReview, output: str) -> None:
    from tarmak_iam.report import as_lines, page, review_json

    if output == "json":
        print_json(review_json(review))
    elif output == "html":
        print_payload(page(review).encode())
    else:
        for line in as_lines(review):
            print_styled_line(_coloured(line))
