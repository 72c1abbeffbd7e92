"""EKS access entries: what they are, and who becomes whom by them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import partial
from typing import NamedTuple

from tarmak_iam.aws.arn import SSO_ROLE_PREFIX, ArnError, Principal, canonicalize, parse_arn
from tarmak_iam.aws.arn_flaws import canonical_text
from tarmak_iam.aws.go_case import to_lower
from tarmak_iam.errors import Place
from tarmak_iam.identity.caller import private_names_of, read_caller
from tarmak_iam.identity.model import Answer, Denied, Grant, Identity
from tarmak_iam.identity.releases import NEWEST_READ
from tarmak_iam.identity.templates import SESSION_TEMPLATES, rendered
from tarmak_iam.mappings.groups import ADMINS
from tarmak_iam.routes import Route

BACKEND = "EKS access entries"
"""The backend of their grants."""

STANDARD = "STANDARD"
NODE = "EC2_LINUX"
_INSTANCE = ("system:node:{{EC2PrivateDNSName}}", ("system:nodes",))

NODE_NAMES = {NODE: _INSTANCE, "EC2_WINDOWS": _INSTANCE}
"""Username and groups that EKS sets, by type: of the table in the guide, and the example in
https://docs.aws.amazon.com/cli/latest/reference/eks/create-access-entry.html. The groups of the other types are not
mentioned."""

CLUSTER_ADMIN = "AmazonEKSClusterAdminPolicy"


def policy_arn(partition: str, name: str) -> str:
    """https://docs.aws.amazon.com/eks/latest/userguide/access-policy-permissions.html gives the ARN of each policy."""
    return f"arn:{partition}:eks::aws:cluster-access-policy/{name}"


class PolicyAssociation(NamedTuple):
    """`policy` is the ARN of an access policy; without `namespaces` it is for the whole cluster."""

    policy: str
    namespaces: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        return self.policy.rpartition("/")[2]

    @property
    def is_cluster_admin(self) -> bool:
        """Whether it grants what the group system:masters does."""
        partition = self.policy.split(":")[1] if ":" in self.policy else ""
        return self.policy == policy_arn(partition, CLUSTER_ADMIN) and not self.namespaces

    def __str__(self) -> str:
        """As in `AmazonEKSViewPolicy` or `AmazonEKSViewPolicy in dev, test-*`."""
        return f"{self.name} in {', '.join(self.namespaces)}" if self.namespaces else self.name


class AccessEntry(NamedTuple):
    """`username` is empty where EKS sets it."""

    principal: str
    username: str = ""
    groups: tuple[str, ...] = ()
    policies: tuple[PolicyAssociation, ...] = ()
    type: str = STANDARD
    place: Place | None = None

    @property
    def key(self) -> str:
        """Equal for the same principal: a session of a role has the ARN of the role without its path."""
        return canonical_text(without_path(self.principal))

    @property
    def names(self) -> tuple[str, tuple[str, ...]]:
        """Username, with its templates, and groups, with those that EKS sets."""
        username, groups = NODE_NAMES.get(self.type, (eks_username(self.principal), ()))
        return self.username or username, self.groups or groups

    @property
    def privileges(self) -> tuple[str, ...]:
        """The groups, and each policy as if it were one; the policy of cluster admins as system:masters."""
        named = (ADMINS if policy.is_cluster_admin else f"access policy {policy}" for policy in self.policies)
        return (*self.names[1], *named)

    @property
    def grant(self) -> Grant:
        principal = without_path(self.principal)
        locate = partial(_place, self.place)
        return Grant("arn", principal, self.names[0], self.privileges, BACKEND, Route(), locate=locate)


def _place(place: Place | None, _: Route | None) -> Place | None:
    return place


def without_path(arn: str) -> str:
    """The ARN of a role as its sessions have it; any other text unchanged."""
    try:
        is_role = canonicalize(arn)[0] is Principal.ROLE
    except ArnError:
        return arn
    return str(parse_arn(arn).without_path) if is_role else arn


def eks_username(principal: str) -> str:
    """That EKS sets: the ARN of a user; for a role, the ARN of its session, without the path of the role."""
    try:
        kind, _ = canonicalize(principal)
        arn = parse_arn(principal)
    except ArnError:
        return ""  # the entry is rejected for its ARN
    if kind is not Principal.ROLE:
        return principal
    return f"arn:{arn.partition}:sts::{arn.account}:assumed-role/{arn.name}/{{{{SessionName}}}}"


def possible_grants(entries: Iterable[AccessEntry], asked: Grant) -> tuple[Grant | None, ...]:
    """The access that the principal of a grant has by the entries; None for no access. For a permission set, that of
    every role of it that has an entry: the roles that it has today."""
    if asked.kind == "sso":
        matching = tuple(entry.grant for entry in entries if matches_permission_set(asked.principal, entry.principal))
        return matching or (None,)
    key = to_lower(asked.principal)
    return (next((entry.grant for entry in entries if asked.kind == "arn" and entry.key == key), None),)


def matches_permission_set(permission_set: str, principal: str) -> bool:
    """Whether an SSO mapping of `ACCOUNT/PERMISSION SET` matches sessions of a role."""
    account, _, name = permission_set.partition("/")
    try:
        arn = parse_arn(principal)
    except ArnError:
        return False
    prefix = f"{SSO_ROLE_PREFIX}{name}_"  # the daemon's pattern, which also matches permission sets `NAME_...`
    return arn.account == account and arn.parts[0] == "role" and to_lower(arn.name).startswith(to_lower(prefix))


def whois(entries: Iterable[AccessEntry], identity: Identity) -> tuple[Answer, tuple[PolicyAssociation, ...]]:
    """Who a caller becomes in an EKS cluster with these entries, and the access policies that it has."""
    try:
        caller = read_caller(identity, NEWEST_READ)
        key = to_lower(caller.canonical_arn)
        entry = next((entry for entry in entries if entry.key == key), None)
        if entry is None:
            raise Denied(f"no access entry that can be read is for {caller.canonical_arn}")
        username, groups = entry.names
        render = partial(rendered, caller, NEWEST_READ, private_names_of(identity), "")
        reason = f"the access entry of {entry.principal}, of the type {entry.type}"
        name, written = render(username), list(map(render, groups))
    except Denied as denial:
        return Answer(True, reason=denial.reason), ()
    locate, notes = partial(_place, entry.place), tuple(_doubts(entry))
    answer = Answer(True, True, name, written, reason=reason, notes=notes, route=Route(), locate=locate)
    return answer, entry.policies


def _doubts(entry: AccessEntry) -> Iterator[str]:
    documented_for_roles = () if ":role/" in entry.principal else SESSION_TEMPLATES
    for template in ("{{AccountID}}", "{{AccessKeyID}}", *documented_for_roles):
        if template in entry.username:
            yield f"{template} is not documented for this access entry; EKS may keep it as it is"
    if any("{{" in group for group in entry.groups):
        yield "templates in groups are not documented for access entries; EKS may keep them as they are"
