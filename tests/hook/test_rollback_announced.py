"""What a rollback says before its first write: what will be there, and who can log in then."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tarmak_iam.hook.cluster.apply import apply_to_cluster
from tarmak_iam.hook.cluster.rollback import roll_back
from tests.support.applied import NAME, READERS, after_apply, made
from tests.support.fake_cluster import Cluster, failed
from tests.support.histories import CONFIG, DAEMON, WRITERS, put_data
from tests.support.installations import MAPPINGS

pytestmark = pytest.mark.usefixtures("history_time")


class TestAnnounced:
    def announced(self, cluster: Cluster, state: Path, **options: Any) -> list[str]:
        told: list[str] = []
        roll_back(cluster.kubectl(), state, tell=told.append, **options)
        return told

    def test_what_will_be_there_and_who_can_log_in(self, state: Path) -> None:
        """Before the first write."""
        cluster = after_apply(state)
        apply_to_cluster(made(MAPPINGS + READERS), cluster.kubectl(), state)
        told, writes = list[tuple[str, int]](), len(cluster.writes)
        roll_back(cluster.kubectl(), state, tell=lambda text: told.append((text, len(cluster.writes) - writes)))
        assert told[:5] == [
            ("undoing change 2 of 2026-03-02 10:00:00 UTC", 0),
            (f"{CONFIG}, {DAEMON} will be restored", 0),
            ("arn:aws:iam::111122223333:role/Reader: can no longer log in; loses readers", 0),
            ("afterwards 1 principal can log in with IAM, 1 of them in system:masters", 0),
            (f"restoring {CONFIG}", 0),
        ]

    def test_a_dry_run_is_that_and_nothing_more(self, state: Path) -> None:
        cluster = after_apply(state)
        kept, writes = state.read_bytes(), len(cluster.writes)
        told = self.announced(cluster, state, dry_run=True)
        assert told == [
            "undoing change 1 of 2026-03-02 10:00:00 UTC",
            f"{DAEMON}, {CONFIG} will be removed"
            if told[1].startswith("DaemonSet")
            else f"{CONFIG}, {DAEMON} will be removed",
            "arn:aws:iam::111122223333:role/Admin: can no longer log in; loses system:masters",
            f"afterwards IAM login is not possible: {DAEMON} does not exist",
        ]
        assert (state.read_bytes(), len(cluster.writes)) == (kept, writes)

    def test_a_daemon_that_would_not_start(self, state: Path) -> None:
        cluster = after_apply(state)
        put_data(cluster, **{"config.yaml": "server: ["})
        apply_to_cluster(made(MAPPINGS + READERS), cluster.kubectl(), state, force=True)
        told = self.announced(cluster, state)
        assert any(each.startswith("the authenticator: does not start: ") for each in told)
        nobody = "afterwards IAM login is not possible: the authenticator does not start: "
        assert any(each.startswith(nobody) for each in told)

    @pytest.mark.parametrize(
        ("volumes", "there", "after"),
        [
            # With its configuration on the host.
            (
                [],
                [],
                "it is unknown who can log in with IAM afterwards: {} does not read its configuration from a ConfigMap",
            ),
            (
                ["theirs"],
                [],
                "afterwards IAM login is not possible: {} waits for ConfigMap kube-system/theirs, which does not exist",
            ),
            (["theirs"], ["theirs"], "afterwards 3 principals can log in with IAM, 1 of them in system:masters"),
        ],
    )
    def test_a_daemonset_of_somebody_else(self, state: Path, volumes: list[str], there: list[str], after: str) -> None:
        cluster, metadata = Cluster(), {"name": NAME, "namespace": "kube-system"}
        mounted = [{"name": "config", "configMap": {"name": name}} for name in volumes]
        pod = {"containers": [{"name": NAME, "args": ["server", "--config=/etc/config.yaml"]}], "volumes": mounted}
        spec = {"template": {"spec": pod}}
        cluster.add({"apiVersion": "apps/v1", "kind": "DaemonSet", "metadata": metadata, "spec": spec})
        for name in there:
            data = {"config.yaml": MAPPINGS + READERS + WRITERS}
            cluster.add({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {**metadata, "name": name}, "data": data})
        apply_to_cluster(made(), cluster.kubectl(), state, force=True)
        assert after.format(DAEMON) in self.announced(cluster, state)

    def test_what_may_not_be_read_is_not_known_and_in_nobodys_way(self, state: Path) -> None:
        cluster = after_apply(state)
        forbidden = failed('Error from server (Forbidden): configmaps "aws-auth" is forbidden')
        cluster.fault = lambda args: forbidden if "configmap/aws-auth" in args else None
        told = self.announced(cluster, state)
        reason = 'kubectl get failed: (Forbidden): configmaps "aws-auth" is forbidden'
        assert f"it is unknown who can log in with IAM afterwards: {reason}" in [
            each.replace("Error from server ", "") for each in told
        ]
        assert cluster.names() == []

    def test_custom_resources_that_come_back_count(self, state: Path) -> None:
        cluster = Cluster()
        crd = made(backends=["CRD"])
        apply_to_cluster(crd, cluster.kubectl(), state)
        apply_to_cluster(made(), cluster.kubectl(), state)
        told = self.announced(cluster, state)
        assert "afterwards 1 principal can log in with IAM, 1 of them in system:masters" in told
