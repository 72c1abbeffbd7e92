"""A stand-in of the AWS CLI: who the caller is, tokens, and a role that is only printed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import botocore.exceptions
import botocore.session

_ACCOUNT = "111122223333"


def main(arguments: list[str]) -> int:
    options, words = _parsed(arguments)
    if "profile" in options:
        os.environ["AWS_PROFILE"] = options["profile"]
    match words:
        case ["sts", "get-caller-identity"]:
            return _caller(options)
        case ["eks", "get-token"]:
            role = ["--role", options["role-arn"]] if "role-arn" in options else []
            name = options.get("cluster-name") or options["cluster-id"]
            return subprocess.call(["tarmak-iam", "token", "--cluster-id", name, *role])
        case ["iam", "create-role"]:
            return _create_role(options)
        case _:
            sys.stderr.write(f"aws: the stand-in does not know {' '.join(words)}\n")
            return 252
    return 0


def _parsed(arguments: list[str]) -> tuple[dict[str, str], list[str]]:
    options, words, rest = {}, [], list(arguments)
    while rest:
        word = rest.pop(0)
        if not word.startswith("--"):
            words.append(word)
        elif rest and not rest[0].startswith("--"):
            options[word[2:]] = rest.pop(0)
        else:
            options[word[2:]] = ""
    return options, words


def _caller(options: dict[str, str]) -> int:
    try:
        found = botocore.session.get_session().create_client("sts").get_caller_identity()
    except botocore.exceptions.BotoCoreError as error:
        sys.stderr.write(f"\n{error}\n")
        return 255
    except botocore.exceptions.ClientError as error:
        sys.stderr.write(f"\n{error}\n")
        return 254
    return _show({name: found[name] for name in ("UserId", "Account", "Arn")}, options)


def _create_role(options: dict[str, str]) -> int:
    name, document = options["role-name"], options["assume-role-policy-document"]
    is_file = document.startswith("file://")
    text = Path(document.removeprefix("file://")).read_text() if is_file else document
    path = options.get("path", "/")
    role = {
        "Path": path,
        "RoleName": name,
        "RoleId": "AROAEXAMPLEID12345678",
        "Arn": f"arn:aws:iam::{_ACCOUNT}:role{path}{name}",
        "CreateDate": "2026-03-02T09:30:00+00:00",
        "AssumeRolePolicyDocument": json.loads(text),
    }
    return _show({"Role": role}, options)


def _show(found: dict[str, Any], options: dict[str, str]) -> int:
    asked: Any = found
    for step in filter(None, options.get("query", "").split(".")):
        asked = asked[step]
    is_plain = options.get("output") == "text" and isinstance(asked, str)
    print(asked if is_plain else json.dumps(asked, indent=4))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
