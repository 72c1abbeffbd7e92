"""New entries merged into a mappings file: the outcome of each entry, and the edits."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import field, replace
from typing import Any

from tarmak_iam.aws.copied_text import CONTROL
from tarmak_iam.document import Append, Document, Edit, Remove, Set
from tarmak_iam.document.nodes import Sequence as ListNode
from tarmak_iam.document.plain_values import value_at
from tarmak_iam.errors import ConfigError, Place
from tarmak_iam.identity.viper import ViperSettings, field_key, field_value
from tarmak_iam.late_dataclass import dataclass
from tarmak_iam.mappings.entries import MappingEntry
from tarmak_iam.mappings.principals import NamedPrincipal, parse_principal
from tarmak_iam.routes import Route
from tarmak_iam.text import TextEnum, shortened

_FEW = 16
_IDENTITIES = (
    *((f"{kind}{spelling}",) for kind in ("role", "user") for spelling in ("ARN", "arn", "Arn")),
    ("sso.accountID", "sso.permissionSetName"),
)

PrincipalRefusal = Callable[[NamedPrincipal], ConfigError | None]
"""Why an installation could not use a principal; None if it could."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A mapping as it should be. `principal` is an ARN, an account or `sso:ACCOUNT/PERMISSION SET`.

    An existing entry keeps its username and its groups if they are None here. With `adds_groups`, the groups are added
    to those it has. `place` is the source of this value. With `only_new`, a principal that is already mapped stays
    unchanged.
    """

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


@dataclass(frozen=True, slots=True)
class MergeOutcome:
    """The result for a wanted entry. `error` says why it was skipped; `notes` are remarks for the user."""

    action: MergeAction
    wanted: Wanted
    principal: str
    error: ConfigError | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class MergePlan:
    """One outcome for every wanted entry, in the same order, and the edits to make."""

    outcomes: tuple[MergeOutcome, ...]
    edits: tuple[Edit, ...]

    def apply_to(self, document: Document) -> Document:
        """Returns the same document if there is nothing to do. Raises EditRefused.

        Many edits are made as one update: the cost of a separate edit grows with the number of edits.
        """
        if len(self.edits) <= _FEW:
            return document.edit(*self.edits)
        data = document.data
        for edit in self.edits:
            if not isinstance(edit, (Set, Remove)):
                return document.edit(*self.edits)
            _apply(edit, data)
        return document.update(data, identities=_IDENTITIES)


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
    resolved = [_resolve(each, strip_path, refuse) for each in wanted]
    last = {each.name.key: number for number, each in enumerate(resolved) if each.name and not each.wanted.only_new}
    planner = _MergePlanner(document, entries)
    outcomes = []
    for number, each in enumerate(resolved):
        if each.name is None:
            outcomes.append(MergeOutcome(MergeAction.SKIPPED, each.wanted, each.wanted.principal, each.error))
        elif (later := last.get(each.name.key, number)) > number:
            outcomes.append(_shadowed(each.wanted, each.name, resolved[later].wanted))
        else:
            outcomes.append(planner.merge(each.wanted, each.name))
    return MergePlan(tuple(outcomes), planner.edits)


@dataclass(frozen=True, slots=True)
class _Resolved:
    wanted: Wanted
    name: NamedPrincipal | None
    error: ConfigError | None = None


def _resolve(wanted: Wanted, strip_path: bool, refuse: PrincipalRefusal | None) -> _Resolved:
    try:
        name = parse_principal(wanted.principal, strip_path=strip_path)
        if refuse is not None and (refusal := refuse(name)):
            raise refusal
        _check_names(wanted, name)
    except ConfigError as error:
        return _Resolved(wanted, None, error)
    return _Resolved(wanted, name)


def _check_names(wanted: Wanted, name: NamedPrincipal) -> None:
    groups = wanted.groups or ()
    if name.kind == "account":
        if wanted.username or groups:
            what = "an account has no username or groups: its callers log in with their ARN as username"
            raise ConfigError(what, remedy="omit --username and --group")
        return
    if wanted.username is not None and not isinstance(wanted.username, str):
        raise TypeError(f"a username must be a string, not {wanted.username!r}")
    if wanted.username is not None and not wanted.username.strip():
        remedy = "write a username there" if wanted.place else "specify a username with --username"
        raise ConfigError("the username is empty", remedy=remedy)
    if not all(map(str.strip, groups)):
        raise ConfigError("a group is empty", remedy="write its name, or remove it")
    for text in (*filter(None, (wanted.username,)), *groups):
        if CONTROL.search(text):
            raise ConfigError(
                f"{shortened(text)!r} is not a valid username or group", remedy="write it without control characters"
            )


def _shadowed(wanted: Wanted, name: NamedPrincipal, later: Wanted) -> MergeOutcome:
    where = f" ({later.place})" if later.place else ""
    error = ConfigError(
        f"{shortened(name)} has a later entry{where}, and the last entry is used", remedy="groups are not merged"
    )
    return MergeOutcome(MergeAction.SKIPPED, wanted, str(name), error)


def _apply(edit: Set | Remove, data: Any) -> None:
    """On plain data, in place."""
    *way, last = Route.of(edit.path).plain
    for step in way:
        if isinstance(data, dict) and data.get(step) is None:
            data[step] = {}  # missing parents of a list
        data = data[step]
    if isinstance(edit, Set):
        data[last] = edit.value
    else:
        del data[last]


class _MergePlanner:
    def __init__(self, document: Document, entries: Iterable[MappingEntry]) -> None:
        self._document = document
        self._data = document.shared_data
        self._existing: dict[str, list[MappingEntry]] = {}
        for entry in entries:
            self._existing.setdefault(entry.key, []).append(entry)
        self._settings = ViperSettings(self._data, {}, {})
        self._additions: dict[str, list[Any]] = {"mapRoles": [], "mapUsers": [], "mapAccounts": []}
        self._new: set[str] = set()
        self._updates: list[Edit] = []

    @property
    def edits(self) -> tuple[Edit, ...]:
        """New lists come in the order of the documentation."""
        return (
            *(edit for name, items in self._additions.items() for edit in self._extend(name, items)),
            *self._updates,
        )

    def _extend(self, name: str, items: list[Any]) -> list[Edit]:
        """Setting a list with all its new items is much cheaper than an edit for each item. If the key has a value of
        another type, the edit is refused."""
        key = f"server.{name}"
        route, old = self._settings.route(key), self._settings.get(key)
        if len(items) > 1 and (old is None or isinstance(old, list)):
            return [Set(route, [*(old or ()), *items])]
        return [Append(route, item) for item in items]

    def merge(self, wanted: Wanted, name: NamedPrincipal) -> MergeOutcome:
        done = MergeOutcome(MergeAction.ADDED, wanted, str(name), notes=name.notes)
        existing = self._existing.get(name.key, ())
        if wanted.only_new and (existing or name.key in self._new):
            return replace(
                done, action=MergeAction.UNCHANGED, notes=(*name.notes, "already mapped, so the entry stays unchanged")
            )
        if len(existing) > 1 and name.kind != "account":
            return replace(done, action=MergeAction.SKIPPED, error=self._ambiguous(name, existing))
        if existing:
            edits = tuple(self._changes(existing[0], wanted))
            self._updates += edits
            return replace(done, action=MergeAction.UPDATED if edits else MergeAction.UNCHANGED)
        if wanted.username is None and name.kind != "account":
            error = ConfigError("--username is required for roles and users")
            return replace(done, action=MergeAction.SKIPPED, error=error)
        self._new.add(name.key)
        self._additions[list_for(name)].append(new_entry(name, wanted))
        return done

    def _regrouped(self, entry: MappingEntry, route: Route, groups: tuple[str, ...], *, adds: bool) -> Iterator[Edit]:
        """The existing items of a list are not rewritten: how the daemon reads `y` depends on its release."""
        written = self._document.entry(route)
        if adds and written is not None and isinstance(written.value, ListNode) and self._document.has(route):
            yield from (Append(route, group) for group in groups[len(entry.groups) :])
        else:
            yield Set(route, list(groups))

    def _ambiguous(self, name: NamedPrincipal, existing: Sequence[MappingEntry]) -> ConfigError:
        places = ", ".join(str(self._document.position(entry.route).line) for entry in existing)
        lists = {entry.kind for entry in existing}
        used = "the last one" if len(lists) == 1 else "the one under mapRoles"
        return ConfigError(
            f"{shortened(name)} is mapped more than once (lines {places}); {used} is used",
            remedy="remove all but one of them by hand",
            place=self._document.position(existing[-1].route),
        )

    def _changes(self, entry: MappingEntry, wanted: Wanted) -> Iterator[Edit]:
        item = value_at(self._data, entry.route.plain)
        if not isinstance(item, dict):
            return
        if wanted.username is not None and entry.username != wanted.username:
            yield Set(entry.route / field_key(item, "username"), wanted.username)
        groups = _groups(entry, wanted)
        if entry.groups != groups:
            yield from self._regrouped(entry, entry.route / field_key(item, "groups"), groups, adds=wanted.adds_groups)
        if wanted.user_id and entry.user_id != wanted.user_id:
            yield Set(entry.route / field_key(item, "userid"), wanted.user_id)
        if entry.sso_role is not None and entry.sso_role.partition:
            # With a partition, even the right one, the entry never matches (a bug of the authenticator).
            key = field_key(item, "sso")
            yield Remove(entry.route / key / field_key(field_value(item, "sso"), "partition"))


def _groups(entry: MappingEntry, wanted: Wanted) -> tuple[str, ...]:
    """The groups that an existing entry has afterwards."""
    if wanted.groups is None:
        return entry.groups
    if not wanted.adds_groups:
        return wanted.groups
    return (*entry.groups, *(group for group in wanted.groups if group not in entry.groups))


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
