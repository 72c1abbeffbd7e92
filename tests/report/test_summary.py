"""The introduction of a review and its numbers, and what is printed once instead of with every entry."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tarmak_iam.errors import ConfigError, Place
from tarmak_iam.report import AccessReview
from tarmak_iam.report.model import ClusterReview, GitRevision, LastChange
from tarmak_iam.report.review import unreadable_cluster
from tarmak_iam.report.text_format import ReviewSummary, as_lines, introduction, summarize
from tests.support.reviews import ACCOUNT, ADMIN, access_review

ROLE = f"arn:aws:iam::{ACCOUNT}:role"
MAPPINGS = f"""\
server:
  mapRoles:
  - {{roleARN: '{ADMIN}', username: admin, groups: ['system:masters']}}
  - {{roleARN: '{ROLE}/Dev', username: dev, groups: [dev]}}
  - {{roleARN: '{ROLE}/team/Ops', username: ops, groups: [ops]}}
"""
NO_LOGIN = "IAM login is not possible for dev-cluster, so the principals listed there cannot log in."
COMMIT = "0123456789abcdef0123456789abcdef01234567"
REVISION = GitRevision(COMMIT, "2026-03-01T10:00:00+01:00")
CHANGE = LastChange(COMMIT, "Alice", "2026-03-01T10:00:00+01:00", "Map the admin")


def named(review: AccessReview, *names: str) -> AccessReview:
    clusters = tuple(replace(each, cluster=name) for each, name in zip(review.clusters, names, strict=True))
    return replace(review, clusters=clusters)


def with_changes(review: AccessReview, *changes: LastChange) -> AccessReview:
    """Of a review of one cluster, its entries with these changes."""
    (cluster,) = review.clusters
    people = tuple(replace(each, change=own) for each, own in zip(cluster.principals, changes, strict=False))
    (ineffective,) = cluster.ineffective_entries
    changed = replace(cluster, principals=people, ineffective_entries=(replace(ineffective, change=changes[2]),))
    return replace(review, clusters=(changed,), revision=REVISION, history="")


def sources(review: AccessReview) -> str:
    return introduction(review)[1].removeprefix("It was generated from tarmak.yaml and from the settings and mappings ")


def test_the_numbers() -> None:
    assert summarize(access_review(MAPPINGS)) == ReviewSummary(1, 2, 1, 1, errors=1, warnings=0, suppressed=0)
    # Both clusters have the name and the files of the same one: findings in the same place are one.
    assert summarize(access_review(MAPPINGS, MAPPINGS)) == ReviewSummary(2, 2, 1, 2, errors=1, warnings=0, suppressed=0)


def test_a_hub_is_not_a_cluster() -> None:
    review = named(access_review(MAPPINGS, MAPPINGS), "dev-hub", "dev-a")
    hub, cluster = review.clusters
    assert hub.status is not None
    hub = replace(hub, status=replace(hub.status, type="hub"), principals=(), ineffective_entries=())
    review = replace(review, clusters=(hub, cluster))
    assert summarize(review).clusters == 1
    assert "log in to the Kubernetes cluster dev-a with AWS" in introduction(review)[0]
    assert introduction(review)[2] == "It lists 2 principals; 1 has admin access."
    assert "The cluster was not queried" in sources(review)


def test_a_suppressed_finding_is_not_an_error() -> None:
    text = MAPPINGS.replace(
        f"  - {{roleARN: '{ROLE}/team", f"  # tarmak-iam: ignore[IAM050] soon\n  - {{roleARN: '{ROLE}/team"
    )
    review = access_review(text)
    assert summarize(review) == ReviewSummary(1, 2, 1, 1, errors=0, warnings=0, suppressed=1)
    assert any(line.endswith("[IAM050] (suppressed by a comment: soon)") for line in as_lines(review))


@pytest.mark.parametrize(
    ("mappings", "expected"),
    [
        (["server: {}\n"], "It lists no principals."),
        ([f"server: {{mapAccounts: ['{ACCOUNT}']}}\n"], "It lists 1 principal; none has admin access."),
        ([MAPPINGS], "It lists 2 principals; 1 has admin access."),
        (
            [MAPPINGS, "server: {}\n"],
            f"It lists 2 different principals; 1 has admin access to at least one cluster. {NO_LOGIN}",
        ),
    ],
)
def test_the_results(mappings: list[str], expected: str) -> None:
    assert introduction(access_review(*mappings))[2] == expected


def test_the_state_of_the_files() -> None:
    review = access_review(MAPPINGS)
    assert "log in to the Kubernetes cluster dev-cluster with AWS" in introduction(review)[0]
    assert "log in to 2 Kubernetes clusters with AWS" in introduction(access_review(MAPPINGS, MAPPINGS))[0]
    without = "The commit of these files and their last changes are not known:"
    asked = "The cluster was not queried: permissions from RBAC bindings are not included."
    assert sources(review) == f"files of each cluster. {without} no git repository. {asked}"
    assert sources(replace(review, history="")) == f"files of each cluster. {without} nothing is committed yet. {asked}"
    at = "files of each cluster, at commit 0123456789ab of 2026-03-01."
    assert sources(replace(review, revision=REVISION)) == f"{at} {asked}"
    changed = replace(REVISION, changed=(Path("a.yaml"), Path("b.yaml")))
    assert (
        sources(replace(review, revision=changed)) == f"{at} 2 files differ from that commit: a.yaml, b.yaml. {asked}"
    )
    many = replace(REVISION, changed=tuple(Path(f"{name}.yaml") for name in "abcde"))
    assert "5 files differ from that commit: a.yaml, b.yaml, c.yaml, 2 more." in sources(replace(review, revision=many))


def test_which_clusters_were_queried() -> None:
    review = named(access_review(MAPPINGS, MAPPINGS), "dev-a", "dev-b")
    first, second = review.clusters
    what = "RBAC roles and bindings and the current mappings were read from"

    def asked(*clusters: ClusterReview) -> str:
        return sources(replace(review, clusters=clusters)).partition("no git repository. ")[2]

    assert asked(first, second) == "The clusters were not queried: permissions from RBAC bindings are not included."
    assert asked(replace(first, live=True), replace(second, live=True)) == f"{what} dev-a, dev-b."
    assert asked(replace(first, live=True), second) == (
        f"{what} dev-a. Not queried: dev-b. Permissions from RBAC bindings there are not included."
    )
    assert asked(replace(first, live=True, live_error="refused")) == (
        f"{what} dev-a. The review is incomplete: dev-a could not be read completely."
    )
    broken = unreadable_cluster("dev-c", Place("tarmak.yaml", 9, 3), ConfigError("broken"))
    assert asked(broken) == "The review is incomplete: dev-c could not be read completely."


def test_a_reason_is_printed_once() -> None:
    shallow = LastChange(unknown="the clone is shallow")
    lines = list(as_lines(with_changes(access_review(MAPPINGS), CHANGE, shallow, shallow)))
    assert [line for line in lines if "shallow" in line] == [
        "  last change of 2 entries not known: the clone is shallow"
    ]
    assert [line for line in lines if line.startswith("    changed")] == [
        "    changed  0123456789ab 2026-03-01 Alice: Map the admin",
        "    changed  not known",
        "    changed  not known",
    ]


def test_of_many_places_the_first_ones_are_printed() -> None:
    entries = "".join(f"  - {{roleARN: '{ROLE}/R{number}', username: '{{{{SessionName}}}}'}}\n" for number in range(30))
    lines = list(as_lines(access_review(f"server:\n  mapRoles:\n{entries}")))
    assert lines.count("    findings IAM070: see below") == 30
    (places,) = (line for line in lines if line.startswith("    also at "))
    assert places.startswith("    also at 4:")
    assert places.endswith(" and 9 more")


def test_nothing_is_committed_yet() -> None:
    review = with_changes(access_review(MAPPINGS), *[LastChange()] * 3)
    assert sum("    changed  not committed yet" in line for line in as_lines(review)) == 3
    (cluster,) = review.clusters
    files = tuple(replace(each, change=LastChange()) for each in cluster.files)
    everywhere = replace(review, clusters=(replace(cluster, files=files),), revision=None)
    lines = list(as_lines(everywhere))
    assert sum("committed yet" in line for line in lines) == 1
    assert "last changes are not known: nothing is committed yet." in lines[2]
