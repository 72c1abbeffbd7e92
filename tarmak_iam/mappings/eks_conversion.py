"""The access that an authenticator gives, as EKS access entries, and what of it cannot be carried over.

Every principal that no remark names becomes the same user with the same groups, and nobody gets more than before: what
EKS is not known to do is a loss.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import NamedTuple

from tarmak_iam.aws.arn import Principal, canonicalize, claims_sso_role, parse_arn
from tarmak_iam.aws.copied_text import CONTROL
from tarmak_iam.aws.go_case import to_lower
from tarmak_iam.errors import Place
from tarmak_iam.identity.authenticator import Authenticator
from tarmak_iam.identity.model import Grant
from tarmak_iam.identity.releases import DaemonVersion, ReleaseFeature
from tarmak_iam.identity.templates import DNS_CHARACTER, SESSION_TEMPLATES
from tarmak_iam.mappings.access_entries import (
    CLUSTER_ADMIN,
    NODE,
    NODE_NAMES,
    AccessEntry,
    PolicyAssociation,
    matches_permission_set,
    policy_arn,
    without_path,
)
from tarmak_iam.mappings.eks_rules import (
    PARTITIONS,
    RESERVED_PREFIXES,
    SERVICE_ROLE_PREFIX,
    SSO_PATH,
    DocumentedRule,
    EksRule,
)
from tarmak_iam.mappings.groups import ADMINS, BOOTSTRAPPERS, EVERYONE
from tarmak_iam.mappings.role_arns import LIST_ROLES, ListedArns
from tarmak_iam.text import brief_list, capped, shortened

_ACCOUNT = "{{AccountID}}"
_ONE_MAPPING = "remove all mappings that match it but one"


class Remark(NamedTuple):
    """What of a principal's access is not carried over as it is. `kind` and `principal` are those of a Grant."""

    kind: str
    principal: str
    rule: DocumentedRule
    what: str
    remedy: str = ""
    is_loss: bool = True
    place: Place | None = None

    @property
    def text(self) -> str:
        return capped(f"{self.what}; {self.remedy}" if self.remedy else self.what)


class EksConversion(NamedTuple):
    """The entries in the order of the mappings, and the remarks about them."""

    entries: tuple[AccessEntry, ...]
    remarks: tuple[Remark, ...]

    @property
    def losses(self) -> tuple[Remark, ...]:
        return tuple(remark for remark in self.remarks if remark.is_loss)


class _Unusable(Exception):
    """No entry can be written. Arguments as of a Remark."""

    def __init__(self, rule: EksRule, what: str, remedy: str = "") -> None:
        super().__init__(what)
        self.rule, self.what, self.remedy = rule, what, remedy


Policies = Mapping[str, tuple[PolicyAssociation, ...]]
"""The access policies that replace a group, by its name."""


class EksTarget(NamedTuple):
    """`partition` is that of the EKS cluster; `policies` are those chosen for groups, with the name of each in place of
    its ARN; `listed` are the principals of the accounts, None if nobody has listed them."""

    partition: str
    policies: Policies = MappingProxyType({})
    listed: ListedArns | None = None


def to_access_entries(authenticator: Authenticator, target: EksTarget) -> EksConversion:
    """Raises nothing: an authenticator that does not start gives nobody access."""
    entries: dict[str, AccessEntry] = {}
    remarks: list[Remark] = []
    for single in _single(authenticator, target.listed):
        if isinstance(single, Remark):
            remarks.append(single)
            continue
        grant, owner = single
        try:
            entry, about = _entry(grant, authenticator, target)
        except _Unusable as why:
            remarks.append(_remark(owner, why.rule, why.what, why.remedy))
            continue
        entries.setdefault(entry.key, entry)
        remarks += (remark._replace(kind=owner.kind, principal=owner.principal) for remark in about)
    what = "a service-linked role cannot have an access entry"
    remarks += service_linked(authenticator, EksRule.SERVICE_LINKED, what)
    return EksConversion(tuple(entries.values()), tuple(dict.fromkeys(remarks)))


def service_linked(authenticator: Authenticator, rule: DocumentedRule, what: str) -> Iterator[Remark]:
    """Only an AWS service can be such a role, so no grant is of one."""
    remedy = "set up the AWS service that uses it again"
    for table in authenticator.tables:
        for key, mapping in table.entries:
            if key is not None and f":role/{SERVICE_ROLE_PREFIX}" in key:
                place = table.place(mapping.route)
                yield Remark("arn", mapping.arn, rule, what, remedy, place=place)


def _remark(grant: Grant, rule: EksRule, what: str, remedy: str = "", *, is_loss: bool = True) -> Remark:
    return Remark(grant.kind, grant.principal, rule, what, remedy, is_loss, grant.place)


def _single(authenticator: Authenticator, listed: ListedArns | None) -> Iterator[Remark | tuple[Grant, Grant]]:
    """Each grant of one role or user, and the grant that remarks about it name. A remark for each of the others."""
    named = {grant.key for grant in authenticator.grants}
    for grant in authenticator.grants:
        if grant.kind == "account":
            what = "an access entry is for one principal, not for the callers of an account"
            yield _remark(grant, EksRule.ONE_PRINCIPAL, what, "map each role and user that needs access")
        elif grant.kind == "userid":
            what = "an access entry names its principal by ARN, not by its unique ID"
            yield _remark(grant, EksRule.ONE_PRINCIPAL, what, "map the principal by its ARN")
        elif not grant.is_sure:
            what = "the authenticator chooses at random what this principal gets"
            yield _remark(grant, EksRule.OURS, what, _ONE_MAPPING)
        elif grant.kind == "arn":
            yield grant, grant
        else:
            arns = map(without_path, listed.by_key.values() if listed else ())
            roles = [arn for arn in arns if matches_permission_set(grant.principal, arn)]
            yield _about_permission_set(grant, roles, is_listed=listed is not None)
            for role in (Grant("arn", arn, "", (), grant.backend) for arn in roles):
                if role.key in named:
                    continue
                possible = authenticator.possible_grants(role)
                if len(possible) == 1 and possible[0] is not None:
                    yield possible[0], grant
                else:
                    what = f"the authenticator chooses at random what {shortened(role.principal)} gets"
                    yield _remark(grant, EksRule.OURS, what, _ONE_MAPPING)


def _about_permission_set(grant: Grant, roles: list[str], *, is_listed: bool) -> Remark:
    if not roles:
        remedy = "map its role" if is_listed else f"pass the ARNs of the account's roles with --arns (`{LIST_ROLES}`)"
        what = "an access entry is for one role, not for every role of a permission set"
        return _remark(grant, EksRule.ONE_PRINCIPAL, what, remedy)
    what = f"it becomes an entry for each role that it matches today ({brief_list(roles)}); a role that IAM Identity "
    what += "Center creates later has no access"
    return _remark(grant, EksRule.ONE_PRINCIPAL, what, is_loss=False)


def _entry(grant: Grant, authenticator: Authenticator, target: EksTarget) -> tuple[AccessEntry, list[Remark]]:
    """Raises _Unusable."""
    assert authenticator.config is not None  # it has grants
    principal, kind = _principal(grant, target)
    version = authenticator.config.version
    # v0.4.0 leaves templates of user mappings as they are, also of a role that is mapped under mapUsers.
    is_of_role = any(grant.key[1] in table.roles for table in authenticator.tables)
    renders = is_of_role or version.has(ReleaseFeature.USER_TEMPLATES)
    has_session = renders and kind is Principal.ROLE
    if has_session and _is_node(grant):
        what = f"its entry has the type {NODE}, so EKS sets the username and the group system:nodes only"
        remedy = "delete it for the role of a managed node group, whose entry EKS creates itself; the role must be in "
        remedy += "the account of the cluster"
        remark = _remark(grant, EksRule.NODES, what, remedy, is_loss=False)
        return AccessEntry(principal, type=NODE, place=grant.place), [remark]
    username, names = grant.username, grant.groups
    if renders:  # every release replaces {{AccountID}}
        account = parse_arn(grant.principal).account
        username, names = username.replace(_ACCOUNT, account), tuple(name.replace(_ACCOUNT, account) for name in names)
    _check_username(username, version if has_session else None)
    groups, policies, remarks = _groups(grant, names, target)
    return AccessEntry(principal, username, groups, policies, place=grant.place), remarks


def _groups(
    grant: Grant, names: Iterable[str], target: EksTarget
) -> tuple[tuple[str, ...], tuple[PolicyAssociation, ...], list[Remark]]:
    """The groups of an entry, its policies, and remarks about the others. Raises _Unusable."""
    policies, groups, remarks = dict[str, PolicyAssociation](), list[str](), list[Remark]()
    for group in dict.fromkeys(names):
        chosen = _policies_of(group, target)
        for association in chosen:
            _associate(policies, association)
        if chosen and group != ADMINS:
            what = f"the access policy {brief_list(chosen)} replaces the group {shortened(group)}"
            remedy = "compare its permissions with those of the group"
            remarks.append(_remark(grant, EksRule.POLICY, what, remedy, is_loss=False))
        elif group == EVERYONE:
            what = f"{group} is left out: every user has it"
            remarks.append(_remark(grant, EksRule.AUTHENTICATED, what, is_loss=False))
        elif not chosen and (lost := _why_not(group)):
            what = f"it loses the group {shortened(group)}: {lost[1]}"
            remedy = "choose an access policy with --policy GROUP=POLICY, or map it to another group"
            remarks.append(_remark(grant, lost[0], what, remedy))
        elif not chosen:
            groups.append(group)
    return tuple(groups), tuple(policies.values()), remarks


def _principal(grant: Grant, target: EksTarget) -> tuple[str, Principal]:
    """Its full ARN, as far as it is known, and its kind. Raises _Unusable."""
    kind, _ = canonicalize(grant.principal)
    arn = parse_arn(grant.principal)
    if kind not in (Principal.ROLE, Principal.USER):
        remedy = "map a role that this person can assume"
        raise _Unusable(EksRule.PRINCIPAL, f"an access entry cannot be for a {kind}", remedy)
    if arn.partition not in PARTITIONS or arn.partition != target.partition:
        what = f"the partition {arn.partition} is not that of the cluster ({target.partition})"
        if arn.partition == target.partition:
            what = f"access entries are not documented for the partition {arn.partition}"
        raise _Unusable(EksRule.PARTITION, what, "map a principal of the cluster's partition")
    if target.listed is not None and target.listed.is_missing(grant.principal, kind):
        what = f"the file of --arns has the {kind}s of account {arn.account}, and not this one"
        remedy = "remove the mapping if it does not exist, or list the ARNs again"
        raise _Unusable(EksRule.FULL_ARN, what, remedy)
    full = target.listed.full(grant.principal) if target.listed else grant.principal
    path = parse_arn(full).path
    if kind is Principal.ROLE and claims_sso_role(arn.name) and not path.startswith(SSO_PATH):
        what = f"the access entry of a role of IAM Identity Center needs its full ARN, with the path {SSO_PATH}/..."
        raise _Unusable(EksRule.SSO_PATH, what, f"pass it with --arns (`{LIST_ROLES}`)")
    return full, kind


def _is_node(grant: Grant) -> bool:
    """Whether the entry of a node has the same access: other usernames or more groups are not those of a node."""
    username, groups = NODE_NAMES[NODE]
    return grant.username == username and set(groups) <= set(grant.groups) <= {*groups, BOOTSTRAPPERS, EVERYONE}


def _check_username(username: str, version: DaemonVersion | None) -> None:
    """`version` is that of the authenticator; None if it replaces no session name. Raises _Unusable."""
    if not username:
        raise _Unusable(EksRule.USERNAME, "it has no username, and EKS would set one", "set a username in the mapping")
    if CONTROL.search(username):
        raise _Unusable(EksRule.CONTROL, "its username contains control characters", "write it without them")
    shown, remedy = shortened(username), "change the username in the mapping, and in bindings that name it"
    rest = username
    for template in SESSION_TEMPLATES:
        if version is not None and version.has_template(template.strip("{}")):
            rest = rest.replace(template, "")
    if version and version.has(ReleaseFeature.NAMES_NEED_DNS_CHARACTER) and not DNS_CHARACTER.search(rest):
        what = f"authenticator {version} denies sessions in whose username {shown} there is no character of a-z or 0-9"
        raise _Unusable(EksRule.OURS, what, remedy)
    if "{{" in rest:
        what = f"the username {shown} has a template that EKS is not known to replace in the same way"
        raise _Unusable(EksRule.OTHER_TEMPLATE if version else EksRule.SESSION, what, remedy)
    if reserved := _reserved(username):
        what = f"the username {shown} begins with {reserved}, which EKS reserves"
        raise _Unusable(EksRule.USERNAME_PREFIX, what, remedy)
    places = [username.find(template) for template in SESSION_TEMPLATES if template in username]
    if places and ":" not in username[: min(places)]:
        what = f"the username {shown} has no colon before the session name"
        raise _Unusable(EksRule.USERNAME_COLON, what, remedy)


def _reserved(name: str) -> str:
    return next((prefix for prefix in RESERVED_PREFIXES if to_lower(name).startswith(prefix)), "")


def _why_not(group: str) -> tuple[EksRule, str] | None:
    """The rule by which an access entry cannot have a group. Raises _Unusable if the authenticator denies some sessions
    because of it: they would log in without it."""
    if "{{" in group:
        what = f"the group {shortened(group)} has a template, which EKS is not known to replace in groups"
        raise _Unusable(EksRule.GROUP_TEMPLATE, what, "map it to a group without a template")
    if not group.strip() or CONTROL.search(group):
        return EksRule.CONTROL, "it is empty, or contains control characters"
    prefix = _reserved(group)
    if prefix == "system:":
        return EksRule.GROUP_PREFIX, "EKS accepts no group that begins with system:"
    return (EksRule.GROUP_RESERVED, f"EKS reserves names that begin with {prefix}") if prefix else None


def _policies_of(group: str, target: EksTarget) -> tuple[PolicyAssociation, ...]:
    chosen = (PolicyAssociation(CLUSTER_ADMIN),) if group == ADMINS else target.policies.get(group, ())
    return tuple(association._replace(policy=policy_arn(target.partition, association.name)) for association in chosen)


def _associate(policies: dict[str, PolicyAssociation], wanted: PolicyAssociation) -> None:
    """Each policy once: in the whole cluster if one of its associations is, else in the namespaces of all."""
    known = policies.get(wanted.policy, wanted)
    both = (*known.namespaces, *wanted.namespaces) if known.namespaces and wanted.namespaces else ()
    policies[wanted.policy] = wanted._replace(namespaces=tuple(dict.fromkeys(both)))
