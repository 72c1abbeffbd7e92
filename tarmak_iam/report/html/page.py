"""The whole page: head, introduction, numbers, matrix and clusters. It contains its style and script, and a content
security policy that allows nothing else.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator, Mapping
from importlib.resources import files

from tarmak_iam._version import __version__
from tarmak_iam.report.escalations import Privilege
from tarmak_iam.report.html.cells import (
    Shown,
    anchor,
    badge,
    becomes,
    code,
    fact,
    findings,
    flags,
    name,
    nothing,
    principal_key,
    privilege,
    shown_under,
)
from tarmak_iam.report.html.clusters import section
from tarmak_iam.report.html.markup import HtmlTable, Markup, TableCell, TableRow, el, fragment, verbatim
from tarmak_iam.report.model import AccessCell as Access
from tarmak_iam.report.model import AccessRow, ClusterReview, Review, ReviewedFinding, short_commit
from tarmak_iam.report.summary import common_change, highest_privilege, introduction, summarize
from tarmak_iam.text import without_markers


def header(review: Review, shown: Shown) -> Markup:
    to = f"to {review.clusters[0].cluster}" if len(review.clusters) == 1 else ""
    return el(
        "header",
        el("p", "Access review", class_="kicker"),
        el("h1", f"Who can log in {to} with AWS IAM" if to else "Who can log in with AWS IAM"),
        el("div", [el("p", each) for each in introduction(review, shown)], class_="introduction"),
        el("dl", _facts(review, shown), class_="facts"),
    )


def _facts(review: Review, shown: Shown) -> Iterator[Markup]:
    if review.date:
        yield fact("Date of the review", review.date)
    yield fact("Configuration", code(str(review.config)), kind="long")
    revision = review.revision
    if revision is None:
        yield fact("Commit of the files", f"not known: {review.history or 'nothing is committed yet'}")
        return
    commit = el("code", short_commit(revision.commit), title=revision.commit)
    yield fact("Commit of the files", commit, " of ", el("time", revision.date[:10], datetime=revision.date))
    if revision.changed:
        names = [el("li", code(shown(path))) for path in revision.changed]
        yield fact("Differ from the commit", el("ul", names, class_="plain"), kind="long")


def summary(review: Review, shown: Shown) -> Markup:
    """The numbers of the review, and whether it is incomplete."""
    return el(
        "section",
        el("h2", "At a glance", id="glance"),
        el("ul", _figures(review), class_="figures"),
        el("ul", _warnings(review), class_="notices"),
        _about_file(review, shown),
        aria_labelledby="glance",
    )


def _figures(review: Review) -> Iterator[Markup]:
    numbers = summarize(review)
    yield _figure(numbers.clusters, "cluster", "clusters")
    yield _figure(numbers.principals, "principal", "principals")
    yield _figure(numbers.admins, "principal with admin access", "principals with admin access", "admin")
    yield _figure(numbers.ineffective, "ineffective entry", "ineffective entries", "ignored")
    yield _figure(numbers.errors, "error", "errors", "error")
    yield _figure(numbers.warnings, "warning", "warnings", "warning")


def _figure(count: int, one: str, several: str, kind: str = "") -> Markup:
    return el("li", el("b", str(count)), " ", one if count == 1 else several, class_=kind if count else None)


def _warnings(review: Review) -> Iterator[Markup]:
    if review.failed:
        names = ", ".join(each.cluster for each in review.clusters if each.failed)
        yield _notice("error", "Incomplete", f"These clusters could not be read, or only in part: {names}.")


def _notice(kind: str, head: str, body: str) -> Markup:
    return el("li", badge(head, kind), " ", body)


def _about_file(review: Review, shown: Shown) -> Markup | None:
    if not review.findings:
        return None
    return fragment(el("h3", "Findings about tarmak.yaml"), findings(review.findings, shown))


def matrix(review: Review) -> Markup | None:
    """Principals by cluster; None for one cluster."""
    clusters = [(number, each) for number, each in enumerate(review.clusters) if not each.is_hub]
    if len(review.clusters) < 2 or not review.rows:
        return None
    by_privilege = sorted(review.rows, key=lambda row: highest_privilege(row).rank)
    found: dict[str, list[ReviewedFinding]] = {}
    for one in (principal for cluster in review.clusters for principal in cluster.principals):
        found.setdefault(principal_key(one.kind, one.principal), []).extend(one.findings)
    table = HtmlTable(
        caption="Principals by cluster, with username and groups",
        columns=["Principal", *(_column(each) for _, each in clusters)],
        rows=[_row(row, [number for number, _ in clusters], found) for row in by_privilege],
        kind="matrix",
        unit=("principal", "principals"),
    )
    return el(
        "section",
        el("h2", "Principals by cluster", id="matrix"),
        el(
            "div",
            table.markup(),
            class_="wide",
            role="region",
            aria_label="Table of principals by cluster",
            tabindex="0",
        ),
        aria_labelledby="matrix",
    )


def _column(cluster: ClusterReview) -> str:
    if cluster.status is None:
        return f"{cluster.cluster} (not read)"
    return f"{cluster.cluster} (no IAM login)" if cluster.status.login_obstacles else cluster.cluster


def _row(row: AccessRow, numbers: list[int], found: Mapping[str, list[ReviewedFinding]]) -> TableRow:
    """`found`: the findings about each principal in any cluster."""
    cells = [_access(row.cells[number]) for number in numbers]
    most = highest_privilege(row)
    first = TableCell(name(row.kind, row.principal), row.principal)
    key = principal_key(row.kind, row.principal)
    return TableRow([first, *cells], mark=str(most), flags=flags(found.get(key, ()), most), key=key)


def _access(cell: Access | None) -> TableCell:
    if cell is None:
        return TableCell(nothing("no access"), "~", is_empty=True)
    mark = None if cell.privilege is Privilege.NONE else el("div", privilege(cell.privilege))
    how = None if cell.is_named else el("div", "by its account or by a pattern", class_="muted")
    return TableCell(fragment(mark, becomes(cell.identity), how), f"{cell.privilege.rank} {cell.identity.username}")


_LIMITS = """\
Trust policies and permissions in AWS IAM define who can assume a role or use the keys of a user. They were not read.
Client certificates and service account tokens give access without IAM.
Who has a copy of Tarmak's own kubeconfig is not known.
The last change of an entry is that of its present lines. A removed line shows only in the last change of the file.
"""


def page(review: Review) -> str:
    """One HTML file. The same review results in the same bytes."""
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
    html = f"<!doctype html>\n{el('html', head, _body(review, script), lang='en')}\n"
    return without_markers(html, "&#35;")  # style and script, which are used by their hashes, have none


def _asset(name: str) -> str:
    return files("tarmak_iam.report.html").joinpath(name).read_text(encoding="utf-8")


def _policy(style: str, script: str) -> str:
    """Names style and script by their hashes: the browser uses no other ones."""
    own = f"style-src {_hash(style)}; script-src {_hash(script)}"
    return f"default-src 'none'; {own}; base-uri 'none'; form-action 'none'"


def _hash(content: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()}'"


def _body(review: Review, script: str) -> Markup:
    shown, common = shown_under(review.config.parent), common_change(review)
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
            [section(number, each, shown, common) for number, each in enumerate(review.clusters)],
            _signatures(),
            id="main",
            tabindex="-1",
        ),
        _footer(),
        verbatim("script", script),
    )


def _navigation(review: Review) -> Markup | None:
    if len(review.clusters) < 2:
        return None
    links = [(anchor(number), each.cluster) for number, each in enumerate(review.clusters)]
    links = [("glance", "At a glance"), *([("matrix", "Principals by cluster")] if review.rows else []), *links]
    items = [el("li", el("a", name, href=f"#{target}")) for target, name in links]
    return el("nav", el("ul", items), aria_label="Parts of the review")


def _controls() -> Markup:
    """Hidden until the script, which they need, shows them."""
    boxes = (
        el("label", el("input", type="checkbox", name="privileged"), " With a privilege only"),
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
        el("h2", "What this review does not cover"),
        el("ul", [el("li", each) for each in _LIMITS.splitlines()]),
        el("p", f"Generated by tarmak-iam {__version__}.", class_="muted"),
    )
