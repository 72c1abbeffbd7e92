"""Configurations with an environment, as tests of its rules change them, and what is found in them."""

from __future__ import annotations

from tarmak_iam.config import TarmakConfig
from tarmak_iam.lint import Subjects, check

HEAD = "apiVersion: api.tarmak.io/v1alpha1\nkind: Config\nclusters:\n"
DEV = HEAD + "- environment: dev\n  metadata: {name: cluster}\n  instancePools:\n"
ROOT = "volumes: [{metadata: {name: root}}]"
POOLS = {
    "jenkins": f"  - {{type: jenkins, minCount: 1, {ROOT}}}\n",
    "bastion": f"  - {{type: bastion, minCount: 1, {ROOT}}}\n",
    "vault": f"  - {{type: vault, minCount: 3, {ROOT}}}\n",
    "etcd": f"  - {{type: etcd, minCount: 3, {ROOT}}}\n",
    "master": f"  - {{type: master, minCount: 1, {ROOT}}}\n",
    "worker": f"  - {{type: worker, minCount: 3, maxCount: 9, {ROOT}}}\n",
}
SINGLE = DEV + "".join(list(POOLS.values())[1:])  # the pools are lines 7 to 11
EVERY_COMMAND = "; every Tarmak command for its environment fails; "
CHANGES = "; tarmak clusters plan and apply fail; "


def environment(text: str, amazon: str = "\n  amazon: {profile: x}\n") -> str:
    dev = f"environments:\n- metadata: {{name: dev}}\n  provider: aws\n{text}"
    return f"{dev}providers:\n- metadata: {{name: aws}}{amazon}"


def cluster(name: str, *pools: str) -> str:
    return f"- environment: dev\n  metadata: {{name: {name}}}\n  instancePools:\n" + "".join(
        POOLS[each] for each in pools
    )


def found(text: str) -> list[str]:
    findings = check(Subjects(TarmakConfig.parse(text)))
    return [f"{each.place.line}:{each.place.column} {each.finding.id} {each.finding.text}" for each in findings]


def with_pool(line: str, kind: str = "worker") -> str:
    return SINGLE.replace(POOLS[kind], f"  - {line}\n")
