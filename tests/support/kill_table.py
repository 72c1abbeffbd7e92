"""The tables in docs/hook.md of what is true after a kill: made by killing, and written by `make reference`."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from tarmak_iam.errors import PolicyRefused
from tarmak_iam.hook.cluster.results import ObjectAction, ObjectChange
from tests.support import ROOT
from tests.support.kill_cases import CHANGES, SERVERS, Case, case_of, world_in
from tests.support.kill_points import Killed, Run, Seen, World, kills, steady

__all__ = ["PAGE", "with_tables"]

PAGE = ROOT / "docs" / "hook.md"
# A change of the ConfigMap and the DaemonSet, one of the ConfigMap alone, and one that removes objects.
_SHOWN = ("mappings", "hand-edit", "no-crd")
_MOMENTS = (
    "before the history is written",
    "before the first object is written",
    "between two objects",
    "before the first pod is replaced",
    "while the pods are replaced",
    "before the last object is removed",
    "before the lease is released",
)
_NONE, _SOME, _ALL = range(3)

Row = tuple[str, ...]


@dataclass(frozen=True)
class _Killed:
    """A run that is killed, what there is when it starts and when it ends, and what the next commands make of it."""

    case: Case
    start: Seen
    end: Seen
    is_begun: Callable[[World], bool]
    who: tuple[str, str, str]
    then: tuple[Callable[[World], str], Callable[[World], str]]

    def row(self, killed: Killed) -> Row:
        world = killed.restored()
        now, is_begun = world.seen, self.is_begun(world)
        status = world.statuses[-1].split()[1] if len(world.statuses) > self.case.numbers else "not recorded"
        found = world.diff(self.case.wanted)
        differ = ["objects"] * bool(found.objects) + ["pods"] * bool(found.stale_pods or found.missing_pods)
        shown = (_moment(self, now, is_begun), status, self._who(now), " and ".join(differ) or "no differences")
        return (*shown, *(then(killed.restored()) for then in self.then))

    def objects(self, now: Seen) -> int:
        """How many are written; removing comes last, and is something else."""
        end = self.end.contents
        changed = [key for key in end if self.start.contents.get(key) != end[key]]
        return _share(now.contents.get(key) == end[key] for key in changed)

    def pods(self, now: Seen) -> int:
        return _share(
            (now.templates[node], now.logins[node]) == (self.end.templates[node], self.end.logins[node])
            for node in self.end.templates
        )

    def _who(self, now: Seen) -> str:
        return self.who[_share(now.logins[node] == logins for node, logins in self.end.logins.items())]


def _share(are: Iterator[bool]) -> int:
    found = set(are)
    return _SOME if len(found) > 1 else _ALL if found <= {True} else _NONE


def _moment(run: _Killed, now: Seen, is_begun: bool) -> str:
    if not is_begun:
        return _MOMENTS[0]
    if run.objects(now) != _ALL:
        return _MOMENTS[1 + run.objects(now)]
    if run.pods(now) != _ALL:
        return _MOMENTS[3 + run.pods(now)]
    return _MOMENTS[6 if now == run.end else 5]


def _runs(world: World, case: Case, start: Callable[[], World]) -> dict[str, tuple[_Killed, Run, Callable[[], World]]]:
    """By the heading of their table."""
    before, after, applied = case.before, case.after, world.saved()
    number = case.numbers + 1

    def apply(then: World) -> str:
        pods = set(then.cluster.daemons.pods)
        done = then.apply(case.wanted, force=case.is_forced)
        return _done(done.changes, pods != set(then.cluster.daemons.pods))

    def finish(then: World) -> str:
        pods = set(then.cluster.daemons.pods)
        return _done(then.rollback().changes, pods != set(then.cluster.daemons.pods))

    def undo(then: World) -> str:
        is_kept = len(then.statuses) == number
        try:
            done = then.rollback()
        except PolicyRefused:
            assert not is_kept
            return "undoes the change before it"
        assert done.undone == (number if is_kept else case.numbers,)
        return (
            "undoes the change before it" if not is_kept else "undoes it" if done.changed else "finds nothing to undo"
        )

    sides = ("as before the change", "on some masters as before, on others as after it", "as after the change")
    head = "history | who can log in | `diff` finds"
    return {
        f"| `apply` killed | {head} | the next `apply` | or `rollback` |": (
            _Killed(case, before, after, lambda then: len(then.statuses) == number, sides, (apply, undo)),
            case.apply,
            start,
        ),
        f"| `rollback` killed | {head} | the next `rollback` | or `apply` |": (
            _Killed(case, after, before, lambda then: "appl" not in then.statuses[-1], sides[::-1], (finish, apply)),
            World.rollback,
            applied,
        ),
    }


def _done(changes: tuple[ObjectChange, ...], are_pods_new: bool) -> str:
    actions = {each.action for each in changes}
    if actions & {ObjectAction.CREATED, ObjectAction.CONFIGURED}:
        return "writes what is missing"
    parts = ["replaces the pods"] * are_pods_new + ["removes the last objects"] * (ObjectAction.REMOVED in actions)
    return " and ".join(parts) or "finds nothing to do"


def _tables() -> dict[str, list[Row]]:
    """Each with its rows, one for each moment; what differs between changes is in one cell."""
    found: dict[str, dict[str, list[Row]]] = {}
    with tempfile.TemporaryDirectory(prefix="kills-") as root, steady():
        for name in _SHOWN:
            world = world_in(Path(root, name), SERVERS[0])
            case, start = case_of(world, CHANGES[name])
            for head, (run, killing, begin) in _runs(world, case, start).items():
                for killed in kills(begin, killing, Path(root, "dump")):
                    row = run.row(killed)
                    found.setdefault(head, {}).setdefault(row[0], []).append(row)
    return {head: [_joined(rows[moment]) for moment in _MOMENTS if moment in rows] for head, rows in found.items()}


def _joined(rows: list[Row]) -> Row:
    return tuple(" / ".join(dict.fromkeys(cells)) for cells in zip(*rows, strict=True))


def with_tables(page: str) -> str:
    """The page with its tables as they come out now; a table is known by its heading."""
    lines = page.splitlines()
    for head, rows in _tables().items():
        at = lines.index(head)
        end = next((n for n in range(at, len(lines)) if not lines[n].startswith("|")), len(lines))
        ruler = f"|{'---|' * (head.count('|') - 1)}"
        lines[at:end] = [head, ruler, *(f"| {' | '.join(row)} |" for row in rows)]
    return "".join(f"{line}\n" for line in lines)


if __name__ == "__main__":
    PAGE.write_text(with_tables(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
