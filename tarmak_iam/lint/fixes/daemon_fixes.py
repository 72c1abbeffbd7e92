"""Fixes of the authenticator's own settings in the mappings file."""

from __future__ import annotations

from tarmak_iam.document import Remove, Set
from tarmak_iam.document.plain_values import value_at
from tarmak_iam.findings import Finding
from tarmak_iam.identity.backend_support import BACKEND_NAMES
from tarmak_iam.lint.entries import entries_of
from tarmak_iam.lint.fix import Fix
from tarmak_iam.lint.rule import FixMaker, Subjects
from tarmak_iam.suggestions import closest


def _cluster_id(finding: Finding, subjects: Subjects) -> Fix | None:
    """Then the authenticator accepts the tokens of this cluster."""
    installation = subjects.installation
    if installation is None or subjects.mappings is None:
        return None
    title = f"set clusterID: {installation.cluster_id}, so that tokens for this cluster are accepted"
    return Fix(title, (Set(finding.route, installation.cluster_id),), is_safe=False)


def _no_cluster_id(finding: Finding, _: Subjects) -> Fix:
    title = "remove clusterID: that of the cluster is added when the manifests are generated"
    return Fix(title, (Remove(finding.route),), is_safe=False)


def _backend(finding: Finding, subjects: Subjects) -> Fix | None:
    """Modes of the file are ignored, and go; the name of a backend with reserved prefixes is corrected."""
    modes = entries_of(subjects.mappings).settings.route("server.backendMode")
    if modes.leads_to(finding.route):
        return Fix("remove server.backendMode: the backends are a setting in tarmak-iam.yaml", (Remove(modes),))
    name = value_at(subjects.mappings.document.shared_data, finding.route.plain) if subjects.mappings else None
    near = closest(name, BACKEND_NAMES) if isinstance(name, str) else None
    return Fix(f"write {near}", (Set(finding.route, near),), is_safe=False) if near else None


def _removed_backends(finding: Finding, _: Subjects) -> Fix:
    title = "remove server.backendMode: the backends are a setting in tarmak-iam.yaml"
    return Fix(title, (Remove(finding.route),))


def _partition(finding: Finding, _: Subjects) -> Fix:
    title = "remove server.partition: the manifests set that of the cluster"
    return Fix(title, (Remove(finding.route),), is_safe=False)


DAEMON_FIXES: dict[str, FixMaker] = {
    "IAM020": _cluster_id,
    "IAM063": _no_cluster_id,
    "IAM075": _backend,
    "IAM087": _partition,
    "IAM088": _removed_backends,
}
