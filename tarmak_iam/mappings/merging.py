"""New entries merged into a mappings file: the outcome of each entry, and the edits."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from tarmak_iam.aws.copied_text import CONTROL
from tarmak_iam.document import Append, Document, Edit, Remove, Set
from tarmak_iam.document.nodes import Sequence as ListNode
from tarmak_iam.document.plain_values import value_at
from tarmak_iam.errors import ConfigError, Place
from tarmak_iam.identity.viper import ViperSettings, field_key, field_value
from tarmak_iam.mappings.entries import MappingEntry, NamedPrincipal, parse_principal
from tarmak_iam.text import TextEnum, brief_list, shortened

PrincipalRefusal = Callable[[NamedPrincipal], ConfigError | None]
"""Why an installation could not use a principal; None if it could."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A mapping as it should be. `principal` is an ARN, an account or `sso:ACCOUNT/PERMISSION SET`, and `place` the
    source of this value. An existing entry keeps its username and its groups if they are None here; with `adds_groups`,
    the groups are added to those it has; with `only_new`, it stays unchanged."""

    principal: str
    username: str | None = ""
    groups: tuple[str, ...] | None = None
    user_id: str = ""
    place: Place | None = field(default=None, compare=False)
    only_new: bool = False
    adds_groups: bool = False


class MergeAction(TextEnum):
    ADDED = "added"
    UPDATED = "updated"
    UNCHANGED = "unchanged"
    SKIPPED = "skipped"


class MergeOutcome(NamedTuple):
    """The result for a wanted entry. `error` says why it was skipped; `notes` are remarks for the user."""

    action: MergeAction
    wanted: Wanted
    principal: str
    error: ConfigError | None = None
    notes: tuple[str, ...] = ()


class MergePlan(NamedTuple):
    """One outcome for every wanted entry, in the same order, and the edits to make."""

    outcomes: tuple[MergeOutcome, ...]
    edits: tuple[Edit, ...]


def plan_merge(
    document: Document,
    entries: Iterable[MappingEntry],
    wanted: Iterable[Wanted],
    *,
    strip_path: bool = False,
    refuse: PrincipalRefusal | None = None,
) -> MergePlan:
    """Raises nothing: an entry that cannot be used is skipped. Of two entries for one principal the last is used, as
    in the files that they come from."""
    resolved: list[tuple[Wanted, NamedPrincipal | None, ConfigError | None]] = []
    for wish in wanted:
        try:
            principal = parse_principal(wish.principal, strip_path=strip_path)
            if refuse is not None and (refusal := refuse(principal)):
                raise refusal
            _check_names(wish, principal)
            resolved.append((wish, principal, None))
        except ConfigError as flaw:
            resolved.append((wish, None, flaw))
    last = {name.key: number for number, (wish, name, _) in enumerate(resolved) if name and not wish.only_new}
    existing: dict[str, list[MappingEntry]] = {}
    for entry in entries:
        existing.setdefault(entry.key, []).append(entry)
    additions: dict[str, list[Any]] = {"mapRoles": [], "mapUsers": [], "mapAccounts": []}
    added: set[str] = set()
    outcomes, updates = [], list[Edit]()
    for number, (wish, name, error) in enumerate(resolved):
        if name is None:
            outcomes.append(MergeOutcome(MergeAction.SKIPPED, wish, wish.principal, error))
        elif (later := last.get(name.key, number)) > number:
            place = resolved[later][0].place
            what = f"{shortened(name)} has a later entry{f' ({place})' if place else ''}, and the last entry is used"
            shadowed = ConfigError(what, remedy="groups are not merged")
            outcomes.append(MergeOutcome(MergeAction.SKIPPED, wish, str(name), shadowed))
        elif wish.only_new and (name.key in added or name.key in existing):
            notes = (*name.notes, "already mapped, so the entry stays unchanged")
            outcomes.append(MergeOutcome(MergeAction.UNCHANGED, wish, str(name), notes=notes))
        else:
            outcome, edits = _merged(document, existing.get(name.key, []), wish, name)
            outcomes.append(outcome)
            updates += edits
            if outcome.action is MergeAction.ADDED:
                added.add(name.key)
                additions[list_for(name)].append(new_entry(name, wish))
    return MergePlan(tuple(outcomes), (*_additions(document, additions), *updates))


def _additions(document: Document, additions: dict[str, list[Any]]) -> Iterator[Edit]:
    """New lists come in the order of the documentation. Setting a list with all its new items is much cheaper than an
    edit for each item. If the key has a value of another type, the edit is refused."""
    settings = ViperSettings(document.shared_data, {}, {})
    for name, items in additions.items():
        route, old = settings.route(f"server.{name}"), settings.get(f"server.{name}")
        if len(items) > 1 and (old is None or isinstance(old, list)):
            yield Set(route, [*(old or ()), *items])
        else:
            yield from (Append(route, item) for item in items)


def _check_names(wanted: Wanted, name: NamedPrincipal) -> None:
    groups = wanted.groups or ()
    if name.kind == "account":
        if not wanted.username and not groups:
            return
        what = "an account has no username or groups: its callers log in with their ARN as username"
        raise ConfigError(what, remedy="omit --username and --group")
    if wanted.username is not None and not isinstance(wanted.username, str):
        raise TypeError(f"a username must be a string, not {wanted.username!r}")
    if wanted.username is not None and not wanted.username.strip():
        remedy = "write a username there" if wanted.place else "specify a username with --username"
        raise ConfigError("the username is empty", remedy=remedy)
    if not all(map(str.strip, groups)):
        raise ConfigError("a group is empty", remedy="write its name, or remove it")
    for text in (*filter(None, (wanted.username,)), *groups):
        if CONTROL.search(text):
            what = f"{shortened(text)!r} is not a valid username or group"
            raise ConfigError(what, remedy="write it without control characters")


def _merged(
    document: Document, existing: list[MappingEntry], wanted: Wanted, name: NamedPrincipal
) -> tuple[MergeOutcome, tuple[Edit, ...]]:
    done = MergeOutcome(MergeAction.ADDED, wanted, str(name), notes=name.notes)
    if len(existing) > 1 and name.kind != "account":
        places = [document.position(entry.route) for entry in existing]
        used = "the last one" if len({entry.kind for entry in existing}) == 1 else "the one under mapRoles"
        lines = ", ".join(str(place.line) for place in places)
        what = f"{shortened(name)} is mapped more than once (lines {lines}); {used} is used"
        error = ConfigError(what, remedy="remove all but one of them by hand", place=places[-1])
        return done._replace(action=MergeAction.SKIPPED, error=error), ()
    if existing:
        edits = tuple(_changes(document, existing[0], wanted))
        kept = existing[0].groups
        if wanted.adds_groups and kept and not set(wanted.groups or ()) <= set(kept):
            keeps = f"{shortened(name)} keeps the group{'s' if len(kept) > 1 else ''} {brief_list(kept)}"
            done = done._replace(notes=(*name.notes, f"{keeps}; --replace-groups removes groups that are not given"))
        return done._replace(action=MergeAction.UPDATED if edits else MergeAction.UNCHANGED), edits
    if wanted.username is None and name.kind != "account":
        error = ConfigError("--username is required for roles and users")
        return done._replace(action=MergeAction.SKIPPED, error=error), ()
    return done, ()


def without_groups(document: Document, entry: MappingEntry, groups: Collection[str]) -> list[Edit]:
    """The edits that remove groups from an entry, which has at least one of them."""
    route = entry.route / field_key(value_at(document.shared_data, entry.route.plain), "groups")
    removed = [index for index, group in enumerate(entry.groups) if group in groups]
    if document.has(route / removed[0]):
        return [Remove(route / index) for index in reversed(removed)]
    return [Set(route, [group for group in entry.groups if group not in groups])]  # they are one string


def _changes(document: Document, entry: MappingEntry, wanted: Wanted) -> Iterator[Edit]:
    item = value_at(document.shared_data, entry.route.plain)
    if not isinstance(item, dict):
        return
    if wanted.username is not None and entry.username != wanted.username:
        yield Set(entry.route / field_key(item, "username"), wanted.username)
    groups = entry.groups if wanted.groups is None else wanted.groups
    if wanted.adds_groups:
        groups = (*entry.groups, *(group for group in groups if group not in entry.groups))
    if entry.groups != groups:
        route = entry.route / field_key(item, "groups")
        written = document.entry(route)
        is_list = written is not None and isinstance(written.value, ListNode) and document.has(route)
        if wanted.adds_groups and is_list:
            # Its items are not written again: how the authenticator reads `y` depends on its release.
            yield from (Append(route, group) for group in groups[len(entry.groups) :])
        else:
            yield Set(route, list(groups))
    if wanted.user_id and entry.user_id != wanted.user_id:
        yield Set(entry.route / field_key(item, "userid"), wanted.user_id)
    if entry.sso_role is not None and entry.sso_role.partition:
        # With a partition, even the right one, the entry never matches (a bug of the authenticator).
        key = field_key(item, "sso")
        yield Remove(entry.route / key / field_key(field_value(item, "sso"), "partition"))


def list_for(name: NamedPrincipal) -> str:
    """The list that a principal belongs in."""
    return {"user": "mapUsers", "account": "mapAccounts"}.get(name.kind, "mapRoles")


def by_list(entries: Iterable[Wanted], written: Callable[[NamedPrincipal, Wanted], Any]) -> dict[str, list[Any]]:
    """Entries as they are written, by list, in the order of the documentation; without empty lists."""
    lists: dict[str, list[Any]] = {"mapRoles": [], "mapUsers": [], "mapAccounts": []}
    for entry in entries:
        name = parse_principal(entry.principal)
        lists[list_for(name)].append(written(name, entry))
    return {name: items for name, items in lists.items() if items}


def new_entry(name: NamedPrincipal, wanted: Wanted) -> Any:
    """The entry as it is written to a file, in the documented spelling."""
    if name.kind == "account":
        return name.text
    who: dict[str, Any] = {f"{name.kind}ARN": name.text}
    if name.kind == "sso":
        account, _, permission_set = name.text.partition("/")
        who = {"sso": {"permissionSetName": permission_set, "accountID": account}}
    also = {"userid": wanted.user_id} if wanted.user_id else {}
    return {**who, "username": wanted.username or "", "groups": list(wanted.groups or ()), **also}
