"""Rules about templates in usernames and groups."""

from __future__ import annotations

from collections.abc import Iterator

from tarmak_iam.document.quoting import quote
from tarmak_iam.findings import Finding, Severity, Subject
from tarmak_iam.identity.arn import ArnError, is_account, parse_arn
from tarmak_iam.identity.mappings import Mappings
from tarmak_iam.identity.template_names import (
    PRIVATE_DNS,
    SESSION_TEMPLATES,
    TEMPLATES,
    Braced,
    braced,
    bracketed,
    fixed_prefix,
    has_session,
    templates_in,
)
from tarmak_iam.identity.versions import DEFAULT_RELEASE, DaemonVersion, releases
from tarmak_iam.installation import Installation
from tarmak_iam.lint.describing_role_rules import DESCRIBING_ROLE
from tarmak_iam.lint.entries import Entry, entries_of
from tarmak_iam.lint.rule import Rule, Scope
from tarmak_iam.lint.wording import for_admins
from tarmak_iam.near import closest
from tarmak_iam.routes import Route
from tarmak_iam.text import quoted, shortened

__all__ = ["TEMPLATE_RULES", "TEMPLATE_VERSION_RULES"]

_ALSO = {
    "session": "SessionName",
    "username": "SessionName",
    "email": "SessionNameRaw",
    "account": "AccountID",
    "instance": "EC2PrivateDNSName",
    "hostname": "EC2PrivateDNSName",
    "nodename": "EC2PrivateDNSName",
    "accesskey": "AccessKeyID",
}


def _unknown(rule: Rule, mappings: Mappings) -> Iterator[Finding]:
    for entry in entries_of(mappings).mapped:
        for kind, text, route in entry.names:
            for part in (*braced(text), *bracketed(text)):
                if part.name is None:
                    what = (
                        f"the authenticator knows no template {shortened(part.text)}, and "
                        f"leaves it as it is in the {kind}"
                    )
                    yield rule.finding(Subject.MAPPINGS, route, what, _instead(entry, kind, text, part))
                    break  # one finding for one text


def _instead(entry: Entry, kind: str, text: str, part: Braced) -> str:
    """A template where it is right in this place; else what is right without one."""
    bare = "".join(filter(str.isalnum, part.inner)).lower()
    near = _ALSO.get(bare) or closest(bare, TEMPLATES, 0.7)
    if near is None:
        return f"the templates are {', '.join(f'{{{{{name}}}}}' for name in TEMPLATES)}"
    template = f"{{{{{near}}}}}"
    is_wrong_place = not entry.has_session or kind == "group" or entry.is_admin
    if (template == PRIVATE_DNS or template in SESSION_TEMPLATES) and is_wrong_place:
        return f"write the {kind} itself: {template} is not for {_place(entry, kind)}"
    whole = text.replace(part.text, template, 1)
    if template in SESSION_TEMPLATES and text.startswith("system:node:"):
        return f'write "system:node:{PRIVATE_DNS}"'
    if template in SESSION_TEMPLATES and (not fixed_prefix(whole) or text.startswith(("system:", "eks:"))):
        return f'write "dev:{template}"'
    if "{" not in part.text:
        return f"write {quote(whole)}"
    return f"did you mean {template}?"


def _place(entry: Entry, kind: str) -> str:
    if not entry.has_session:
        return f"a {entry.principal}"
    return "groups" if kind == "group" else "admins"


def _other_account(rule: Rule, mappings: Mappings) -> Iterator[Finding]:
    """EC2 is asked with one role, and describes the instances of that role's account alone.

    The masters' own role will do: Tarmak's policy for them has ec2:DescribeInstances (roles.go and
    iam_ec2_controller.json of jetstack/tarmak). Which account they are in tarmak.yaml does not say.
    """
    role = entries_of(mappings).settings.get(DESCRIBING_ROLE)
    asked = _account_of(role) if isinstance(role, str) else ""
    first = ""
    for entry in entries_of(mappings).mapped:
        route = next((route for _, text, route in entry.names if PRIVATE_DNS in text), None)
        account = _account_of(entry.listed.arn)
        if route is None or not account or _misuse(entry) is not None:
            continue
        first = first or account
        if asked and account != asked:
            what = (
                f"{PRIVATE_DNS} is looked up with {shortened(str(role))}, which finds no instance of account {account}"
            )
            remedy = f"write a role of account {account} in {DESCRIBING_ROLE}"
            yield rule.finding(Subject.MAPPINGS, route, f"{what}: nobody can log in by this entry", remedy)
        elif not role and account != first:
            what = (
                f"{PRIVATE_DNS} is used for instances of the accounts {first} and {account}, and the authenticator "
                "finds those of one account only"
            )
            remedy = "remove the entry of the account that the masters are not in: its instances cannot log in"
            yield rule.finding(Subject.MAPPINGS, route, what, remedy)


def _account_of(arn: str) -> str:
    """The account of an ARN; empty where it is not a valid one."""
    try:
        account = parse_arn(arn).account
    except ArnError:
        return ""
    return account if is_account(account) else ""


def _instances_only(rule: Rule, mappings: Mappings) -> Iterator[Finding]:
    for entry in entries_of(mappings).mapped:
        misuse = _misuse(entry)
        if misuse is not None:
            what, remedy, route = misuse
            yield rule.finding(Subject.MAPPINGS, route, for_admins(entry, what), remedy)


def _misuse(entry: Entry) -> tuple[str, str, Route] | None:
    """The usual entry for nodes has it in the username, and gives no admin's group."""
    places = [(kind, route) for kind, text, route in entry.names if PRIVATE_DNS in text]
    if not places:
        return None
    kind, route = places[0]
    if not entry.has_session:
        what = f"{PRIVATE_DNS} needs a session named by an instance id, which a {entry.principal} has not"
        return what, "nobody gets in by this entry: map the instances' role, or leave the template out", route
    if entry.is_admin or kind == "group":
        what = f"{PRIVATE_DNS} refuses everyone whose session is no instance id, even where it is in a group only"
        return what, "leave it out, or map the instances' role by an entry of its own", route
    return None


def _no_session(rule: Rule, mappings: Mappings) -> Iterator[Finding]:
    for entry in entries_of(mappings).mapped:
        if entry.has_session:
            continue
        for kind, text, route in entry.names:
            if has_session(text):
                what = f"a {entry.principal} has no session name, so the {kind} is {quoted(_without_session(text))}"
                remedy = f"write the {kind} itself, as in {shortened(entry.listed.arn.rpartition('/')[2]) or 'alice'}"
                yield rule.finding(Subject.MAPPINGS, route, what, remedy)


def _without_session(text: str) -> str:
    return text.replace("{{SessionName}}", "").replace("{{SessionNameRaw}}", "")


def _newer(rule: Rule, installation: Installation) -> Iterator[Finding]:
    mappings, version = installation.mappings, installation.daemon_version
    for entry in entries_of(mappings).mapped if mappings else ():
        for kind, text, route in entry.names:
            late = [name for name in sorted(templates_in(text)) if not _is_replaced(name, entry, version)]
            if late:
                what = (
                    f"authenticator {version} does not replace {{{{{late[0]}}}}} here: the "
                    f"{kind} is {quoted(text)} as it is"
                )
                remedy = f"choose an image of {_first_release(late[0], entry)} or later, or leave the template out"
                yield rule.finding(Subject.MAPPINGS, route, what, remedy)


def _first_release(name: str, entry: Entry) -> DaemonVersion:
    """Releases of two lines exist at the same time, but these templates came before the second one."""
    return next((each for each in sorted(releases()) if _is_replaced(name, entry, each)), DEFAULT_RELEASE)


def _is_replaced(name: str, entry: Entry, version: DaemonVersion) -> bool:
    """v0.4.0 renders the templates of roles only."""
    in_users = entry.listed.kind == "user" and version.known < DaemonVersion(0, 5, 0)
    return not in_users and version.has(f"template {{{{{name}}}}}")


TEMPLATE_RULES = (
    Rule("IAM065", Severity.ERROR, Scope.MAPPINGS, "a template that the authenticator does not know", _unknown),
    Rule("IAM066", Severity.WARNING, Scope.MAPPINGS, "a private DNS name of another account", _other_account),
    Rule("IAM067", Severity.ERROR, Scope.MAPPINGS, "a template that refuses everyone but instances", _instances_only),
    Rule("IAM068", Severity.WARNING, Scope.MAPPINGS, "a session name where there is no session", _no_session),
)

TEMPLATE_VERSION_RULES = (
    Rule("IAM080", Severity.ERROR, Scope.INSTALLATION, "a template that this daemon does not replace", _newer),
)
