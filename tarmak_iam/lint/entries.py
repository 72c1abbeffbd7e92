"""The mappings as rules read them: each entry once, with the route to each of its keys."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import Any

from tarmak_iam.aws.arn import ArnError, Principal, canonicalize, is_account, parse_arn
from tarmak_iam.aws.arn_flaws import ArnFlaw, FlawKind, arn_flaw, canonical_text, sound_kind
from tarmak_iam.aws.go_case import to_lower
from tarmak_iam.identity.templates import TEMPLATES, has_session
from tarmak_iam.identity.viper import ViperSettings, field_key, field_value, field_values
from tarmak_iam.mappings.entries import MappingEntry
from tarmak_iam.mappings.groups import ADMINS
from tarmak_iam.mappings.mappings_file import Mappings
from tarmak_iam.routes import Route
from tarmak_iam.text import shortened

Name = tuple[str, str, Route]
"""A name as in `WrittenEntry.names`: `username` or `group`, the text, and the route."""

# Letters, digits, signs that are part of a name, and templates in exactly two braces.
_ORDINARY = re.compile(
    rf"(?=[A-Za-z0-9_{{])(?:[A-Za-z0-9_.:@/+=-]|\{{\{{(?:{'|'.join(TEMPLATES)})\}}\}}(?!\}}))+(?<=[A-Za-z0-9_}}])\Z"
)


def is_ordinary(text: str) -> bool:
    """Whether a name has no trace of copying, no wildcard and no unknown template, and is not several names. Only
    visible ASCII is ordinary."""
    return _ORDINARY.match(text) is not None


def account_of(arn: str) -> str:
    """The account of an ARN; empty where the ARN or the account is not valid."""
    try:
        account = parse_arn(arn).account
    except ArnError:
        return ""
    return account if is_account(account) else ""


@dataclass(frozen=True)
class WrittenEntry:
    """`listed` is the entry as the authenticator reads it, `item` the YAML mapping in the file (empty for an account).
    It has no slots, because several rules share its cached properties."""

    listed: MappingEntry
    item: Mapping[Any, Any] = field(repr=False)

    @property
    def is_account(self) -> bool:
        return self.listed.kind == "account"

    @property
    def arn_key(self) -> str:
        return f"{self.listed.kind}ARN"

    @property
    def is_admin(self) -> bool:
        return ADMINS in self.listed.groups

    @property
    def name(self) -> str:
        """Its name in messages."""
        arn, sso = shortened(self.listed.arn), shortened(self.listed.sso)
        return arn or (f"permission set {sso}" if sso else "the entry")

    @cached_property
    def flaw(self) -> ArnFlaw | None:
        """Why its ARN never matches, independent of the authenticator's release. Most releases read an ARN in any case;
        that some do not start with one in capitals is a separate finding."""
        flaw = arn_flaw(self.listed.arn)
        if flaw is not None and flaw.kind in (FlawKind.NO_ARN, FlawKind.NO_PRINCIPAL, FlawKind.PARTITION):
            lower = arn_flaw(to_lower(self.listed.arn))
            return lower if lower is None or lower.kind is not flaw.kind else flaw
        return flaw

    @cached_property
    def principal(self) -> Principal:
        """The kind of principal that the ARN names; for an unreadable ARN, the kind of its list."""
        if (kind := sound_kind(self.listed.arn)) is not None:
            return kind
        try:
            return canonicalize(to_lower(self.listed.arn))[0]
        except ArnError:
            return Principal.USER if self.listed.kind == "user" else Principal.ROLE

    @property
    def has_session(self) -> bool:
        """Whether its callers have a role session name (users and root have none)."""
        return self.principal not in (Principal.USER, Principal.ROOT)

    def value(self, name: str) -> Any:
        return field_value(self.item, name)

    def at(self, name: str) -> Route:
        """The route to a key as it is spelled there; to the entry if the key is missing."""
        key = field_key(self.item, name)
        return self.listed.route / key if key in self.item else self.listed.route

    def in_sso(self, name: str) -> tuple[Any, Route]:
        """The value of a key below `sso`, or None, and the route to it."""
        sso, route = self.value("sso"), self.at("sso")
        return (field_value(sso, name), route / field_key(sso, name)) if isinstance(sso, Mapping) else (None, route)

    @property
    def at_arn(self) -> Route:
        return self.at(self.arn_key) if self.listed.arn or not self.listed.sso else self.at("sso")

    @cached_property
    def raw(self) -> tuple[Any, Any, Any]:
        """The values of `username`, `groups` and `sso` as they are in the file, None without."""
        username, groups, sso = field_values(self.item, ("username", "groups", "sso"))
        return username, groups, sso

    @cached_property
    def names(self) -> tuple[Name, ...]:
        """Its username and groups; values that are not scalars are skipped."""
        username, groups, _ = self.raw
        names = [] if isinstance(username, (list, dict)) else [("username", self.listed.username, self.at("username"))]
        is_list, route = isinstance(groups, list), self.at("groups")
        for index, group in enumerate(self.listed.groups):
            if not isinstance(groups[index] if is_list else groups, (list, dict)):
                names.append(("group", group, route / index if is_list else route))
        return tuple(names)

    @property
    def groups(self) -> Iterator[tuple[str, Route]]:
        return ((text, route) for kind, text, route in self.names if kind == "group")


@dataclass(frozen=True)
class WrittenEntries:
    """`entries` are in the authenticator's order; `settings` reads keys in any case."""

    entries: tuple[WrittenEntry, ...]
    settings: ViperSettings

    @cached_property
    def mapped(self) -> tuple[WrittenEntry, ...]:
        """Roles and users, without accounts."""
        return tuple(entry for entry in self.entries if not entry.is_account)

    @cached_property
    def by_steps(self) -> dict[tuple[str | int, ...], WrittenEntry]:
        """The first role or user at each path."""
        return {entry.listed.route.plain: entry for entry in reversed(self.mapped)}

    @cached_property
    def by_arn(self) -> dict[str, list[tuple[int, WrittenEntry]]]:
        """The roles and users by their ARN, and by the one that was probably meant, each with its number; in any case,
        as the authenticator compares them."""
        by_arn: dict[str, list[tuple[int, WrittenEntry]]] = {}
        for number, entry in enumerate(self.mapped):
            likely = entry.flaw.likely_arn if entry.listed.arn and entry.flaw is not None else None
            for arn in dict.fromkeys(canonical_text(arn) for arn in (entry.listed.arn, likely) if arn):
                by_arn.setdefault(arn, []).append((number, entry))
        return by_arn

    @cached_property
    def with_sso(self) -> tuple[WrittenEntry, ...]:
        """Those of all entries that have the key `sso` with a value."""
        return tuple(entry for entry in self.entries if entry.raw[2] is not None)

    @property
    def mapped_sso(self) -> Iterator[WrittenEntry]:
        """Those of `mapped` that have it."""
        return (entry for entry in self.with_sso if not entry.is_account)

    @cached_property
    def flawed(self) -> tuple[tuple[WrittenEntry, ArnFlaw], ...]:
        """Roles and users whose ARN has a flaw, each with it."""
        return tuple((entry, entry.flaw) for entry in self.mapped if entry.listed.arn and entry.flaw is not None)

    @cached_property
    def odd_names(self) -> tuple[tuple[WrittenEntry, tuple[Name, ...]], ...]:
        """The names of roles and users that are not ordinary, by their entries; nearly all are, and this is found once
        for all rules."""
        seen: set[str] = set()
        odd = []
        for entry in self.mapped:
            for text in (entry.listed.username, *entry.listed.groups):
                if text not in seen and not is_ordinary(text):
                    odd.append((entry, tuple(name for name in entry.names if not is_ordinary(name[1]))))
                    break
                seen.add(text)
        return tuple(odd)

    @cached_property
    def with_session_name(self) -> tuple[WrittenEntry, ...]:
        """The entries with a session name in a name."""
        names = ((entry, (entry.listed.username, *entry.listed.groups)) for entry in self.mapped)
        return tuple(entry for entry, texts in names if any(map(has_session, texts)))

    def with_part(self, parts: Iterable[str]) -> tuple[WrittenEntry, ...]:
        """The entries that have one of the parts in a name."""
        parts = tuple(parts)
        names = ((entry, "\n".join((entry.listed.username, *entry.listed.groups))) for entry in self.mapped)
        return tuple(entry for entry, text in names if any(part in text for part in parts)) if parts else ()


@lru_cache(maxsize=4)
def entries_of(mappings: Mappings | None) -> WrittenEntries:
    """No entries for None. Cached for all rules, which share the cached properties of the entries."""
    data = mappings.document.shared_data if mappings else {}
    items = mappings.items if mappings else ()
    entries = tuple(WrittenEntry(listed, item if isinstance(item, dict) else {}) for listed, item in items)
    return WrittenEntries(entries, ViperSettings(data, {}, {}))
