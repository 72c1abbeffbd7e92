"""Rules about what usernames and groups come to in RBAC: Kubernetes's own groups, too many rights."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from tarmak_iam.aws.arn import is_account, is_sso_role
from tarmak_iam.aws.copied_text import cleaned
from tarmak_iam.document import Document
from tarmak_iam.document.render import scalar_text
from tarmak_iam.findings import Finding, Subject
from tarmak_iam.identity.templates import PRIVATE_DNS, braced, fixed_prefix, has_session
from tarmak_iam.lint.entries import WrittenEntry, entries_of
from tarmak_iam.lint.messages import node_at
from tarmak_iam.lint.name_rules import is_on_several_lines
from tarmak_iam.lint.rule import MAPPINGS, Rule
from tarmak_iam.lint.written_lists import is_dashed
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
from tarmak_iam.suggestions import closest
from tarmak_iam.text import quoted, shortened

_SYSTEM = "system:"

_NODE_PREFIX = f"{_SYSTEM}node:"

_NODE_USERNAME = f"{_NODE_PREFIX}{PRIVATE_DNS}"

_CLUSTER_ADMIN = "cluster-admin"


# What people write for system:masters who remember half of it.
_ALSO_ADMINS = ("masters", "master")

_NEAR = 0.88

_SEPARATORS = {",": "a comma", "\uff0c": "a comma", ";": "a semicolon", "\uff1b": "a semicolon"}


@dataclass(frozen=True, slots=True)
class _Group:
    """A group that is meant: the text without what copying left in it, or one of several in it."""

    name: str
    text: str
    entry: WrittenEntry
    route: Route
    is_part: bool

    @property
    def removal(self) -> str:
        return f"remove {shortened(self.name)} from it" if self.is_part else "remove it"


def _groups(mappings: Mappings) -> Iterator[_Group]:
    """Without those with templates, which other rules look at."""
    for entry in entries_of(mappings).mapped:
        written = entry.value("groups")
        if isinstance(written, str) and "," not in written and is_dashed(written):
            continue  # which is a finding about the whole text
        for text, route in entry.groups:
            parts = joined_groups(text)
            for name in (cleaned(text),) if parts is None else parts:
                if name and not any(braced(name)):
                    yield _Group(name, text, entry, route, parts is not None)


def _joined(rule: Rule, mappings: Mappings) -> Iterator[Finding]:
    """Items of a list only: a text is split by some releases, and is its own finding."""
    for entry in entries_of(mappings).mapped:
        for group, route in entry.groups if isinstance(entry.value("groups"), list) else ():
            parts = joined_groups(group)
            mark = next((f"{word} in it" for sign, word in _SEPARATORS.items() if sign in group), "blanks in it")
            if parts is None and is_on_several_lines(mappings.document, route):
                parts, mark = _lines(mappings.document, route), "lines without a dash"
            if parts is not None:
                what = f"the group {quoted(group)} has {mark}, and the daemon takes it as one group"
                items = ", ".join(scalar_text(shortened(part), flow=":" not in part) for part in parts)
                remedy = f"write each as an item of its own: [{items}]" if parts else "remove it"
                yield rule.finding(Subject.MAPPINGS, route, what, remedy, locks_out=ADMINS in parts)


def _lines(document: Document, route: Route) -> tuple[str, ...]:
    node = node_at(document, route)
    lines = document.text[node.start : node.end].splitlines() if node is not None else []
    return tuple(filter(None, (cleaned(line.strip().removeprefix("-")) for line in lines)))


def _near_own(rule: Rule, mappings: Mappings) -> Iterator[Finding]:
    """A group that looks like one of Kubernetes's own, but is nobody's: `system:master`."""
    for group in _groups(mappings):
        near = _nearest(group.name)
        if near:
            what = f"Kubernetes knows no group {quoted(group.name)}, so it gives nothing by itself"
            remedy = _instead(group, near)
            yield rule.finding(Subject.MAPPINGS, group.route, what, remedy, locks_out=near == ADMINS)


def _instead(group: _Group, near: str) -> str:
    """What the other group needs besides, where it is not for everyone."""
    other = None if near == ADMINS else _meaning(replace(group, name=near))
    if other is not None:
        return f"probably {near}: {other[1]}"
    return f"did you mean {near}{f' for {shortened(group.name)}' if group.is_part else ''}?"


def _nearest(name: str) -> str | None:
    if _is_own(name) or _other_kind(name):
        return None
    bare = _letters(name)
    if bare in _ALSO_ADMINS:
        return ADMINS
    known = {_letters(each): each for each in GROUPS}
    found = closest(bare, known, _NEAR)
    # Without a colon, a team may be called so: system-monitoring.
    return known[found] if found and (known[found] == ADMINS or ":" in name) else None


def _letters(name: str) -> str:
    return re.sub(r"[\W_]", "", name.casefold())


def _is_own(name: str) -> bool:
    return name in GROUPS or is_group_within(name, SERVICE_ACCOUNTS) or is_group_within(name, BOOTSTRAPPERS)


def _other_kind(name: str) -> str:
    """What of Kubernetes has the name, if it is not a group; empty for nothing."""
    if name in COMPONENT_USERS or name.startswith((_NODE_PREFIX, f"{_SYSTEM}serviceaccount:")):
        return "username"
    is_role = name in CLUSTER_ROLES and name != f"{_SYSTEM}node"  # which is nearly the group
    return "ClusterRole" if is_role or _letters(name) == _letters(_CLUSTER_ADMIN) else ""


def _no_group(rule: Rule, mappings: Mappings) -> Iterator[Finding]:
    for group in _groups(mappings):
        kind = _other_kind(group.name)
        if not kind:
            continue
        is_admin_role = _letters(group.name) == _letters(_CLUSTER_ADMIN)
        name = f"nearly {_CLUSTER_ADMIN}, " if is_admin_role and group.name != _CLUSTER_ADMIN else ""
        what = f"{quoted(group.name)} is {name}a {kind} of Kubernetes, not a group: without a binding it gives nothing"
        remedy, was_to_be_admin = group.removal, is_admin_role and not group.entry.is_admin
        if was_to_be_admin:
            remedy = f'write "{ADMINS}", or bind a group of that name and then ignore this'
        yield rule.finding(Subject.MAPPINGS, group.route, what, remedy, locks_out=was_to_be_admin)


def _own_group(rule: Rule, mappings: Mappings) -> Iterator[Finding]:
    for group in _groups(mappings):
        found = _meaning(group)
        if found:
            yield rule.finding(Subject.MAPPINGS, group.route, *found)


def _meaning(group: _Group) -> tuple[str, str] | None:
    """What the entry gets with a group that Kubernetes gives itself, and what to do about it."""
    name, shown, username = group.name, quoted(group.name), cleaned(group.entry.listed.username)
    if name == EVERYONE:
        return f"everyone who logs in is in {shown}: it gives the entry nothing more", group.removal
    if name == UNAUTHENTICATED:
        return f"{shown} is the group of requests without credentials: what is bound to it everyone has", group.removal
    if is_group_within(name, SERVICE_ACCOUNTS):
        return _of_service_accounts(group), f"write a group of your own, bind what it needs, and {group.removal}"
    if is_group_within(name, BOOTSTRAPPERS) and _is_one_person(username):
        return f"{shown} may request the certificate of any node, and {quoted(username)} is one name", group.removal
    if name == NODES and not username.startswith(_NODE_PREFIX):
        what = f"{shown} is the group of nodes, and {quoted(username)} is not the username of a node"
        return what, f"write {_NODE_USERNAME} as the username of nodes; for people {group.removal}"
    is_unknown = name.startswith(_SYSTEM) and not (_is_own(name) or _other_kind(name) or _nearest(name))
    if is_unknown:
        rest = name[len(_SYSTEM) :]
        what = f"Kubernetes keeps groups that begin with {_SYSTEM} for itself, and has no {shown}"
        return what, f'write "{shortened(rest)}", and bind that' if rest else group.removal
    return None


def _is_one_person(username: str) -> bool:
    """Machines that ask for a node's certificate have a name for each: `aws:{{AccountID}}:instance:{{SessionName}}` in
    the authenticator's own README, system:node: or system:bootstrap: elsewhere."""
    return not any(braced(username)) and not username.startswith((_NODE_PREFIX, f"{_SYSTEM}bootstrap:"))


def _of_service_accounts(group: _Group) -> str:
    """Tarmak binds its policy for privileged pods to those of kube-system and monitoring
    (puppet/modules/kubernetes/templates/pod-security-policy-rbac.yaml.erb)."""
    namespace = group.name[len(SERVICE_ACCOUNTS) + 1 :]
    whose = f"the namespace {shortened(namespace)}" if namespace else "all namespaces"
    what = f"{quoted(group.name)} gives what is bound to the service accounts of {whose}"
    return f"{what}, privileged pods too" if namespace in ("kube-system", "monitoring") else what


GROUP_RULES = (
    MAPPINGS.warning("IAM064", "misspelt-group", "a group that is nearly one of Kubernetes's own", _near_own),
    MAPPINGS.warning("IAM114", "joined-groups", "several groups in one text", _joined),
    MAPPINGS.warning("IAM125", "role-as-group", "a group with the name of a ClusterRole or user", _no_group),
    MAPPINGS.warning("IAM126", "built-in-group", "a group that Kubernetes gives itself", _own_group),
)

_RESERVED = ("system:", "eks:")

_REQUIRE_NAME = "require sts:RoleSessionName in the role's trust policy, and then ignore this"

_TRUST = "who may assume the role chooses the session name"


def _chosen_username(rule: Rule, mappings: Mappings) -> Iterator[Finding]:
    for entry in entries_of(mappings).mapped:
        username = entry.listed.username
        if not _is_chosen(entry, username) or _is_reserved(username):
            continue
        if not fixed_prefix(username):
            what = f"the username {quoted(username)} can be anybody's: {_TRUST}"
            remedy = f'put something fixed before it, as in "dev:{shortened(username)}"'
            if entry.is_admin and not _is_named_by_sso(entry):
                remedy = f'write "admin:{shortened(username)}", {_REQUIRE_NAME}'
        elif entry.is_admin and not _is_named_by_sso(entry):
            what = (
                f"admins can take each other's name in {quoted(username)}, which is all that "
                f"the audit log tells: {_TRUST}"
            )
            remedy = _REQUIRE_NAME
        else:
            continue
        yield rule.finding(Subject.MAPPINGS, entry.at("username"), what, remedy)


def _chosen_reserved(rule: Rule, mappings: Mappings) -> Iterator[Finding]:
    for entry in entries_of(mappings).mapped:
        username = entry.listed.username
        if not _is_chosen(entry, username) or not _is_reserved(username):
            continue
        what = f"the username {quoted(username)} can be any of Kubernetes's own: {_TRUST}"
        remedy = f'write "{_NODE_USERNAME}" for nodes, and {_for_people(entry, username)} for people'
        if username.startswith("system:node:"):
            what = f"the username {quoted(username)} can be any node, with that node's secrets: {_TRUST}"
        yield rule.finding(Subject.MAPPINGS, entry.at("username"), what, remedy)


def _for_people(entry: WrittenEntry, username: str) -> str:
    """A name that no other rule has something against: with a prefix, and without the group of nodes."""
    prefix, without = _prefix(username), f"leave the group {NODES} out" if NODES in entry.listed.groups else ""
    rest = username[len(prefix) :]
    if fixed_prefix(rest):
        return f"leave {prefix}{f' and the group {NODES}' if without else ''} out"
    return f'"dev:{shortened(rest)}"{f", and {without}," if without else ""}'


def _chosen_group(rule: Rule, mappings: Mappings) -> Iterator[Finding]:
    for entry in entries_of(mappings).mapped:
        for group, route in entry.groups:
            if _is_chosen(entry, group):
                what = f"the group {quoted(group)} is whatever the caller wants: {_TRUST}"
                if fixed_prefix(group) == "system:":
                    what = f"the group {quoted(group)} is {ADMINS} for a session named masters: {_TRUST}"
                remedy = "write the group itself, and an entry for each role"
                yield rule.finding(Subject.MAPPINGS, route, what, remedy)


def _reserved_username(rule: Rule, mappings: Mappings) -> Iterator[Finding]:
    """Without what copying left in it, which is another finding: after that is gone, it is reserved."""
    for entry in entries_of(mappings).mapped:
        username = cleaned(entry.listed.username)
        if _is_reserved(username) and username != _NODE_USERNAME and not _is_chosen(entry, username):
            what = f"the username {quoted(username)} {_what_it_has(username)}"
            remedy = f"write a name without {_prefix(username)}"
            if username in GROUPS:
                remedy = f"write a name of your own here, and {username} under groups"
            yield rule.finding(Subject.MAPPINGS, entry.at("username"), what, remedy)


def _what_it_has(username: str) -> str:
    """What is bound to a username of Kubernetes's own, as far as it is known."""
    if username in COMPONENT_USERS:
        return f"is one of Kubernetes's own: it {COMPONENT_USERS[username]}"
    if username in GROUPS:
        return "is the name of a group: as a username it gives nothing"
    kind, _, name = username.removeprefix("system:").partition(":")
    namespace, _, account = name.partition(":")
    if kind == "serviceaccount" and namespace and account:
        return f"is that of the service account {shortened(name)}: the entry gets what is bound to it"
    if kind == "node" and name:
        return f"is that of the node {shortened(name)}: with the group {NODES} the entry gets what the node may do"
    owner = "Kubernetes" if username.startswith("system:") else "EKS"
    return f"is one of {owner}'s own: what is bound to it is not yours to see"


def _whole_account(rule: Rule, mappings: Mappings) -> Iterator[Finding]:
    reported = set()
    for entry in entries_of(mappings).entries:
        account = entry.listed.arn
        if entry.is_account and is_account(account) and account not in reported:
            reported.add(account)
            what = f"every user, role, federated user and root of account {account} can log in (without groups)"
            remedy = "map the roles and users who need it, and remove the account"
            yield rule.finding(Subject.MAPPINGS, entry.listed.route, what, remedy)


def _is_chosen(entry: WrittenEntry, text: str) -> bool:
    return entry.has_session and has_session(text)


def _is_named_by_sso(entry: WrittenEntry) -> bool:
    """A session of IAM Identity Center has the name of its user there, who does not choose it."""
    return bool(entry.listed.sso) or is_sso_role(entry.listed.arn.rpartition("/")[2])


def _is_reserved(username: str) -> bool:
    return username.startswith(_RESERVED)


def _prefix(username: str) -> str:
    return next(prefix for prefix in _RESERVED if username.startswith(prefix))


PRIVILEGE_RULES = (
    MAPPINGS.warning("IAM070", "caller-chosen-username", "a username that the caller chooses", _chosen_username),
    MAPPINGS.error(
        "IAM071",
        "caller-chosen-system-username",
        "a username of Kubernetes's own that the caller chooses",
        _chosen_reserved,
    ),
    MAPPINGS.error("IAM072", "caller-chosen-group", "a group that the caller chooses", _chosen_group),
    MAPPINGS.warning("IAM073", "reserved-username", "a username that is reserved", _reserved_username),
    MAPPINGS.warning("IAM074", "account-mapping", "everyone of an account", _whole_account),
)
