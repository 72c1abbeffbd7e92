"""The backend DynamicFile: a JSON file that the daemon watches, asked by ARN or by the caller's unique id."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

from tarmak_iam.aws.arn import Arn, ArnError, canonicalize, parse_arn
from tarmak_iam.aws.arn_flaws import canonical_text, is_reachable
from tarmak_iam.document import Document
from tarmak_iam.document.go_case import equal_fold, fold, to_lower
from tarmak_iam.errors import ParseError
from tarmak_iam.identity.backend_support import DYNAMIC_FILE
from tarmak_iam.identity.backend_table import BackendTable, Found, check_role_mapping, compared_one_by_one, sso_patterns
from tarmak_iam.identity.caller import Caller
from tarmak_iam.identity.daemon_config import DaemonConfig
from tarmak_iam.identity.go_decoding import JsonMappings
from tarmak_iam.identity.model import DaemonNotStarted, IdentityMapping, no_place, place_in
from tarmak_iam.identity.releases import DaemonVersion, ReleaseFeature, known_partitions
from tarmak_iam.routes import Route


def load_dynamic_file(config: DaemonConfig, text: str | None, filename: str) -> BackendTable:
    """The daemon runs on without a file that is missing (None) or not valid; `notes` say so."""
    if text is None:
        return _empty(config, f"the dynamic file {filename} does not exist, so it maps no principal")
    try:
        document, data = read_json_object(text, filename)
        return _filled(config, document, data)
    except ParseError as error:
        return _empty(config, f"the dynamic file cannot be read, so it maps no principal: {error}")
    except DaemonNotStarted as refusal:
        return _empty(config, f"the dynamic file is rejected, so it maps no principal: {refusal.reason}")


def read_json_object(text: str, filename: str) -> tuple[Document, dict[str, Any]]:
    """Document and fields by their names, folded, as encoding/json finds them. Raises ParseError."""
    document = Document.parse(text, filename, json=True)
    data = document.data
    if document.source.mark:
        raise ParseError("JSON must not begin with a byte order mark", place=document.position(()))
    if data is not None and not isinstance(data, dict):
        raise ParseError("it must be a JSON object", place=document.position(()))
    return document, {fold(key): value for key, value in (data or {}).items() if value is not None}


_TIMES = (fold("LastUpdatedDateTime"), fold("Version"))


def has_odd_times(data: dict[str, Any], version: DaemonVersion) -> bool:
    """Whether time or version of an update is not a string, which makes the whole file ignored; `data` as from
    `read_json_object`."""
    return version.has(ReleaseFeature.DYNAMIC_FILE_TIMES) and not all(
        isinstance(data.get(each, ""), str) for each in _TIMES
    )


def _filled(config: DaemonConfig, document: Document, data: dict[str, Any]) -> BackendTable:
    """One value or entry that is not valid makes the whole file ignored. Raises DaemonNotStarted."""
    version = config.version
    decoder = JsonMappings(has_sso=version.has(ReleaseFeature.SSO_ENTRIES))
    roles = decoder.mappings(data.get("maproles"), "role", _route(document, "mapRoles"))
    users = decoder.mappings(data.get("mapusers"), "user", _route(document, "mapUsers"))
    accounts = decoder.texts(data.get("mapaccounts"))
    if decoder.failed or has_odd_times(data, version):
        raise DaemonNotStarted("a value has the wrong type: fields are strings or lists of strings")
    if not _matches_one_by_one(version):
        roles = [replace(role, sso=None) for role in roles]  # read, but ignored
    for mapping in (*users, *roles):
        _check(mapping, config)
    return replace(
        _empty(config),
        roles=_keyed([role for role in roles if not role.sso], config),
        users=_keyed(users, config),
        patterns=sso_patterns(roles) if config.matches_sso(DYNAMIC_FILE) else (),
        accounts=frozenset(accounts),
        accounts_route=_route(document, "mapAccounts"),
        place=partial(place_in, document),
        written=(*roles, *users),
    )


def _empty(config: DaemonConfig, *notes: str) -> BackendTable:
    return BackendTable(
        backend=DYNAMIC_FILE.name,
        notes=notes,
        roles={},
        users={},
        place=no_place,
        reserved_prefixes=config.reserved_in(DYNAMIC_FILE),
        by_user_id=config.user_id_strict,
        admits=partial(_admits, config.version) if config.user_id_strict else None,
    )


def _check(mapping: IdentityMapping, config: DaemonConfig) -> None:
    if _matches_one_by_one(config.version) and mapping.kind == "role":
        check_role_mapping(mapping, config.version)
    elif not (mapping.user_id if config.user_id_strict else mapping.arn):
        wanted = "userid" if config.user_id_strict else f"{mapping.kind}arn"
        raise DaemonNotStarted(f"a mapping has no {wanted}")


def _keyed(mappings: list[IdentityMapping], config: DaemonConfig) -> dict[str, Found]:
    if config.user_id_strict:
        return {mapping.user_id: (mapping,) for mapping in mappings}
    if not _matches_one_by_one(config.version):
        return {_canonical(to_lower(mapping.arn), config.version): (mapping,) for mapping in mappings}
    # v0.6.0 stores users under their ARNs as written, roles in lower case, and then compares all of them.
    filed = {mapping.arn if mapping.kind == "user" else to_lower(mapping.arn): mapping for mapping in mappings}
    return compared_one_by_one(((each,) for each in filed.values()), lambda each: to_lower(each.arn))


def _canonical(arn: str, version: DaemonVersion) -> str:
    """Empty for a text that is not an ARN: the daemon ignores that error."""
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
    compared = _without_path(mapping.arn, version)
    if compared is None:
        return not version.has(ReleaseFeature.ID_WITH_ARN_WELL_FORMED)
    wanted = to_lower(compared)
    if caller is None:
        return canonical_text(wanted) == wanted and is_reachable(wanted)
    own = caller.canonical_arn
    return wanted == (to_lower(own) if version.has(ReleaseFeature.ID_WITH_ARN_IN_ANY_CASE) else own)


def _without_path(text: str, version: DaemonVersion) -> str | None:
    """None if the text is not an ARN in a known partition."""
    try:
        arn = parse_arn(text)
    except ArnError:
        return None
    if arn.partition not in known_partitions(version):
        return None
    return f"arn:{arn.partition}:iam::{arn.account}:role/{arn.name}" if _has_path(arn) else text


def _has_path(arn: Arn) -> bool:
    return arn.parts[0] == "role" and len(arn.parts) > 2


def _matches_one_by_one(version: DaemonVersion) -> bool:
    """v0.6.0 compares the ARN as it is written; all others look up the canonical one."""
    return version.has(ReleaseFeature.SSO_IN_DYNAMIC_FILE)


def _route(document: Document, name: str) -> Route:
    data = document.data or {}
    return Route.of((next((key for key in data if equal_fold(key, name)), name),))
