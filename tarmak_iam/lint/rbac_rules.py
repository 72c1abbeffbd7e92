"""Rules about the effect of usernames and groups in RBAC: built-in groups of Kubernetes, too many permissions."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import NamedTuple

from tarmak_iam.aws.arn import is_account, is_sso_role
from tarmak_iam.aws.copied_text import cleaned
from tarmak_iam.document import Document
from tarmak_iam.document.render import scalar_text
from tarmak_iam.findings import Finding, Subject
from tarmak_iam.identity.templates import PRIVATE_DNS, braced, fixed_prefix, has_session
from tarmak_iam.lint.entries import WrittenEntry, entries_of
from tarmak_iam.lint.fix import written
from tarmak_iam.lint.messages import node_at
from tarmak_iam.lint.name_rules import is_alone, is_on_several_lines, may_have_properties
from tarmak_iam.lint.rule import MAPPINGS, Rule
from tarmak_iam.lint.shape_rules import is_dashed
from tarmak_iam.mappings.groups import (
    ADMINS,
    BOOTSTRAPPERS,
    CLUSTER_ROLES,
    COMPONENT_USERS,
    EVERYONE,
    GROUPS,
    NODES,
    SERVICE_ACCOUNTS,
    UNAUTHENTICATED,
    is_group_within,
    joined_groups,
)
from tarmak_iam.mappings.mappings_file import Mappings
from tarmak_iam.routes import Route
from tarmak_iam.text import closest, quoted, shortened

_SYSTEM = "system:"
_NODE_PREFIX = f"{_SYSTEM}node:"
_NODE_USERNAME = f"{_NODE_PREFIX}{PRIVATE_DNS}"
_CLUSTER_ADMIN = "cluster-admin"
_SEPARATORS = {",": "a comma", "\uff0c": "a comma", ";": "a semicolon", "\uff1b": "a semicolon"}


class _Group(NamedTuple):
    """A group that was meant: the string without traces of copying, or one of several groups in it."""

    name: str
    entry: WrittenEntry
    route: Route
    is_part: bool

    @property
    def removal(self) -> str:
        return f"remove {shortened(self.name)} from it" if self.is_part else "remove it"


@lru_cache(maxsize=4)
def _groups(mappings: Mappings) -> tuple[_Group, ...]:
    """The groups without a template that are or resemble a group of Kubernetes; other rules check those with one."""
    notable: dict[str, tuple[str, ...]] = {}
    groups = []
    for entry in entries_of(mappings).mapped:
        for text in entry.listed.groups:
            if text not in notable:
                parts = joined_groups(text)
                names = (cleaned(text),) if parts is None else parts
                notable[text] = tuple(filter(_is_notable, names))
        if not any(map(notable.__getitem__, entry.listed.groups)):
            continue
        written = entry.value("groups")
        if isinstance(written, str) and "," not in written and is_dashed(written):
            continue  # a finding about the whole string (IAM061)
        for text, route in entry.groups:
            groups += [_Group(name, entry, route, joined_groups(text) is not None) for name in notable[text]]
    return tuple(groups)


def _is_notable(name: str) -> bool:
    if not name or name == ADMINS or any(braced(name)):
        return False
    return name.startswith(_SYSTEM) or bool(nearest_group(name) or _other_kind(name))


@MAPPINGS.warning("IAM114", "joined-groups", "several groups in one string")
def joined_groups_rule(rule: Rule, mappings: Mappings) -> Iterator[Finding]:
    """Items of a list only: some releases split a string, which is another finding (IAM061)."""
    odd: Iterable[WrittenEntry] = (entry for entry, _ in entries_of(mappings).odd_names)
    # With a tag or an anchor, an ordinary name may be on several lines.
    for entry in entries_of(mappings).mapped if may_have_properties(mappings.document) else odd:
        for group, route in entry.groups if isinstance(entry.value("groups"), list) else ():
            parts = joined_groups(group)
            mark = next((word for sign, word in _SEPARATORS.items() if sign in group), "spaces")
            if parts is None and is_on_several_lines(mappings.document, route, group):
                parts, mark = _lines(mappings.document, route), "lines without a dash"
            if parts is not None:
                what = f"the group {quoted(group)} contains {mark}, but the authenticator reads it as one group"
                items = ", ".join(scalar_text(shortened(part), flow=":" not in part) for part in parts)
                remedy = f"write each group as a separate item: [{items}]" if parts else "remove it"
                items_before, index = entry.value("groups"), route.plain[-1]
                fix = None
                if parts and isinstance(index, int) and all(isinstance(item, str) for item in items_before):
                    groups = list(dict.fromkeys((*items_before[:index], *parts, *items_before[index + 1 :])))
                    title = f"write each group as a separate item: {', '.join(map(shortened, parts))}"
                    fix = written(route.parent, groups, title)
                yield rule.finding(Subject.MAPPINGS, route, what, remedy, locks_out=ADMINS in parts, fix=fix)


def _lines(document: Document, route: Route) -> tuple[str, ...]:
    node = node_at(document, route)
    lines = document.text[node.start : node.end].splitlines() if node is not None else []
    return tuple(filter(None, (cleaned(line.strip().removeprefix("-")) for line in lines)))


@MAPPINGS.warning("IAM064", "misspelt-group", "a misspelt built-in group of Kubernetes")
def misspelt_group(rule: Rule, mappings: Mappings) -> Iterator[Finding]:
    """A group that looks like a built-in group of Kubernetes, but is not one: `system:master`."""
    for group in _groups(mappings):
        near = nearest_group(group.name)
        if near:
            what = f"{quoted(group.name)} is not a built-in group of Kubernetes: without a binding it grants nothing"
            remedy = f"did you mean {near}{f' for {shortened(group.name)}' if group.is_part else ''}?"
            # What to do about the group that was meant if it should not be used either.
            _, instead = ("", "") if near == ADMINS else _meaning(group._replace(name=near))
            remedy = f"probably {near} is meant: {instead}" if instead else remedy
            fix = written(group.route, near) if is_alone(group.entry, group.route) and not group.is_part else None
            yield rule.finding(Subject.MAPPINGS, group.route, what, remedy, locks_out=near == ADMINS, fix=fix)


@lru_cache(maxsize=4096)
def nearest_group(name: str) -> str | None:
    """The built-in group of Kubernetes that a name is a misspelling of; None if it is of none."""
    if _is_own(name) or _other_kind(name):
        return None
    bare = _letters(name)
    if bare in ("masters", "master"):
        return ADMINS
    known = {_letters(group): group for group in GROUPS}
    near = closest(bare, known, 0.88)
    # Without a colon it may be the name of a team: system-monitoring.
    return known[near] if near and (known[near] == ADMINS or ":" in name) else None


def _letters(name: str) -> str:
    return re.sub(r"[\W_]", "", name.casefold())


def _is_own(name: str) -> bool:
    return name in GROUPS or is_group_within(name, SERVICE_ACCOUNTS) or is_group_within(name, BOOTSTRAPPERS)


@lru_cache(maxsize=4096)
def _other_kind(name: str) -> str:
    """The kind of a built-in name of Kubernetes that is not a group; empty for other names."""
    if name in COMPONENT_USERS or name.startswith((_NODE_PREFIX, f"{_SYSTEM}serviceaccount:")):
        return "username"
    is_role = name in CLUSTER_ROLES and name != f"{_SYSTEM}node"  # which is nearly the group
    return "ClusterRole" if is_role or _letters(name) == _letters(_CLUSTER_ADMIN) else ""


@MAPPINGS.warning("IAM125", "role-as-group", "a group with the name of a ClusterRole or user")
def role_as_group(rule: Rule, mappings: Mappings) -> Iterator[Finding]:
    for group in _groups(mappings):
        kind = _other_kind(group.name)
        if not kind:
            continue
        is_admin_role = _letters(group.name) == _letters(_CLUSTER_ADMIN)
        is_near = is_admin_role and group.name != _CLUSTER_ADMIN
        named = f"looks like {_CLUSTER_ADMIN}, which is" if is_near else "is"
        what = f"{quoted(group.name)} {named} a Kubernetes {kind}, not a group: without a binding it grants nothing"
        remedy, was_to_be_admin = group.removal, is_admin_role and not group.entry.is_admin
        if was_to_be_admin:
            remedy = f'write "{ADMINS}", or bind a group of that name and then suppress this finding'
        yield rule.finding(Subject.MAPPINGS, group.route, what, remedy, locks_out=was_to_be_admin)


@MAPPINGS.warning("IAM126", "built-in-group", "a group that Kubernetes reserves or assigns itself")
def built_in_group(rule: Rule, mappings: Mappings) -> Iterator[Finding]:
    for group in _groups(mappings):
        what, remedy = _meaning(group)
        if what:
            yield rule.finding(Subject.MAPPINGS, group.route, what, remedy)


def _meaning(group: _Group) -> tuple[str, str]:
    """Message and remedy for a group that Kubernetes assigns itself: what the entry gains with it; empty for others."""
    name, shown, username = group.name, quoted(group.name), cleaned(group.entry.listed.username)
    if name == EVERYONE:
        return f"every user who logs in is in {shown}: it grants the entry nothing more", group.removal
    if name == UNAUTHENTICATED:
        what = f"{shown} is the group of requests without credentials: every caller has its permissions"
        return what, group.removal
    if is_group_within(name, SERVICE_ACCOUNTS):
        # Tarmak binds its policy for privileged pods to those of kube-system and monitoring
        # (puppet/modules/kubernetes/templates/pod-security-policy-rbac.yaml.erb).
        namespace = name[len(SERVICE_ACCOUNTS) + 1 :]
        whose = f"the namespace {shortened(namespace)}" if namespace else "all namespaces"
        privileged = ", including privileged pods" if namespace in ("kube-system", "monitoring") else ""
        what = f"{shown} is the group of the service accounts of {whose}: the entry gains its permissions{privileged}"
        return what, f"use your own group, bind the permissions that it needs, and {group.removal}"
    # Machines that request a node's certificate have one username each: `aws:{{AccountID}}:instance:{{SessionName}}`
    # in the authenticator's own README, system:node: or system:bootstrap: elsewhere.
    is_of_machines = any(braced(username)) or username.startswith((_NODE_PREFIX, f"{_SYSTEM}bootstrap:"))
    if is_group_within(name, BOOTSTRAPPERS) and not is_of_machines:
        what = f"{shown} may request the certificate of any node, but {quoted(username)} is a single username"
        return what, group.removal
    if name == NODES and not username.startswith(_NODE_PREFIX):
        what = f"{shown} is the group of nodes, but {quoted(username)} is not the username of a node"
        return what, f"write {_NODE_USERNAME} as the username of nodes; for people, {group.removal}"
    is_unknown = name.startswith(_SYSTEM) and not (_is_own(name) or _other_kind(name) or nearest_group(name))
    if is_unknown:
        rest = name[len(_SYSTEM) :]
        what = f"Kubernetes reserves groups that begin with {_SYSTEM}, and has no group {shown}"
        return what, f'write "{shortened(rest)}", and bind that group' if rest else group.removal
    return "", ""


_RESERVED = ("system:", "eks:")
_REQUIRE_NAME = "require sts:RoleSessionName in the role's trust policy, and then suppress this finding"
_TRUST = "the caller sets the session name when it assumes the role"


@MAPPINGS.warning("IAM070", "caller-chosen-username", "a username that the caller chooses")
def caller_chosen_username(rule: Rule, mappings: Mappings) -> Iterator[Finding]:
    for entry in entries_of(mappings).with_session_name:
        username = entry.listed.username
        # IAM Identity Center sets the session name: it is the name of the user there, and users cannot choose it.
        is_named_by_sso = bool(entry.listed.sso) or is_sso_role(entry.listed.arn.rpartition("/")[2])
        is_admin = entry.is_admin and not is_named_by_sso
        if not _is_chosen(entry, username) or username.startswith(_RESERVED):
            continue
        what = f"the username {quoted(username)} lets the caller use any name: {_TRUST}"
        remedy = f'add a fixed prefix: write "dev:{shortened(username)}"'
        if is_admin and not fixed_prefix(username):
            remedy = f'write "admin:{shortened(username)}", {_REQUIRE_NAME}'
        elif is_admin:
            what = f"admins can use each other's username with {quoted(username)}"
            what, remedy = f"{what}, and the audit log shows nothing else: {_TRUST}", _REQUIRE_NAME
        if is_admin or not fixed_prefix(username):
            yield rule.finding(Subject.MAPPINGS, entry.at("username"), what, remedy)


@MAPPINGS.error("IAM071", "caller-chosen-system-username", "a reserved username of Kubernetes that the caller chooses")
def caller_chosen_system_username(rule: Rule, mappings: Mappings) -> Iterator[Finding]:
    for entry in entries_of(mappings).with_session_name:
        username = entry.listed.username
        if not _is_chosen(entry, username) or not username.startswith(_RESERVED):
            continue
        what = f"the username {quoted(username)} lets the caller use reserved names: {_TRUST}"
        # The name for people is one that no other rule reports: with a fixed prefix, and without the group of nodes.
        prefix, group = _prefix(username), f" and remove the group {NODES}" if NODES in entry.listed.groups else ""
        rest = username[len(prefix) :]
        people = f'write "dev:{shortened(rest)}"{group}'
        if fixed_prefix(rest):
            people = f"remove {prefix}{group.replace(' remove', '', 1)}"
        remedy = f'write "{_NODE_USERNAME}" for nodes; for people, {people}'
        if username.startswith("system:node:"):
            what = f"the username {quoted(username)} lets the caller act as any node and read its secrets: {_TRUST}"
        yield rule.finding(Subject.MAPPINGS, entry.at("username"), what, remedy)


@MAPPINGS.error("IAM072", "caller-chosen-group", "a group that the caller chooses")
def caller_chosen_group(rule: Rule, mappings: Mappings) -> Iterator[Finding]:
    for entry in entries_of(mappings).with_session_name:
        for group, route in entry.groups:
            if _is_chosen(entry, group):
                what = f"the group {quoted(group)} lets the caller choose its group: {_TRUST}"
                if fixed_prefix(group) == "system:":
                    what = f"the group {quoted(group)} becomes {ADMINS} for a session named masters: {_TRUST}"
                remedy = "write a fixed group, and a separate entry for each role"
                yield rule.finding(Subject.MAPPINGS, route, what, remedy)


@MAPPINGS.warning("IAM073", "reserved-username", "a username that is reserved")
def reserved_username(rule: Rule, mappings: Mappings) -> Iterator[Finding]:
    """Checks the username without traces of copying, which are another finding: once they are removed, the username is
    reserved."""
    for entry in entries_of(mappings).mapped:
        username = cleaned(entry.listed.username)
        if username.startswith(_RESERVED) and username != _NODE_USERNAME and not _is_chosen(entry, username):
            what = f"the username {quoted(username)} {_what_it_has(username)}"
            remedy = f"write a name without {_prefix(username)}"
            if username in GROUPS:
                remedy = f"write your own username here, and {username} under groups"
            yield rule.finding(Subject.MAPPINGS, entry.at("username"), what, remedy)


def _what_it_has(username: str) -> str:
    """The end of a message: what a reserved username is, and what is bound to it as far as it is known."""
    if username in COMPONENT_USERS:
        return f"is reserved by Kubernetes: it {COMPONENT_USERS[username]}"
    if username in GROUPS:
        return "is the name of a group: as a username it grants nothing"
    kind, _, name = username.removeprefix("system:").partition(":")
    namespace, _, account = name.partition(":")
    if kind == "serviceaccount" and namespace and account:
        return f"belongs to the service account {shortened(name)}: the entry gains its permissions"
    if kind == "node" and name:
        return f"belongs to the node {shortened(name)}: with the group {NODES} the entry gains its permissions"
    owner = "Kubernetes" if username.startswith("system:") else "EKS"
    return f"is reserved by {owner}: it may have permissions that you do not know of"


@MAPPINGS.warning("IAM074", "account-mapping", "access for a whole account")
def account_mapping(rule: Rule, mappings: Mappings) -> Iterator[Finding]:
    reported = set()
    for entry in entries_of(mappings).entries:
        account = entry.listed.arn
        if entry.is_account and is_account(account) and account not in reported:
            reported.add(account)
            what = f"every user, role and federated user of account {account}, and its root user, can log in"
            remedy = "map the roles and users that need access, and remove the account"
            yield rule.finding(Subject.MAPPINGS, entry.listed.route, f"{what} (without groups)", remedy)


def _is_chosen(entry: WrittenEntry, text: str) -> bool:
    return entry.has_session and has_session(text)


def _prefix(username: str) -> str:
    return next(prefix for prefix in _RESERVED if username.startswith(prefix))
