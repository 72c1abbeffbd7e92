"""Rules about the shape of a mappings file: strings and mappings instead of lists, dashes, a second document."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tarmak_iam.document import Document
from tarmak_iam.document.nodes import Entry as NodeEntry
from tarmak_iam.document.nodes import Mapping, Node, Scalar, Sequence, dereference
from tarmak_iam.document.scalars import is_same_to_all
from tarmak_iam.document.splices import column, dash_of
from tarmak_iam.findings import At, Finding, Subject
from tarmak_iam.lint.authenticator_keys import LISTS, arn_in, is_by_name, is_empty_value
from tarmak_iam.lint.entries import entries_of
from tarmak_iam.lint.foreign_files import is_foreign
from tarmak_iam.lint.messages import (
    EXITS,
    column_of,
    early_end,
    first_line,
    lines_text,
    scalar_by_release,
)
from tarmak_iam.lint.rule import MAPPINGS, Rule
from tarmak_iam.lint.written_lists import (
    SplitEntry,
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
from tarmak_iam.text import quoted, shortened

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
        remedy = _join_remedy(document, split, line)
        yield rule.finding(Subject.MAPPINGS, split.route, what, remedy, locks_out=True)


def _join_remedy(document: Document, split: SplitEntry, line: int) -> str:
    if split.item.flow or split.owner_item.flow:
        return f"move its keys into the entry in line {line}"
    first = split.item.entries[0]
    begins = f"{' ' * column_of(document, split.owner_item.entries[0].key)}{first.text}:"
    return f"begin line {first_line(document, first.key)} with {quoted(begins)}, without a dash"


def _not_a_mapping(rule: Rule, mappings: Mappings) -> Iterator[Finding]:
    for listed in written_lists(mappings):
        if isinstance(listed.node, Sequence):
            yield from _odd_items(rule, mappings.document, listed, listed.node)
        elif isinstance(listed.node, Mapping) and is_by_name(listed.node, listed.name):
            yield from _by_name(rule, mappings.document, listed, listed.node)


def _odd_items(rule: Rule, document: Document, listed: WrittenList, sequence: Sequence) -> Iterator[Finding]:
    items = [dereference(item) for item in sequence.items]
    number = 0
    while number < len(items):
        item, last = items[number], number
        if isinstance(item, Mapping):
            number += 1
            continue
        groups = _open_groups(items[number - 1]) if number else None
        while groups is not None and last + 1 < len(items) and _is_name(items[last + 1]):
            last += 1
        start = EXITS if is_empty_value(item) else _NOT_STARTED  # v0.4.0 skips an empty item
        what = f"{start}: {_shown(item)} in {listed.name} is not a YAML mapping"
        remedy = _item_remedy(listed, item)
        if groups is not None and _is_name(item) and not sequence.flow:
            remedy = _groups_remedy(document, sequence, groups, (item, items[last]))
        yield rule.finding(Subject.MAPPINGS, listed.route / number, what, remedy, locks_out=True)
        number = last + 1


def _open_groups(item: Node) -> NodeEntry | None:
    """The key groups without a value, at the end of an entry."""
    last = item.entries[-1] if isinstance(item, Mapping) and item.entries and not item.flow else None
    return last if last is not None and (last.text or "").lower() == "groups" and is_empty_value(last.value) else None


def _is_name(item: Node) -> bool:
    return isinstance(item, Scalar) and not arn_in(item) and not is_empty_value(item)


def _groups_remedy(document: Document, sequence: Sequence, groups: NodeEntry, ends: tuple[Node, Node]) -> str:
    step = column_of(document, groups.key) - column(document.source, dash_of(document.source, sequence))
    lines = lines_text(first_line(document, ends[0]), first_line(document, ends[1]))
    return f"indent {lines} by {step} spaces: probably items of groups in line {first_line(document, groups.key)}"


def _item_remedy(listed: WrittenList, item: Node) -> str:
    kind = listed.arn_key
    if is_empty_value(item):
        return "remove it"
    if isinstance(item, Sequence):
        return "remove the second dash, so that its items are items of the list"
    if arn_in(item):
        return f"write {kind}: {shortened(arn_in(item))}, and below it username and groups"
    return f"write a mapping with {kind}, username and groups"


def _shown(item: Node) -> str:
    if isinstance(item, Sequence):
        return "a list"
    return "an empty item" if is_empty_value(item) else quoted(getattr(item, "text", ""))


def _by_name(rule: Rule, document: Document, listed: WrittenList, node: Mapping) -> Iterator[Finding]:
    """One finding for all keys: with a dash before some of them only, the file is not YAML."""
    entries = [each for each in node.entries if each.text is not None and not each.is_merge]
    names = ", ".join(quoted(each.text) for each in entries[:_FEW])
    more = f" and {len(entries) - _FEW} more" if len(entries) > _FEW else ""
    what = f"{_NOT_STARTED}: {listed.name} must be a list, but has the keys {names}{more}"
    route, remedy = listed.route / (entries[0].text or ""), _dashes_remedy(document, listed, node, entries)
    yield rule.finding(Subject.MAPPINGS, route, what, remedy, at=At.KEY, locks_out=True)


def _dashes_remedy(document: Document, listed: WrittenList, node: Mapping, entries: list[NodeEntry]) -> str:
    kind = listed.arn_key
    values = [dereference(each.value) for each in entries]
    if node.flow or len(entries) > _FEW or any(not isinstance(each, Mapping) or each.flow for each in values):
        return f"write a list of mappings, each with {kind}, username and groups"
    lines = (_dash_line(document, kind, entry, value) for entry, value in zip(entries, values, strict=True))
    return f"change {' and '.join(lines)}"


def _dash_line(document: Document, kind: str, entry: NodeEntry, value: Node) -> str:
    """How the line must begin: an ARN becomes the first key of the item, and a name is removed."""
    own, arn = column_of(document, entry.key), arn_in(entry.key)
    inner = column_of(document, value.entries[0].key) if isinstance(value, Mapping) else own
    begins = f"{' ' * own}-{' ' * (inner - own - 1)}{kind}: {arn}" if arn else f"{' ' * own}-"
    return f"line {first_line(document, entry.key)} to '{shortened(begins, 240)}'"


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
