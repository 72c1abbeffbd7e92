"""Rules about the shape of a mappings file: strings and mappings instead of lists, dashes, a second document."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tarmak_iam.document import Document
from tarmak_iam.document.nodes import Entry as NodeEntry
from tarmak_iam.document.nodes import Mapping, Node, Scalar, Sequence, dereference
from tarmak_iam.document.scalars import is_same_to_all
from tarmak_iam.findings import At, Finding, Subject
from tarmak_iam.lint.authenticator_keys import LISTS, arn_in, is_by_name, is_empty_value
from tarmak_iam.lint.entries import entries_of
from tarmak_iam.lint.foreign_files import is_foreign
from tarmak_iam.lint.messages import EXITS, early_end, first_line, scalar_by_release
from tarmak_iam.lint.rule import MAPPINGS, Rule
from tarmak_iam.lint.written_lists import (
    WrittenList,
    groups_in,
    is_dashed,
    is_list_text,
    is_reported_elsewhere,
    merged_list,
    next_document_remedy,
    split_entries,
    text_remedy,
    written_lists,
)
from tarmak_iam.mappings.groups import ADMINS
from tarmak_iam.mappings.mappings_file import Mappings
from tarmak_iam.routes import Route
from tarmak_iam.text import brief_list, quoted, shortened

_FEW = 3

_NOT_STARTED = "the authenticator does not start, and IAM login is not possible"


def _split_entry(rule: Rule, mappings: Mappings) -> Iterator[Finding]:
    document = mappings.document
    for split in split_entries(mappings):
        first = split.item.entries[0]
        line = first_line(document, split.owner_item.entries[0].key)
        what = (
            f"{EXITS}: the dash before {quoted(first.text)} splits an entry in two, and one of them has no principal"
            f"; it probably continues the entry in line {line}"
        )
        remedy = f"replace the dash before {quoted(first.text)} in line {first_line(document, first.key)} with a space"
        if split.item.flow or split.owner_item.flow:
            remedy = f"move its keys into the entry in line {line}"
        yield rule.finding(Subject.MAPPINGS, split.route, what, remedy, locks_out=True)


def _not_a_mapping(rule: Rule, mappings: Mappings) -> Iterator[Finding]:
    for listed in written_lists(mappings):
        if isinstance(listed.node, Sequence):
            yield from _odd_items(rule, mappings.document, listed, listed.node)
        elif isinstance(listed.node, Mapping) and is_by_name(listed.node, listed.name):
            # One finding for all keys: with a dash before some of them only, the file is not YAML.
            keys = [each.text for each in listed.node.entries if each.text is not None and not each.is_merge]
            names, more = ", ".join(map(quoted, keys[:_FEW])), len(keys) - _FEW
            what = f"{_NOT_STARTED}: {listed.name} must be a list, but has the keys {names}"
            what += f" and {more} more" if more > 0 else ""
            remedy = f"write a list of mappings, each with {listed.arn_key}, username and groups"
            yield rule.finding(Subject.MAPPINGS, listed.route / keys[0], what, remedy, at=At.KEY, locks_out=True)


def _odd_items(rule: Rule, document: Document, listed: WrittenList, sequence: Sequence) -> Iterator[Finding]:
    items = [dereference(item) for item in sequence.items]
    number = 0
    while number < len(items):
        item, last, kind = items[number], number, listed.arn_key
        if isinstance(item, Mapping):
            number += 1
            continue
        groups = _open_groups(items[number - 1]) if number else None
        while groups is not None and last + 1 < len(items) and _is_name(items[last + 1]):
            last += 1
        shown, remedy = quoted(getattr(item, "text", "")), f"write a mapping with {kind}, username and groups"
        start = _NOT_STARTED
        if is_empty_value(item):
            # v0.4.0 skips an empty item
            shown, remedy, start = "a list" if isinstance(item, Sequence) else "an empty item", "remove it", EXITS
        elif isinstance(item, Sequence):
            shown, remedy = "a list", "remove the second dash, so that its items are items of the list"
        elif arn_in(item):
            remedy = f"write {kind}: {shortened(arn_in(item))}, and below it username and groups"
        elif groups is not None and not sequence.flow:
            names = brief_list(quoted(each.text) for each in items[number : last + 1] if isinstance(each, Scalar))
            remedy = f"move {names} to groups in line {first_line(document, groups.key)}"
        what = f"{start}: {shown} in {listed.name} is not a YAML mapping"
        yield rule.finding(Subject.MAPPINGS, listed.route / number, what, remedy, locks_out=True)
        number = last + 1


def _open_groups(item: Node) -> NodeEntry | None:
    """The key groups without a value, at the end of an entry."""
    last = item.entries[-1] if isinstance(item, Mapping) and item.entries and not item.flow else None
    return last if last is not None and (last.text or "").lower() == "groups" and is_empty_value(last.value) else None


def _is_name(item: Node) -> bool:
    return isinstance(item, Scalar) and not arn_in(item) and not is_empty_value(item)


LIST_RULES = (
    MAPPINGS.error("IAM115", "split-entry", "an entry that a dash splits in two", _split_entry),
    MAPPINGS.error(
        "IAM116", "mappings-not-a-list", "mapRoles or mapUsers that is not a list of mappings", _not_a_mapping
    ),
)

_NO_SPACE = "groups is a string, not a list, because a dash has no space after it"


def _list_as_string(rule: Rule, mappings: Mappings) -> Iterator[Finding]:
    """As in an aws-auth ConfigMap, whose values are strings that contain YAML."""
    settings = entries_of(mappings).settings
    for name in LISTS:
        key = f"server.{name}"
        value, route = settings.get(key), settings.route(key)
        if isinstance(value, str) and is_list_text(name, value):
            ends, remedy = name != "mapAccounts", text_remedy(mappings.document, route, name)
            effect = "the authenticator does not start" if ends else "read as an account, it never matches"
            what = f"{key} is a string, as in an aws-auth ConfigMap: {effect}"
            yield rule.finding(Subject.MAPPINGS, route, what, remedy, locks_out=ends)


def _groups_as_string(rule: Rule, mappings: Mappings) -> Iterator[Finding]:
    written = entries_of(mappings)
    for entry, (_, groups, _) in zip(written.entries, written.raw, strict=True):
        if entry.is_account or not isinstance(groups, str) or not groups:
            continue
        what = f"groups is a string, not a list: the authenticator reads it as the one group {quoted(groups)}"
        if "," in groups:
            what = (
                "groups is a string, not a list: authenticator v0.4.0 reads it as one group, later releases split it "
                "at the commas"
            )
        elif is_dashed(groups):
            what = f"{_NO_SPACE}: the authenticator reads it as the one group {quoted(groups)}"
        names = groups_in(groups)
        hides_admin = "," not in groups and is_dashed(groups) and ADMINS in (names or ())
        listed = merged_list(names)
        remedy = f"write a list: {listed}" if listed else "write a list of the groups"
        yield rule.finding(Subject.MAPPINGS, entry.at("groups"), what, remedy, locks_out=hides_admin)


def _not_a_string(rule: Rule, mappings: Mappings) -> Iterator[Finding]:
    may_have_tags = "!" in mappings.document.text
    written = entries_of(mappings)
    for entry, (username, groups, _) in zip(written.entries, written.raw, strict=True):
        are_texts = not may_have_tags and type(groups) is list and all(map(_is_text, (username, *groups)))
        if are_texts or entry.is_account:
            continue
        values: list[tuple[str, Any, int | None]] = [("username", username, None)] if username is not None else []
        values += [("group", each, index) for index, each in enumerate(groups if isinstance(groups, list) else ())]
        for what, value, index in values:
            if not may_have_tags and _is_text(value):
                continue
            route = entry.at("username") if index is None else entry.at_group(index)
            text, read = scalar_by_release(mappings.document, route)
            if read:
                yield rule.finding(
                    Subject.MAPPINGS,
                    route,
                    f"the {what} {shortened(text)} is not a string: {read}",
                    f'put it in quotes: "{shortened(text)}"',
                )


def _is_text(value: Any) -> bool:
    """Whether a value without a tag is certainly a string to every release."""
    return type(value) is str and is_same_to_all(value)


def _cluster_id_not_a_string(rule: Rule, mappings: Mappings) -> Iterator[Finding]:
    written, read = scalar_by_release(mappings.document, mappings.cluster_id_route)
    if read:
        what = f"clusterID {shortened(written)} is not a string: {read}"
        remedy = "remove it: the ID of the cluster is added when the manifests are generated"
        yield rule.finding(Subject.MAPPINGS, mappings.cluster_id_route, what, remedy, locks_out=True)


def _empty_username(rule: Rule, mappings: Mappings) -> Iterator[Finding]:
    for entry in entries_of(mappings).mapped:
        if entry.listed.username.strip() or is_reported_elsewhere(mappings, entry, "username"):
            continue
        later = "later releases log all of them in as ''"
        what = f"{entry.name} has no username: authenticator v0.4.0 denies its callers, {later}"
        remedy = "add a username"
        yield rule.finding(Subject.MAPPINGS, entry.at("username"), what, remedy, locks_out=entry.is_admin)


def _next_document(rule: Rule, mappings: Mappings) -> Iterator[Finding]:
    document = mappings.document
    if document.next_document is not None and not is_foreign(document):
        what = "the authenticator reads only the first document of the file: everything below this line is ignored"
        remedy, early = next_document_remedy(document), early_end(document)
        if early is not None:
            cause, remedy = early
            what = f"the authenticator stops reading here, without an error: {cause}"
        yield rule.finding(Subject.MAPPINGS, Route(), what, remedy, at=At.NEXT_DOCUMENT, locks_out=True)


SHAPE_RULES = (
    MAPPINGS.error("IAM060", "mappings-as-text", "a list of mappings written as a string", _list_as_string),
    MAPPINGS.warning("IAM061", "groups-as-text", "groups written as a string", _groups_as_string),
    MAPPINGS.warning("IAM062", "name-not-text", "a username or group that is not a string", _not_a_string),
    MAPPINGS.error("IAM063", "cluster-id-not-text", "a clusterID that is not a string", _cluster_id_not_a_string),
    MAPPINGS.error("IAM069", "missing-username", "an entry without a username", _empty_username),
    MAPPINGS.error("IAM079", "mappings-second-document", "a second document in the mappings file", _next_document),
)
