"""Several clusters of one tarmak.yaml looked at together: what is common is told once, comments are judged by all."""

from __future__ import annotations

from tarmak_iam.config import TarmakConfig
from tarmak_iam.installation.installation import Installation
from tarmak_iam.lint import Report, Subjects, check, examine
from tarmak_iam.mappings.mappings_file import Mappings
from tests.lint.mapped import ROLES

CONFIG = """\
apiVersion: api.tarmak.io/v1alpha1
kind: Config
clusters:
- environment: prod
  metadata: {name: blue}
  kubernetes: &same
    version: v1.12.9
- environment: prod
  metadata: {name: green}
  kubernetes: *same
"""
ACCOUNT = "  mapAccounts: ['444455556666']"
IGNORED = f"{ACCOUNT}  # tarmak-iam: ignore[IAM074] everyone is meant"


def subjects(*mappings: str, config: str = CONFIG) -> list[Subjects]:
    """All files of mappings have the same name, as they have for whoever reads them from elsewhere."""
    parsed = TarmakConfig.parse(config)
    made = []
    for cluster, text in zip(parsed.clusters, mappings, strict=False):
        people = Mappings.parse(text, "map.yaml")
        made.append(Subjects(parsed, people, Installation.of(parsed, cluster, people)))
    return made


def found(report: Report) -> list[tuple[str, str | None, int | None]]:
    return [(each.finding.id, each.cluster, each.place.line) for each in report.findings]


def test_what_is_common_is_told_once_and_is_of_no_cluster() -> None:
    report = examine(*subjects(ROLES, ROLES + ACCOUNT))
    assert found(report) == [("IAM040", None, 7), ("IAM074", "prod-green", 4)]
    assert report.findings[0].shared_by == ("prod-blue", "prod-green")
    assert found(examine(*subjects(ROLES + ACCOUNT, ROLES))) == [("IAM040", None, 7), ("IAM074", "prod-blue", 4)]
    assert [each.finding.id for each in check(*subjects(ROLES, ROLES))] == ["IAM040"]


def test_pools_that_clusters_share_have_one_finding_with_the_names_of_the_clusters() -> None:
    clusters = [
        "- {environment: prod, metadata: {name: a}, instancePools: &pools [{type: worker, metadata: {name: w}}]}\n",
        *(f"- {{environment: prod, metadata: {{name: {name}}}, instancePools: *pools}}\n" for name in "bcde"),
    ]
    for count, names in ((1, "prod-a"), (2, "prod-a, prod-b"), (3, "prod-a, prod-b, prod-c")):
        assert of_pools(clusters[:count]) == [f"{names}: pool w: minCount and maxCount are missing or 0"]
    assert of_pools(clusters) == ["prod-a, prod-b, prod-c and 2 more: pool w: minCount and maxCount are missing or 0"]


def of_pools(clusters: list[str]) -> list[str]:
    head = CONFIG.partition("clusters:")[0] + "clusters:\n"
    one, *_ = subjects(ROLES, config=head + "".join(clusters))
    messages = [each.finding.message for each in check(one) if each.finding.id == "IAM013"]
    return [each.partition(";")[0] for each in messages]


def test_a_comment_is_about_its_own_file() -> None:
    report = examine(*subjects(ROLES + IGNORED, ROLES + ACCOUNT))
    assert found(report)[1:] == [("IAM074", "prod-green", 4)]
    assert [(each.cluster, each.reason) for each in report.suppressed] == [("prod-blue", "everyone is meant")]
    unused = examine(*subjects(ROLES + ACCOUNT, ROLES + IGNORED.replace("mapAccounts", "x-accounts")))
    assert found(unused)[1:] == [("IAM074", "prod-blue", 4), ("IAM095", "prod-green", 4)]


def test_a_comment_in_tarmak_yaml_is_judged_by_all_that_a_name_leads_to() -> None:
    on = "    apiServer: {amazon: {awsIAMAuthenticatorInit: true}}  # tarmak-iam: ignore[IAM021] next week\n"
    config = CONFIG.replace("  kubernetes: *same\n", f"  kubernetes:\n{on}").replace("v1.12.9", "1.12.9") + "-\n"
    assert found(examine(*subjects(ROLES, config=config))) == [("IAM003", None, 12)]
    unused = examine(*subjects(ROLES, ROLES, config=config))
    assert found(unused) == [("IAM095", None, 11), ("IAM003", None, 12)]
    used = examine(*subjects(ROLES, "", config=config))
    assert found(used) == [("IAM003", None, 12)]
    assert [each.finding.id for each in used.suppressed] == ["IAM021"]
