"""What follows from another finding is not a second one: a misspelt key, and what recovery access is said to be."""

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
from tarmak_iam.lint.check import added_findings
from tarmak_iam.mappings.mappings_file import Mappings
from tarmak_iam.routes import Route
from tests.lint.mapped import CONFIG, ROLES, report

HEAD = "apiVersion: api.tarmak.io/v1alpha1\nkind: Config\n"
CURRENT = HEAD + "currentCluster: dev-cluster\n"


def found(text: str) -> list[str]:
    findings = check(Subjects(TarmakConfig.parse(text)))
    return [f"{each.place.line}:{each.place.column} {each.finding.id} {each.finding.text}" for each in findings]


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


def test_the_entry_that_stops_the_daemon_next_is_not_a_new_finding() -> None:
    """The consequence is that of the first of several entries."""
    first, next_one = (f"  - {{roleARN: {text}, username: x}}\n" for text in ("5", "nonsense"))
    before, after = (report(ROLES + text).findings for text in (first + next_one, next_one))
    assert ["does not start" in str(each) for each in before] == [True, False]
    assert ["does not start" in str(each) for each in after] == [True]
    assert list(added_findings(before, after)) == []
