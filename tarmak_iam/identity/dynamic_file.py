"""The backend DynamicFile: a JSON file that the authenticator watches, searched by the caller's ARN or unique ID."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

from tarmak_iam.aws.arn import ArnError, canonicalize, parse_arn
from tarmak_iam.aws.arn_flaws import canonical_text, is_reachable
from tarmak_iam.aws.go_case import equal_fold, to_lower
from tarmak_iam.document import Document
from tarmak_iam.document.nodes import Mapping
from tarmak_iam.errors import ParseError
from tarmak_iam.identity.backend_support import DYNAMIC_FILE
from tarmak_iam.identity.backend_table import BackendTable, Found, check_role_mapping, compared_as_written, sso_patterns
from tarmak_iam.identity.caller import Caller
from tarmak_iam.identity.daemon_config import DaemonConfig
from tarmak_iam.identity.go_decoding import JsonMappings, with_duplicates
from tarmak_iam.identity.model import DaemonNotStarted, IdentityMapping, no_place, place_in
from tarmak_iam.identity.releases import DaemonVersion, ReleaseFeature, known_partitions
from tarmak_iam.routes import Key, Route


def load_dynamic_file(config: DaemonConfig, text: str | None, filename: str) -> BackendTable:
    """The authenticator runs on without a file that is missing (None) or not valid; `notes` say so."""
    table = BackendTable(
        backend=DYNAMIC_FILE.name,
        roles={},
        users={},
        place=no_place,
        reserved_prefixes=config.reserved_in(DYNAMIC_FILE),
        by_user_id=config.user_id_strict,
        admits=partial(_admits, config.version) if config.user_id_strict else None,
    )
    if text is None:
        return replace(table, notes=(f"the dynamic file {filename} does not exist, so it maps no principal",))
    try:
        return _filled(table, config, read_json_object(text, filename))
    except ParseError as error:
        return replace(table, notes=(f"the dynamic file cannot be read, so it maps no principal: {error}",))
    except DaemonNotStarted as refusal:
        return replace(table, notes=(f"the dynamic file is rejected, so it maps no principal: {refusal.reason}",))


def read_json_object(text: str, filename: str) -> Document:
    """A file that the authenticator decodes into a struct. Raises ParseError."""
    document = Document.parse(text, filename, json=True)
    if document.source.mark:
        raise ParseError("JSON must not begin with a byte order mark", place=document.position(()))
    if not isinstance(document.data, dict | None):
        raise ParseError("it must be a JSON object", place=document.position(()))
    return document


def struct_values(document: Document, field: str) -> list[tuple[Route, Any]]:
    """Of every key that encoding/json takes for the field, in file order: it decodes one after the other."""
    root = document.root
    return [
        (Route((Key(entry.text or "", entry.occurrence),)), with_duplicates(entry.value))
        for entry in (root.entries if isinstance(root, Mapping) else ())
        if equal_fold(entry.text or "", field)
    ]


def has_odd_text(document: Document, *fields: str) -> bool:
    """Whether a value of a field is neither a string nor null: then the authenticator ignores the whole file."""
    return any(not isinstance(value, str | None) for field in fields for _, value in struct_values(document, field))


def has_odd_times(document: Document, version: DaemonVersion) -> bool:
    """Whether time or version of an update is not a string, which makes the whole file ignored."""
    reads_times = version.has(ReleaseFeature.DYNAMIC_FILE_TIMES)
    return reads_times and has_odd_text(document, "LastUpdatedDateTime", "Version")


def _filled(table: BackendTable, config: DaemonConfig, file: Document) -> BackendTable:
    """One value or entry that is not valid makes the whole file ignored. Raises DaemonNotStarted."""
    version = config.version
    decoder = JsonMappings(has_sso=version.has(ReleaseFeature.SSO_ENTRIES))
    roles = decoder.mappings("role", *struct_values(file, "mapRoles"))
    users = decoder.mappings("user", *struct_values(file, "mapUsers"))
    accounts = struct_values(file, "mapAccounts")
    admitted = decoder.texts(*(value for _, value in accounts))
    if decoder.failed or has_odd_times(file, version):
        raise DaemonNotStarted("a value has the wrong type: fields are strings or lists of strings")
    # v0.6.0 compares ARNs as they are written; all others look up the canonical one, and read `sso` but ignore it.
    compares = version.has(ReleaseFeature.SSO_IN_DYNAMIC_FILE)
    if not compares:
        roles = [role._replace(sso=None) for role in roles]
    for mapping in (*users, *roles):
        if compares and mapping.kind == "role":
            check_role_mapping(mapping, version)
        elif not (mapping.user_id if config.user_id_strict else mapping.arn):
            wanted = "userid" if config.user_id_strict else f"{mapping.kind}arn"
            raise DaemonNotStarted(f"a mapping has no {wanted}")

    def keyed(mappings: list[IdentityMapping]) -> dict[str, Found]:
        if config.user_id_strict:
            return {mapping.user_id: (mapping,) for mapping in mappings}
        if compares:
            return compared_as_written(mappings, to_lower)
        return {_canonical(to_lower(mapping.arn), version): (mapping,) for mapping in mappings}

    return replace(
        table,
        roles=keyed([role for role in roles if not role.sso]),
        users=keyed(users),
        patterns=sso_patterns(roles) if config.matches_sso(DYNAMIC_FILE) else (),
        accounts=frozenset(admitted),
        accounts_route=accounts[-1][0] if accounts else None,
        place=partial(place_in, file),
        written=(*roles, *users),
    )


def _canonical(arn: str, version: DaemonVersion) -> str:
    """Empty for a text that is not an ARN: the authenticator ignores that error."""
    try:
        return canonicalize(arn, known_partitions(version))[1]
    except ArnError:
        return ""


def _admits(version: DaemonVersion, caller: Caller | None, mapping: IdentityMapping) -> bool:
    """As `BackendTable.admits`."""
    if not mapping.arn or not version.has(ReleaseFeature.ID_WITH_ARN):
        return True
    if not version.has(ReleaseFeature.ID_WITH_ARN_WITHOUT_PATH):
        return caller is None or caller.arn == mapping.arn
    compared = without_path(mapping.arn, version)
    if compared is None:
        return not version.has(ReleaseFeature.ID_WITH_ARN_WELL_FORMED)
    wanted = to_lower(compared)
    if caller is None:
        return canonical_text(wanted) == wanted and is_reachable(wanted)
    in_any_case = version.has(ReleaseFeature.ID_WITH_ARN_IN_ANY_CASE)
    return wanted == (to_lower(caller.canonical_arn) if in_any_case else caller.canonical_arn)


def without_path(text: str, version: DaemonVersion) -> str | None:
    """As StripPath of upstream's pkg/arn: None if the text is not an ARN in a known partition."""
    try:
        arn = parse_arn(text)
    except ArnError:
        return None
    if arn.partition not in known_partitions(version):
        return None
    has_path = arn.parts[0] == "role" and len(arn.parts) > 2
    return f"arn:{arn.partition}:iam::{arn.account}:role/{arn.name}" if has_path else text
