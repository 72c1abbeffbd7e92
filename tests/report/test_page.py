"""The page is well-formed and self-contained, and shows every value from a file as text."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ruamel.yaml import YAML

from tarmak_iam.errors import ConfigError, Place
from tarmak_iam.report import AccessReview
from tarmak_iam.report.html.cells import Markup, el, sentence, text
from tarmak_iam.report.html.page import page
from tarmak_iam.report.live_cluster import ask_cluster
from tarmak_iam.report.model import GitRevision, LastChange
from tarmak_iam.report.review import unreadable_cluster
from tarmak_iam.text import one_line
from tests.report.test_rbac import OBJECTS
from tests.support.fake_cluster import Cluster
from tests.support.report_pages import Reader, read
from tests.support.reviews import ACCOUNT, ADMIN, access_review, installation

TABLES: dict[str, Any] = YAML(typ="safe").load(Path(__file__).with_name("page.yaml"))
HOSTILE: list[str] = TABLES["hostile"]
MAPPINGS = f"""\
server:
  mapRoles:
  - {{roleARN: '{ADMIN}', username: 'admin:{{{{SessionName}}}}', groups: ['system:masters', admins]}}
  - {{roleARN: 'arn:aws:iam::{ACCOUNT}:role/Dev', username: dev, groups: [readers, unknown]}}
  - {{roleARN: 'arn:aws:iam::{ACCOUNT}:role/x/Dev', username: dev, groups: [readers]}}
  - roleARN: arn:aws:iam::{ACCOUNT}:role/Node
    username: system:node:{{{{EC2PrivateDNSName}}}}
    groups: ['system:nodes']
  mapAccounts: ['444455556666']
"""
CHANGES = (
    LastChange("0123456789abcdef" * 2 + "01234567", "Alice", "2026-03-01T10:00:00+01:00", "Let <b>everybody</b> in"),
    LastChange(),
    LastChange(unknown="no git repository"),
)


def live_cluster() -> Cluster:
    cluster = Cluster()
    for each in OBJECTS:
        cluster.add(each)
    return cluster


@cache
def whole() -> AccessReview:
    """All that a page can show: three clusters, one not readable, one asked, one without IAM login."""
    review = access_review(MAPPINGS, "server: {mapUsers: []}\n")
    first, second = review.clusters
    asked = ask_cluster(first, installation(MAPPINGS), live_cluster().kubectl())
    people = [replace(each, change=CHANGES[number % 3]) for number, each in enumerate(asked.principals)]
    broken = unreadable_cluster("dev-broken", Place("tarmak.yaml", 9, 3), ConfigError("it <cannot> be read"))
    clusters = (
        replace(asked, cluster="dev-first", principals=tuple(people)),
        replace(second, cluster="dev-second", notes=("a note",), live_error="it did not answer"),
        broken,
    )
    rows = tuple(replace(row, cells=(*row.cells, None)) for row in review.rows)
    revision = GitRevision(CHANGES[0].commit, CHANGES[0].date, (Path("config/map.yaml"),))
    return replace(review, clusters=clusters, rows=rows, revision=revision, date="2026-11-25")


@pytest.fixture(scope="module")
def html() -> Reader:
    return read(page(whole()))


def test_no_request_is_sent(html: Reader) -> None:
    assert {name for each in html.elements for name in each.attributes}.isdisjoint(
        {"src", "srcset", "style", "action", "onclick", "data", "poster", "background", "ping"}
    )
    assert all(each.attributes["href"].startswith("#") for each in html.elements if "href" in each.attributes)
    assert not html.named("link")
    (style,) = html.named("style")
    assert "url(" not in style.text
    assert "@import" not in style.text


def test_the_policy_names_the_style_and_the_script_by_what_they_contain(html: Reader) -> None:
    (policy,) = [
        each.attributes["content"]
        for each in html.named("meta")
        if each.attributes.get("http-equiv") == "Content-Security-Policy"
    ]
    expected = {
        f"{kind}-src 'sha256-{base64.b64encode(hashlib.sha256(html.named(kind)[0].text.encode()).digest()).decode()}'"
        for kind in ("style", "script")
    }
    assert set(policy.split("; ")) == {"default-src 'none'", "base-uri 'none'", "form-action 'none'", *expected}


def test_what_points_somewhere_points_to_something(html: Reader) -> None:
    ids = [each.attributes["id"] for each in html.elements if "id" in each.attributes]
    assert len(set(ids)) == len(ids)
    for each in html.elements:
        for name in ("href", "for", "aria-labelledby", "aria-describedby"):
            if name in each.attributes:
                assert each.attributes[name].removeprefix("#") in ids


def test_it_can_be_read_without_the_script(html: Reader) -> None:
    assert not html.named("button")
    (controls,) = [each for each in html.elements if each.attributes.get("id") == "controls"]
    assert "hidden" in controls.attributes
    hidden = [each for each in html.elements if "hidden" in each.attributes]
    assert hidden == [controls]


@pytest.mark.parametrize("shown", TABLES["shows"])
def test_it_shows(html: Reader, shown: str) -> None:
    assert shown in html.text


def test_what_is_counted_is_what_is_shown(html: Reader) -> None:
    rows = [each.attributes for each in html.named("tr") if each.attributes.get("class")]
    assert len({each["data-key"] for each in rows if "data-key" in each}) == 4
    assert [each.text for each in html.elements if each.attributes.get("class") == "count"] == [
        "4 principals",
        "4 principals",
        "1 ineffective entry",
        "7 permissions",
    ]


def test_the_numbers_at_the_top_are_those_of_what_is_shown() -> None:
    one = read(page(access_review(MAPPINGS)))
    assert sum("data-key" in each.attributes for each in one.named("tr")) == 4
    badges = [each.text for each in one.named("span") if each.attributes.get("class", "").startswith("badge")]
    assert badges.count("Admin") == 1
    (figures,) = [each for each in one.elements if each.attributes.get("class") == "figures"]
    assert figures.text == (
        "1 cluster4 principals1 principal with admin access1 ineffective entry"
        f"{badges.count('Error')} error{badges.count('Warning')} warnings"
    )


def test_a_finding_about_several_entries_is_explained_once() -> None:
    names = ("A", "B", "C")
    entries = "".join(
        f"  - {{roleARN: 'arn:aws:iam::{ACCOUNT}:role/{name}', username: '{{{{SessionName}}}}', groups: [{name}]}}\n"
        for name in names
    )
    review = access_review(f"server:\n  mapRoles:\n{entries}")
    shown = read(page(review))
    assert shown.text.count(review.clusters[0].principals[0].findings[0].message[1:]) == 1
    assert shown.text.count("Warning IAM070 lines 3, 4, 5") == 1
    links = [each for each in shown.named("a") if each.attributes["href"] == "#cluster-1-finding-1"]
    assert [each.text for each in links] == ["IAM070"] * 3
    (explained,) = [each for each in shown.elements if each.attributes.get("id") == "cluster-1-finding-1"]
    assert explained.text.startswith("Warning IAM070 lines 3, 4, 5")


def test_an_unknown_history_is_explained_once() -> None:
    shown = read(page(access_review(MAPPINGS, MAPPINGS)))
    assert shown.text.count("no git repository") == 2  # in the introduction, and as the commit
    assert "last change not known" not in shown.text


def test_tables_keep_their_roles_as_cards(html: Reader) -> None:
    for name, role in (("table", "table"), ("tr", "row"), ("td", "cell")):
        assert {each.attributes.get("role") for each in html.named(name)} == {role}
    assert {each.attributes["role"] for each in html.named("th")} == {"columnheader", "rowheader"}
    assert all(each.attributes["data-label"] for each in html.named("td"))


def test_privileged_principals_come_first(html: Reader) -> None:
    marks = [
        each.attributes.get("class")
        for each in html.named("tr")
        if "privileged" in each.attributes.get("data-flags", "")
    ]
    assert marks == ["admin", "node", "admin", "node", "elevated", "admin", "admin", "elevated"]


def test_the_column_that_a_table_is_sorted_by_is_marked(html: Reader) -> None:
    heads = [each for each in html.named("th") if each.attributes["role"] == "columnheader"]
    marked = [each.text for each in heads if each.attributes.get("aria-sort") == "ascending"]
    assert marked == ["Privilege", "Entry, last change"]


def test_what_was_not_asked_is_not_none() -> None:
    alone = read(page(access_review(MAPPINGS)))
    assert alone.text.count("none known") == 2
    assert "none known" not in read(page(replace(whole(), clusters=whole().clusters[:1], rows=()))).text


@pytest.mark.parametrize(("message", "shown"), TABLES["sentences"].items())
def test_sentences(message: str, shown: str) -> None:
    assert sentence(message) == shown


@pytest.mark.parametrize("value", HOSTILE)
def test_values_from_files_are_text(value: str) -> None:
    quoted = json.dumps(value)
    review = access_review(
        f"server:\n  mapRoles:\n  - roleARN: '{ADMIN}'\n    username: {quoted}\n    groups: [{quoted}]\n"
        f"  - roleARN: {quoted}\n    username: x\n  mapAccounts: [{quoted}]\n"
        f"  mapUsers:\n  # tarmak-iam: ignore[IAM050] {one_line(value)}\n"
    )
    shown = read(page(replace(review, date=value)))
    tags = {each.name for each in shown.elements}
    assert tags <= TAGS
    assert len(shown.named("script")) == len(shown.named("style")) == 1
    assert f"Date of the review{one_line(value)}" in shown.text


NAMES = """\
html head meta title style body a header p h1 h2 h3 dl dt dd div main section ul li b span form label input table
caption thead tbody tr th td code bdi wbr br time footer script nav figure figcaption svg path rect text"""
TAGS = frozenset(NAMES.split())


@given(st.text())
def test_any_text_comes_back_as_it_is_shown(value: str) -> None:
    found = read(f"<body>{el('p', value, title=value)}</body>")
    (paragraph,) = found.named("p")
    assert paragraph.text == one_line(value)
    assert paragraph.attributes["title"] == one_line(value)
    assert all(each.isprintable() for each in text(value))


@given(st.text(), st.text())
def test_a_change_of_any_words(author: str, summary: str) -> None:
    review = access_review(f"server: {{mapAccounts: ['{ACCOUNT}']}}\n")
    (cluster,) = review.clusters
    (one,) = cluster.principals
    changed = replace(one, change=LastChange("a" * 40, author, "2026-03-01T10:00:00+01:00", summary))
    shown = read(page(replace(review, clusters=(replace(cluster, principals=(changed,)),))))
    assert {each.name for each in shown.elements} <= TAGS
    assert one_line(author) in shown.text
    assert one_line(summary) in shown.text


def test_markup_is_not_escaped_twice() -> None:
    assert el("p", el("b", "<"), ["&", None, Markup("<br>")], class_="a b", hidden=True, title=None) == (
        '<p class="a b" hidden><b>&lt;</b>&amp;<br></p>'
    )


def test_files_are_shown_below_the_directory() -> None:
    shown = page(whole())
    assert shown == page(whole())
    assert re.search("<dd><code><bdi>config/<wbr>tarmak.<wbr>yaml", shown)
