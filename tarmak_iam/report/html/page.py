"""The whole page: head, figures, matrix and clusters, with its style and its script in it, and a policy that lets
nothing else in.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Iterator
from importlib.resources import files

from tarmak_iam._version import __version__
from tarmak_iam.findings import Severity
from tarmak_iam.report.escalations import Privilege
from tarmak_iam.report.git_history import short_commit
from tarmak_iam.report.html.cells import (
    Shown,
    anchor,
    badge,
    becomes,
    code,
    fact,
    findings,
    name,
    nothing,
    privilege,
    shown_under,
)
from tarmak_iam.report.html.clusters import section
from tarmak_iam.report.html.markup import HtmlTable, Markup, TableCell, TableRow, el, fragment, verbatim
from tarmak_iam.report.model import AccessCell as Access
from tarmak_iam.report.model import AccessReview, AccessRow, ClusterReview


def header(review: AccessReview, shown: Shown) -> Markup:
    to = f"to {review.clusters[0].cluster}" if len(review.clusters) == 1 else ""
    return el(
        "header",
        el("p", "Access review", class_="kicker"),
        el("h1", f"Who can log in {to} with AWS IAM" if to else "Who can log in with AWS IAM"),
        el("dl", _facts(review, shown), class_="facts"),
    )


def _facts(review: AccessReview, shown: Shown) -> Iterator[Markup]:
    if review.date:
        yield fact("Date of the review", review.date)
    yield fact("Configuration", code(str(review.config)), kind="long")
    revision = review.revision
    if revision is None:
        yield fact("State of the files", f"not known: {review.history or 'nothing is committed yet'}")
        return
    commit = el("code", short_commit(revision.commit), title=revision.commit)
    yield fact("State of the files", "commit ", commit, " of ", el("time", revision.date[:10], datetime=revision.date))
    if revision.changed:
        names = [el("li", code(shown(path))) for path in revision.changed]
        yield fact("Not as committed", el("ul", names, class_="plain"), kind="long")


def summary(review: AccessReview, shown: Shown) -> Markup:
    """What a reader should know before anything else."""
    return el(
        "section",
        el("h2", "At a glance", id="glance"),
        el("ul", _figures(review), class_="figures"),
        el("ul", _warnings(review), class_="notices"),
        _about_file(review, shown),
        aria_labelledby="glance",
    )


def _figures(review: AccessReview) -> Iterator[Markup]:
    clusters = [each for each in review.clusters if not each.is_hub]
    inside = [cells for row in review.rows if (cells := _cells_of_open(review, row))]
    admins = sum(_most(cells) is Privilege.ADMIN for cells in inside)
    found = [each for cluster in review.clusters for each in cluster.all_findings] + list(review.findings)
    reported = [each for each in found if each.ignored is None]
    errors = sum(each.severity is Severity.ERROR for each in reported)
    ineffective = sum(len(each.ineffective_entries) for each in clusters)
    yield _figure(len(clusters), "cluster", "clusters")
    yield _figure(len(inside), "principal gets in", "principals get in")
    yield _figure(admins, "of them is an admin", "of them are admins", "admin")
    yield _figure(ineffective, "entry lets nobody in", "entries let nobody in", "ignored")
    yield _figure(errors, "error", "errors", "error")
    yield _figure(len(reported) - errors, "warning", "warnings", "warning")


def _cells_of_open(review: AccessReview, row: AccessRow) -> list[Access]:
    """What somebody gets where people get in."""
    pairs = zip(row.cells, review.clusters, strict=True)
    return [cell for cell, each in pairs if cell and each.status and not each.status.login_obstacles]


def _figure(count: int, one: str, several: str, kind: str = "") -> Markup:
    return el("li", el("b", str(count)), " ", one if count == 1 else several, class_=kind if count else None)


def _most(cells: Iterable[Access | None]) -> Privilege:
    return min((cell.privilege for cell in cells if cell), key=lambda each: each.rank)


def _warnings(review: AccessReview) -> Iterator[Markup]:
    if review.failed:
        names = ", ".join(each.cluster for each in review.clusters if each.failed)
        yield _notice("error", "Not complete", f"This could not be read, or not all of it: {names}.")
    closed = [
        each.cluster for each in review.clusters if each.status and each.status.login_obstacles and not each.is_hub
    ]
    if closed:
        text = f"Nobody gets in by IAM: {', '.join(closed)}. Their principals are those who would."
        yield _notice("warning", "Closed", text)
    unasked = [each.cluster for each in review.clusters if each.status and not each.is_hub and not each.live]
    if unasked:
        names = ", ".join(unasked)
        text = f"{names}: what bindings allow was not asked, so only what Kubernetes itself gives is marked."
        yield _notice("note", "From files alone", text)


def _notice(kind: str, head: str, body: str) -> Markup:
    return el("li", badge(head, kind), " ", body)


def _about_file(review: AccessReview, shown: Shown) -> Markup | None:
    if not review.findings:
        return None
    return fragment(el("h3", "About the configuration itself"), findings(review.findings, shown))


def matrix(review: AccessReview) -> Markup | None:
    """Who is in which cluster; nothing for one cluster."""
    clusters = [(number, each) for number, each in enumerate(review.clusters) if not each.is_hub]
    if len(review.clusters) < 2 or not review.rows:
        return None
    by_privilege = sorted(review.rows, key=lambda row: _most(row.cells).rank)
    table = HtmlTable(
        caption="Principals by cluster, as username and groups",
        columns=["Principal", *(_column(each) for _, each in clusters)],
        rows=[_row(row, [number for number, _ in clusters]) for row in by_privilege],
        kind="matrix",
    )
    return el(
        "section",
        el("h2", "In every cluster", id="matrix"),
        el("div", table.markup(), class_="wide", role="region", aria_label="Principals by cluster", tabindex="0"),
        aria_labelledby="matrix",
    )


def _column(cluster: ClusterReview) -> str:
    if cluster.status is None:
        return f"{cluster.cluster} (not read)"
    return f"{cluster.cluster} (closed)" if cluster.status.login_obstacles else cluster.cluster


def _row(row: AccessRow, numbers: list[int]) -> TableRow:
    cells = [_access(row.cells[number]) for number in numbers]
    most = _most(row.cells)
    flags = "privileged" if most is not Privilege.NONE else ""
    return TableRow([TableCell(name(row.kind, row.principal), row.principal), *cells], mark=str(most), flags=flags)


def _access(cell: Access | None) -> TableCell:
    if cell is None:
        return TableCell(nothing("no access"), "~", is_empty=True)
    mark = None if cell.privilege is Privilege.NONE else el("div", privilege(cell.privilege))
    how = None if cell.is_named else el("div", "by its account or a pattern", class_="muted")
    return TableCell(fragment(mark, becomes(cell.identity), how), f"{cell.privilege.rank} {cell.identity.username}")


_LIMITS = """\
Who may assume a role, or use a user's keys, is said in AWS IAM, in trust policies and permissions: they were not read.
Certificates and tokens of service accounts get in without IAM. Who has a copy of Tarmak's own kubeconfig is not known.
The last change of an entry is that of the lines that are there: what was only taken out shows in its file's history.
"""


def page(review: AccessReview) -> str:
    """One HTML file. The same review gives the same bytes."""
    style, script = _asset("report.css"), _asset("report.js")
    head = el(
        "head",
        el("meta", charset="utf-8"),
        el("meta", http_equiv="Content-Security-Policy", content=_policy(style, script)),
        el("meta", name="viewport", content="width=device-width, initial-scale=1"),
        el("meta", name="color-scheme", content="light dark"),
        el("meta", name="referrer", content="no-referrer"),
        el("title", f"Access review: {', '.join(each.cluster for each in review.clusters)}"),
        verbatim("style", style),
    )
    return f"<!doctype html>\n{el('html', head, _body(review, script), lang='en')}\n"


def _asset(name: str) -> str:
    return files("tarmak_iam.report.html").joinpath(name).read_text(encoding="utf-8")


def _policy(style: str, script: str) -> str:
    """By what they contain: another style or script than these two is not taken, wherever it might come from."""
    own = f"style-src {_hash(style)}; script-src {_hash(script)}"
    return f"default-src 'none'; {own}; base-uri 'none'; form-action 'none'"


def _hash(content: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()}'"


def _body(review: AccessReview, script: str) -> Markup:
    shown = shown_under(review.config.parent)
    return el(
        "body",
        el("a", "Skip to the review", href="#main", class_="skip"),
        header(review, shown),
        _navigation(review),
        el(
            "main",
            summary(review, shown),
            _controls(),
            matrix(review),
            [section(number, each, shown) for number, each in enumerate(review.clusters)],
            _signatures(),
            id="main",
            tabindex="-1",
        ),
        _footer(),
        verbatim("script", script),
    )


def _navigation(review: AccessReview) -> Markup | None:
    if len(review.clusters) < 2:
        return None
    links = [(anchor(number), each.cluster) for number, each in enumerate(review.clusters)]
    links = [("glance", "At a glance"), *([("matrix", "In every cluster")] if review.rows else []), *links]
    items = [el("li", el("a", name, href=f"#{target}")) for target, name in links]
    return el("nav", el("ul", items), aria_label="Parts of the review")


def _controls() -> Markup:
    """Shown by the script, without which they would do nothing."""
    boxes = (
        el("label", el("input", type="checkbox", name="privileged"), " Privileged only"),
        el("label", el("input", type="checkbox", name="found"), " With findings only"),
    )
    return el(
        "form",
        el("label", "Search", for_="search"),
        el("input", type="search", id="search", autocomplete="off", spellcheck="false"),
        el("div", boxes, class_="boxes"),
        el("p", role="status", class_="status"),
        hidden=True,
        id="controls",
        role="search",
    )


def _signatures() -> Markup:
    """On paper only."""
    fields = [el("div", el("dt", name), el("dd")) for name in ("Reviewed by", "Date", "Signature")]
    return el("dl", fields, class_="signatures")


def _footer() -> Markup:
    return el(
        "footer",
        el("h2", "What this review does not see"),
        el("ul", [el("li", each) for each in _LIMITS.splitlines()]),
        el("p", f"Made by tarmak-iam {__version__}.", class_="muted"),
    )
