"""Each rule on a bad case, with the literal place, and on good ones."""

from __future__ import annotations

import pytest

from tarmak_iam.config import TarmakConfig
from tarmak_iam.findings import Severity
from tarmak_iam.installation.installation import Installation
from tarmak_iam.installation.settings import parse_settings
from tarmak_iam.lint import Located, Subjects, all_rules, check
from tarmak_iam.mappings.mappings_file import Mappings
from tests.support import EXAMPLES
from tests.support.installations import MAPPINGS

HEAD = "apiVersion: api.tarmak.io/v1alpha1\nkind: Config\ncurrentCluster: dev-cluster\nclusters:\n"
DEV = HEAD + "- environment: dev\n  metadata:\n    name: cluster\n"
ON = "  kubernetes:\n    apiServer:\n      amazon:\n        awsIAMAuthenticatorInit: true\n"
NOBODY = "tarmak.yaml:11:34 warning IAM021 awsIAMAuthenticatorInit is on for dev-cluster, but no principal is mapped"


def found(config: str, mappings: str | None = None) -> list[str]:
    parsed = TarmakConfig.parse(config)
    people = None if mappings is None else Mappings.parse(mappings, "map.yaml")
    made = Installation.of(parsed, parsed.clusters[0], people)
    return [as_text(each) for each in check(Subjects(parsed, people, made))]


def as_text(located: Located) -> str:
    finding = located.finding
    return f"{located.place} {finding.severity} {finding.id} {finding.message}"


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        (
            DEV + "  kubernetes:\n    version: latest\n    apiServer:\n      allowCIDRs: [10.0.0.0/8, '10.1']\n"
            "      amazon:\n        publicELBAccessLogs:\n          enabled: yes\n          interval: 7\n",
            [
                "tarmak.yaml:9:14 error IAM001 dev-cluster: 'latest' is not a valid version",
                "tarmak.yaml:11:32 error IAM001 dev-cluster: '10.1' is not a valid CIDR",
                "tarmak.yaml:14:11 error IAM001 dev-cluster: access logs are enabled without a bucket",
                "tarmak.yaml:14:11 warning IAM008 dev-cluster: the API server is not public, so Tarmak ignores the",
                "tarmak.yaml:15:21 error IAM001 dev-cluster: the interval of the access logs is 7, but must be 5 or 60",
            ],
        ),
        (
            HEAD.replace("dev-cluster", "prod-a")
            + "- environment: prod\n  metadata: {name: hub}\n"
            + ON
            + "- environment: prod\n  metadata: {name: a}\n",
            ["tarmak.yaml:10:34 warning IAM002 prod-hub is a hub, which has no masters: awsIAMAuthenticatorInit"],
        ),
        (
            HEAD.replace("dev-cluster", "prod-a")
            + "- environment: prod\n  metadata: {name: hub}\n"
            + "  kubernetes: {apiServer: {authTokenWebhookFile: /etc/a}}\n"
            + "- environment: prod\n  metadata: {name: a}\n",
            ["tarmak.yaml:7:50 warning IAM002 prod-hub is a hub, which has no masters: the webhook file has no effect"],
        ),
        (
            HEAD + "- environment: eu-west\n  metadata:\n    name: a-b\n",
            [
                "tarmak.yaml:3:17 error IAM005 currentCluster is 'dev-cluster', but this cluster does not exist",
                "tarmak.yaml:5:16 warning IAM003 no Tarmak command can select eu-west-a-b: 'eu-west' contains a dash",
                "tarmak.yaml:7:11 warning IAM003 no Tarmak command can select eu-west-a-b: 'a-b' contains a dash",
            ],
        ),
        (
            DEV + "  kubernetes:\n    apiServer:\n      authTokenWebhookFile: relative\n",
            ["tarmak.yaml:10:29 error IAM004 the webhook file path 'relative' does not reach the API server"],
        ),
        (
            HEAD + "- null\n- environment: dev\n  metadata: {name: cluster}\n- environment: dev\n  metadata:\n"
            "    name: cluster\n",
            [
                "tarmak.yaml:5:3 warning IAM003 no Tarmak command can select this cluster: it has no environment and",
                "tarmak.yaml:10:11 warning IAM003 dev-cluster is already defined in line 7, and Tarmak uses that one",
            ],
        ),
        (
            DEV + "environments:\n- metadata: {name: prod}\n  provider: gcp\nproviders:\n- metadata: {name: aws}\n",
            [
                "tarmak.yaml:5:16 error IAM043 the environment 'dev' does not exist: Tarmak does not find dev-cluster",
                "tarmak.yaml:10:13 error IAM043 the provider 'gcp' does not exist: every Tarmak command for this",
            ],
        ),
        (DEV + "environments:\n- metadata: {name: dev}\n  provider: aws\n", []),
        (
            DEV + "environments:\n- metadata: {name: dev}\n- metadata: {name: dev}\n",
            ["tarmak.yaml:10:20 error IAM047 environment 'dev' is already defined in line 9, and Tarmak uses that"],
        ),
        (
            DEV + "  kubernetes: {version: v1.12.9}\n  instancePools:\n  - kubernetes: {version: '1.10'}\n",
            [
                "tarmak.yaml:8:25 error IAM040 Kubernetes 'v1.12.9' is not a release number: Puppet would",
                "tarmak.yaml:10:27 error IAM040 Kubernetes '1.10' is not a release number: Puppet would download v1.10",
            ],
        ),
        (DEV + "  kubernetes: {version: 1.14.0-rc.1}\n", []),
        (
            DEV + ON + "      authTokenWebhookFile: /etc/webhook/config.yaml\n",
            [
                NOBODY,
                "tarmak.yaml:12:29 error IAM041 the init unit of awsIAMAuthenticatorInit copies its kubeconfig to",
            ],
        ),
        (DEV + ON + "      authTokenWebhookFile: /etc/kubernetes/aws-iam-authenticator/other.yaml\n", [NOBODY]),
        (DEV + ON + "      authTokenWebhookFile: /etc/kubernetes/webhook.yaml\n", [NOBODY]),
        (DEV + "  kubernetes: {apiServer: {authTokenWebhookFile: /etc/webhook/config.yaml}}\n", []),
        (
            DEV + "  kubernetes: {apiServer: {authTokenWebhookFile: /etc/a b}}\n",
            [
                (
                    "tarmak.yaml:8:50 warning IAM042 the webhook file path '/etc/a b' is probably a mistake: "
                    "it contains a space"
                )
            ],
        ),
        (
            DEV + "  kubernetes: {apiServer: {authTokenWebhookFile: /etc/../a/}}\n",
            ["tarmak.yaml:8:50 warning IAM042 the webhook file path '/etc/../a/' is probably a mistake: it is a dir"],
        ),
        (
            DEV + ON + "      authTokenWebhookFile: /etc/kubernetes/aws-iam-authenticator\n",
            [
                NOBODY,
                "tarmak.yaml:12:29 warning IAM042 the webhook file path '/etc/kubernetes/aws-iam-authenticator' is pr",
            ],
        ),
        (
            DEV + "  kubernetes: {apiServer: {authTokenWebhookFile: /}}\n",
            ["tarmak.yaml:8:50 warning IAM042 the webhook file path '/' is probably a mistake: it is a dir"],
        ),
        (
            DEV + ON + "      authTokenWebhookFile: //etc/kubernetes/aws-iam-authenticator/a.yaml\n",
            [
                NOBODY,
                "tarmak.yaml:12:29 warning IAM042 the webhook file path '//etc/kubernetes/aws-iam-authenticator/a.ya",
            ],
        ),
        (
            DEV + "  kubernetes: {apiServer: {authTokenWebhookFile: /etc/../a}}\n",
            [
                (
                    "tarmak.yaml:8:50 warning IAM042 the webhook file path '/etc/../a' is probably a "
                    "mistake: it is not normalised and means /a"
                )
            ],
        ),
        (
            DEV + '  kubernetes: {apiServer: {authTokenWebhookFile: "/etc/a\\u200b"}}\n',
            [
                (
                    "tarmak.yaml:8:50 warning IAM042 the webhook file path '/etc/a\\u200b' is probably a "
                    "mistake: it contains an invisible character"
                )
            ],
        ),
        (
            DEV + "  kubernetes: {calico: {backend: flannel}, prometheus: {mode: full}}\n  network: {cidr: 10.1.0}\n",
            [
                "tarmak.yaml:8:34 error IAM044 dev-cluster: 'flannel' is not a backend of Calico; every Tarmak",
                "tarmak.yaml:8:63 error IAM044 dev-cluster: 'full' is not a mode of Prometheus; every Tarmak",
                "tarmak.yaml:9:19 error IAM044 dev-cluster: '10.1.0' is not a valid CIDR; every Tarmak",
            ],
        ),
        (
            DEV + ON,
            [NOBODY],
        ),
        (DEV, []),
    ],
)
def test_config_rules(config: str, expected: list[str]) -> None:
    findings = found(config)
    assert len(findings) == len(expected), findings
    for finding, start in zip(findings, expected, strict=True):
        assert finding.startswith(start)


@pytest.mark.parametrize(
    ("mappings", "expected"),
    [
        (MAPPINGS, []),
        ("", []),
        ("server:\n", []),
        (
            "clusterID: prod-blue\nserver:\n",
            ["map.yaml:1:12 error IAM020 clusterID is 'prod-blue', but the ID of this cluster is 'dev-cluster'"],
        ),
        (
            "server:\n  mapRoles: [x\n  ]\n",
            ["map.yaml:2:14 error IAM116 the authenticator does not start, and IAM login is not possible: 'x' in"],
        ),
    ],
)
def test_installation_rules(mappings: str, expected: list[str]) -> None:
    findings = found(DEV, mappings)
    assert len(findings) == len(expected), findings
    for finding, start in zip(findings, expected, strict=True):
        assert finding.startswith(start)


def test_awsiamauthenticatorinit_is_on_but_no_principal_is_mapped() -> None:
    (finding,) = found(DEV + ON, "server: {mapRoles: []}\n")
    assert "warning IAM021 awsIAMAuthenticatorInit is on for dev-cluster, but no principal is mapped" in finding


def test_ignored_entries_are_reported_instead_of_missing_ones() -> None:
    (finding,) = found(DEV + ON, "mapRoles:\n- {roleARN: 'arn:aws:iam::111122223333:role/A', username: x}\n")
    assert finding.startswith("map.yaml:1:1 error IAM057 the authenticator ignores 'mapRoles' at the top level")


def test_an_entry_of_another_partition() -> None:
    text = "server:\n  mapRoles:\n  - {roleARN: 'arn:aws-cn:iam::111122223333:role/A', username: x}\n"
    _, finding = found(DEV, text)
    assert finding.startswith("map.yaml:3:15 error IAM023 arn:aws-cn:iam::111122223333:role/A is in partition")
    parsed, people = TarmakConfig.parse(DEV), Mappings.parse(text)
    made = Installation.of(parsed, parsed.clusters[0], people)
    (located,) = (each for each in check(Subjects(parsed, people, made)) if each.finding.id == "IAM023")
    assert located.finding.remedy == (
        "did you mean arn:aws:iam::111122223333:role/A? If not, remove the entry: no caller can log in with it"
    )


def test_a_release_that_is_newer_than_this() -> None:
    parsed = TarmakConfig.parse(DEV)
    made = Installation.of(parsed, parsed.clusters[0], overrides={"image": "example.com/authenticator:v0.99.0"})
    (located,) = check(Subjects(parsed, None, made))
    assert (located.finding.id, located.finding.severity) == ("IAM024", Severity.WARNING)


@pytest.mark.parametrize(
    ("version", "remedy"),
    [
        ("v0.99.0", "check its release notes and then suppress this finding"),
        ("v0.7.19", "check its release notes and then suppress this finding"),
        ("v0.7.0", "use v0.7.18, or check its release notes and then suppress this finding"),
    ],
)
def test_a_release_that_was_not_read_is_not_replaced_by_an_older_one(version: str, remedy: str) -> None:
    parsed = TarmakConfig.parse(DEV)
    made = Installation.of(parsed, parsed.clusters[0], overrides={"image": f"example.com/authenticator:{version}"})
    (located,) = check(Subjects(parsed, None, made))
    assert (located.finding.id, located.finding.remedy) == ("IAM024", remedy)


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("# ours\nimage: x:v0.99.0\n", "tarmak-iam.yaml:2:8"),
        ("image: x:v0.99.0\ndaemonVersion: v0.99.0\n", "tarmak-iam.yaml:2:16"),
    ],
)
def test_a_release_that_is_newer_than_this_is_told_where_it_is_chosen(text: str, place: str) -> None:
    parsed = TarmakConfig.parse(DEV)
    settings, document = parse_settings(text)
    found = check(Subjects(parsed, None, Installation.of(parsed, parsed.clusters[0], None, settings), document))
    assert [str(each.place) for each in found if each.finding.id == "IAM024"] == [place]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("image: example.com/authenticator:v0.7.9\ndaemonVersion: v0.6.20\n", ["tarmak-iam.yaml:2:16 IAM089"]),
        ("image: x/y:v0.7.9\ndaemonVersion: v0.6.20 # tarmak-iam: ignore[IAM089] a build of our own\n", []),
    ],
)
def test_a_finding_about_the_settings_has_a_line_and_can_be_suppressed_there(text: str, expected: list[str]) -> None:
    parsed = TarmakConfig.parse(DEV)
    settings, document = parse_settings(text)
    made = Installation.of(parsed, parsed.clusters[0], None, settings)
    found = check(Subjects(parsed, None, made, document))
    assert [f"{each.place} {each.finding.id}" for each in found] == expected


@pytest.mark.parametrize(
    ("location", "zone", "expected"),
    [("Ireland", "k8s.example.com", ["10:13 IAM094"]), ("eu-west-1", "a/b", ["14:24 IAM094"]), ("''", "a.example", [])],
)
def test_a_region_or_zone_that_is_none_is_told_where_it_stands(location: str, zone: str, expected: list[str]) -> None:
    text = (
        "apiVersion: api.tarmak.io/v1alpha1\nkind: Config\nclusters:\n- environment: dev\n  metadata: {name: cluster}\n"
    )
    text += "  kubernetes: {apiServer: {public: true}}\n\nenvironments:\n- metadata: {name: dev}\n"
    text += f"  location: {location}\n  provider: aws\nproviders:\n- metadata: {{name: aws}}\n"
    text += f"  amazon: {{publicZone: {zone}}}\n"
    parsed = TarmakConfig.parse(text)
    made = Installation.of(parsed, parsed.clusters[0])
    found = [each for each in check(Subjects(parsed, None, made)) if each.finding.id == "IAM094"]
    assert [f"{each.place.line}:{each.place.column} {each.finding.id}" for each in found] == expected


def test_a_lock_out_says_what_was_found_of_the_admin_certificate() -> None:
    (finding,) = found(DEV, "clusterID: prod-blue\n")
    assert finding.endswith("; the admin certificate was not examined")


@pytest.mark.parametrize("example", ["single", "multi"])
def test_the_examples_have_none(example: str) -> None:
    config = TarmakConfig.load(EXAMPLES / example)
    assert check(Subjects(config)) == []


def test_ids_are_unique() -> None:
    ids = [rule.id for rule in all_rules()]
    assert sorted(set(ids)) == sorted(ids)
    assert all(rule.summary for rule in all_rules())
