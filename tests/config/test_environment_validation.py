"""What the real Tarmak refuses when a command initialises an environment, and the rules that report it.

`tarmak/environments.json` has its errors for the recorded files, `tarmak-environments.json` those for changes to a
small file that it accepts; `later` are the errors of its second validation, before plan and apply.
"""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from tarmak_iam.config import TarmakConfig
from tarmak_iam.lint import Subjects, check
from tests.support import GOLDEN, golden_json

RECORDED: dict[str, dict[str, list[str]]] = golden_json("tarmak", "environments.json")
CHANGES: list[dict[str, Any]] = golden_json("tarmak-environments.json")

# Tarmak's error, and the rule that reports it.
ERRORS = {
    r"instance pool type '.*' not valid in cluster type|cluster type '.*' requires": "IAM012",
    r"role '.*' is not valid|minCount|no root volume|index out of range": "IAM013",
    r"hub cluster does not include zone|nil pointer": "IAM014",
    r"office is not a valid CIDR": "IAM015",
    r"error initializing provider 'aws'": "IAM016",
    r"error initializing provider": "IAM043",
    r"not a valid CIDR|Malformed version|expects no disable": "IAM001",
    r"calico": "IAM044",
}
REPORTED_LATER = {"IAM017", "IAM018", "IAM019", "IAM027", "IAM028", "IAM094"}
"""Rules about what only plan, apply or the nodes themselves show."""
ALWAYS_REFUSED = set(ERRORS.values())


def rules_for(errors: list[str]) -> set[str]:
    return {next(rule for pattern, rule in ERRORS.items() if re.search(pattern, error)) for error in errors}


def found(data: bytes | str) -> set[str]:
    return {each.finding.id for each in check(Subjects(TarmakConfig.parse(data)))}


def small(base: str) -> dict[str, Any]:
    """A file that Tarmak accepts: a cluster of its own, or several with the hub first, last or missing."""
    hub, other = ("bastion", "vault"), ("etcd", "master", "worker")
    bases: dict[str, dict[str, tuple[str, ...]]] = {
        "single": {"cluster": (*hub, *other)},
        "multi": {"hub": hub, "blue": other, "green": other},
        "hublast": {"blue": other, "hub": hub},
        "nohub": {"blue": other, "green": other},
    }
    return {
        "apiVersion": "api.tarmak.io/v1alpha1",
        "kind": "Config",
        "environments": [{"metadata": {"name": "dev"}, "provider": "aws", "location": "eu-west-1"}],
        "providers": [{"metadata": {"name": "aws"}, "amazon": {"profile": "x"}}],
        "clusters": [
            {"environment": "dev", "metadata": {"name": name}, "instancePools": [pool(kind) for kind in kinds]}
            for name, kinds in bases[base].items()
        ],
    }


def pool(kind: str) -> dict[str, Any]:
    count = 1 if kind == "bastion" else 3
    return {
        "type": kind,
        "minCount": count,
        "maxCount": count,
        "subnets": [{"zone": "eu-west-1a"}],
        "volumes": [{"metadata": {"name": "root"}}],
    }


def changed(base: str, changes: list[tuple[list[str | int], Any]]) -> str:
    data = small(base)
    for path, value in changes:
        at: Any = data
        for step in path[:-1]:
            at = at[step]
        new = at[0] if value == "the first cluster" else value
        if isinstance(at, list) and path[-1] == len(at):
            at.append(new)
        else:
            at[path[-1]] = new
    return json.dumps(data)


@pytest.mark.sample(15)
@pytest.mark.parametrize("name", RECORDED)
def test_a_recorded_file_is_refused_by_tarmak_where_a_rule_reports_it(name: str) -> None:
    data = (GOLDEN / "tarmak" / f"{name}.yaml").read_bytes()
    has_pools = b"instancePools" in data
    refused = rules_for([error for errors in RECORDED[name].values() for error in errors])
    if not has_pools:  # a part of a configuration: a note, and no finding
        refused.discard("IAM012")
    assert found(data) & ALWAYS_REFUSED - {"IAM043"} == refused - {"IAM043"}
    assert "IAM043" not in refused or "IAM043" in found(data)


@pytest.mark.sample(30)
@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change["title"])
def test_a_change_is_refused_by_tarmak_where_a_rule_reports_it(change: dict[str, Any]) -> None:
    refused = rules_for(change["errors"] + change["later"])
    if change["title"] in ("no key instancePools", "no pools"):
        refused = set()  # a part of a configuration: a note, and no finding
    rules = found(changed(change["base"], change["set"])) - REPORTED_LATER
    if not refused:
        assert rules - {"IAM015"} == set()
    # Tarmak looks at pools only once all else of the cluster is right; the rules report both at once.
    assert refused <= rules <= refused | {"IAM003", "IAM013", "IAM014", "IAM015"}
