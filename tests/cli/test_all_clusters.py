"""--all-clusters: which clusters are meant, and that none ends the others."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import pytest

from tarmak_iam.cli.all_clusters import (
    ClusterOutcome,
    ReportProgress,
    clusters_of,
    finish_all,
    for_each,
)
from tarmak_iam.cli.mapping_edits import MappingsEdit
from tarmak_iam.config import Cluster, TarmakConfig
from tarmak_iam.errors import ConfigError, FileChanged, FileError, Place, SelectionError
from tarmak_iam.files import atomic
from tests.support import ADMIN, Shell

CLUSTERS = """\
clusters:
- environment: prod
  metadata: {name: hub}
- environment: prod
  metadata: {name: blue}
-
- environment: prod
  metadata: {name: blue}
- metadata: {name: lost}
- environment: prod
  metadata: {name: green-2}
"""
CONFIG = TarmakConfig.parse("apiVersion: api.tarmak.io/v1alpha1\nkind: Config\n" + CLUSTERS)


def test_which_are_meant(capsys: pytest.CaptureFixture[str]) -> None:
    assert [each.cluster_name for each in clusters_of(CONFIG)] == ["prod-blue", "prod-green-2"]
    assert capsys.readouterr().err.splitlines() == [
        "tarmak.yaml:4:3: note: skipped: prod-hub is a hub: it has no masters",
        "tarmak.yaml:8:2: note: skipped: an entry without environment or name is not a cluster",
        "tarmak.yaml:9:3: note: skipped: duplicate cluster prod-blue, and Tarmak uses the first",
        "tarmak.yaml:11:3: note: skipped: an entry without environment or name is not a cluster",
    ]


def test_only_those_of_an_environment(capsys: pytest.CaptureFixture[str]) -> None:
    more = f"{CLUSTERS}- environment: dev\n  metadata: {{name: a}}\n- environment: dev\n"
    config = TarmakConfig.parse(f"apiVersion: api.tarmak.io/v1alpha1\nkind: Config\n{more}")
    assert [cluster.cluster_name for cluster in clusters_of(config, "dev")] == ["dev-a"]
    assert capsys.readouterr().err.count("\n") == 1, "nothing is said of other environments"
    assert [cluster.cluster_name for cluster in config.clusters_in("dev")] == ["dev-a"]
    for unknown in ("de", ""):
        with pytest.raises(SelectionError, match=f"no cluster is in environment '{unknown}'"):
            clusters_of(config, unknown)


@pytest.mark.parametrize("clusters", ["", "clusters: []\n", "clusters:\n-\n"])
def test_none_is_an_error(clusters: str) -> None:
    config = TarmakConfig.parse("apiVersion: api.tarmak.io/v1alpha1\nkind: Config\n" + clusters)
    with pytest.raises(SelectionError, match="no cluster with masters found"):
        clusters_of(config)


def _fails_for_blue(cluster: Cluster, tell: ReportProgress) -> int:
    tell("a moment")
    if cluster.name == "blue":
        raise ConfigError("no such thing", remedy="look again", place=Place("f.yaml", 1, 2))
    return len(cluster.name)


def outcomes(work: Callable[[Cluster, ReportProgress], int]) -> list[ClusterOutcome]:
    return list(for_each(CONFIG.selectable_clusters, work, "trying"))


def test_an_error_does_not_end_the_others(capsys: pytest.CaptureFixture[str]) -> None:
    got = outcomes(_fails_for_blue)
    assert capsys.readouterr().err.splitlines() == [
        "prod-hub: a moment",
        "prod-blue: a moment",
        "f.yaml:1:2: error: prod-blue: no such thing; look again",
        "prod-green-2: a moment",
    ]
    assert [(each.name, each.value) for each in got] == [
        ("prod-hub", 3),
        ("prod-blue", None),
        ("prod-green-2", 7),
    ]


@pytest.mark.parametrize(
    ("chosen", "code", "summary"),
    [
        ([0, 1, 2], 2, "3 clusters: 1 short, 1 failed (prod-blue), 1 long (prod-green-2)"),
        ([0, 2], 1, "2 clusters: 1 short, 1 long (prod-green-2)"),
        ([0], 0, "1 cluster: 1 short"),
    ],
)
def test_the_end_of_it(capsys: pytest.CaptureFixture[str], chosen: list[int], code: int, summary: str) -> None:
    got = [outcomes(_fails_for_blue)[index] for index in chosen]
    capsys.readouterr()
    ended = 0
    with click.Context(click.Command("x")):
        try:
            finish_all(got, lambda length: {"length": length}, "json", _word, "short")
        except click.exceptions.Exit as end:
            ended = end.exit_code
    captured = capsys.readouterr()
    assert (ended, captured.err) == (code, f"{summary}\n")
    assert json.loads(captured.out) == [
        {
            "cluster": got_of.name,
            **({"error": "f.yaml:1:2: no such thing; look again"} if got_of.error else {"length": got_of.value}),
        }
        for got_of in got
    ]


def _word(length: int) -> str:
    return "long" if length > 3 else "short"


def test_whatever_is_no_error_of_ours_ends_it() -> None:
    def interrupted(_cluster: Cluster, _tell: ReportProgress) -> int:
        raise click.Abort

    with pytest.raises(click.Abort):
        outcomes(interrupted)


def mapped(shell: Shell, *names: str) -> None:
    for name in names:
        role = ["map", "add", ADMIN, "--username", "admin", "--group", "system:masters"]
        shell.run("-c", shell.multi, "--current-cluster", name, *role)


def test_render_makes_a_directory_for_each(shell: Shell, tmp_path: Path) -> None:
    mapped(shell, "prod-blue", "prod-green")
    out = tmp_path / "out"
    done = shell.run("-c", shell.multi, "render", "--all-clusters", "--output-dir", out)
    assert f"wrote {out / 'prod-blue' / 'daemonset.yaml'}\n" in done.out
    assert sorted(path.name for path in out.iterdir()) == ["prod-blue", "prod-green"]
    assert done.err.splitlines()[-1] == "2 clusters: 2 rendered"
    told = json.loads(
        shell.run("-c", shell.multi, "render", "--all-clusters", "--output-dir", out, "--dry-run", "-o", "json").out
    )
    assert [(each["cluster"], each["dryRun"]) for each in told] == [("prod-blue", True), ("prod-green", True)]


def test_what_one_is_refused_leaves_the_others_whole(shell: Shell, tmp_path: Path) -> None:
    mapped(shell, "prod-blue", "prod-green")
    out = tmp_path / "out"
    (out / "prod-blue").mkdir(parents=True)
    (out / "prod-blue" / "kubeconfig").write_text("somebody's\n")
    done = shell.run("-c", shell.multi, "render", "--all-clusters", "--output-dir", out, "-o", "json", code=2)
    refused, made = json.loads(done.out)
    assert refused["cluster"] == "prod-blue"
    assert "this file is not replaced" in refused["error"]
    assert made["cluster"] == "prod-green"
    assert [path.name for path in (out / "prod-blue").iterdir()] == ["kubeconfig"]
    assert {each["name"] for each in made["files"]} <= {path.name for path in (out / "prod-green").iterdir()}
    assert done.err.splitlines()[-1] == "2 clusters: 1 rendered, 1 failed (prod-blue)"


def ids(done: str) -> list[tuple[str, str | None]]:
    return [(each["id"], each["cluster"]) for each in json.loads(done)]


def test_check_sees_each_and_tells_nothing_twice(shell: Shell) -> None:
    config = shell.multi / "tarmak.yaml"
    config.write_text(config.read_text().replace("cloudId: aws\n", "cloudId: aws\n      colour: blue\n", 1))
    mapped(shell, "prod-blue", "prod-green")
    path = shell.multi / "prod-green" / "aws-iam-authenticator.yaml"
    path.write_text(path.read_text() + "  mapAccounts: ['444455556666']\n")
    one = shell.run("-c", shell.multi, "check", "-o", "json", code=1)
    assert ids(one.out) == [("IAM030", "prod-hub")]
    every = shell.run("-c", shell.multi, "check", "--all-clusters", "-o", "json", code=1)
    assert ids(every.out) == [("IAM030", "prod-hub"), ("IAM074", "prod-green")]
    text = shell.run("-c", shell.multi, "check", "--all-clusters", code=1)
    summary = "2 warnings, 3 clusters: 1 clean, 2 with findings (prod-hub, prod-green)\n"
    assert text.err == f"more about a finding: `tarmak-iam explain IAM030`\n{summary}"
    path.write_text("server: {\n")
    failed = shell.run("-c", shell.multi, "check", "--all-clusters", "-o", "json", code=2)
    assert ids(failed.out) == [("IAM030", "prod-hub")]
    assert failed.err.startswith(f"{path}:")


BOB, EVE = "arn:aws:iam::111122223333:user/bob", "arn:aws:iam::111122223333:user/eve"


def mapped_both(shell: Shell) -> list[Path]:
    for who, group in ((EVE, "system:masters"), (BOB, "dev")):
        shell.run("-c", shell.multi, "map", "add", who, "--username", "x", "--group", group, "--all-clusters")
    return [shell.multi / name / "aws-iam-authenticator.yaml" for name in ("prod-blue", "prod-green")]


def test_a_file_that_clusters_share_is_not_edited_for_all_of_them(shell: Shell) -> None:
    blue, green = mapped_both(shell)
    text = blue.read_text()
    green.unlink()
    green.symlink_to(blue)
    done = shell.run("-c", shell.multi, "map", "remove", BOB, "--all-clusters", code=2)
    assert f"{blue}: error: prod-green: several clusters share this file, through links; edit it for one" in done.err
    assert (done.out, blue.read_text()) == ("", text)


@pytest.mark.parametrize(("flags", "is_first_written"), [([], True), (["--atomic"], False)])
def test_a_file_that_cannot_be_written(
    shell: Shell, monkeypatch: pytest.MonkeyPatch, flags: list[str], is_first_written: bool
) -> None:
    blue, green = mapped_both(shell)
    replace_file = atomic.replace_file

    def replaced(path: Path, data: bytes, **more: Any) -> None:
        if path == green:
            raise FileError("the disk is full", place=Place(str(path)))
        replace_file(path, data, **more)

    monkeypatch.setattr(atomic, "replace_file", replaced)
    done = shell.run("-c", shell.multi, "map", "remove", BOB, "--all-clusters", *flags, code=2)
    assert f"{green}: error: " in done.err
    assert (BOB in blue.read_text(), BOB in green.read_text()) == (not is_first_written, True)
    assert done.out.count("can no longer log in") == is_first_written


def test_a_file_of_another_environment_is_not_edited_through_a_link(shell: Shell) -> None:
    blue, _ = mapped_both(shell)
    config, text = shell.multi / "tarmak.yaml", blue.read_text()
    one = "- {environment: dev, metadata: {name: one}, kubernetes: {version: 1.15.2}}"
    config.write_text(config.read_text().replace("\nenvironments:", f"    {one}\n\nenvironments:", 1))
    (shell.multi / "dev-one").symlink_to(blue.parent)
    done = shell.run("-c", shell.multi, "map", "remove", BOB, "--environment", "dev", code=2)
    assert "dev-one: several clusters share this file, through links" in done.err
    assert blue.read_text() == text


def test_a_hub_has_no_mappings(shell: Shell) -> None:
    words = ("map", "add", BOB, "--username", "bob", "--group", "dev")
    done = shell.run("-c", shell.multi, "--cluster", "prod-hub", *words, code=2)
    assert "prod-hub is a hub: it has no masters" in done.err
    assert not (shell.multi / "prod-hub").exists()


def test_a_new_directory_has_the_mode_of_those_of_tarmak(shell: Shell) -> None:
    green = shell.multi / "prod-green"
    for path in green.iterdir():
        path.unlink()
    green.rmdir()
    mapped_both(shell)
    assert green.stat().st_mode & 0o777 == 0o700


def test_a_settings_file_that_another_program_changes(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    blue, failures = shell.multi / "prod-blue" / "tarmak-iam.yaml", [1]
    replace_file = atomic.replace_file

    def replaced(path: Path, data: bytes, **more: Any) -> None:
        if path == blue and failures and failures.pop():
            raise FileChanged("the file has changed since it was read", place=Place(str(path)))
        replace_file(path, data, **more)

    monkeypatch.setattr(atomic, "replace_file", replaced)
    done = shell.run("-c", shell.multi, "settings", "set", "profile", "ops", "--all-clusters")
    assert "the edit is repeated" in done.err
    assert "profile: ops" in blue.read_text()


def test_a_settings_file_that_cannot_be_written(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    """The other clusters are edited, and the summary names both."""
    blue = shell.multi / "prod-blue" / "tarmak-iam.yaml"
    replace_file = atomic.replace_file

    def replaced(path: Path, data: bytes, **more: Any) -> None:
        if path == blue:
            raise FileError("the disk is full", place=Place(str(path)))
        replace_file(path, data, **more)

    monkeypatch.setattr(atomic, "replace_file", replaced)
    done = shell.run("-c", shell.multi, "settings", "set", "profile", "ops", "--all-clusters", code=2)
    assert f"{blue}: error: prod-blue: the disk is full" in done.err
    assert done.err.endswith("2 clusters: 1 failed (prod-blue), 1 changed (prod-green)\n")
    assert (blue.with_name("tarmak-iam.yaml").exists(), "prod-blue" in done.out) == (False, False)


@pytest.mark.parametrize("flags", [[], ["--atomic"]])
def test_a_change_by_another_program_is_not_lost(
    shell: Shell, monkeypatch: pytest.MonkeyPatch, flags: list[str]
) -> None:
    blue, green = mapped_both(shell)
    plan, seen = MappingsEdit.plan, list[str]()

    def with_change(edit: MappingsEdit, *arguments: Any, **more: Any) -> None:
        seen.append(edit.files.cluster_name)
        if len(seen) == 2:
            green.write_text(green.read_text() + "  mapAccounts: []\n")
        plan(edit, *arguments, **more)

    monkeypatch.setattr(MappingsEdit, "plan", with_change)
    shell.run("-c", shell.multi, "map", "remove", BOB, "--all-clusters", *flags, code=0 if flags else 2)
    assert seen == ["prod-blue", "prod-green"] * (2 if flags else 1)
    assert BOB not in blue.read_text()
    assert green.read_text().endswith("mapAccounts: []\n")
    assert (BOB in green.read_text()) is not bool(flags)
