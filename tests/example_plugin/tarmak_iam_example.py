"""What a plugin looks like: a model, and what to say about it; the entry points are in pyproject.toml."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Literal

from pydantic import Field

from tarmak_iam.config.sections import Problem, Section, SectionModel, SectionRule
from tarmak_iam.findings import Severity


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
        yield Problem(("version",), f"'{dashboard.version}' is no version of the dashboard", "begin it with a v")


def _in_public(dashboard: Dashboard, cluster: Mapping[str, Any]) -> Iterator[Problem]:
    api_server = (cluster.get("kubernetes") or {}).get("apiServer") or {}
    if dashboard.enabled and api_server.get("public"):
        yield Problem(("enabled",), "the dashboard runs behind a public API", "use a bastion host")


DASHBOARD = Section(
    ("kubernetes", "dashboard"),
    Dashboard,
    _with_version,
    _no_version,
    (SectionRule("DASH001", Severity.WARNING, "a dashboard behind a public API", _in_public),),
)


class Costs(SectionModel):
    """Who pays. Tarmak does not know it, and drops it whenever it rewrites the file."""

    centre: int
    """Number of the cost centre."""

    stage: Literal["test", "live"] = "test"
    """What the cluster is for."""

    owners: list[str] = Field(default_factory=list)
    """Whom to ask."""


def _no_centre(costs: Costs) -> Iterator[Problem]:
    if costs.centre < 1000:
        yield Problem(("centre",), f"there is no cost centre {costs.centre}", "they begin with 1000")


COSTS = Section(("costs",), Costs, validate=_no_centre)
