"""Why the authenticator refused a token, by its own log, read through the API server.

This is evidence for whoever looks for the reason. It never verifies a login.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace

from tarmak_iam.emit.labels import NAME, NAMESPACE, SELECTOR
from tarmak_iam.errors import TarmakIamError
from tarmak_iam.hook.cluster.kubectl import Kubectl
from tarmak_iam.identity.arn import ArnError, canonicalize
from tarmak_iam.identity.model import Identity
from tarmak_iam.text import one_line, shortened

__all__ = ["logged_refusal", "without_secrets"]

_SECONDS = 60
_LINES = 200
_BYTES = 131072
_MAX_REASON = 200
_CALL_SECONDS = 15.0
# As logrus writes it, which the daemon logs with: time="..." level=warning msg="access denied" error="..."
_FIELD = re.compile(r'(\w+)=("(?:[^"\\]|\\.)*"|\S*)')
_DENIED = "access denied"

# STS's answer may quote what was signed; v0.4.0 logs the presigned URL itself, with which anybody could log in.
_BODY = re.compile(r"\.? *Body: .*", re.DOTALL)
_CODE = re.compile(r'"Code" *: *"(\w+)"|<Code>(\w+)</Code>')
_SECRETS = (
    (re.compile(r"k8s-aws-v1\.[\w=-]*"), "<token>"),
    (re.compile(r"(https?://[^/\s?\"'\\]+)[^\s\"'\\]*"), r"\1/<removed>"),
    (re.compile(r"(X-Amz-[\w-]+(?:=|%3D))[^&\s\"'\\]+", re.IGNORECASE), r"\1<removed>"),
    (re.compile(r"\bA[A-Z]{2}A[A-Z0-9]{12,}\b"), "<key>"),
)


def logged_refusal(kubectl: Kubectl, identity: Identity | None) -> Iterator[str]:
    """One sentence at most: the last refusal of the caller, else the last one that names nobody, as where STS could
    not be asked. Nothing where the log may not be read. Raises nothing."""
    text = _recent_log(kubectl)
    refusals = [fields for line in text.splitlines() if (fields := _fields(line)).get("msg") == _DENIED]
    own = [each for each in refusals if identity is not None and each.get("arn", "").lower() == _canonical(identity)]
    unnamed = [each for each in refusals if "arn" not in each]
    if own:
        yield f"the authenticator's log says of this caller: {_reason(own[-1])}"
    elif unnamed:
        yield f"the authenticator's log says of a token that it refused within the last minute: {_reason(unnamed[-1])}"


def without_secrets(text: str) -> str:
    """What the daemon says of a token, without tokens, what is in presigned URLs, and access keys."""
    body = _BODY.search(text)
    if body is not None:
        code = _CODE.search(body[0])
        text = text[: body.start()] + (f" ({code[1] or code[2]})" if code else "")
    for pattern, instead in _SECRETS:
        text = pattern.sub(instead, text)
    return shortened(one_line(text), _MAX_REASON)


def _recent_log(kubectl: Kubectl) -> str:
    at_once = replace(kubectl, patience=0.0)
    selector = ",".join(f"{key}={value}" for key, value in SELECTOR.items())
    try:
        done = at_once.run(
            "logs",
            f"--namespace={NAMESPACE}",
            f"--selector={selector}",
            f"--container={NAME}",
            f"--since={_SECONDS}s",
            f"--tail={_LINES}",
            f"--limit-bytes={_BYTES}",
            f"--request-timeout={_CALL_SECONDS:.0f}s",
            seconds=2 * _CALL_SECONDS,
        )
    except TarmakIamError:
        return ""
    return done.out  # of the pods whose log could be read, also where another one's could not


def _fields(line: str) -> Mapping[str, str]:
    """By name; logrus writes text or JSON."""
    if line.lstrip().startswith("{"):
        try:
            found = json.loads(line)
        except (ValueError, RecursionError):
            return {}
        return {str(key): str(value) for key, value in found.items()}
    return {name: _unquoted(value) for name, value in _FIELD.findall(line)}


def _unquoted(value: str) -> str:
    return re.sub(r"\\(.)", r"\1", value[1:-1]) if value.startswith('"') else value


def _reason(fields: Mapping[str, str]) -> str:
    return without_secrets(fields.get("error", _DENIED))


def _canonical(identity: Identity) -> str:
    try:
        return canonicalize(identity.arn)[1].lower()
    except ArnError:
        return identity.arn.lower()
