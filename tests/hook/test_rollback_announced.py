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
        cluster = after_apply(state)
        apply_to_cluster(made(MAPPINGS + READERS), cluster.kubectl(), state)
        assert self.announced(cluster, state)[:5] == [
            "undoing change 2 of 2026-03-02 10:00:00 UTC",
            f"{CONFIG}, {DAEMON} will be restored",
            "arn:aws:iam::111122223333:role/Reader: can no longer log in; loses readers",
            "afterwards 1 principal can log in with IAM, 1 of them in system:masters",
            f"restoring {CONFIG}",
        ]

    def test_before_the_first_write(self, state: Path) -> None:
        cluster = after_apply(state)
        seen: list[int] = []
        writes = len(cluster.writes)

        def tell(text: str) -> None:
            if text.startswith("afterwards"):
                assert text == f"afterwards IAM login is not possible: {DAEMON} does not exist"
                seen.append(len(cluster.writes) - writes)

        roll_back(cluster.kubectl(), state, tell=tell)
        assert seen == [0]

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

    def test_a_daemonset_without_a_configmap_tells_nothing(self, state: Path) -> None:
        """What somebody had there before, with its configuration on the host."""
        cluster = Cluster()
        pod = {"containers": [{"name": NAME, "args": ["server", "-c", "/etc/a.yaml"]}], "volumes": []}
        cluster.add(self.daemonset(pod))
        apply_to_cluster(made(), cluster.kubectl(), state, force=True)
        reason = f"{DAEMON} does not read its configuration from a ConfigMap"
        assert f"it is unknown who can log in with IAM afterwards: {reason}" in self.announced(cluster, state)

    @pytest.mark.parametrize("is_there", [True, False])
    def test_a_daemonset_that_read_another_configmap(self, state: Path, is_there: bool) -> None:
        cluster = Cluster()
        volumes = [{"name": "config", "configMap": {"name": "theirs"}}]
        pod = {"containers": [{"name": NAME, "args": ["server", "--config=/etc/config.yaml"]}], "volumes": volumes}
        cluster.add(self.daemonset(pod))
        metadata = {"name": "theirs", "namespace": "kube-system"}
        if is_there:
            data = {"config.yaml": MAPPINGS + READERS + WRITERS}
            cluster.add({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data})
        apply_to_cluster(made(), cluster.kubectl(), state, force=True)
        told = self.announced(cluster, state)
        waits = f"{DAEMON} waits for ConfigMap kube-system/theirs, which does not exist"
        assert ("afterwards 3 principals can log in with IAM, 1 of them in system:masters" in told) is is_there
        assert (f"afterwards IAM login is not possible: {waits}" in told) is not is_there

    def daemonset(self, pod: dict[str, Any]) -> dict[str, Any]:
        spec = {"template": {"spec": pod}}
        metadata = {"name": NAME, "namespace": "kube-system"}
        return {"apiVersion": "apps/v1", "kind": "DaemonSet", "metadata": metadata, "spec": spec}

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
