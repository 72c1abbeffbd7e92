"""Whose the fields are that an apply would set: edits of others are refused, our own traces and additions are none."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tarmak_iam.emit import manifests
from tarmak_iam.errors import PolicyRefused
from tarmak_iam.hook.cluster import history as history_module
from tarmak_iam.hook.cluster.apply import apply_to_cluster, live_diff
from tarmak_iam.hook.cluster.history import Status, read_history, write_history
from tarmak_iam.hook.cluster.server import Server
from tests.support.applied import NAME, READERS, after_apply, made
from tests.support.fake_cluster import Cluster, failed
from tests.support.installations import MAPPINGS

CONFIG = f"ConfigMap kube-system/{NAME}"
THEIRS = {"config.yaml": "clusterID: dev-cluster\n"}
Edit = Callable[[Cluster], object]


def live(cluster: Cluster, kind: str = "ConfigMap") -> dict[str, Any]:
    found = cluster.get(kind, NAME)
    assert found is not None
    return copy.deepcopy(found)


def edited(**more: Any) -> dict[str, Any]:
    """A copy of the manifest with other mappings."""
    config = manifests(made())[0]
    return {**config, "data": THEIRS, **more}


def with_label(cluster: Cluster, value: str | None) -> dict[str, Any]:
    each = live(cluster)
    labels = each["metadata"]["labels"]
    each["metadata"]["labels"] = {key: old for key, old in labels.items() if key != "app.kubernetes.io/part-of"}
    if value is not None:
        each["metadata"]["labels"]["app.kubernetes.io/part-of"] = value
    return each


EDITS: dict[str, tuple[Edit, str]] = {
    "edit": (lambda each: each.add({**live(each), "data": THEIRS}, "kubectl-edit"), "kubectl-edit"),
    "patch": (lambda each: each.add({**live(each), "data": THEIRS}, "kubectl-patch"), "kubectl-patch"),
    "replace": (lambda each: each.add({**live(each), "data": THEIRS}, "kubectl-replace"), "kubectl-replace"),
    "label": (lambda each: each.add(with_label(each, "theirs"), "kubectl-label"), "kubectl-label"),
    "apply": (lambda each: each.client_side_apply(edited()), "kubectl-client-side-apply"),
    "apply --server-side": (lambda each: each.server_side_apply(edited(), "kubectl"), "kubectl"),
}


class TestServerSide:
    @pytest.mark.parametrize("name", EDITS)
    def test_what_others_have_edited_is_refused(self, state: Path, name: str) -> None:
        edit, manager = EDITS[name]
        cluster = after_apply(state)
        edit(cluster)
        before, writes = live(cluster), len(cluster.writes)
        with pytest.raises(PolicyRefused) as refused:
            apply_to_cluster(made(), cluster.kubectl(), state)
        assert refused.value.message == (
            f"{CONFIG} has fields that were set by {manager}; nothing was changed; add the change to the mappings "
            "or settings, or overwrite these fields with --force"
        )
        assert (live(cluster), len(cluster.writes)) == (before, writes)
        assert live_diff(made(), cluster.kubectl()).notes[0].startswith(f"apply would refuse this: {CONFIG} has fields")
        apply_to_cluster(made(), cluster.kubectl(), state, force=True)
        assert live(cluster)["data"] == {"config.yaml": MAPPINGS}

    @pytest.mark.parametrize("what", ["data", "label"])
    def test_so_is_what_others_have_removed(self, state: Path, what: str) -> None:
        """Nobody has such a field any more, so that the API server sees no conflict."""
        cluster = after_apply(state)
        removed = with_label(cluster, None) if what == "label" else {**live(cluster), "data": {}}
        cluster.add(removed, "kubectl-patch")
        field = "metadata.labels.app.kubernetes.io/part-of" if what == "label" else "data.config.yaml"
        with pytest.raises(PolicyRefused) as refused:
            apply_to_cluster(made(), cluster.kubectl(), state)
        assert refused.value.message.startswith(
            f"{CONFIG} ({field}) was changed since it was applied (fields were removed); nothing was changed"
        )
        apply_to_cluster(made(), cluster.kubectl(), state, force=True)
        assert not apply_to_cluster(made(), cluster.kubectl(), state).changed

    def test_manifests_that_kubectl_applied_are_our_own(self, state: Path) -> None:
        cluster = Cluster()
        for each in manifests(made()):
            cluster.client_side_apply(each)
        assert not apply_to_cluster(made(), cluster.kubectl(), state).changed
        assert apply_to_cluster(made(MAPPINGS + READERS), cluster.kubectl(), state).changed
        assert apply_to_cluster(made(), cluster.kubectl(), state).changed

    def test_so_they_are_applied_server_side_again_and_again(self, state: Path) -> None:
        """What is left of kubectl's fields has no checksum any more, but is what we have applied."""
        cluster = Cluster()
        for each in manifests(made()):
            cluster.server_side_apply(each, "kubectl")
        for mappings in (MAPPINGS, MAPPINGS + READERS, MAPPINGS):
            apply_to_cluster(made(mappings), cluster.kubectl(), state)
        image = "example.org/aws-iam-authenticator:v0.7.9"
        assert apply_to_cluster(made(image=image), cluster.kubectl(), state).changed

    def test_an_edit_after_kubectl_applied_is_refused_by_whoever(self, state: Path) -> None:
        """Up to 1.18 kubectl is called so whatever it does."""
        cluster = Cluster()
        cluster.client_side_apply(manifests(made())[0])
        cluster.add({**live(cluster), "data": THEIRS}, "kubectl")
        with pytest.raises(PolicyRefused, match="has fields that were set by kubectl; nothing was changed"):
            apply_to_cluster(made(), cluster.kubectl(), state)

    def test_our_own_name_is_not_one_of_another_manager(self, state: Path) -> None:
        cluster = after_apply(state)
        error = 'Apply failed with 2 conflicts: conflict with "tarmak-iam": .data.a conflict with "helm": .data.b'
        cluster.fault = lambda args: failed(error) if args[0] == "apply" else None
        with pytest.raises(PolicyRefused, match="has fields that were set by helm; nothing was changed"):
            apply_to_cluster(made(MAPPINGS + READERS), cluster.kubectl(), state)

    def test_the_same_value_and_additions_of_others_are_no_conflict(self, state: Path) -> None:
        cluster = after_apply(state)
        cluster.server_side_apply({**manifests(made())[0]}, "argocd-controller")
        assert not apply_to_cluster(made(), cluster.kubectl(), state).changed
        cluster = after_apply(state)
        cluster.add({**live(cluster), "data": {**live(cluster)["data"], "theirs": "x"}}, "kubectl-edit")
        apply_to_cluster(made(MAPPINGS + READERS), cluster.kubectl(), state)
        assert live(cluster)["data"] == {"config.yaml": MAPPINGS + READERS, "theirs": "x"}


def old_cluster() -> Cluster:
    return Cluster(server="v1.15.12", client="v1.15.12")


def old(mappings: str = MAPPINGS, **more: Any) -> Any:
    return made(mappings, kubernetesVersion="1.15.12", **more)


class TestBelow116:
    """Where the API server does not keep who sets what."""

    @pytest.mark.parametrize("name", [each for each in EDITS if each != "apply --server-side"])
    def test_what_others_have_edited_is_refused(self, state: Path, name: str) -> None:
        cluster = old_cluster()
        apply_to_cluster(old(), cluster.kubectl(), state)
        EDITS[name][0](cluster)
        before, writes = live(cluster), len(cluster.writes)
        field = "metadata.labels.app.kubernetes.io/part-of" if name == "label" else "data.config.yaml"
        with pytest.raises(PolicyRefused) as refused:
            apply_to_cluster(old(), cluster.kubectl(), state)
        assert refused.value.message == (
            f"{CONFIG} ({field}) was changed since it was applied (this Kubernetes version does not record who "
            "changed it); "
            "nothing was changed; add the change to the mappings or settings, or overwrite these fields with --force"
        )
        assert (live(cluster), len(cluster.writes)) == (before, writes)
        assert live_diff(old(), cluster.kubectl()).notes[0].startswith("apply would refuse this: ")
        apply_to_cluster(old(), cluster.kubectl(), state, force=True)
        assert live(cluster)["data"] == {"config.yaml": MAPPINGS}
        assert not apply_to_cluster(old(), cluster.kubectl(), state).changed

    def test_so_is_what_was_put_there_without_kubectl_apply(self, state: Path) -> None:
        """A history that cannot be read tells nothing about it."""
        cluster = old_cluster()
        cluster.add(edited(), "curl")
        for history in (None, "{"):
            if history is not None:
                state.parent.mkdir()
                state.write_text(history)
            with pytest.raises(PolicyRefused, match="this Kubernetes version does not record who changed it"):
                apply_to_cluster(old(), cluster.kubectl(), state)

    def test_additions_and_a_change_that_is_wanted_are_none(self, state: Path, tmp_path: Path) -> None:
        cluster = old_cluster()
        apply_to_cluster(old(), cluster.kubectl(), state)
        # Also from another machine.
        assert apply_to_cluster(old(MAPPINGS + READERS), cluster.kubectl(), tmp_path / "other.json").changed
        cluster.add({**live(cluster), "data": {"config.yaml": MAPPINGS, "theirs": "x"}})
        apply_to_cluster(old(), cluster.kubectl(), tmp_path / "other.json")
        assert live(cluster)["data"] == {"config.yaml": MAPPINGS, "theirs": "x"}

    def test_what_an_earlier_release_has_left_is_known_by_the_history(self, state: Path, tmp_path: Path) -> None:
        """Its manifests had no checksum."""
        cluster = old_cluster()
        apply_to_cluster(old(), cluster.kubectl(), state)
        each = live(cluster)
        last = json.loads(each["metadata"]["annotations"].pop("kubectl.kubernetes.io/last-applied-configuration"))
        del each["metadata"]["annotations"], last["metadata"]["annotations"]
        text = json.dumps(last)
        each["metadata"]["annotations"] = {"kubectl.kubernetes.io/last-applied-configuration": text}
        cluster.add(each)
        with pytest.raises(PolicyRefused, match=r"\(data\.config\.yaml.*was changed since it was applied"):
            apply_to_cluster(old(MAPPINGS + READERS), cluster.kubectl(), tmp_path / "none.json")
        assert apply_to_cluster(old(MAPPINGS + READERS), cluster.kubectl(), state).changed

    @pytest.mark.parametrize(
        ("status", "before", "after"),
        [("begun", False, True), ("applied", False, True), ("undoing", True, True), ("undone", True, False)],
    )
    def test_which_end_of_a_change_is_there(self, state: Path, status: str, *, before: bool, after: bool) -> None:
        """A rollback may have come to this object, or not."""
        cluster = old_cluster()
        apply_to_cluster(old(), cluster.kubectl(), state)
        old_one = live(cluster)
        apply_to_cluster(old(MAPPINGS + READERS), cluster.kubectl(), state)
        write_history(read_history(state).with_status((2,), Status(status)), state)
        is_left = history_module.left_by(Server.of(cluster.kubectl()), history_module.history_if_readable(state, None))
        assert (is_left(old_one), is_left(live(cluster))) == (before, after)
