"""What a running cluster adds: the permissions that RBAC grants, and how its current mappings differ from the files."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from tarmak_iam.access.diff import Loaded, effects, who
from tarmak_iam.emit.artifact import NAME
from tarmak_iam.errors import TarmakIamError
from tarmak_iam.hook.cluster.kubectl import Kubectl
from tarmak_iam.hook.cluster.live_mappings import BUILT_IN, LiveMappings, read_live, unbound_groups
from tarmak_iam.installation.installation import Installation
from tarmak_iam.report.escalations import ClusterFacts
from tarmak_iam.report.model import ClusterReview, MappedIdentity, ReviewedPrincipal
from tarmak_iam.report.rbac import BindingRights, Rbac, SubjectRights, names_of_account, privilege_of_any


def ask_cluster(review: ClusterReview, installation: Installation, kubectl: Kubectl) -> ClusterReview:
    """The review with permissions and differences. Only reads: roles and bindings of every namespace, and the
    authenticator's objects in kube-system; if these cannot be read, the review says so (`live_error`). Raises
    ToolError if roles and bindings cannot be read."""
    objects = kubectl.all_of("clusterroles,roles,clusterrolebindings,rolebindings")
    live, differences, failed = None, review.differences, review.live_error
    try:
        live = read_live(kubectl)
        differences = effects(live.loaded(installation), Loaded.of(installation))
    except TarmakIamError as error:
        live, failed = None, f"its current mappings cannot be read: {error.message}"
    rbac = Rbac(objects, _facts(installation, live, kubectl))
    principals = tuple(_with_rights(principal, rbac) for principal in review.principals)
    loaded = installation.loaded
    grants = [possible for grant in loaded.grants for possible in (grant, *loaded.alternatives(grant))]
    return replace(
        review,
        live=True,
        live_error=failed,
        differences=differences,
        principals=principals,
        everyone=rbac.everyone,
        unbound=tuple(unbound.group for unbound in unbound_groups(grants, rbac.groups)),
        subjects=tuple(_subjects(principals, rbac)),
        rbac=rbac,
    )


def _facts(installation: Installation, live: LiveMappings | None, kubectl: Kubectl) -> ClusterFacts:
    """Of the running authenticator and that of the files. If the first is not known, any backend may be in use."""
    running = live.authenticator(installation) if live is not None and live.daemonset is not None else None
    config_map = live.config_map if live is not None else None
    backends = None
    if running is not None and running.config is not None:
        backends = tuple(dict.fromkeys((*running.config.backends, *installation.daemon.backends)))
    names = (NAME, *([config_map.name] if config_map is not None else ()))
    try:  # the release of the API server itself decides: the files may be for a newer one
        has_signers = not kubectl.versions()[1].is_below(1, 18)
    except TarmakIamError:
        has_signers = False
    return ClusterFacts(backends, tuple(dict.fromkeys(names)), has_signers)


def _with_rights(principal: ReviewedPrincipal, rbac: Rbac) -> ReviewedPrincipal:
    possible = _possible(principal)
    groups = (right for identity in possible for group in identity.groups for right in rbac.of("Group", group))
    rights = tuple(dict.fromkeys((*groups, *_of_username(principal, rbac))))
    account = principal.principal if principal.kind == "account" else ""
    names = ((identity.username, identity.groups) for identity in possible)
    privilege, because = privilege_of_any(names, rbac, account)
    return replace(principal, rights=rights, privilege=privilege, because=because)


def _possible(principal: ReviewedPrincipal) -> tuple[MappedIdentity, ...]:
    """All identities that it may get, if the authenticator chooses at random."""
    return (principal.identity, *principal.alternatives)


def _of_username(principal: ReviewedPrincipal, rbac: Rbac) -> tuple[BindingRights, ...]:
    if principal.kind == "account":
        return rbac.matching("User", names_of_account(principal.principal))
    return tuple(right for identity in _possible(principal) for right in rbac.of("User", identity.username))


def _subjects(principals: Iterable[ReviewedPrincipal], rbac: Rbac) -> Iterator[SubjectRights]:
    """Each group of the principals, then each username that a binding names, in the order of the principals."""
    groups: dict[str, dict[str, None]] = {}
    users: dict[str, tuple[dict[str, None], dict[BindingRights, None]]] = {}
    for principal in principals:
        name = who(principal.kind, principal.principal)
        for group in (group for identity in _possible(principal) for group in identity.groups):
            groups.setdefault(group, {})[name] = None
        for right in _of_username(principal, rbac):
            names, rights = users.setdefault(right.subject.name, ({}, {}))
            names[name] = rights[right] = None
    for group, names in groups.items():
        yield SubjectRights("Group", group, tuple(names), rbac.of("Group", group), BUILT_IN.get(group, ""))
    for user, (names, rights) in users.items():
        yield SubjectRights("User", user, tuple(names), tuple(rights))
