"""Rules about the shape of a mappings file: keys that are not read, and values that are read otherwise."""

from __future__ import annotations

from collections.abc import Iterator

from tarmak_iam.findings import At, Finding, Severity, Subject
from tarmak_iam.identity.mappings import Mappings
from tarmak_iam.lint.entries import entries_of
from tarmak_iam.lint.keys import UnreadKey, is_kubernetes_object, is_told_as_key, unread_keys
from tarmak_iam.lint.readings import readings
from tarmak_iam.lint.rule import Rule, Scope
from tarmak_iam.lint.wording import IMPORT, for_admins, way_in
from tarmak_iam.routes import Route
from tarmak_iam.text import quoted, shortened

__all__ = ["SHAPE_RULES"]

_LISTS = ("server.mapRoles", "server.mapUsers")


def _mistaken_key(rule: Rule, mappings: Mappings) -> Iterator[Finding]:
    document = mappings.document
    if is_kubernetes_object(document):
        what = f"this is a Kubernetes object, of which the authenticator reads nothing; {way_in()}"
        remedy = f"take its entries over with {IMPORT}"
        yield rule.finding(Subject.MAPPINGS, ("kind",), what, remedy, at=At.KEY)
        return
    for key in unread_keys(document):
        if key.meant and not key.is_there:
            what = f"the authenticator ignores {quoted(key.name)} {_place(key)}"
            what = what if key.is_in_entry else f"{what}; {way_in()}"
            yield rule.finding(Subject.MAPPINGS, key.route, what, f"did you mean {key.meant}?", at=At.KEY)


def _unknown_key(rule: Rule, mappings: Mappings) -> Iterator[Finding]:
    for key in () if is_kubernetes_object(mappings.document) else unread_keys(mappings.document):
        if not key.meant or key.is_there:
            what = f"the authenticator has no setting {quoted(key.name)} {_place(key)}, and ignores it"
            remedy = (
                f"{key.meant} is there already: remove this one" if key.meant else "remove it, or make it a comment"
            )
            yield rule.finding(Subject.MAPPINGS, key.route, what, remedy, at=At.KEY)


def _place(key: UnreadKey) -> str:
    return f"in {key.where}" if key.where else "at the top level"


def _list_as_text(rule: Rule, mappings: Mappings) -> Iterator[Finding]:
    """As in an aws-auth ConfigMap, whose values are texts with YAML in them."""
    settings = entries_of(mappings).settings
    for key in _LISTS:
        value = settings.get(key)
        if isinstance(value, str) and value.strip():
            what = f"{key} is a text, as in an aws-auth ConfigMap, and the daemon would not start; {way_in()}"
            remedy = "remove the | behind the key, so that the entries are a list"
            yield rule.finding(Subject.MAPPINGS, settings.route(key), what, remedy)


def _groups_as_text(rule: Rule, mappings: Mappings) -> Iterator[Finding]:
    for entry in entries_of(mappings).mapped:
        groups = entry.value("groups")
        if not isinstance(groups, str) or not groups:
            continue
        what = f"groups is a text, not a list: the daemon takes it as the one group {quoted(groups)}"
        if "," in groups:
            what = "groups is a text, not a list: v0.4.0 takes it as one group, newer daemons split it at the commas"
        remedy = f"write a list: [{shortened(', '.join(group.strip() for group in groups.split(',')))}]"
        yield rule.finding(Subject.MAPPINGS, entry.at("groups"), what, remedy)


def _no_text(rule: Rule, mappings: Mappings) -> Iterator[Finding]:
    for entry in entries_of(mappings).mapped:
        groups = entry.value("groups")
        places = [("username", entry.at("username"))] if entry.value("username") is not None else []
        places += [("group", entry.at_group(index)) for index in range(len(groups) if isinstance(groups, list) else 0)]
        for what, route in places:
            written, read = readings(mappings.document, route)
            if read:
                yield rule.finding(
                    Subject.MAPPINGS,
                    route,
                    f"the {what} {shortened(written)} is no text: {read}",
                    f'write "{shortened(written)}"',
                )


def _cluster_id_no_text(rule: Rule, mappings: Mappings) -> Iterator[Finding]:
    written, read = readings(mappings.document, mappings.cluster_id_route)
    if read:
        what = f"clusterID {shortened(written)} is no text: {read}; {way_in()}"
        yield rule.finding(Subject.MAPPINGS, mappings.cluster_id_route, what, f'write "{shortened(written)}"')


def _empty_username(rule: Rule, mappings: Mappings) -> Iterator[Finding]:
    for entry in entries_of(mappings).mapped:
        if entry.listed.username.strip() or is_told_as_key(entry, "username"):
            continue
        what = f"{entry.name} has no username: v0.4.0 refuses its callers, later daemons log all of them in as ''"
        yield rule.finding(Subject.MAPPINGS, entry.at("username"), for_admins(entry, what), "give it a username")


def _next_document(rule: Rule, mappings: Mappings) -> Iterator[Finding]:
    if mappings.document.next_document is not None:
        what = (
            f"the authenticator reads only the first document of the file: nothing below this line counts; {way_in()}"
        )
        remedy = "put it into the first document, or remove it"
        yield rule.finding(Subject.MAPPINGS, Route(), what, remedy, at=At.NEXT_DOCUMENT)


SHAPE_RULES = (
    Rule(
        "IAM057",
        Severity.ERROR,
        Scope.MAPPINGS,
        "a key of the mappings that is misspelt or in the wrong place",
        _mistaken_key,
    ),
    Rule("IAM058", Severity.WARNING, Scope.MAPPINGS, "a key that the authenticator does not know", _unknown_key),
    Rule("IAM060", Severity.ERROR, Scope.MAPPINGS, "a list of mappings written as a text", _list_as_text),
    Rule("IAM061", Severity.WARNING, Scope.MAPPINGS, "groups written as a text", _groups_as_text),
    Rule("IAM062", Severity.WARNING, Scope.MAPPINGS, "a username or group that is no text", _no_text),
    Rule("IAM063", Severity.ERROR, Scope.MAPPINGS, "a clusterID that is no text", _cluster_id_no_text),
    Rule("IAM069", Severity.ERROR, Scope.MAPPINGS, "an entry without a username", _empty_username),
    Rule("IAM079", Severity.ERROR, Scope.MAPPINGS, "a second document of the mappings", _next_document),
)
