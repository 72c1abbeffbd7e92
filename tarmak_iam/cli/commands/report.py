"""report: which principals can log in to which cluster, as whom, and by which entry."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click
from click.core import ParameterSource

from tarmak_iam.cli.all_clusters import FAILED, ClusterOutcome, ClusterWork, ReportProgress, for_each, outcome_counts
from tarmak_iam.cli.console import ExitCode, note, print_json, print_payload, print_styled_line, record_done
from tarmak_iam.cli.options import access_options, all_clusters_option, format_option, option, trust_option
from tarmak_iam.cli.session import Session, kubectl_of, pass_session
from tarmak_iam.config.cluster import check_masters
from tarmak_iam.errors import FileError, TarmakIamError
from tarmak_iam.lint import Subjects, examine
from tarmak_iam.text import shortened

if TYPE_CHECKING:
    from tarmak_iam.config import Cluster, TarmakConfig
    from tarmak_iam.installation.installation import Installation
    from tarmak_iam.report import AccessReview, ClusterReview
    from tarmak_iam.report.review import ToAsk


_COLOURS = {"admin": "red", "node": "magenta", "elevated": "yellow", "denied": "cyan"}


@click.command()
@all_clusters_option
@option("--live")
@access_options
@option("--audit-log FILE", "audit_logs", multiple=True)
@trust_option
@option("--date TEXT", default="")
@option("--open", "is_opened")
@format_option("text", "html", "json")
@pass_session
@click.pass_context
def report(
    context: click.Context,
    session: Session,
    all_clusters: bool,
    live: bool,
    audit_logs: tuple[str, ...],
    trust: tuple[Path, ...],
    date: str,
    is_opened: bool,
    output: str,
) -> None:
    is_asked = bool(session.access)
    if all_clusters and is_asked:
        raise click.UsageError("--kubeconfig and --context are for one cluster: use --live with --all-clusters")
    if all_clusters and audit_logs:
        raise click.UsageError("--audit-log is for one cluster, whose API servers wrote the log: use --cluster NAME")
    if is_opened and output != "html":
        if context.get_parameter_source("output") is not ParameterSource.DEFAULT:
            raise click.UsageError(f"--open shows HTML: use it without -o {output}, or with -o html")
        output = "html"
    is_live, config = live or is_asked, session.config()
    session = session.with_trust(trust)
    if audit_logs:
        check_masters(session.cluster(config))
    review = _reviewed(session, config, date, audit_logs, all_clusters=all_clusters, is_live=is_live)
    _print(review, output, is_opened=is_opened)
    if all_clusters and review.clusters:
        note(_counts(review))
    if review.failed:
        context.exit(ExitCode.ERROR)


def _print(review: AccessReview, output: str, *, is_opened: bool) -> None:
    from tarmak_iam.report import as_lines, page, review_json

    if is_opened:
        open_page("access-review.html", page(review).encode())
    elif output == "json":
        print_json(review_json(review))
    elif output == "html":
        print_payload(page(review).encode())
    else:
        for line in as_lines(review):
            word = line.split(maxsplit=1)[0] if line.startswith("    ") else ""
            coloured = click.style(word, fg=_COLOURS[word], bold=True) if word in _COLOURS else word
            print_styled_line(line.replace(word, coloured, 1))


def _counts(review: AccessReview) -> str:
    """As in `3 clusters: 2 with IAM login (dev-a, dev-b), 1 without (prod); 1 hub (prod-hub)`."""
    possible, impossible = "with IAM login", "without IAM login"
    states: dict[str, list[str]] = {possible: [], impossible: [], FAILED: []}
    for cluster in (cluster for cluster in review.clusters if not cluster.is_hub):
        state = possible if cluster.is_login_possible else impossible
        states[FAILED if cluster.failed else state].append(cluster.cluster)
    words = {impossible: "without"} if states[possible] else {}
    named = [(name, words.get(state, state)) for state, names in states.items() for name in names]
    hubs = [shortened(cluster.cluster) for cluster in review.clusters if cluster.is_hub]
    counts = [outcome_counts(named, "")] if named else []
    counts += [f"{len(hubs)} hub{'' if len(hubs) == 1 else 's'} ({', '.join(hubs)})"] if hubs else []
    return "; ".join(counts)


def _each(all_clusters: bool, clusters: Sequence[Cluster], work: ClusterWork, doing: str) -> list[ClusterOutcome]:
    """Of all clusters, errors are part of the review; else they end the command."""
    if all_clusters:
        return list(for_each(clusters, work, doing))
    return [ClusterOutcome(cluster, work(cluster, note)) for cluster in clusters]


def _reviewed(
    session: Session, config: TarmakConfig, date: str, audit_logs: tuple[str, ...], *, all_clusters: bool, is_live: bool
) -> AccessReview:
    """The review of one cluster, or of all."""
    from tarmak_iam import report
    from tarmak_iam.lint.fixing import with_fixes_in_remedies

    def read(cluster: Cluster, _: ReportProgress) -> Subjects:
        subjects = Subjects.of_cluster(config, cluster, session.files(config, cluster))
        return replace(subjects, trust_policies=session.trust_policies)

    chosen = config.clusters_in(session.environment) if all_clusters else (session.cluster(config),)
    outcomes = _each(all_clusters, chosen, read, "reading")
    checked = [outcome.value for outcome in outcomes if not outcome.error] or [Subjects(config)]
    checked_report = with_fixes_in_remedies(examine(*checked), *checked)
    assert config.path is not None  # it is loaded from a file
    repository = report.Repository.of(config.path.parent)
    if repository.remedy:
        note(f"the last changes are not known: {repository.unknown}; {repository.remedy}")

    def with_logins(review: ClusterReview, installation: Installation) -> ClusterReview:
        return report.with_audit_logs(review, installation.loaded, audit_logs, note) if audit_logs else review

    def ask_all(chosen: list[ToAsk]) -> Iterator[tuple[Cluster, ClusterReview | TarmakIamError]]:
        known = {cluster: (with_logins(review, made), made) for cluster, review, made in chosen}

        def ask(cluster: Cluster, report_progress: ReportProgress) -> ClusterReview:
            return report.ask_cluster(*known[cluster], kubectl_of(session, cluster.cluster_name, report_progress))

        if not is_live:
            yield from ((cluster, review) for cluster, (review, _) in known.items())
        for answer in _each(all_clusters, list(known) if is_live else (), ask, "querying"):
            if answer.error is None and answer.value.live_error:
                note(f"{answer.name}: {answer.value.live_error}")
            yield answer.cluster, answer.error or answer.value

    read_clusters = [(outcome.cluster, outcome.error or outcome.value) for outcome in outcomes]
    return report.review_clusters(config, read_clusters, checked_report, repository, date, ask_all)


_DISPLAYS = ("BROWSER", "DISPLAY", "WAYLAND_DISPLAY")
"""Without these there is no graphical browser, except on macOS and Windows. `webbrowser` would start one in the
terminal, if it found one."""


def open_page(name: str, content: bytes) -> None:
    """Writes the page to a new file in a private temporary directory (modes 0600 and 0700), opens it, and prints where
    it is. The file stays: a browser reads it whenever it is ready. Raises FileError if it cannot be written."""
    import tempfile
    import webbrowser

    try:
        path = Path(tempfile.mkdtemp(prefix="tarmak-iam-")) / name
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with open(descriptor, "wb") as file:
            file.write(content)
    except OSError as error:
        what = f"cannot write {name} to a temporary directory: {error.strerror or error}"
        remedy = "set TMPDIR to a directory that can be written to, or print the page with -o html"
        raise FileError(what, remedy=remedy) from None
    record_done("wrote", path)
    is_opened = sys.platform in ("darwin", "win32", "cygwin") or any(os.environ.get(name) for name in _DISPLAYS)
    try:
        is_opened = is_opened and webbrowser.open(path.as_uri())
    except (OSError, webbrowser.Error):
        is_opened = False
    done = f"opened {path} in the browser;" if is_opened else f"no browser found; open {path} yourself, and"
    note(f"{done} remove the file when it is no longer needed")
