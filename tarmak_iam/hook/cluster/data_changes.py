"""When the configuration in a ConfigMap changed last, which is to be known of pods that read it when they start.

From Kubernetes 1.16 on, managedFields say when each manager changed an object, though not which of its fields. Below it
nothing does. So a write of ours leaves the annotation `tarmak-iam/changed-at` where managedFields would not do: below
1.16 the time of the write, where it changes the data; from 1.16 on the time of the data, where it changes something
else. A digest of the data goes with it, since others may write other data and leave the annotation.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from typing import Any

from tarmak_iam.delivery import CONFIG_KEY
from tarmak_iam.emit.labels import NAME
from tarmak_iam.hook.cluster.kubectl import Kubectl
from tarmak_iam.hook.cluster.objects import CHANGED_AT, MANAGER, Object
from tarmak_iam.hook.cluster.pods import time_of

__all__ = ["api_server_time", "dated", "last_change"]

# As kubectl logs an answer's headers, on a line of its own (client-go's round_trippers.go, v0.22 to v0.36).
_DATE = re.compile(r"\bDate: (\w{3}, \d{1,2} \w{3} \d{4} \d\d:\d\d:\d\d GMT)")


def last_change(config_map: Object, key: str = CONFIG_KEY) -> datetime | None:
    """Of the text under the key, by the API server's clock; None where it is not known, as after a change by hand below
    Kubernetes 1.16."""
    noted, owners = _noted(config_map, key), sorted(_owners(config_map, key))
    if not owners:
        return noted
    time, is_others = owners[-1]
    return time if is_others or noted is None else noted


def dated(kubectl: Kubectl, wanted: Object, live: Object | None, *, is_server_side: bool) -> Object:
    """What is to be written, with the annotation where it takes one. `is_server_side`: whether server-side apply writes
    it."""
    metadata = wanted.get("metadata") or {}
    if wanted.get("kind") != "ConfigMap" or metadata.get("name") != NAME:
        return wanted
    time = None
    if live is not None and _text(live) == _text(wanted):
        time = last_change(live)
    elif not is_server_side:
        time = api_server_time(kubectl)
    annotations = {key: value for key, value in (metadata.get("annotations") or {}).items() if key != CHANGED_AT}
    if time is not None:
        annotations[CHANGED_AT] = f"{time.astimezone(timezone.utc):%Y-%m-%dT%H:%M:%SZ} {_digest(wanted, CONFIG_KEY)}"
    without = {key: value for key, value in metadata.items() if key != "annotations"}
    return {**wanted, "metadata": {**without, **({"annotations": annotations} if annotations else {})}}


def api_server_time(kubectl: Kubectl) -> datetime:
    """By the API server's clock, which the timestamps of pods are by; by our own where it does not tell."""
    done = kubectl.run("get", "--raw", "/version", "-v=8")  # no line of it is shown: old ones log the token, too
    found = _DATE.search(done.err)
    return parsedate_to_datetime(found[1]) if found else datetime.now(timezone.utc).replace(microsecond=0)


def _owners(config_map: Object, key: str) -> Iterator[tuple[datetime, bool]]:
    """When those who own the key wrote last, and whether that was anything but an apply of ours."""
    for entry in (config_map.get("metadata") or {}).get("managedFields") or ():
        fields: Any = entry.get("fieldsV1") or {}
        time = time_of(entry.get("time", ""))
        if time is not None and any(f"f:{key}" in (fields.get(name) or {}) for name in ("f:data", "f:binaryData")):
            yield time, (entry.get("manager"), entry.get("operation")) != (MANAGER, "Apply")


def _noted(config_map: Object, key: str) -> datetime | None:
    """By the annotation; None where it is that of other data, as after `kubectl get`, an edit and `kubectl apply`."""
    annotations = (config_map.get("metadata") or {}).get("annotations") or {}
    time, _, digest = str(annotations.get(CHANGED_AT, "")).partition(" ")
    return time_of(time) if digest == _digest(config_map, key) else None


def _digest(config_map: Object, key: str) -> str:
    return hashlib.sha256(str(_text(config_map, key)).encode()).hexdigest()[:16]


def _text(config_map: Object, key: str = CONFIG_KEY) -> object:
    return (config_map.get("data") or {}).get(key)
