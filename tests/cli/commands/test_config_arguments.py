"""Arguments and options of config: what they select, what is refused with what to write instead, what is to be run."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import pytest

from tests.cli.commands.test_config import changed, multi
from tests.support import Shell


@pytest.mark.parametrize(
    ("args", "line"),
    [
        (["x-n", "-1"], "+      x-n: -1"),
        (["--dry-run", "x-n", "-.5"], "+      x-n: -0.5"),
        (["--", "x-n", "-foo"], "+      x-n: -foo"),
        (["x-n", "--dry-run", "--", "--foo"], "+      x-n: --foo"),
        (["kubernetes.zone", "-"], '+          zone: "-"'),
    ],
)
def test_a_value_may_begin_with_a_dash(shell: Shell, args: list[str], line: str) -> None:
    assert changed(multi(shell, "set", *args)) == [line]


def test_an_appended_value_may_begin_with_a_dash(shell: Shell) -> None:
    multi(shell, "set", "x-n", "[0]")
    assert changed(multi(shell, "append", "x-n", "-1", "-2"))[-2:] == ["+          - -1", "+          - -2"]
    assert changed(multi(shell, "set", "x-n[0]", "5", "--if", "-0"))[-1] == "+          - 5"


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (
            ["set", "kubernetes.zone", "-foo"],
            "unknown option -foo; to use it as a value, write -- before the first PATH",
        ),
        (
            ["append", "kubernetes.zone", "--bar"],
            "unknown option --bar; to use it as a value, write -- before the first PATH",
        ),
        (["append", "--bar", "kubernetes.zone", "a"], "unknown option --bar; to use it as a value, write"),
        (["set", "kubernetes.zone", "a", "--forse"], "unknown option --forse; did you mean --force?"),
        (["set", "kubernetes.zone", "a", "--forse=1"], "unknown option --forse; did you mean --force?"),
        (["set", "kubernetes.zone", "a", "-x", "--", "-y", "b"], "unknown option -x; to use it as a value"),
    ],
)
def test_an_option_that_does_not_exist_is_no_value(shell: Shell, args: list[str], message: str) -> None:
    assert message in multi(shell, *args, code=2).err


@pytest.mark.parametrize(
    ("patch", "options", "message"),
    [
        (
            "kubernetes.version: 1.14.10",
            [],
            (
                "<stdin>:1:1: error: Tarmak does not know the key 'kubernetes.version' in clusters[]; "
                "nest the keys: kubernetes: {version: VALUE}"
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
                "nest the keys, with the item in a list; or set this path"
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
                "{file}:9:5: error: the edit was refused: clusters has no item 'prod-gren', and it cannot be added: "
                "a cluster of type cluster-multi requires pools of type master, worker and etcd; "
                "did you mean prod-green?"
            ),
        ),
        (
            "clusters: [{metadata: {name: prod-green}, kubernetes: {zone: z}}]",
            ["--root"],
            (
                "{file}:9:5: error: the edit was refused: clusters has no item 'prod-green', and it cannot be added: "
                "a cluster of type cluster-single requires pools of type master, worker, bastion, vault "
                "and etcd; write the environment and the metadata.name of the cluster"
            ),
        ),
        (
            "clusters: [{environment: dev, metadata: {name: x}, kubernetes: {zone: z}}]",
            ["--root"],
            (
                "{file}:9:5: error: the edit was refused: clusters has no item 'dev-x', and it cannot be added: "
                "a cluster of type cluster-single requires pools of type master, worker, bastion, vault "
                "and etcd; add them"
            ),
        ),
        (
            "instancePools: [{metadata: {name: wroker}, maxCount: 12}]",
            [],
            (
                "{file}:39:11: error: the edit was refused: instancePools has no item 'wroker', and it cannot be "
                "added: the pool has no type; did you mean worker?"
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


@pytest.mark.parametrize(
    ("args", "command"),
    [
        (["set", "/currentCluster", "prod-green", "kubernetes.zone", "z"], "--current-cluster prod-blue "),
        (["set", "/currentCluster", "prod-red", "metadata.name", "red"], ""),
        (["set", "/clusters[prod-green].metadata.name", "red", "kubernetes.zone", "z"], ""),
        (["unset", "/clusters[prod-green]", "cloudId"], ""),
    ],
)
def test_the_next_command_is_for_the_edited_file(shell: Shell, args: list[str], command: str) -> None:
    done = multi(shell, *args)
    assert f"; run `tarmak -c {shell.multi} {command}clusters apply` to apply it to the cluster\n" in done.err


def test_the_next_command_of_clusters_that_are_renamed(shell: Shell) -> None:
    stage = ["/currentCluster", "stage-blue", "/environments[prod].metadata.name", "stage"]
    done = multi(shell, "set", "--all-clusters", "environment", "stage", *stage)
    assert f"the 3 clusters, as in `tarmak -c {shell.multi} --current-cluster stage-hub clusters apply`" in done.err
    refused = multi(shell, "unset", "--all-clusters", "cloudId", "/clusters[stage-green]", code=2)
    assert "edit 3 (cloudId) and edit 4 (/clusters[stage-green]) change the same part of the file" in refused.err


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
                "{file}:39:11: error: the edit was refused: instancePools has no item 'wroker', and it cannot be "
                "added: the pool has no type; did you mean worker?"
            ),
        ),
        (  # it is in no cluster: it is to be added to all
            f"instancePools: [{GPU}]",
            (
                "{file}:15:11: error: the edit was refused: instancePools has no item 'gpu', and it cannot be added: "
                "a cluster of type hub cannot have a pool of type 'worker'; remove it: every other cluster has a pool "
                "of that type"
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
    assert "error: the edit was refused: instancePools has no item " in err
    assert "and it cannot be added: the pool has no type" in err
    assert (shell.multi / "tarmak.yaml").read_bytes() == before


def test_a_key_that_one_of_all_clusters_has_is_removed_there(shell: Shell) -> None:
    multi(shell, "set", "--force", "kubernetes.note", "a")
    assert changed(multi(shell, "unset", "--all-clusters", "kubernetes.note")) == ["-          note: a"]
    assert multi(shell, "unset", "--all-clusters", "kubernetes.note", code=2).err.endswith(
        "error: Tarmak does not know the key 'note' in kubernetes; choose one of apiServer, calico, clusterAutoscaler, "
        "controllerManager, dashboard and 14 more; if only your fork of Tarmak knows it, use --force\n"
    )
    assert multi(shell, "unset", "kubernetes.note", "--force").err == "unchanged: kubernetes.note is not set\n"


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (
            ["set", "instancePools[worker].maxCount", "10", "--if", '"9"'],
            "41:90: error: the value of --if: instancePools[worker].maxCount must be a whole number, not the string",
        ),
        (
            ["set", "instancePools[worker].maxCount", "10", "--if", ""],
            (
                "41:90: error: the value of --if: instancePools[worker].maxCount requires a value; "
                "for a key that is not set, use --if-unset"
            ),
        ),
        (
            ["set", "instancePools[worker].maxCount", "ten", "--if", "9"],
            '41:90: error: instancePools[worker].maxCount must be a whole number, not the string "ten"',
        ),
        (
            ["set", "kubernetes.fork", "10", "--if", "9"],
            "27:11: error: Tarmak does not know the key 'fork' in kubernetes; choose one of",
        ),
        (["unset", "x-tags[0]"], "21:7: error: x-tags is not set, so there is no x-tags[0]; append one"),
    ],
)
def test_what_an_argument_says_instead(shell: Shell, args: list[str], message: str) -> None:
    error = multi(shell, *args, code=2).err
    assert error.startswith(f"{shell.multi / 'tarmak.yaml'}:{message}")
    assert ("use --force\n" in error) == ("fork" in message)


def test_a_value_after_an_equals_sign(shell: Shell) -> None:
    error = multi(shell, "set", "kubernetes.version=1.14.1", code=2).err
    assert "write the value as a separate argument: kubernetes.version 1.14.1" in error


def test_an_item_of_an_unknown_list_that_is_not_set_is_removed_already(shell: Shell) -> None:
    assert multi(shell, "unset", "x-tags[a]").err == "unchanged: x-tags is not set, so there is no x-tags[a]\n"


def test_a_patch_file_that_does_not_exist(shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "changes.yaml").write_text("x-n: 1\n")
    error = multi(shell, "patch", str(tmp_path / "changes.yml"), code=2).err
    assert error.endswith("changes.yml: error: file not found; check the path\n")
    assert "Is a directory" in multi(shell, "patch", str(tmp_path), code=2).err


ODD = """\
apiVersion: api.tarmak.io/v1alpha1
kind: Config
currentCluster: gone
clusters:
- environment: prod
  metadata: {name: hub}
- environment: prod
  metadata: {name: a-b}
  x-list: []
  x-text: "on"
  x-words: a, b
"""


@pytest.fixture
def odd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "tarmak.yaml").write_text(ODD)
    return tmp_path / "tarmak.yaml"


@pytest.mark.parametrize(
    ("args", "out"),
    [
        (["/currentCluster"], "gone"),
        (["/clusters[prod-a-b].x-list"], "[]"),
        (["/clusters[prod-a-b].x-text"], "on"),
        (["/clusters[prod-a-b].x-text", "-o", "yaml"], '"on"'),
        (["/clusters[prod-a-b].x-words", "-o", "yaml"], "a, b"),
    ],
)
def test_an_absolute_path_needs_no_cluster(shell: Shell, odd: Path, args: list[str], out: str) -> None:
    assert odd.exists()
    assert shell.run("-c", ".", "config", "get", *args).out == f"{out}\n"


def test_no_command_is_named_for_a_cluster_that_tarmak_cannot_select(shell: Shell, odd: Path) -> None:
    result = shell.run("-c", ".", "config", "set", "--all-clusters", "kubernetes.zone", "z")
    assert "skipped: prod-hub is a hub" in result.err
    assert "wrote tarmak.yaml\n" in result.err
    assert odd.read_text() == f"{ODD}  kubernetes:\n    zone: z\n"


def test_all_clusters_without_one_that_can_be_edited(shell: Shell, odd: Path) -> None:
    text = ODD[: ODD.index("- environment: prod\n  metadata: {name: a-b}")] + "- environment: prod\n"
    odd.write_text(text)
    for words in (["set", "kubernetes.zone", "z"], ["unset", "kubernetes.zone"]):
        error = shell.run("-c", ".", "config", *words, "--all-clusters", code=2).err
        assert "error: no cluster with masters found" in error
    assert odd.read_text() == text


def test_a_key_of_the_file_skips_no_hub(shell: Shell, odd: Path) -> None:
    args = ["x-n", "1", "/kubernetes.x", "2", "--all-clusters", "--force"]
    assert "skipped" not in shell.run("-c", ".", "config", "set", *args).err
    assert odd.read_text().count("x-n: 1") == 2


def test_an_absolute_path_is_unset_without_a_cluster(shell: Shell, odd: Path) -> None:
    odd.write_text(f"x-a: 1\n{ODD}")
    shell.run("-c", ".", "config", "unset", "/x-a")
    assert odd.read_text() == ODD


def test_if_unset_is_about_one_key(shell: Shell, odd: Path) -> None:
    error = shell.run("-c", ".", "config", "set", "/x-a", "1", "/x-b", "2", "--if-unset", code=2).err
    assert "--if-unset requires a single PATH VALUE" in error
    assert odd.read_text() == ODD


def test_a_wrong_type_in_a_patch_of_the_file_has_its_place_in_the_patch(shell: Shell, odd: Path) -> None:
    (odd.parent / "p.yaml").write_text("project: [1]\n")
    assert shell.run("-c", ".", "config", "patch", "p.yaml", "--root", code=2).err.startswith("p.yaml:1:10: error: ")
    assert odd.read_text() == ODD


def test_the_condition_of_an_absolute_path(shell: Shell, odd: Path) -> None:
    args = ["config", "set", "/x-a", "2", "--if", "1"]
    assert "/x-a is not set, not 1; nothing was written" in shell.run("-c", ".", *args, code=1).err
    odd.write_text(f"x-a: 1\n{ODD}")
    shell.run("-c", ".", *args)
    assert odd.read_text() == f"x-a: 2\n{ODD}"
    refused = shell.run("-c", ".", "config", "set", "/x-a", "3", "--if-unset", code=1)
    assert "/x-a is 2; nothing was written" in refused.err
    assert odd.read_text() == f"x-a: 2\n{ODD}"
