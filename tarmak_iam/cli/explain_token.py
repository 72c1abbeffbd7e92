"""How `token inspect` shows what it found."""

from __future__ import annotations

from datetime import datetime, timezone

from tarmak_iam.cli.console import print_line
from tarmak_iam.identity.versions import DaemonVersion
from tarmak_iam.token import Inspection

__all__ = ["as_json", "print_inspection"]

_CLUSTER_ID = "not in the token: it is signed as a header, so for another cluster STS finds the signature wrong"


def print_inspection(found: Inspection, version: DaemonVersion) -> None:
    partition = f"partition {found.partition}" if found.partition else "no STS host"
    session = "with" if found.has_session_token else "without"
    rows = [
        ("host", f"{found.host or '-'} ({partition})"),
        ("region", found.region or "-"),
        ("signed", _time(found.signed_at)),
        ("expires", _time(found.expires_at)),
        ("access key", f"{found.access_key_id or '-'} ({found.key_kind}, {session} session token)"),
        ("signed headers", ", ".join(found.signed_headers) or "-"),
        ("cluster id", _CLUSTER_ID if found.signs_cluster_id else "not signed"),
        ("STS", _judged(found.sts_refusal, "decides by the signature")),
        (str(version), _judged(found.verdict(version).refusal, "asks STS")),
    ]
    for name, value in rows:
        print_line(f"{name + ':':<16}{value}")
    for text in found.notes:
        print_line(f"{'note:':<16}{text}")
    print_line("by version:")
    for verdict in found.verdicts:
        print_line(f"  {verdict.versions:<19} {_judged(verdict.refusal, 'asks STS')}")


def as_json(found: Inspection, version: DaemonVersion) -> dict[str, object]:
    own = found.verdict(version).refusal
    return {
        "host": found.host,
        "region": found.region,
        "partition": found.partition,
        "signedAt": _stamp(found.signed_at),
        "expiresAt": _stamp(found.expires_at),
        "accessKeyId": found.access_key_id,
        "keyKind": str(found.key_kind),
        "hasSessionToken": found.has_session_token,
        "signedHeaders": list(found.signed_headers),
        "signsClusterId": found.signs_cluster_id,
        "daemonVersion": str(version),
        "refused": own is not None or found.sts_refusal is not None,
        "refusal": own,
        "stsRefusal": found.sts_refusal,
        "versions": [
            {"first": str(verdict.first), "last": str(verdict.last), "refusal": verdict.refusal}
            for verdict in found.verdicts
        ],
        "notes": list(found.notes),
    }


def _judged(refusal: str | None, otherwise: str) -> str:
    return f"refuses it: {refusal}" if refusal else otherwise


def _time(moment: datetime | None) -> str:
    """With how far away it is, since that is the question."""
    if moment is None:
        return "-"
    left = (moment - datetime.now(timezone.utc)).total_seconds()
    minutes, seconds = divmod(int(abs(left)), 60)
    away = f"{minutes} min {seconds} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC ({'in ' + away if left > 0 else away + ' ago'})"


def _stamp(moment: datetime | None) -> str | None:
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}" if moment else None
