"""Rules about the shape of a mappings file: keys that are not read, and values that are read otherwise."""

from __future__ import annotations

from collections.abc import Iterator

from tarmak_iam.findings import At, Finding, Severity, Subject
from tarmak_iam.identity.groups import ADMINS
from tarmak_iam.identity.mappings import Mappings
from tarmak_iam.lint.doubled_remedies import merged_list
from tarmak_iam.lint.entries import entries_of
from tarmak_iam.lint.foreign_files import is_foreign
from tarmak_iam.lint.key_names import LISTS
from tarmak_iam.lint.lists import is_reported_elsewhere
from tarmak_iam.lint.readings import readings
from tarmak_iam.lint.rule import Rule, Scope
from tarmak_iam.lint.text_lists import groups_in, is_dashed, is_list_text, next_document_remedy, text_remedy
from tarmak_iam.lint.wording import early_end, for_admins, way_in
from tarmak_iam.routes import Route
from tarmak_iam.text import quoted, shortened

__all__ = ["SHAPE_RULES"]

_NO_BLANK = "groups is a text, not a list, as a dash has no blank after it"


def _list_as_text(rule: Rule, mappings: Mappings) -> Iterator[Finding]:
    """As in an aws-auth ConfigMap, whose values are texts with YAML in them."""
    settings = entries_of(mappings).settings
    for name in LISTS:
        key = f"server.{name}"
        value, route = settings.get(key), settings.route(key)
        if isinstance(value, str) and is_list_text(name, value):
            what = f"{key} is a text, as in an aws-auth ConfigMap, and the daemon would not start; {way_in()}"
            if name == "mapAccounts":
                what = f"{key} is a text, as in an aws-auth ConfigMap: as an account it matches nobody"
            yield rule.finding(Subject.MAPPINGS, route, what, text_remedy(mappings.document, route, name))


def _groups_as_text(rule: Rule, mappings: Mappings) -> Iterator[Finding]:
    for entry in entries_of(mappings).mapped:
        groups = entry.value("groups")
        if not isinstance(groups, str) or not groups:
            continue
        what = f"groups is a text, not a list: the daemon takes it as the one group {quoted(groups)}"
        if "," in groups:
            what = "groups is a text, not a list: v0.4.0 takes it as one group, newer daemons split it at the commas"
        elif is_dashed(groups):
            what = f"{_NO_BLANK}: the daemon takes it as the one group {quoted(groups)}"
            what = f"{what}; {way_in()}" if ADMINS in (groups_in(groups) or ()) else what
        listed = merged_list(groups_in(groups))
        remedy = f"write a list: {listed}" if listed else "write a list of the groups"
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
        remedy = "remove it: the cluster's id is added when the manifests are made"
        yield rule.finding(Subject.MAPPINGS, mappings.cluster_id_route, what, remedy)


def _empty_username(rule: Rule, mappings: Mappings) -> Iterator[Finding]:
    for entry in entries_of(mappings).mapped:
        if entry.listed.username.strip() or is_reported_elsewhere(mappings, entry, "username"):
            continue
        what = f"{entry.name} has no username: v0.4.0 refuses its callers, later daemons log all of them in as ''"
        yield rule.finding(Subject.MAPPINGS, entry.at("username"), for_admins(entry, what), "give it a username")


def _next_document(rule: Rule, mappings: Mappings) -> Iterator[Finding]:
    document = mappings.document
    if document.next_document is not None and not is_foreign(document):
        what = (
            f"the authenticator reads only the first document of the file: nothing below this line counts; {way_in()}"
        )
        remedy, early = next_document_remedy(document), early_end(document)
        if early is not None:
            cause, remedy = early
            what = f"the authenticator stops reading here, without an error: {cause}; {way_in()}"
        yield rule.finding(Subject.MAPPINGS, Route(), what, remedy, at=At.NEXT_DOCUMENT)


SHAPE_RULES = (
    Rule("IAM060", Severity.ERROR, Scope.MAPPINGS, "a list of mappings written as a text", _list_as_text),
    Rule("IAM061", Severity.WARNING, Scope.MAPPINGS, "groups written as a text", _groups_as_text),
    Rule("IAM062", Severity.WARNING, Scope.MAPPINGS, "a username or group that is no text", _no_text),
    Rule("IAM063", Severity.ERROR, Scope.MAPPINGS, "a clusterID that is no text", _cluster_id_no_text),
    Rule("IAM069", Severity.ERROR, Scope.MAPPINGS, "an entry without a username", _empty_username),
    Rule("IAM079", Severity.ERROR, Scope.MAPPINGS, "a second document of the mappings", _next_document),
)
