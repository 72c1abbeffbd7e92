"""The whole page, with its style and its script in it, and a policy that lets nothing else in."""

from __future__ import annotations

import base64
import hashlib
from importlib.resources import files

from tarmak_iam._version import __version__
from tarmak_iam.report.html.cells import shown_under
from tarmak_iam.report.html.clusters import section
from tarmak_iam.report.html.markup import Markup, el, verbatim
from tarmak_iam.report.html.overview import anchor, header, matrix, summary
from tarmak_iam.report.model import AccessReview

__all__ = ["page"]

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
