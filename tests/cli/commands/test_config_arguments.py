"""Arguments and options of config: what they select, what is refused with what to write instead, what is to be run."""

from __future__ import annotations

import io
import sys

import pytest

from tests.cli.commands.test_config import changed, multi
from tests.support import Shell


@pytest.mark.parametrize(
    ("patch", "options", "message"),
    [
        (
            "kubernetes.version: 1.14.10",
            [],
            (
                "<stdin>:1:1: error: Tarmak does not know the key 'kubernetes.version' in clusters[]; "
                "nest the keys, as in {kubernetes: {version: 1.12.9}}; or set this path"
            ),
        ),
        (
            "kubernetes: {note: 1}",
            [],
            (
                "<stdin>:1:14: error: Tarmak does not know the key 'note' in clusters[].kubernetes; "
                "if only your fork of Tarmak knows it, use --force"
            ),
        ),
        (
            "'instancePools[worker].size': large",
            [],
            (
                "<stdin>:1:1: error: Tarmak does not know the key 'instancePools[worker].size' in clusters[]; "
                "nest the keys, as in {kubernetes: {version: 1.12.9}}; or set this path"
            ),
        ),
        (
            "instancePools: []",
            [],
            (
                "{file}:39:11: error: instancePools is empty in the patch: items are merged by name, so nothing would "
                "change; use null to remove the list, or set to replace it"
            ),
        ),
        (
            "clusters: [{environment: prod, metadata: {name: gren}, kubernetes: {zone: z}}]",
            ["--root"],
            (
                "{file}:9:5: error: the edit was refused: a cluster of type cluster-multi requires pools of type "
                "master, worker and etcd; add them; clusters has no item 'prod-gren': did you mean prod-green?"
            ),
        ),
        (
            "clusters: [{metadata: {name: prod-green}, kubernetes: {zone: z}}]",
            ["--root"],
            (
                "{file}:9:5: error: the edit was refused: a cluster of type cluster-single requires pools of type "
                "master, worker, bastion, vault and etcd; add them; clusters has no item 'prod-green': write the "
                "environment and the metadata.name of the cluster"
            ),
        ),
        (
            "clusters: [{environment: dev, metadata: {name: x}, kubernetes: {zone: z}}]",
            ["--root"],
            (
                "{file}:9:5: error: the edit was refused: a cluster of type cluster-single requires pools of type "
                "master, worker, bastion, vault and etcd; add them"
            ),
        ),
        (
            "instancePools: [{metadata: {name: wroker}, maxCount: 12}]",
            [],
            (
                "{file}:39:11: error: the edit was refused: the pool has no type; use master or worker; "
                "instancePools has no item 'wroker': did you mean worker?"
            ),
        ),
    ],
)
def test_what_a_patch_says_instead(
    shell: Shell, monkeypatch: pytest.MonkeyPatch, patch: str, options: list[str], message: str
) -> None:
    file = shell.multi / "tarmak.yaml"
    before = file.read_bytes()
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(patch.encode())))
    done = multi(shell, "patch", "-", *options, code=2)
    assert done.err == message.replace("{file}", str(file)) + "\n"
    assert file.read_bytes() == before


SKIPPED = "{file}:9:7: note: skipped: prod-hub: instancePools has no item 'worker'\n"
GPU = (
    "{type: worker, metadata: {name: gpu}, size: large, minCount: 1, maxCount: 3, subnets: [{zone: eu-central-1a}], "
    "volumes: [{metadata: {name: root}, size: 16Gi, type: ssd}]}"
)


def patch_all(shell: Shell, monkeypatch: pytest.MonkeyPatch, patch: str, code: int = 0) -> tuple[list[str], str]:
    """The changed lines, and what is printed about the file {file}."""
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(patch.encode())))
    done = multi(shell, "patch", "-", "--all-clusters", code=code)
    return changed(done), done.err.replace(str(shell.multi / "tarmak.yaml"), "{file}")


@pytest.mark.parametrize("item", ["{metadata: {name: worker}, size: medium}", GPU.replace("gpu", "worker")])
def test_a_patch_of_all_clusters_skips_those_without_the_item(
    shell: Shell, monkeypatch: pytest.MonkeyPatch, item: str
) -> None:
    lines, err = patch_all(shell, monkeypatch, f"instancePools: [{item}]")
    assert [line[0] for line in lines].count("+") == (2 if "medium" in item else 1)
    assert err.startswith(SKIPPED)
    assert patch_all(shell, monkeypatch, f"instancePools: [{item}]") == (
        [],
        f"{SKIPPED}unchanged: it already has all values of <stdin>\n",
    )


@pytest.mark.parametrize(
    ("patch", "message"),
    [
        (
            "instancePools: [{metadata: {name: wroker}, size: medium}]",
            (
                "{file}:15:11: error: the edit was refused: the pool has no type; use jenkins; instancePools has no "
                "item 'wroker': did you mean worker?"
            ),
        ),
        (  # it is in no cluster: it is to be added to all
            f"instancePools: [{GPU}]",
            (
                "{file}:15:11: error: the edit was refused: a cluster of type hub cannot have a pool of type 'worker'; "
                "move it to another cluster of the environment, or remove it"
            ),
        ),
    ],
)
def test_a_patch_of_all_clusters_adds_an_item_to_all_or_to_none(
    shell: Shell, monkeypatch: pytest.MonkeyPatch, patch: str, message: str
) -> None:
    before = (shell.multi / "tarmak.yaml").read_bytes()
    assert patch_all(shell, monkeypatch, patch, code=2) == ([], f"{message}\n")
    assert (shell.multi / "tarmak.yaml").read_bytes() == before


def test_a_patch_of_all_clusters_of_which_each_lacks_an_item(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    before = (shell.multi / "tarmak.yaml").read_bytes()
    items = ", ".join(f"{{metadata: {{name: {name}}}, size: medium}}" for name in ("worker", "bastion"))
    lines, err = patch_all(shell, monkeypatch, f"instancePools: [{items}]", code=2)
    assert lines == []
    assert err.startswith("{file}:15:11: error: instancePools has no item 'worker'; it has bastion")
    assert (shell.multi / "tarmak.yaml").read_bytes() == before
