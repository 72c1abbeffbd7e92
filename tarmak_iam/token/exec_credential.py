"""Writes and reads the ExecCredential that kubectl expects on the standard output of an exec plugin."""

from __future__ import annotations

import json
from typing import Any

from tarmak_iam.errors import ParseError
from tarmak_iam.token.make import Token


def exec_credential(token: Token, exec_info: str = "") -> str:
    """One line of JSON, as `aws-iam-authenticator token` prints it. `exec_info`: the value of KUBERNETES_EXEC_INFO,
    which kubectl sets."""
    try:
        request: Any = json.loads(exec_info) if exec_info else None
    except (ValueError, RecursionError):
        request = None
    # For an object without apiVersion, which no kubectl sends, the result has no apiVersion either, as in the
    # authenticator (recorded from v0.5.9 to v0.7.9).
    version = request.get("apiVersion", "") if isinstance(request, dict) else None
    version = version if isinstance(version, str) else "client.authentication.k8s.io/v1beta1"
    return json.dumps(
        {
            "kind": "ExecCredential",
            **({"apiVersion": version} if version else {}),
            "spec": {"interactive": False},
            "status": {"expirationTimestamp": f"{token.expires:%Y-%m-%dT%H:%M:%SZ}", "token": token.text},
        },
        separators=(",", ":"),
    )


def token_in(text: str) -> str:
    """The token in an ExecCredential. Any other text is returned as the token, without surrounding whitespace.

    Raises ParseError for JSON that contains no token.
    """
    stripped = text.strip()
    if not stripped.startswith("{"):
        return stripped
    try:
        token: Any = json.loads(stripped)["status"]["token"]
    except (ValueError, LookupError, TypeError, RecursionError):
        token = None
    if not isinstance(token, str):
        raise ParseError("this is not an ExecCredential with a token", remedy="use the output of `tarmak-iam token`")
    return token
