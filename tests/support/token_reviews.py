"""Token reviews of configurations that are written in few words."""

from __future__ import annotations

import json
from typing import Any

from tarmak_iam.identity import Answer, Authenticator
from tarmak_iam.identity.caller import identity_of
from tarmak_iam.identity.model import DaemonInput

ROLE = "arn:aws:iam::111122223333:role"
USER = "arn:aws:iam::111122223333:user"
VIEW = f"{ROLE}/AWSReservedSSO_View_0123456789abcdef"
GATE = "--feature-gates=SSORoleMatch=true"


def ask(
    arn: str,
    server: dict[str, Any],
    *args: str,
    user_id: str = "",
    cluster_id: str | None = None,
    version: str = "v0.7.9",
    is_carried: bool = False,
    **files: object,
) -> Answer:
    """`files` are JSON, named as they are but for the dot."""
    text = json.dumps({"clusterID": "test", "server": server})
    named = {name.replace("_", "."): json.dumps(content) for name, content in files.items()}
    given = DaemonInput(text, version, cluster_id, args, named, is_carried=is_carried)
    return Authenticator.of(given).whois(identity_of(arn, "s", user_id))


def roles(*arns: str) -> dict[str, Any]:
    return {"mapRoles": [{"rolearn": arn, "username": f"u{number}"} for number, arn in enumerate(arns)]}


def users(*arns: str) -> dict[str, Any]:
    return {"mapUsers": [{"userarn": arn, "username": f"u{number}"} for number, arn in enumerate(arns)]}


def sso(permission_set: str = "View", account: str = "111122223333", **more: str) -> dict[str, Any]:
    matcher = {"permissionSetName": permission_set, "accountID": account, **more}
    return {"mapRoles": [{"sso": matcher, "username": "v"}]}


def aws_auth(*arns: str) -> dict[str, Any]:
    entries = [{"rolearn": arn, "username": f"c{number}"} for number, arn in enumerate(arns)]
    data = {"mapRoles": json.dumps(entries)}
    return {"kind": "ConfigMap", "metadata": {"name": "aws-auth"}, "data": data}
