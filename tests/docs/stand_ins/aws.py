"""A stand-in of the AWS CLI: who the caller is, tokens, and a role that is only printed."""

from __future__ import annotations

import argparse
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
    parser = argparse.ArgumentParser(allow_abbrev=False)
    parser.add_argument("words", nargs="*")
    for name in ("profile", "query", "output", "role-arn", "cluster-name", "cluster-id", "role-name", "path"):
        parser.add_argument(f"--{name}")
    parser.add_argument("--assume-role-policy-document")
    parser.add_argument("--region")
    given = parser.parse_args(arguments)
    if given.profile:
        os.environ["AWS_PROFILE"] = given.profile
    match given.words:
        case ["sts", "get-caller-identity"]:
            try:
                found = botocore.session.get_session().create_client("sts").get_caller_identity()
            except (botocore.exceptions.BotoCoreError, botocore.exceptions.ClientError) as error:
                sys.stderr.write(f"\n{error}\n")
                return 254
            return _show({name: found[name] for name in ("UserId", "Account", "Arn")}, given)
        case ["eks", "get-token"]:
            role = ["--role", given.role_arn] if given.role_arn else []
            name = given.cluster_name or given.cluster_id
            return subprocess.call(["tarmak-iam", "token", "--cluster-id", name, *role])
        case ["iam", "create-role"]:
            text = Path(given.assume_role_policy_document.removeprefix("file://")).read_text()
            path = given.path or "/"
            role_arn = f"arn:aws:iam::{_ACCOUNT}:role{path}{given.role_name}"
            made = {"Path": path, "RoleName": given.role_name, "RoleId": "AROAEXAMPLEID12345678", "Arn": role_arn}
            created = {"CreateDate": "2026-03-02T09:30:00+00:00", "AssumeRolePolicyDocument": json.loads(text)}
            return _show({"Role": {**made, **created}}, given)
    sys.stderr.write(f"aws: the stand-in does not know {' '.join(given.words)}\n")
    return 252


def _show(found: Any, given: argparse.Namespace) -> int:
    for step in filter(None, (given.query or "").split(".")):
        found = found[step]
    print(found if given.output == "text" and isinstance(found, str) else json.dumps(found, indent=4))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
