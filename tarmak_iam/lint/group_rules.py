"""Rules about groups: several in one text, nearly one of Kubernetes's own, or one that means something else to it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from tarmak_iam.document import Document
from tarmak_iam.document.nodes import dereference
from tarmak_iam.document.quoting import scalar_text
from tarmak_iam.findings import Finding, Severity, Subject
from tarmak_iam.identity.copied_text import cleaned
from tarmak_iam.identity.groups import (
    ADMINS,
    BOOTSTRAPPERS,
    CLUSTER_ROLES,
    COMPONENT_USERS,
    EVERYONE,
    GROUPS,
    NODES,
    SERVICE_ACCOUNTS,
    UNAUTHENTICATED,
    is_within,
    joined_groups,
)
from tarmak_iam.identity.mappings import Mappings
from tarmak_iam.identity.template_names import PRIVATE_DNS, braced
from tarmak_iam.lint.entries import Entry, entries_of
from tarmak_iam.lint.name_rules import is_on_several_lines
from tarmak_iam.lint.rule import Rule, Scope
from tarmak_iam.lint.text_lists import is_dashed
from tarmak_iam.lint.wording import way_in
from tarmak_iam.near import closest
from tarmak_iam.routes import Route
from tarmak_iam.text import quoted, shortened

__all__ = ["GROUP_RULES"]

_SYSTEM = "system:"
_NODE = f"{_SYSTEM}node:"
_NODE_USERNAME = f"{_NODE}{PRIVATE_DNS}"
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
    entry: Entry
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
                what = f"{what}; {way_in()}" if ADMINS in parts else what
                items = ", ".join(scalar_text(shortened(part), flow=":" not in part) for part in parts)
                remedy = f"write each as an item of its own: [{items}]" if parts else "remove it"
                yield rule.finding(Subject.MAPPINGS, route, what, remedy)


def _lines(document: Document, route: Route) -> tuple[str, ...]:
    node = document.node(route)
    node = dereference(node) if node is not None else None
    lines = document.text[node.start : node.end].splitlines() if node is not None else []
    return tuple(filter(None, (cleaned(line.strip().removeprefix("-")) for line in lines)))


def _near_own(rule: Rule, mappings: Mappings) -> Iterator[Finding]:
    """A group that looks like one of Kubernetes's own, but is nobody's: `system:master`."""
    for group in _groups(mappings):
        near = _nearest(group.name)
        if near:
            what = f"Kubernetes knows no group {quoted(group.name)}, so it gives nothing by itself"
            what = f"{what}; {way_in()}" if near == ADMINS else what
            yield rule.finding(Subject.MAPPINGS, group.route, what, _instead(group, near))


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
    return name in GROUPS or is_within(name, SERVICE_ACCOUNTS) or is_within(name, BOOTSTRAPPERS)


def _other_kind(name: str) -> str:
    """What of Kubernetes has the name, if it is not a group; empty for nothing."""
    if name in COMPONENT_USERS or name.startswith((_NODE, f"{_SYSTEM}serviceaccount:")):
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
        remedy = group.removal
        if is_admin_role and not group.entry.is_admin:
            what = f"{what}; {way_in()}"
            remedy = f'write "{ADMINS}", or bind a group of that name and then ignore this'
        yield rule.finding(Subject.MAPPINGS, group.route, what, remedy)


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
    if is_within(name, SERVICE_ACCOUNTS):
        return _of_service_accounts(group), f"write a group of your own, bind what it needs, and {group.removal}"
    if is_within(name, BOOTSTRAPPERS) and _is_one_person(username):
        return f"{shown} may request the certificate of any node, and {quoted(username)} is one name", group.removal
    if name == NODES and not username.startswith(_NODE):
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
    return not any(braced(username)) and not username.startswith((_NODE, f"{_SYSTEM}bootstrap:"))


def _of_service_accounts(group: _Group) -> str:
    """Tarmak binds its policy for privileged pods to those of kube-system and monitoring
    (puppet/modules/kubernetes/templates/pod-security-policy-rbac.yaml.erb)."""
    namespace = group.name[len(SERVICE_ACCOUNTS) + 1 :]
    whose = f"the namespace {shortened(namespace)}" if namespace else "all namespaces"
    what = f"{quoted(group.name)} gives what is bound to the service accounts of {whose}"
    return f"{what}, privileged pods too" if namespace in ("kube-system", "monitoring") else what


GROUP_RULES = (
    Rule("IAM064", Severity.WARNING, Scope.MAPPINGS, "a group that is nearly one of Kubernetes's own", _near_own),
    Rule("IAM114", Severity.WARNING, Scope.MAPPINGS, "several groups in one text", _joined),
    Rule("IAM125", Severity.WARNING, Scope.MAPPINGS, "a group with the name of a ClusterRole or user", _no_group),
    Rule("IAM126", Severity.WARNING, Scope.MAPPINGS, "a group that Kubernetes gives itself", _own_group),
)
