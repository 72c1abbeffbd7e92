"""A tarmak that rewrites: the changes of its commands, made to what the real one wrote, in the form that it writes."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

from tarmak_iam.config import TarmakConfig
from tarmak_iam.config.tarmak_output import tarmak_output
from tests.support import GOLDEN, tarmak_rewrites

TIME = "2026-11-25T12:00:00Z"
REWRITES = tarmak_rewrites()


def text_of(name: str) -> bytes:
    """A recorded file."""
    return (GOLDEN / "tarmak" / f"{name}.yaml").read_bytes()


def rewrite_of(before: bytes | str) -> Any:
    """What tarmak makes of a file, as data: recorded where the file is, else by the rules."""
    text = before.encode() if isinstance(before, str) else before
    name = next((name for name in REWRITES if text_of(name) == text), None)
    return stamped(REWRITES[name] if name else tarmak_output(TarmakConfig.parse(text).data))


def stamped(data: Any) -> Any:
    """A copy with a time in the place of NOW."""
    if isinstance(data, dict):
        return {key: stamped(value) for key, value in data.items()}
    if isinstance(data, list):
        return [stamped(item) for item in data]
    return TIME if data == "<NOW>" else copy.copy(data)


def dumped(data: Any) -> bytes:
    """Block style, keys in order, lists as far out as their key."""
    return "".join(f"{line}\n" for line in _lines(data)).encode()


def _lines(data: Any) -> list[str]:
    if isinstance(data, dict) and data:
        lines = []
        for key in sorted(data):
            below = _lines(data[key])
            name = key if key.isalnum() else json.dumps(key)
            if not data[key] or not isinstance(data[key], (dict, list)):
                lines.append(f"{name}: {below[0]}")
            else:
                indent = "" if isinstance(data[key], list) else "  "
                lines += [f"{name}:", *(indent + line for line in below)]
        return lines
    if isinstance(data, list) and data:
        return [("- " if not number else "  ") + line for item in data for number, line in enumerate(_lines(item))]
    return [json.dumps(data)]


def set_current(data: Any, cluster_name: str) -> Any:
    """`clusters set-current`."""
    return {**data, "currentCluster": cluster_name}


def add(data: Any, kind: str, *entries: Any) -> Any:
    """What the `init` commands do, once for every question that is answered."""
    return {**data, kind: [*data.get(kind, []), *entries]}


def destroy_environment(data: Any, name: str) -> Any:
    """`environments destroy`."""
    kept = {
        "environments": [each for each in data.get("environments", []) if each["metadata"].get("name") != name],
        "clusters": [each for each in data.get("clusters", []) if each.get("environment") != name],
    }
    left = {key: value for key, value in {**data, **kept}.items() if value != []}
    if data.get("currentCluster", "").split("-")[0] == name and kept["clusters"]:
        first = kept["clusters"][0]
        left["currentCluster"] = f"{first.get('environment', '')}-{first['metadata'].get('name', '')}"
    return left


def new_cluster(environment: str, name: str) -> Any:
    """As `clusters init` fills it in, with one pool of its three."""
    return _made("cluster", name) | {"environment": environment}


def new_environment(name: str, provider: str = "aws") -> Any:
    return _made("environment", name) | {"provider": provider}


def new_provider(name: str) -> Any:
    return _made("provider", name)


def _made(kind: str, name: str) -> Any:
    """What the wizards write, from a file: NAME and NOW stand in it."""
    text = Path(__file__).with_name("tarmak_wizards.json").read_text(encoding="utf-8")
    return json.loads(text.replace("NAME", name).replace("NOW", TIME))[kind]
