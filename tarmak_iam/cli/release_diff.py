"""`diff --daemon-version`: what another release of the authenticator would change, as text and JSON."""

from __future__ import annotations

from typing import Any

from tarmak_iam.access.diff import effect_json
from tarmak_iam.cli.console import note, print_diff, print_line
from tarmak_iam.emit.release_change import Flaw, ReleaseChange


def print_release_change(change: ReleaseChange) -> None:
    print_line(f"authenticator {change.before} -> {change.after}")
    for effect in change.effects:
        print_line(effect.text)
    for key in change.keys:
        print_line(key.text)
    for flaw in change.closed:
        print_line(f"fixes {flaw.text}")
    for flaw in change.opened:
        print_line(f"affected by {flaw.text}")
    for difference in change.objects:
        print_line(difference.text)
        print_diff(difference.diff)
    if change.failure and change.starts:
        print_line(f"cannot be applied: {change.failure}")
    for text in change.notes:
        note(f"note: {text}")
    if change.changed and not change.failure:
        note(f"run `{change.command}` to choose {change.after}; the next apply installs it")


def release_change_json(change: ReleaseChange) -> dict[str, Any]:
    return {
        "changed": change.changed,
        "before": str(change.before),
        "after": str(change.after),
        "starts": change.starts,
        "reason": change.failure,
        "effects": [effect_json(effect) for effect in change.effects],
        "flags": list(change.flags),
        "keys": [{"key": key.key, "isRead": key.is_read, "place": str(key.place)} for key in change.keys],
        "objects": [
            {"action": entry.action, "kind": kind, "namespace": namespace, "name": name, "diff": entry.diff}
            for entry in change.objects
            for _, kind, namespace, name in (entry.key,)
        ],
        "closes": [_flaw_json(flaw) for flaw in change.closed],
        "opens": [_flaw_json(flaw) for flaw in change.opened],
        "notes": list(change.notes),
        "command": change.command,
    }


def _flaw_json(flaw: Flaw) -> dict[str, Any]:
    return {"id": flaw.advisory.id, "isCertain": flaw.is_certain, "text": flaw.text, "source": flaw.advisory.source}
