"""What follows from a misspelt key is not a second finding, and what does not follow from it stays one."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tarmak_iam.config import TarmakConfig
from tarmak_iam.errors import SelectionError
from tarmak_iam.findings import Finding, Severity
from tarmak_iam.findings import Subject as SubjectFile
from tarmak_iam.installation.admin_kubeconfig import NOT_EXAMINED
from tarmak_iam.installation.installation import Installation
from tarmak_iam.lint import Subjects, check
from tarmak_iam.mappings.mappings_file import Mappings
from tarmak_iam.routes import Route
from tests.lint.mapped import CONFIG

HEAD = "apiVersion: api.tarmak.io/v1alpha1\nkind: Config\n"
CURRENT = HEAD + "currentCluster: dev-cluster\n"
DEV = CURRENT + "clusters:\n- environment: dev\n  metadata: {name: cluster}\n"


def found(text: str) -> list[str]:
    findings = check(Subjects(TarmakConfig.parse(text)))
    return [f"{each.place.line}:{each.place.column} {each.finding.id} {each.finding.text}" for each in findings]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            CURRENT + "clusters:\n- enviroment: dev\n  metadata: {name: cluster}\n",
            "5:3 IAM031 Tarmak ignores 'enviroment' in clusters[]; did you mean environment?",
        ),
        (
            CURRENT + "clutsers:\n- environment: dev\n  metadata: {name: cluster}\n",
            "4:1 IAM031 Tarmak ignores 'clutsers' at the top level; did you mean clusters?",
        ),
        (
            CURRENT + "Clusters:\n- environment: dev\n  metadata: {name: cluster}\n",
            "4:1 IAM031 Tarmak ignores 'Clusters' at the top level; did you mean clusters?",
        ),
        (
            CURRENT + "clusters:\n- environment: dev\n  metdata: {name: cluster}\n",
            "6:3 IAM031 Tarmak ignores 'metdata' in clusters[]; did you mean metadata?",
        ),
        (
            CURRENT + "clusters:\n- environment: dev\n  metadata: {nmae: cluster}\n",
            "6:14 IAM031 Tarmak ignores 'nmae' in clusters[].metadata; did you mean name?",
        ),
        (
            CURRENT + "clusters:\n- environment: dev\n  name: cluster\n",
            "6:3 IAM031 Tarmak ignores 'name' in clusters[]; did you mean clusters[].metadata.name?",
        ),
        (
            CURRENT + "clusters:\n- metadata: {name: cluster, environment: dev}\n",
            "5:29 IAM031 Tarmak ignores 'environment' in clusters[].metadata; did you mean clusters[].environment?",
        ),
        (
            "currentcluster: dev-cluster\n" + HEAD + "clusters:\n- environment: dev\n  metadata: {name: cluster}\n",
            "1:1 IAM031 Tarmak ignores 'currentcluster' at the top level; did you mean currentCluster?",
        ),
        (  # an environment that is not found, and a provider
            DEV + "environments:\n- metadata: {nam: dev}\n  provider: aws\nproviders:\n- metadata: {name: aws}\n",
            "8:14 IAM031 Tarmak ignores 'nam' in environments[].metadata; did you mean name?",
        ),
        (
            DEV + "environments:\n- metadata: {name: dev}\n  provider: aws\nproviders:\n- name: aws\n",
            "11:3 IAM031 Tarmak ignores 'name' in providers[]; did you mean providers[].metadata.name?",
        ),
        (  # an access log that lacks its bucket
            DEV + "  kubernetes: {apiServer: {amazon: {internalELBAccessLogs: {buckt: a-bucket}}}}\n",
            (
                "7:61 IAM031 Tarmak ignores 'buckt' in clusters[].kubernetes.apiServer.amazon.internalELBAccessLogs; "
                "did you mean bucket?"
            ),
        ),
    ],
)
def test_the_cause_alone(text: str, expected: str) -> None:
    assert found(text) == [expected]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        # another cluster than the one that is selected
        (CURRENT + "clusters:\n- enviroment: prod\n  metadata: {name: cluster}\n", ["IAM005", "IAM031"]),
        (CURRENT.replace("dev-cluster", "dev") + "clutsers:\n- environment: dev\n", ["IAM005", "IAM031"]),
        # a typo elsewhere explains nothing
        (CURRENT + "contcat: x\n", ["IAM005", "IAM031"]),
        # a guess is only a warning
        (CURRENT + "clusters:\n- environment: dev\n  metadata: {bame: cluster}\n", ["IAM005", "IAM003", "IAM030"]),
        # there is something else there already
        (
            CURRENT + "clusters:\n- environment: prod\n  enviroment: dev\n  metadata: {name: cluster}\n",
            ["IAM005", "IAM031"],
        ),
        # what cannot be read once it is spelled right
        (
            DEV + "  instancePools:\n  - minCount: 1\n    Kubernetes: {version: 1}\n    type: workr\n",
            ["IAM012", "IAM013", "IAM031"],
        ),
    ],
)
def test_what_has_another_cause_stays(text: str, expected: list[str]) -> None:
    assert sorted(each.split()[1] for each in found(text)) == sorted(expected)


def test_a_suppressed_misspelling_hides_nothing() -> None:
    comment = "  # tarmak-iam: ignore[IAM031] because\n"
    text = CURRENT + f"clusters:\n-\n{comment}  enviroment: dev\n  metadata: {{name: cluster}}\n"
    assert sorted(each.split()[1] for each in found(text)) == ["IAM003", "IAM005"]


@pytest.mark.parametrize(
    ("text", "remedy"),
    [
        (
            CURRENT + "clusters:\n- enviroment: dev\n  metadata: {name: cluster}\n",
            "set environment and metadata.name of a cluster, and write <environment>-<name> here",
        ),
        (
            CURRENT + "clutsers:\n- environment: dev\n  metadata: {name: cluster}\n",
            "the file has no clusters: add one, or remove currentCluster",
        ),
        (
            CURRENT + "clusters:\n- environment: dev\n  name: cluster\n",
            "set environment and metadata.name of a cluster, and write <environment>-<name> here",
        ),
        (
            CURRENT + "clusters:\n- enviroment: prod\n  metadata: {name: cluster}\n",
            "set environment and metadata.name of a cluster, and write <environment>-<name> here",
        ),
        (CURRENT, "the file has no clusters: add one, or remove currentCluster"),
        (HEAD, "the file has no clusters: add one"),
        (
            HEAD + "currentCluster: my-cluster\nclusters:\n- environment: dev\n  metadata: {name: my-cluster}\n",
            "rename 'my-cluster' without a dash, and write <environment>-<name> here",
        ),
        (
            HEAD + "currentCluster: a-b-c-d\nclusters:\n- environment: a-b\n  metadata: {name: c-d}\n",
            "rename 'a-b' and 'c-d' without a dash, and write <environment>-<name> here",
        ),
    ],
)
def test_what_a_command_says(text: str, remedy: str) -> None:
    with pytest.raises(SelectionError) as error:
        _ = TarmakConfig.parse(text).current_cluster
    assert error.value.remedy == remedy


def test_an_environment_with_a_dash_is_renamed_in_environments_too() -> None:
    text = HEAD + "clusters:\n- environment: my-dev\n  metadata: {name: cluster}\n"
    listed = "environments:\n- metadata: {name: my-dev}\n"
    assert [each.rpartition("; ")[2] for each in found(text)] == ["rename it without a dash"]
    assert [each.rpartition("; ")[2] for each in found(text + listed)] == [
        "rename it without a dash, in environments too"
    ]
    assert found((text + listed).replace("my-dev", "mydev")) == []


ROOT_VOLUME = [{"metadata": {"name": "root"}, "size": "16Gi", "type": "ssd"}]
GOOD: dict[str, Any] = {
    "apiVersion": "api.tarmak.io/v1alpha1",
    "kind": "Config",
    "currentCluster": "dev-cluster",
    "contact": "ann@example.com",
    "clusters": [
        {
            "environment": "dev",
            "metadata": {"name": "cluster"},
            "network": {"cidr": "10.99.0.0/16"},
            "kubernetes": {
                "version": "1.12.9",
                "podCIDR": "100.64.0.0/16",
                "apiServer": {
                    "public": True,
                    "allowCIDRs": ["192.0.2.0/24"],
                    "amazon": {"internalELBAccessLogs": {"bucket": "my-logs", "interval": 5}},
                },
            },
            "instancePools": [
                {
                    "type": kind,
                    "size": "small",
                    "minCount": 1,
                    "maxCount": 1,
                    "volumes": ROOT_VOLUME,
                    "subnets": [{"zone": "eu-west-1a"}],
                }
                for kind in ("bastion", "vault", "etcd", "master", "worker")
            ],
        }
    ],
    "environments": [
        {"metadata": {"name": "dev"}, "location": "eu-west-1", "provider": "aws", "adminCIDRs": ["192.0.2.0/24"]}
    ],
    "providers": [{"metadata": {"name": "aws"}, "amazon": {"profile": "x", "publicZone": "k8s.example.com"}}],
}


def key_paths(data: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    children = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    for step, child in children:
        if isinstance(step, str) and step not in ("apiVersion", "kind"):  # without which nothing can be read
            yield (*path, step)
        yield from key_paths(child, (*path, step))


def with_letters_swapped(path: tuple[str | int, ...]) -> str:
    """The good file, where the first two different letters of one key have changed places."""
    data = json.loads(json.dumps(GOOD))
    home = data
    for step in path[:-1]:
        home = home[step]
    key = str(path[-1])
    at = next(at for at in range(len(key)) if key[at] != key[at + 1])
    home[key[:at] + key[at + 1] + key[at] + key[at + 2 :]] = home.pop(key)
    return json.dumps(data)


@pytest.mark.sample(24)
@pytest.mark.parametrize("path", list(key_paths(GOOD)), ids=lambda path: ".".join(map(str, path)))
def test_any_key_with_swapped_letters_is_the_only_finding(path: tuple[str | int, ...]) -> None:
    assert found(json.dumps(GOOD)) == []
    assert [each.split()[1] for each in found(with_letters_swapped(path))] == ["IAM031"]


def test_a_misspelling_in_what_is_merged() -> None:
    merged = "x-dev: &dev\n  enviroment: dev\n" + CURRENT + "clusters:\n- <<: *dev\n  metadata: {name: cluster}\n"
    assert [each.split()[1] for each in found(merged)] == ["IAM031"]


WITHOUT_KEYS = (
    "clusterID: dev-cluster\nserver:\n  mapRoles: []\nmapRole: [{roleARN: 'arn:aws:iam::111122223333:role/A'}]\n"
)


def test_the_way_back_is_what_was_found_of_the_cluster() -> None:
    """Of mappings alone nothing was looked at."""
    (finding,) = (each.finding for each in check(Subjects(mappings=Mappings.parse(WITHOUT_KEYS))))
    assert finding.recovery == NOT_EXAMINED
    assert finding.hides_entries
    assert finding.message == f"{finding.what}; {NOT_EXAMINED}"
    assert "certificate" not in finding.what

    config = TarmakConfig.parse(CONFIG)
    made = replace(Installation.of(config, config.clusters[0], Mappings.parse(WITHOUT_KEYS)), home=Path("/nonexistent"))
    found = check(Subjects(config, made.mappings, made))
    (located,) = (each.finding for each in found if each.finding.what == finding.what)
    assert located.recovery == made.admin_access.text
    assert located.message.endswith("no recovery access: /nonexistent/kubeconfig does not exist")


def test_a_finding_that_takes_no_access_has_no_way_back() -> None:
    finding = Finding("X001", Severity.ERROR, SubjectFile.MAPPINGS, Route(), "what", "remedy")
    assert (finding.message, finding.text, finding.recovery) == ("what", "what; remedy", None)
    late = replace(finding, recovery="way back", detail="and more")
    assert (late.message, late.text) == ("what; way back; and more", "what; way back; and more; remedy")
