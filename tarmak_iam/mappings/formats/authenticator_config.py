"""The configuration of the authenticator, which the backend MountedFile reads; also inside a ConfigMap."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from tarmak_iam.aws.arn import is_account
from tarmak_iam.aws.go_case import to_lower
from tarmak_iam.errors import ParseError
from tarmak_iam.identity.viper import ViperSettings, lookup
from tarmak_iam.mappings.entries import listed_entries
from tarmak_iam.mappings.formats.foreign_file import FilePart, LeftOut, Read, shown
from tarmak_iam.mappings.groups import ADMINS
from tarmak_iam.mappings.merging import Wanted, by_list, new_entry
from tarmak_iam.routes import Route

_FILES = (".yaml", ".yml", ".json")
_LISTS = ("mapusers", "maproles", "mapaccounts")
_TOP = tuple(f"server.{name}" for name in _LISTS)  # which the authenticator treats as the same key
# The later is used: a role is searched before a user, and the account only of a principal without an entry.
_PRECEDENCE = {"account": 0, "user": 1, "role": 2}


def reads(part: FilePart) -> bool:
    """A YAML mapping with clusterID or server, or a ConfigMap that contains a file with one of them."""
    return configuration(part) is not None


def configuration(part: FilePart) -> FilePart | None:
    """The configuration itself; None if there is none."""
    if part.text("kind") != "ConfigMap":
        lists = [member.value for name in _LISTS if (member := part.get(name)) is not None]
        # The lists of aws-auth have the same names, but are strings.
        has_lists = any(not isinstance(value, str) for value in lists)
        has_keys = has_lists or part.get("clusterID") is not None or part.get("server") is not None
        return part if part.get("kind") is None and has_keys else None
    data = part.get("data")
    for member in data.members if data is not None else ():
        if isinstance(member.value, str) and member.name.lower().endswith(_FILES):
            try:
                inner = member.inner()
            except ParseError:
                continue
            if configuration(inner) is not None:
                return inner
    return None


def read(part: FilePart) -> Read:
    config = configuration(part)
    if config is None:
        yield LeftOut("no file in the ConfigMap is a configuration of the authenticator", part.place)
        return
    yield from _left_out(config)
    entries = listed_entries(ViperSettings(config.value, {}, {}))
    for entry in sorted(entries, key=lambda entry: _PRECEDENCE[entry.kind]):
        part = FilePart(None, config.document, entry.route, config.outer)
        place, admin = part.place, (entry.principal or "an entry") if ADMINS in entry.groups else ""
        if not entry.principal:
            yield LeftOut("an entry without an ARN never matches", place, admin)
        elif entry.sso_role is not None and not entry.arn and entry.sso_role.partition:
            yield LeftOut("an SSO entry with a partition, even the right one, never matches", place, admin)
        elif entry.kind == "account":
            if is_account(part.raw) and not is_account(entry.arn):
                what = f"the account {part.raw} is not in quotes, so the authenticator reads {entry.arn}"
                yield LeftOut(f"{what}, which never matches; use `map add` if this account was meant", place)
            else:
                yield Wanted(entry.arn, place=place)
        else:
            yield Wanted(entry.principal, entry.username, entry.groups, entry.user_id, place)


def _left_out(config: FilePart) -> Read:
    for member in config.members:
        if to_lower(member.name) in _LISTS:
            yield LeftOut(f"{member.name} is not below server, so the authenticator ignores it", member.key_place)
        elif to_lower(member.name) != "server":
            what = f"{shown(member.name)} is not a mapping; the existing value is kept"
            yield LeftOut(what, member.key_place)
    server = config.get("server")
    for member in server.members if server is not None else ():
        if to_lower(member.name) not in _LISTS:
            what = f"server.{shown(member.name)} is not a mapping; add it to the mappings file by hand"
            yield LeftOut(what, member.key_place)


def write(entries: Iterable[Wanted], rest: dict[str, Any]) -> dict[str, Any]:
    """A configuration with these entries in the documented spelling, and the other keys of the configuration `rest`."""
    kept = {key: value for key, value in rest.items() if to_lower(str(key)) not in (*_TOP, "server", "clusterid")}
    old, cluster_id = lookup(rest, "server"), lookup(rest, "clusterID")
    members = old.items() if isinstance(old, dict) else ()
    server = {key: value for key, value in members if to_lower(str(key)) not in _LISTS}
    first = {} if cluster_id is None else {"clusterID": cluster_id}
    return {**first, **kept, "server": {**server, **by_list(entries, new_entry)}}


def other_settings(config: dict[str, Any]) -> Iterator[tuple[str, Route]]:
    """The keys of a configuration that are neither mappings nor the cluster ID, and their routes."""
    for key, value in config.items():
        route = Route() / str(key)
        if to_lower(str(key)) == "server" and isinstance(value, dict):
            yield from ((f"{key}.{name}", route / str(name)) for name in value if to_lower(str(name)) not in _LISTS)
        elif to_lower(str(key)) not in (*_TOP, "clusterid", "server"):
            yield str(key), route
