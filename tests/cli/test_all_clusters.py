"""--all-clusters: none ends the others, and files that change or cannot be written meanwhile."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click
import pytest

from tarmak_iam.cli.all_clusters import ReportProgress, for_each
from tarmak_iam.cli.mapping_edits import MappingsEdit
from tarmak_iam.config import Cluster, TarmakConfig
from tarmak_iam.errors import ConfigError, FileChanged, FileError, Place
from tarmak_iam.files import atomic
from tests.support import EXAMPLES, Shell

BOB, EVE = "arn:aws:iam::111122223333:user/bob", "arn:aws:iam::111122223333:user/eve"
MAPPINGS, SETTINGS = "aws-iam-authenticator.yaml", "tarmak-iam.yaml"


@pytest.fixture
def mapped(shell: Shell) -> list[Path]:
    """The mappings files of both clusters, with the same entries: Eve is an admin."""
    paths = [shell.multi / name / MAPPINGS for name in ("prod-blue", "prod-green")]
    for path in paths:
        users = [f"{{userARN: '{EVE}', username: x, groups: ['system:masters']}}"]
        users += [f"{{userARN: '{BOB}', username: x, groups: [dev]}}"]
        lines = "".join(f"  - {user}\n" for user in users)
        path.write_text(f"clusterID: {path.parent.name}\nserver:\n  mapUsers:\n{lines}")
    return paths


def fail(monkeypatch: pytest.MonkeyPatch, path: Path, error: FileError) -> None:
    """The next time that the file is written."""
    replace_file, errors = atomic.replace_file, [error]

    def replaced(target: Path, data: bytes, **more: Any) -> None:
        if target == path and errors:
            raise errors.pop()
        replace_file(target, data, **more)

    monkeypatch.setattr(atomic, "replace_file", replaced)


def test_an_error_does_not_end_the_others_but_an_interruption_does(capsys: pytest.CaptureFixture[str]) -> None:
    def fails_for_blue(cluster: Cluster, tell: ReportProgress) -> int:
        tell("a moment")
        if cluster.name == "blue":
            raise ConfigError("no such thing", remedy="look again", place=Place("f.yaml", 1, 2))
        return len(cluster.name)

    def interrupted(_cluster: Cluster, _tell: ReportProgress) -> int:
        raise click.Abort

    clusters = TarmakConfig.load(EXAMPLES / "multi").selectable_clusters
    outcomes = list(for_each(clusters, fails_for_blue, "trying"))
    assert capsys.readouterr().err.splitlines() == [
        "prod-hub: a moment",
        "prod-blue: a moment",
        "f.yaml:1:2: error: prod-blue: no such thing; look again",
        "prod-green: a moment",
    ]
    expected = [("prod-hub", 3), ("prod-blue", None), ("prod-green", 5)]
    assert [(outcome.name, outcome.value) for outcome in outcomes] == expected
    with pytest.raises(click.Abort):
        list(for_each(clusters, interrupted, "trying"))


@pytest.mark.usefixtures("mapped")
def test_a_directory_of_files_for_each_that_is_not_refused(shell: Shell, tmp_path: Path) -> None:
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


def test_a_file_that_clusters_share_is_not_edited_for_one_of_them(shell: Shell, mapped: list[Path]) -> None:
    """Whichever environments they are in."""
    blue, green = mapped
    text = blue.read_text()
    green.unlink()
    green.symlink_to(blue)
    done = shell.run("-c", shell.multi, "map", "remove", BOB, "--all-clusters", code=2)
    assert f"{blue}: error: prod-green: several clusters share this file, through links; edit it for one" in done.err
    assert (done.out, blue.read_text()) == ("", text)
    config = shell.multi / "tarmak.yaml"
    one = "- {environment: dev, metadata: {name: one}, kubernetes: {version: 1.15.2}}"
    config.write_text(config.read_text().replace("\nenvironments:", f"    {one}\n\nenvironments:", 1))
    (shell.multi / "dev-one").symlink_to(blue.parent)
    done = shell.run("-c", shell.multi, "map", "remove", BOB, "--environment", "dev", code=2)
    assert "dev-one: several clusters share this file, through links" in done.err
    assert blue.read_text() == text


@pytest.mark.parametrize(("flags", "is_first_written"), [([], True), (["--atomic"], False)])
def test_a_file_that_cannot_be_written(
    shell: Shell, monkeypatch: pytest.MonkeyPatch, mapped: list[Path], flags: list[str], is_first_written: bool
) -> None:
    blue, green = mapped
    fail(monkeypatch, green, FileError("the disk is full", place=Place(str(green))))
    done = shell.run("-c", shell.multi, "map", "remove", BOB, "--all-clusters", *flags, code=2)
    assert f"{green}: error: " in done.err
    assert (BOB in blue.read_text(), BOB in green.read_text()) == (not is_first_written, True)
    assert done.out.count("can no longer log in") == is_first_written


def test_a_settings_file_that_cannot_be_written(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    """The other clusters are edited, and the summary names both. One that has changed is edited as it is now."""
    blue = shell.multi / "prod-blue" / SETTINGS
    fail(monkeypatch, blue, FileError("the disk is full", place=Place(str(blue))))
    command = ["settings", "set", "profile", "ops", "--all-clusters"]
    done = shell.run("-c", shell.multi, *command, code=2)
    assert f"{blue}: error: prod-blue: the disk is full" in done.err
    assert done.err.endswith("2 clusters: 1 failed (prod-blue), 1 changed (prod-green)\n")
    assert (blue.exists(), "prod-blue" in done.out) == (False, False)
    fail(monkeypatch, blue, FileChanged("the file has changed since it was read", place=Place(str(blue))))
    assert "the edit is repeated" in shell.run("-c", shell.multi, *command).err
    assert "profile: ops" in blue.read_text()


def test_a_new_directory_has_the_mode_of_those_of_tarmak(shell: Shell) -> None:
    green = shell.multi / "prod-green"
    for path in green.iterdir():
        path.unlink()
    green.rmdir()
    shell.run("-c", shell.multi, "map", "add", BOB, "--username", "x", "--group", "dev", "--all-clusters")
    assert green.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("flags", [[], ["--atomic"]])
def test_a_change_by_another_program_is_not_lost(
    shell: Shell, monkeypatch: pytest.MonkeyPatch, mapped: list[Path], flags: list[str]
) -> None:
    blue, green = mapped
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
