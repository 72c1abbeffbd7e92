"""Rules about who could become more than was meant."""

from __future__ import annotations

from collections.abc import Iterator

from tarmak_iam.findings import At, Finding, Severity, Subject
from tarmak_iam.identity.arn import is_account
from tarmak_iam.identity.copied_text import cleaned
from tarmak_iam.identity.groups import ADMINS, COMPONENT_USERS, GROUPS, NODES
from tarmak_iam.identity.mappings import Mappings
from tarmak_iam.identity.model import Grant
from tarmak_iam.identity.principals import is_sso_role
from tarmak_iam.identity.template_names import PRIVATE_DNS, can_become, fixed_prefix, has_session
from tarmak_iam.installation import Installation
from tarmak_iam.lint.entries import Entry, entries_of
from tarmak_iam.lint.rule import Rule, Scope
from tarmak_iam.lint.wording import way_in
from tarmak_iam.text import quoted, shortened

__all__ = ["ADMIN_RULES", "PRIVILEGE_RULES"]

_NODE = f"system:node:{PRIVATE_DNS}"
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
        remedy = f'write "{_NODE}" for nodes, and {_for_people(entry, username)} for people'
        if username.startswith("system:node:"):
            what = f"the username {quoted(username)} can be any node, with that node's secrets: {_TRUST}"
        yield rule.finding(Subject.MAPPINGS, entry.at("username"), what, remedy)


def _for_people(entry: Entry, username: str) -> str:
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
        if _is_reserved(username) and username != _NODE and not _is_chosen(entry, username):
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
    told = set()
    for entry in entries_of(mappings).entries:
        account = entry.listed.arn
        if entry.is_account and is_account(account) and account not in told:
            told.add(account)
            what = f"every user, role, federated user and root of account {account} can log in (without groups)"
            remedy = "map the roles and users who need it, and remove the account"
            yield rule.finding(Subject.MAPPINGS, entry.listed.route, what, remedy)


def _is_chosen(entry: Entry, text: str) -> bool:
    return entry.has_session and has_session(text)


def _is_named_by_sso(entry: Entry) -> bool:
    """A session of IAM Identity Center has the name of its user there, who does not choose it."""
    return bool(entry.listed.sso) or is_sso_role(entry.listed.arn.rpartition("/")[2])


def _is_reserved(username: str) -> bool:
    return username.startswith(_RESERVED)


def _prefix(username: str) -> str:
    return next(prefix for prefix in _RESERVED if username.startswith(prefix))


def _no_admin(rule: Rule, installation: Installation) -> Iterator[Finding]:
    """Not where nobody is mapped at all, which is another finding, or where the daemon does not start."""
    mappings, daemon = installation.mappings, installation.loaded
    if mappings is None or daemon.config is None or not mappings.entries:
        return
    for grant in daemon.grants:
        possible = (grant,) if grant.is_sure else (grant, *daemon.alternatives(grant))
        if any(map(_may_be_admin, possible)):
            return
    settings = entries_of(mappings).settings
    keys = [key for key in ("server.mapRoles", "server.mapUsers", "server.mapAccounts") if settings.get(key)]
    what = f"nobody gets {ADMINS}: no one could mend the cluster by IAM; {way_in(installation)}"
    remedy = f"map an admin role: {installation.admin_command}"
    yield rule.finding(Subject.MAPPINGS, settings.route(keys[0] if keys else "server"), what, remedy, at=At.KEY)


def _may_be_admin(grant: Grant) -> bool:
    """By the name of a session too, which a user has not."""
    is_session = ":user/" not in grant.principal
    return any(group == ADMINS or (is_session and can_become(group, ADMINS)) for group in grant.groups)


PRIVILEGE_RULES = (
    Rule("IAM070", Severity.WARNING, Scope.MAPPINGS, "a username that the caller chooses", _chosen_username),
    Rule(
        "IAM071",
        Severity.ERROR,
        Scope.MAPPINGS,
        "a username of Kubernetes's own that the caller chooses",
        _chosen_reserved,
    ),
    Rule("IAM072", Severity.ERROR, Scope.MAPPINGS, "a group that the caller chooses", _chosen_group),
    Rule("IAM073", Severity.WARNING, Scope.MAPPINGS, "a username that is reserved", _reserved_username),
    Rule("IAM074", Severity.WARNING, Scope.MAPPINGS, "everyone of an account", _whole_account),
)

ADMIN_RULES = (Rule("IAM084", Severity.WARNING, Scope.INSTALLATION, "nobody is an admin", _no_admin),)
