"""Adds a release to the recordings of tests/golden/authenticator: `python -m tests.e2e.recordings v0.7.18`.

Answers that are recorded already are not changed. The release's program is one of `make components`.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from tarmak_iam.identity import Identity
from tests.e2e.answering_daemons import Asked, Caller, answers_of, user_of
from tests.e2e.random_logins import HOSTS
from tests.support import ROOT

__all__ = ["mapped", "started"]

_DIRECTORY = ROOT / "tests" / "golden" / "authenticator"


def mapped(version: str, case: dict[str, Any], recorded: dict[str, Any], directory: Path) -> dict[str, Any]:
    """Who the caller of a case of mapping.json becomes; `recorded` is the whole file."""
    who = case["caller"]
    host = HOSTS[who["arn"].split(":")[1]][0]
    caller = Caller(Identity(who["arn"], who["account"], who["userid"], who["access_key_id"]), host)
    given = {"files": case["files"], "node_names": recorded["fake_ec2_instances"]}
    config = recorded["configs"][case["config"]]
    answered = answers_of(version, Asked(config, "config.yaml", tuple(case["args"]), given, (caller,)), directory)
    if answered.exit_code is not None:
        return {"started": False, "exit_code": answered.exit_code}
    (answer,) = answered.answers
    if answer["status"] != 200:
        return {"authenticated": False}
    user = user_of(answer)
    named = {"username": user.get("username", ""), "groups": user.get("groups"), "uid": user["uid"]}
    extra = {key: user["extra"][key] for key in sorted(user["extra"])} if user.get("extra") else None
    return {"authenticated": True, **named, **({"extra": extra} if extra else {})}


def started(version: str, case: dict[str, Any], directory: Path) -> bool:
    """Whether the daemon starts with a case of startup.json."""
    asked = Asked(case["config"], case["filename"], tuple(case["args"]), {})
    return answers_of(version, asked, directory).exit_code is None


def _add(version: str, directory: Path) -> None:
    mapping = json.loads((_DIRECTORY / "mapping.json").read_text(encoding="utf-8"))
    for case in mapping["cases"]:
        case["expected"].setdefault(version, mapped(version, case, mapping, directory))
    lists = (f'"{name}": {_lines(mapping[name])}' for name in ("configs", "cases"))
    head = f'"fake_ec2_instances": {json.dumps(mapping["fake_ec2_instances"])}'
    (_DIRECTORY / "mapping.json").write_text("{" + ",\n".join((head, *lists)) + "}\n", encoding="utf-8")
    startup = json.loads((_DIRECTORY / "startup.json").read_text(encoding="utf-8"))
    for case in startup:
        case["started"].setdefault(version, started(version, case, directory))
    (_DIRECTORY / "startup.json").write_text(f"{_lines(startup)}\n", encoding="utf-8")


def _lines(items: Iterable[Any]) -> str:
    return "[\n" + ",\n".join(json.dumps(each, ensure_ascii=False) for each in items) + "\n]"


def main(versions: list[str]) -> None:
    with tempfile.TemporaryDirectory() as made:
        for version in versions:
            _add(version, Path(made))


if __name__ == "__main__":
    main(sys.argv[1:])
