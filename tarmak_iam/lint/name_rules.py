"""Rules about usernames and groups as strings: traces of copying and editing, and templates."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache, partial

from tarmak_iam.aws.arn import is_permission_set
from tarmak_iam.aws.arn_flaws import arn_flaw
from tarmak_iam.aws.copied_text import Trace, cleaned, placeholder, placeholder_hints, traces
from tarmak_iam.document import Document
from tarmak_iam.document.nodes import Scalar
from tarmak_iam.document.render import quote
from tarmak_iam.findings import Finding, Subject
from tarmak_iam.identity.advisories import advisories_of
from tarmak_iam.identity.daemon_config import DESCRIBING_ROLE
from tarmak_iam.identity.releases import DEFAULT_RELEASE, DaemonVersion, ReleaseFeature, known_releases
from tarmak_iam.identity.templates import (
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
from tarmak_iam.installation.installation import Installation
from tarmak_iam.lint.entries import WrittenEntry, account_of, entries_of
from tarmak_iam.lint.fix import Fix, written
from tarmak_iam.lint.messages import node_at
from tarmak_iam.lint.principal_rules import principal_text
from tarmak_iam.lint.rule import INSTALLATION, MAPPINGS, Implication, Rule
from tarmak_iam.mappings.groups import ADMINS, joined_groups
from tarmak_iam.mappings.mappings_file import Mappings
from tarmak_iam.routes import Route
from tarmak_iam.text import closest, quoted, shortened

_WHAT = {
    Trace.INVISIBLE: "contains invisible characters",
    Trace.QUOTES: "contains quotes or brackets",
    Trace.LETTERS: "contains letters that look like other letters",
    Trace.ENDING: "begins or ends with a punctuation mark, probably by mistake",
}


@MAPPINGS.error("IAM078", "whitespace-in-name", "whitespace in a username or group")
def whitespace_in_name(rule: Rule, mappings: Mappings) -> Iterator[Finding]:
    for entry, kind, text, route in _whole_names(mappings):
        if kind == "username" and " " in text and is_on_several_lines(mappings.document, route, text):
            what = f"the username {quoted(text)} continues on the next line, and the line break becomes a space"
            meant = cleaned(text)
            fix = written(route, meant) if meant and meant != text else None
            yield rule.finding(Subject.MAPPINGS, route, what, "write it on one line", fix=fix)
        elif traces(text)[:1] == (Trace.BLANK,) if text.strip() else kind == "group":
            # Whitespace is what is wrong first; an empty username is another finding (IAM069).
            what = "contains whitespace or control characters, which are part of the name"
            what += ": no RBAC binding has such a group" if kind == "group" else ""
            yield _with_clean_name(rule, entry, kind, text, route, f"the {kind} {shortened(text)!r} {what}")


def _traced(rule: Rule, mappings: Mappings) -> Iterator[Finding]:
    """Names with one of the rule's traces of copying; each name is reported for its first trace only."""
    of_rule = {"IAM122": (Trace.INVISIBLE, Trace.QUOTES), "IAM124": (Trace.LETTERS,), "IAM127": (Trace.ENDING,)}
    for entry, kind, text, route in _whole_names(mappings):
        trace = next(iter(traces(text)), None)
        if trace is not None and trace in of_rule[rule.id] and not placeholder(text) and not any(bracketed(text)):
            effect = "" if trace is Trace.ENDING else ", which are part of the name"
            shown = ascii(shortened(text)) if trace in (Trace.INVISIBLE, Trace.LETTERS) else quoted(text)
            yield _with_clean_name(rule, entry, kind, text, route, f"the {kind} {shown} {_WHAT[trace]}{effect}")


def _with_clean_name(rule: Rule, entry: WrittenEntry, kind: str, text: str, route: Route, what: str) -> Finding:
    """The finding about a name that should be what it is without the traces of copying."""
    meant = cleaned(text)
    remedy = "remove it" if kind == "group" else "set a username"
    remedy = f"write {quote(shortened(meant))}" if meant else remedy
    is_admins = kind == "group" and meant == ADMINS
    is_fixed = rule.id != "IAM127" and meant not in ("", text) and (kind == "username" or is_alone(entry, route))
    fix = written(route, meant) if is_fixed else None
    return rule.finding(Subject.MAPPINGS, route, what, remedy, locks_out=is_admins, fix=fix)


stray_characters = MAPPINGS.error(
    "IAM122", "stray-characters", "quotes, brackets or invisible characters in a username or group"
)(_traced)
lookalike_letters = MAPPINGS.error(
    "IAM124", "lookalike-letters", "letters in a username or group that look like other letters"
)(_traced)


@MAPPINGS.warning("IAM127", "trailing-punctuation", "a punctuation mark at the end of a name")
def trailing_punctuation(rule: Rule, mappings: Mappings) -> Iterator[Finding]:
    """In ARNs too: IAM accepts commas and dots in names of roles and users, but they rarely are at the end."""
    ends = "ends with a punctuation mark, probably by mistake"
    for entry in entries_of(mappings).mapped:
        arn, bare = entry.listed.arn, cleaned(entry.listed.arn)
        if bare != arn and entry.flaw is None and arn_flaw(bare) is None:
            what, remedy = f"{shortened(arn)} {ends}", f"write {shortened(bare)}"
            yield rule.finding(Subject.MAPPINGS, entry.at_arn, what, remedy, locks_out=entry.is_admin)
    for entry in entries_of(mappings).with_sso:
        permission_set, route = entry.in_sso("permissionSetName")
        name, bare = str(permission_set or ""), cleaned(str(permission_set or ""))
        if bare != name and is_permission_set(name) and is_permission_set(bare):
            what, remedy = f"the permission set {quoted(name)} {ends}", f"write {quote(bare)}"
            yield rule.finding(Subject.MAPPINGS, route, what, remedy, locks_out=entry.is_admin)
    yield from _traced(rule, mappings)


@MAPPINGS.warning("IAM128", "group-wildcard", "a wildcard in a group")
def group_wildcard(rule: Rule, mappings: Mappings) -> Iterator[Finding]:
    for _, names in entries_of(mappings).odd_names:
        for kind, group, route in names:
            if kind == "group" and "*" in group:
                what = f"the group {quoted(group)} contains a wildcard, but RBAC compares group names literally"
                yield rule.finding(Subject.MAPPINGS, route, what, "write each group by its full name")


@MAPPINGS.error("IAM123", "unfilled-placeholder", "a placeholder that was not replaced")
def unfilled_placeholder(rule: Rule, mappings: Mappings) -> Iterator[Finding]:
    entries = entries_of(mappings).mapped
    texts = ["\n".join((entry.listed.arn, entry.listed.username, *entry.listed.groups)) for entry in entries]
    hints = placeholder_hints("\n".join(texts))
    for entry, text in zip(entries, texts, strict=True) if hints else ():
        if not any(hint in text for hint in hints):
            continue
        arn = entry.listed.arn
        named = [(f"the {kind} {quoted(name)}", name, route, False) for kind, name, route in entry.names]
        if arn and entry.flaw is None:
            named.insert(0, (shortened(arn), arn, entry.at_arn, entry.is_admin))
        for shown, name, route, locks_out in named:
            left = placeholder(name)
            if left and (route == entry.at_arn or not any(bracketed(name))):  # a template is another finding (IAM065)
                what = f"{shown} contains the placeholder {shortened(left)}"
                remedy = f"replace {shortened(left)} with the real name"
                yield rule.finding(Subject.MAPPINGS, route, what, remedy, locks_out=locks_out)


def is_alone(entry: WrittenEntry, route: Route) -> bool:
    """Whether one group is there, and not several in a string."""
    return isinstance(route.plain[-1], int) or len(entry.listed.groups) == 1


def is_on_several_lines(document: Document, route: Route, text: str) -> bool:
    """Whether a scalar without quotes contains line breaks, for example where the dash of the next item is missing.
    `text` is what it is read as."""
    if " " not in text and "\n" not in text and not may_have_properties(document):
        return False
    node = node_at(document, route)
    return isinstance(node, Scalar) and node.style == "plain" and "\n" in document.text[node.start : node.end].strip()


@lru_cache(maxsize=4)
def may_have_properties(document: Document) -> bool:
    """Whether there may be tags or anchors, after which a line break is not part of the text."""
    return "!" in document.text or "&" in document.text


@lru_cache(maxsize=4)
def _whole_names(mappings: Mappings) -> tuple[tuple[WrittenEntry, str, str, Route], ...]:
    """Entry, kind, text and route of usernames and groups that are not ordinary; several groups in one string are
    another finding (IAM114)."""
    names = ((entry, *name) for entry, names in entries_of(mappings).odd_names for name in names)
    return tuple(name for name in names if name[1] == "username" or joined_groups(name[2]) is None)


_ALSO = {
    **dict.fromkeys(("session", "username"), "SessionName"),
    "email": "SessionNameRaw",
    "account": "AccountID",
    **dict.fromkeys(("instance", "hostname", "nodename"), "EC2PrivateDNSName"),
    "accesskey": "AccessKeyID",
}


@MAPPINGS.error("IAM065", "unknown-template", "a template that the authenticator does not know")
def unknown_template(rule: Rule, mappings: Mappings) -> Iterator[Finding]:
    for entry, names in entries_of(mappings).odd_names:
        for kind, text, route in names:
            part = _first_unknown(text)  # one finding for one name
            if part is not None:
                what = f"the authenticator does not know the template {shortened(part.text)}"
                effect = f"does not replace it in the {kind}"
                remedy, fix = _instead(entry, kind, text, part), partial(_corrected, entry, kind, text, route)
                yield rule.finding(Subject.MAPPINGS, route, f"{what}, and {effect}", remedy, fix=fix)


def _first_unknown(text: str) -> Braced | None:
    return next((part for part in (*braced(text), *bracketed(text)) if part.name is None), None)


def _instead(entry: WrittenEntry, kind: str, text: str, part: Braced) -> str:
    """The remedy: the template that was probably meant if this place may use it, else a name without a template."""
    near = _near(part)
    if near is None:
        return f"valid templates are {', '.join(f'{{{{{name}}}}}' for name in TEMPLATES)}"
    template = f"{{{{{near}}}}}"
    is_wrong_place = not entry.has_session or kind == "group" or entry.is_admin
    if (template == PRIVATE_DNS or template in SESSION_TEMPLATES) and is_wrong_place:
        place = "groups" if kind == "group" else "admins"
        place = place if entry.has_session else f"a {principal_text(entry.principal)}"
        return f"write a fixed {kind}: {template} is not for {place}"
    whole = text.replace(part.text, template, 1)
    if template in SESSION_TEMPLATES and text.startswith("system:node:"):
        return f'write "system:node:{PRIVATE_DNS}"'
    if template in SESSION_TEMPLATES and (not fixed_prefix(whole) or text.startswith(("system:", "eks:"))):
        return f'write "dev:{template}"'
    if "{" not in part.text:
        return f"write {quote(whole)}"
    return f"did you mean {template}?"


_MOST = 8
"""Templates in one name: more are not a typo."""


def _near(part: Braced) -> str | None:
    bare = "".join(filter(str.isalnum, part.inner)).lower()
    return _ALSO.get(bare) or closest(bare, TEMPLATES, 0.7)


def _corrected(entry: WrittenEntry, kind: str, text: str, route: Route) -> Fix | None:
    """The username or group with each unknown template in the spelling that was meant; None where that is not sure, or
    a template does not belong there."""
    for _ in range(_MOST):
        part = _first_unknown(text)
        if part is None:
            return written(route, text)
        near = _near(part)
        instead, whole = _instead(entry, kind, text, part), text.replace(part.text, f"{{{{{near}}}}}", 1)
        if near is None or instead not in (f"did you mean {{{{{near}}}}}?", f"write {quote(whole)}"):
            return None
        text = whole
    return None


@MAPPINGS.warning("IAM066", "private-dns-account", "the private DNS name of an instance in another account")
def private_dns_account(rule: Rule, mappings: Mappings) -> Iterator[Finding]:
    """The authenticator queries EC2 with one role, and EC2 describes the instances of that role's account only. The
    masters' own role is sufficient: Tarmak's policy for them allows ec2:DescribeInstances (roles.go and
    iam_ec2_controller.json of jetstack/tarmak). tarmak.yaml does not contain the account of the masters."""
    role = entries_of(mappings).settings.get(DESCRIBING_ROLE)
    asked = account_of(role) if isinstance(role, str) else ""
    first = ""
    for entry in entries_of(mappings).with_part((PRIVATE_DNS,)):
        route = next((route for _, text, route in entry.names if PRIVATE_DNS in text), None)
        account = account_of(entry.listed.arn)
        if route is None or not account or _misuse(entry) is not None:
            continue
        first = first or account
        if asked and account != asked:
            why = f"is looked up with {shortened(str(role))}, which finds no instance of account {account}"
            what = f"{PRIVATE_DNS} {why}: no caller can log in with this entry"
            yield rule.finding(Subject.MAPPINGS, route, what, f"set {DESCRIBING_ROLE} to a role of account {account}")
        elif not role and account != first:
            what = f"{PRIVATE_DNS} is used for instances of accounts {first} and {account}"
            why = "the authenticator finds the instances of one account only"
            remedy = "remove the entry for the account that the masters are not in: its instances cannot log in"
            yield rule.finding(Subject.MAPPINGS, route, f"{what}, but {why}", remedy)


@MAPPINGS.error("IAM067", "private-dns-instances-only", "a template that denies every caller except instances")
def private_dns_instances_only(rule: Rule, mappings: Mappings) -> Iterator[Finding]:
    for entry in entries_of(mappings).with_part((PRIVATE_DNS,)):
        misuse = _misuse(entry)
        if misuse is not None:
            what, remedy, route = misuse
            yield rule.finding(Subject.MAPPINGS, route, what, remedy, locks_out=entry.is_admin)


def _misuse(entry: WrittenEntry) -> tuple[str, str, Route] | None:
    """Message, remedy and route of an entry that misuses the template. The usual entry for nodes has the template in
    the username, and does not have system:masters."""
    kind, route = next(((kind, route) for kind, text, route in entry.names if PRIVATE_DNS in text), ("", None))
    if route is None:
        return None
    if not entry.has_session:
        who = principal_text(entry.principal)
        what = f"{PRIVATE_DNS} requires a session that is named after an instance ID, and a {who} has none"
        remedy = "map the role of the instances, or remove the template"
        return f"{what}: no caller can log in with this entry", remedy, route
    if entry.is_admin or kind == "group":
        what = "denies callers whose session name is not an instance ID, even if only a group contains it"
        remedy = "remove it, or map the role of the instances in a separate entry"
        return f"{PRIVATE_DNS} {what}", remedy, route
    return None


@MAPPINGS.warning(
    "IAM068",
    "session-name-without-session",
    "a session name for a principal without sessions",
    implied_by=(Implication(("unsupported-template",), lambda finding, cause, _: finding.route == cause.route),),
)
def session_name_without_session(rule: Rule, mappings: Mappings) -> Iterator[Finding]:
    for entry in (entry for entry in entries_of(mappings).with_session_name if not entry.has_session):
        for kind, text, route in entry.names:
            if has_session(text):
                bare = text.replace("{{SessionName}}", "").replace("{{SessionNameRaw}}", "")
                who = principal_text(entry.principal)
                what = f"a {who} has no session name, so the {kind} is {quoted(bare)}"
                remedy = f"write a fixed {kind}, such as {shortened(entry.listed.arn.rpartition('/')[2]) or 'alice'}"
                yield rule.finding(Subject.MAPPINGS, route, what, remedy)


@INSTALLATION.error("IAM080", "unsupported-template", "a template that this release does not replace")
def unsupported_template(rule: Rule, installation: Installation) -> Iterator[Finding]:
    mappings, version, is_rendered = installation.mappings, installation.daemon_version, ReleaseFeature.USER_TEMPLATES
    late = [name for name in TEMPLATES if not (version.has_template(name) and version.has(is_rendered))]
    for entry in entries_of(mappings).with_part(f"{{{{{name}}}}}" for name in late):
        for kind, text, route in entry.names:
            names = [name for name in sorted(templates_in(text)) if not _is_replaced(name, entry, version)]
            if names:
                template = f"{{{{{names[0]}}}}}"
                what = f"authenticator {version} does not replace {template} here: the {kind} stays {quoted(text)}"
                # Without a security advisory: the templates were added before the releases split into two lines.
                releases = (release for release in sorted(known_releases()) if not advisories_of(release))
                replacing = (release for release in releases if _is_replaced(names[0], entry, release))
                remedy = f"use an image of {next(replacing, DEFAULT_RELEASE)} or later, or remove the template"
                yield rule.finding(Subject.MAPPINGS, route, what, remedy)


def _is_replaced(name: str, entry: WrittenEntry, version: DaemonVersion) -> bool:
    is_rendered = entry.listed.kind != "user" or version.has(ReleaseFeature.USER_TEMPLATES)
    return is_rendered and version.has_template(name)
