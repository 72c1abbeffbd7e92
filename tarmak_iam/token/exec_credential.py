"""The ExecCredential that kubectl reads from an exec plugin's standard output, written and read."""

from __future__ import annotations

import json
from typing import Any

from tarmak_iam.errors import ParseError
from tarmak_iam.token.make import Token

_DEFAULT_VERSION = "client.authentication.k8s.io/v1beta1"


def exec_credential(token: Token, exec_info: str = "") -> str:
    """One line of JSON, as the Go program writes it. `exec_info`: what kubectl put in KUBERNETES_EXEC_INFO."""
    version = _asked_version(exec_info)
    return json.dumps(
        {
            "kind": "ExecCredential",
            **({"apiVersion": version} if version else {}),
            "spec": {"interactive": False},
            "status": {"expirationTimestamp": f"{token.expires:%Y-%m-%dT%H:%M:%SZ}", "token": token.text},
        },
        separators=(",", ":"),
    )


def _asked_version(exec_info: str) -> str:
    """v1beta1 where nothing is asked or what is asked cannot be read. An object without apiVersion, which no
    kubectl sends, gets an answer without one, as the Go program's (recorded from v0.5.9 to v0.7.9)."""
    if not exec_info:
        return _DEFAULT_VERSION
    try:
        asked: Any = json.loads(exec_info)
    except (ValueError, RecursionError):
        return _DEFAULT_VERSION
    if not isinstance(asked, dict):
        return _DEFAULT_VERSION
    version = asked.get("apiVersion", "")
    return version if isinstance(version, str) else _DEFAULT_VERSION


def token_in(text: str) -> str:
    """The token in an ExecCredential; any other text is taken for a token, without the blanks around it.

    Raises ParseError for JSON without a token in it.
    """
    stripped = text.strip()
    if not stripped.startswith("{"):
        return stripped
    try:
        token: Any = json.loads(stripped)["status"]["token"]
    except (ValueError, LookupError, TypeError, RecursionError):
        token = None
    if not isinstance(token, str):
        raise ParseError("this is no ExecCredential with a token in it", remedy="give what `tarmak-iam token` prints")
    return token
