"""The access that principals gain and lose through a change."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from tarmak_iam.aws.arn import ArnError, parse_arn
from tarmak_iam.aws.copied_text import Trace, traces
from tarmak_iam.identity.authenticator import Authenticator, likeliest_grant, other_grants
from tarmak_iam.identity.model import Grant
from tarmak_iam.installation.installation import Installation
from tarmak_iam.mappings.entries import SSO_PREFIX
from tarmak_iam.text import one_line

__all__ = [
    "DAEMON",
    "Effect",
    "Loaded",
    "Standings",
    "account_of",
    "change_of",
    "changes",
    "effect_json",
    "effects",
    "who",
]

DAEMON = "daemon"
"""The kind of an effect on the authenticator itself: whether it starts."""
_OWN = "its own ARN"


@dataclass(frozen=True, slots=True)
class Effect:
    """The effect of a change on one principal; `kind` and `principal` are those of a Grant. `before` and `after` are
    usernames with their templates: None if the principal cannot log in, empty if it logs in under its own ARN (every
    principal of an account). `gained` and `lost` are groups. At most one effect has the kind DAEMON, and it is the
    first; its `reason` says why the authenticator would not start. Where the authenticator chooses at random, `gained`
    and `lost` contain the groups that may be gained or lost, and `or_else` the other possible outcomes."""

    principal: str
    kind: str
    before: str | None = None
    after: str | None = None
    gained: tuple[str, ...] = ()
    lost: tuple[str, ...] = ()
    reason: str = ""
    or_else: tuple[str, ...] = ()

    @property
    def is_loss(self) -> bool:
        """Whether the principal loses something, or may lose it."""
        return bool(self.lost) or (self.before is not None and (self.before != self.after or bool(self.or_else)))

    @property
    def text(self) -> str:
        """One line, as in `arn:aws:iam::111122223333:role/Dev: loses system:masters`."""
        loses = [f"loses {_listed(self.lost)}"] if self.lost else []
        if self.kind == DAEMON:
            clauses = [f"does not start: {self.reason}" if self.reason else "starts again"]
        elif self.after is None:
            clauses = ["can no longer log in", *loses]
        elif self.before is None:
            name = f"as {_visible(self.after)}" if self.after else f"under {_OWN}"
            clauses = [f"can log in {name} {_with(self.gained)}"]
        else:
            clauses = []
            if self.before != self.after:
                clauses.append(f"becomes {_name(self.after)} (was {_name(self.before)})")
            if self.gained:
                clauses.append(f"gains {_listed(self.gained)}")
            clauses += loses
            if not clauses and not self.or_else:
                clauses.append(f"becomes {_name(self.after)} at every start")
        if self.or_else:
            clauses.append(f"or, chosen at random: {' or '.join(self.or_else)}")
        return one_line(f"{who(self.kind, self.principal)}: {'; '.join(clauses)}")


def who(kind: str, principal: str) -> str:
    """The principal of a Grant, as messages name it."""
    if kind == "account":
        return f"every other principal of account {principal}"
    prefixes = {"sso": SSO_PREFIX, "userid": "user ID "}
    return principal if kind == DAEMON else f"{prefixes.get(kind, '')}{_visible(principal)}"


def _name(username: str) -> str:
    return _visible(username) if username else _OWN


def _visible(name: str) -> str:
    """In quotes if it contains whitespace, which could not be seen; with escapes if it contains letters that look like
    others: the group it gains could not be distinguished from the one it loses."""
    if not name.isascii() and {Trace.INVISIBLE, Trace.LETTERS}.intersection(traces(name)):
        return ascii(name)
    return f"'{name}'" if any(map(str.isspace, name)) else name


def _listed(groups: Iterable[str]) -> str:
    return ", ".join(map(_visible, groups))


def _with(groups: tuple[str, ...]) -> str:
    return f"with group{'s' if len(groups) > 1 else ''} {_listed(groups)}" if groups else "without groups"


class Standings:
    """The access that each principal has, asked for one principal at a time."""

    def __init__(self, grants: Iterable[Grant], ask: Callable[[Grant], Possible] | None = None) -> None:
        """`ask` returns what the principal of a grant may get. Without it, only the grants are known."""
        self.grants = tuple(grants)
        self._by_key = {grant.key: grant for grant in self.grants}
        self._accounts = {grant.principal for grant in self.grants if grant.kind == "account"}
        self._ask = ask

    @classmethod
    def of_daemon(cls, authenticator: Authenticator) -> Standings:
        return cls(authenticator.grants, authenticator.possible_grants)

    def __contains__(self, key: tuple[str, str]) -> bool:
        return key in self._by_key

    def differing(self, other: Standings) -> Iterator[Grant]:
        """The grants, without those that are certainly the same in `other`."""
        for grant in self.grants:
            here, there = self._by_key[grant.key], other._by_key.get(grant.key)
            if there is None or not (here.is_sure and there.is_sure) or _access(here) != _access(there):
                yield grant

    def of(self, asked: Grant) -> Grant | None:
        """The access of a grant's principal here: by its own entry, a pattern, or its account. None: no access."""
        grant = self._by_key.get(asked.key)
        return grant if grant is not None else likeliest_grant(self.possible_grants(asked))

    def possible_grants(self, asked: Grant) -> Possible:
        """Every access that it may get, the likeliest first, None for no access."""
        grant = self._by_key.get(asked.key)
        if grant is not None and grant.is_sure:
            return (grant,)
        if self._ask is not None and (grant is not None or asked.kind in ("arn", "sso")):
            return self._ask(asked) or (None,)
        if grant is None and asked.kind in ("arn", "sso") and account_of(asked) in self._accounts:
            grant = replace(asked, username=asked.principal if asked.kind == "arn" else "", groups=())
        return (grant,)

    def who_may(self, wanted: Callable[[Grant], bool]) -> list[Grant]:
        """The grants whose principals may get an access that is as `wanted`."""
        return [grant for grant in self.grants if self.may(grant, wanted)]

    def always(self, asked: Grant, wanted: Callable[[Grant], bool]) -> bool:
        """Whether every access that it may get is as `wanted`; False for no access."""
        return all(grant is not None and wanted(grant) for grant in self.possible_grants(asked))

    def may(self, asked: Grant, wanted: Callable[[Grant], bool]) -> bool:
        """Whether at least one access that it may get is as `wanted`."""
        return any(grant is not None and wanted(grant) for grant in self.possible_grants(asked))


@dataclass(frozen=True)
class Loaded:
    """An installation and its authenticator, loaded once for all questions about it."""

    installation: Installation
    authenticator: Authenticator
    standings: Standings

    @classmethod
    def of(cls, side: Installation | Loaded) -> Loaded:
        """The access that the mappings give; their cluster ID is not compared, because another check does that."""
        if isinstance(side, Loaded):
            return side
        authenticator = side.loaded if side.mappings is not None and side.mappings.cluster_id else side.configured
        return cls(side, authenticator, Standings.of_daemon(authenticator))


Possible = tuple[Grant | None, ...]
Side = Authenticator | Installation | Loaded
"""Before or after a change."""


def effects(before: Side, after: Side) -> tuple[Effect, ...]:
    """Every principal whose username or groups change: in the order of `before`, then the new ones. A principal
    without its entry may have access by an SSO entry or its account. If the authenticator does not start, none has."""
    (old, had), (new, has) = (
        (side, Standings.of_daemon(side))
        if isinstance(side, Authenticator)
        else (Loaded.of(side).authenticator, Loaded.of(side).standings)
        for side in (before, after)
    )
    reasons = tuple(daemon.failure.reason if daemon.failure is not None else "" for daemon in (old, new))
    place = f"{new.failure.place}: " if new.failure is not None and new.failure.place else ""
    of_daemon = Effect("the authenticator", DAEMON, reason=f"{place}{reasons[1]}")
    return (*([of_daemon] if reasons[0] != reasons[1] else ()), *changes(had, has))


def changes(before: Standings, after: Standings) -> Iterator[Effect]:
    """The effect on every principal that either side names and whose access differs."""
    new = (grant for grant in after.grants if grant.key not in before)
    for grant in (*before.differing(after), *new):
        effect = change_of(grant, before, after)
        if effect is not None:
            yield effect


def effect_json(effect: Effect) -> dict[str, Any]:
    """The effect as every command prints it with `-o json`."""
    keys = ("principal", "kind", "before", "after", "gained", "lost", "text")
    shown = {key: getattr(effect, key) for key in keys} | {"reason": effect.reason, "orElse": effect.or_else}
    plain = {key: list(value) if isinstance(value, tuple) else value for key, value in shown.items()}
    return {key: value for key, value in plain.items() if value or key in keys}


def change_of(asked: Grant, before: Standings, after: Standings) -> Effect | None:
    """The effect on the principal of a grant; None if nothing changes."""
    old, new = before.possible_grants(asked), after.possible_grants(asked)
    if list(map(_access, old)) == list(map(_access, new)):
        return None
    first, now = likeliest_grant(old), likeliest_grant(new)
    effect = Effect(
        principal=asked.principal,
        kind=asked.kind,
        before=first.username if first else None,
        after=now.username if now else None,
        gained=_gained(old, new),
        lost=_gained(new, old),
        or_else=tuple(_instead(new)),
    )
    is_new = _instead(new) != _instead(old)
    return effect if effect.before != effect.after or effect.gained or effect.lost or is_new else None


def _access(grant: Grant | None) -> tuple[str, tuple[str, ...]] | None:
    return None if grant is None else (grant.username, grant.groups)


def _gained(old: Possible, new: Possible) -> tuple[str, ...]:
    """Groups that are new: possible now and not before, or certain now and not before."""
    before, now = ([grant.groups if grant is not None else () for grant in possible] for possible in (old, new))
    maybe = [group for groups in now for group in groups if not any(group in others for others in before)]
    sure = [group for group in now[0] if all(group in groups for groups in now)]
    is_new = (group for group in sure if not all(group in groups for groups in before))
    return tuple(dict.fromkeys((*maybe, *is_new)))


def _instead(possible: Possible) -> list[str]:
    """What an authenticator may give instead of the likeliest grant, as messages say it."""
    if len(possible) == 1:
        return []
    others = [f"{_name(grant.username)} {_with(grant.groups)}" for grant in other_grants(possible)]
    return [*others, *(["no access"] if None in possible and likeliest_grant(possible) else [])]


def account_of(grant: Grant) -> str:
    """The account of an ARN or a permission set; empty if there is none."""
    if grant.kind == "sso":
        return grant.principal.partition("/")[0]
    try:
        return parse_arn(grant.principal).account
    except ArnError:
        return ""
