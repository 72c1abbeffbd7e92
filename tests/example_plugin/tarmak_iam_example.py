"""An example plugin: sections, an emitter and a rule; the entry points are in pyproject.toml."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Literal

from pydantic import Field

from tarmak_iam import (
    Artifact,
    Emitter,
    Finding,
    Installation,
    Problem,
    Rule,
    Scope,
    Section,
    SectionModel,
    SectionRule,
    Severity,
    Subject,
)


class Dashboard(SectionModel):
    """The Kubernetes dashboard, which Tarmak installs."""

    enabled: bool = False
    """Whether the dashboard runs in the cluster."""

    image: str = ""
    """Its image, without tag."""

    version: str = ""
    """Its image's tag. Default: v1.10.1."""


def _with_version(dashboard: Dashboard) -> Dashboard:
    return dashboard.model_copy(update={"version": dashboard.version or "v1.10.1"})


def _no_version(dashboard: Dashboard) -> Iterator[Problem]:
    if not dashboard.version.startswith("v"):
        yield Problem(("version",), f"'{dashboard.version}' is not a version of the dashboard", "start it with v")


def _in_public(dashboard: Dashboard, cluster: Mapping[str, Any]) -> Iterator[Problem]:
    api_server = (cluster.get("kubernetes") or {}).get("apiServer") or {}
    if dashboard.enabled and api_server.get("public"):
        yield Problem(("enabled",), "the dashboard runs on a cluster with a public API", "use a bastion host")


DASHBOARD = Section(
    ("kubernetes", "dashboard"),
    Dashboard,
    _with_version,
    _no_version,
    (SectionRule("DASH001", Severity.WARNING, "a dashboard with a public API", _in_public),),
)


class Costs(SectionModel):
    """Who pays for the cluster. Tarmak does not know it, and drops it whenever it rewrites the file."""

    centre: int
    """Number of the cost centre."""

    stage: Literal["test", "live"] = "test"
    """What the cluster is for."""

    owners: list[str] = Field(default_factory=list)
    """Whom to ask."""


def _no_centre(costs: Costs) -> Iterator[Problem]:
    if costs.centre < 1000:
        yield Problem(("centre",), f"unknown cost centre {costs.centre}", "use 1000 or higher")


COSTS = Section(("costs",), Costs, validate=_no_centre)


def _groups(installation: Installation) -> list[str]:
    """The mapped groups that are not Kubernetes' own, and do not depend on the caller."""
    entries = installation.mappings.entries if installation.mappings else ()
    groups = {group for entry in entries for group in entry.groups}
    return sorted(group for group in groups if not group.startswith("system:") and "{{" not in group)


def _viewers(installation: Installation) -> tuple[dict[str, Any], ...]:
    """Without a binding, principals that are mapped to such a group can log in, but have no rights."""
    rbac = "rbac.authorization.k8s.io"
    subjects = [{"apiGroup": rbac, "kind": "Group", "name": group} for group in _groups(installation)]
    binding = {
        "apiVersion": f"{rbac}/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": "iam:viewers"},
        "roleRef": {"apiGroup": rbac, "kind": "ClusterRole", "name": "view"},
        "subjects": subjects,
    }
    return (binding,) if subjects else ()


def _list(installation: Installation) -> tuple[Artifact, ...]:
    text = "".join(f"{group!r}\n" for group in _groups(installation))
    return (Artifact("viewers.txt", text.encode()),) if text else ()


VIEWERS = Emitter("viewers", files=_list, objects=_viewers)


def _foreign_group(rule: Rule, installation: Installation) -> Iterator[Finding]:
    """The scope is the installation, which contains the cluster; Scope.MAPPINGS has the mappings only."""
    entries = installation.mappings.entries if installation.mappings else ()
    for entry in entries:
        for group in entry.groups:
            if not group.startswith(("system:", f"{installation.cluster.environment}:")):
                what = f"the group '{group}' does not name its environment"
                remedy = f"rename it to {installation.cluster.environment}:{group}"
                yield rule.finding(Subject.MAPPINGS, entry.route, what, remedy)


FOREIGN_GROUP = Rule("TEAM001", Severity.WARNING, Scope.INSTALLATION, "a group without an environment", _foreign_group)
