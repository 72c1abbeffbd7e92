"""When a ConfigMap's data changed last: by managedFields, and by an annotation where these do not say it."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from tarmak_iam.config.kubernetes_versions import GoVersion
from tarmak_iam.hook.cluster.objects import CHANGED_AT, comparable, last_change
from tarmak_iam.hook.cluster.server import Server
from tarmak_iam.hook.programs import Completed
from tests.support.applied import NAME
from tests.support.case_rows import rows
from tests.support.fake_cluster import Cluster, failed

EARLY, LATE = "2026-05-04T12:00:00Z", "2026-05-05T12:00:00Z"


def config_map(*entries: dict[str, Any], data: str = "x", **annotations: str) -> dict[str, Any]:
    named = {"name": NAME, "namespace": "kube-system"}
    noted = {"annotations": dict(annotations)} if annotations else {}
    fields = {"managedFields": list(entries)} if entries else {}
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {**named, **noted, **fields},
        "data": {"config.yaml": data},
    }


def entry(manager: str, time: str, field: str = "f:data", operation: str = "Update") -> dict[str, Any]:
    return {"manager": manager, "operation": operation, "time": time, "fieldsV1": {field: {"f:config.yaml": {}}}}


def ours(time: str) -> dict[str, Any]:
    return entry("tarmak-iam", time, operation="Apply")


def with_theirs(found: dict[str, Any]) -> dict[str, Any]:
    """With a key of somebody else, which no pod reads."""
    return {**found, "data": {**found["data"], "other": "y"}}


def noted(time: str) -> dict[str, str]:
    """As of the data `x`."""
    return {CHANGED_AT: f"{time} 2d711642b726b044"}


@rows(__file__, "the last change")
def test_the_last_change(found: dict[str, Any], expected: str | None) -> None:
    time = last_change(found)
    assert (time and time.strftime("%Y-%m-%dT%H:%M:%SZ")) == expected


@rows(__file__, "what is written")
def test_what_is_written(live: dict[str, Any] | None, *, is_server_side: bool, expected: str | None) -> None:
    cluster = Cluster(clock=24 * 3600 - 1)  # which the call itself makes LATE
    version = GoVersion((1, 30, 1) if is_server_side else (1, 15, 12))
    written = Server(cluster.kubectl(), version, version).dated(config_map(), live)
    assert written["metadata"].get("annotations", {}) == ({} if expected is None else noted(expected))
    assert comparable(written) == comparable(config_map())


def test_other_annotations_stay_and_an_earlier_time_goes() -> None:
    before = config_map(theirs="x", **noted(EARLY))
    written = Server.of(Cluster().kubectl()).dated(before, None)
    assert written["metadata"]["annotations"] == {"theirs": "x"}


@pytest.mark.parametrize("kind", ["DaemonSet", "ConfigMap"])
def test_other_objects_are_written_as_they_are(kind: str) -> None:
    other = {"kind": kind, "metadata": {"name": NAME if kind == "DaemonSet" else "aws-auth"}, "data": {"x": "y"}}
    assert Server.of(Cluster(server="v1.15.12").kubectl()).dated(other, None) is other


@pytest.mark.parametrize(
    "logged",
    [
        "I0504 12:00:00.123456   42 round_trippers.go:469]     Date: Mon, 04 May 2026 12:00:00 GMT",
        # kubectl 1.34 and later.
        'I0504 12:00:00.1 42 round_trippers.go:632] "Response" headers=<\n\tDate: Mon, 04 May 2026 12:00:00 GMT\n >',
    ],
)
def test_the_api_servers_own_time(logged: str) -> None:
    cluster = Cluster()
    cluster.fault = lambda args: Completed(args, 0, "{}", logged)
    assert cluster.kubectl().server_time() == datetime(2026, 5, 4, 12, 0, 0, tzinfo=timezone.utc)


def test_where_it_does_not_tell_its_time_ours_counts() -> None:
    cluster = Cluster()
    cluster.fault = lambda _: failed("Error from server (Forbidden): no")
    assert abs(cluster.kubectl().server_time() - datetime.now(timezone.utc)) < timedelta(minutes=10)
