"""Settings that have had other names in earlier versions."""

from __future__ import annotations

import pytest

from tarmak_iam.installation.setting_table import SETTINGS
from tests.support import Shell


@pytest.fixture(autouse=True)
def renamed(monkeypatch: pytest.MonkeyPatch) -> None:
    for key, older in {"daemonVersion": "release", "registry": "source", "image": "picture"}.items():
        monkeypatch.setitem(SETTINGS, key, SETTINGS[key]._replace(formerly=(older,)))


def test_a_setting_under_its_older_name(shell: Shell) -> None:
    file = shell.single / "dev-cluster" / "tarmak-iam.yaml"
    file.write_text("profile: dev\nrelease: v0.6.20\n")
    warning = f"{file}: warning: the setting release is now named daemonVersion: rename it\n"
    shown = shell.dev("settings", "show")
    assert ("daemonVersion: v0.6.20\n" in shown.out, shown.err) == (True, warning)

    changed = shell.dev("settings", "set", "daemonVersion", "v0.6.31")
    assert (file.read_text(), changed.err.count(warning)) == ("profile: dev\nrelease: v0.6.31\n", 1)
    assert f"{file}:2:10: error: daemonVersion is v0.6.31, but " in shell.dev("check", code=1).out
    shell.dev("settings", "unset", "daemonVersion")
    assert file.read_text() == "profile: dev\n"
    shell.dev("settings", "set", "daemonVersion", "v0.7.18")
    assert (file.read_text(), shell.dev("settings", "show").err) == ("profile: dev\ndaemonVersion: v0.7.18\n", "")
    for arguments in (["get", "release"], ["set", "release", "v0.7.9"], ["unset", "release"]):
        message = "error: the setting release is now named daemonVersion; use daemonVersion\n"
        assert shell.dev("settings", *arguments, code=2).err == message


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("release: x\n", "1:10: error: daemonVersion: "),
        ("release: v0.7.9\ndaemonVersion: v0.7.9\n", "2:1: error: 'release' and 'daemonVersion' are the same setting;"),
        ("daemonVersion: v0.7.9\nrelease:\n", "2:1: error: 'daemonVersion' and 'release' are the same setting; remove"),
    ],
)
def test_what_is_wrong_with_an_older_name(shell: Shell, text: str, message: str) -> None:
    file = shell.single / "dev-cluster" / "tarmak-iam.yaml"
    file.write_text(text)
    assert f"{file}:{message}" in shell.dev("settings", "show", code=2).err


def test_all_that_is_told_of_an_older_name_is_told_at_its_place(shell: Shell) -> None:
    file = shell.single / "dev-cluster" / "tarmak-iam.yaml"
    file.write_text("profile: dev\npicture: x:mine\n")
    assert (
        f"{file}:2:10: error: the release of the authenticator in the image 'x:mine' is unknown"
        in shell.dev("manifests", code=2).err
    )
    file.write_text("profile: dev\nsource: ecr\n")
    checked = shell.dev("check", "-v", code=1)
    assert f"setting registry: ecr ({file}:2:9)\n" in checked.err
    assert f"{file}:2:9: warning: the image " in checked.out
    file.write_text("profile: dev\nsource: ecr  # tarmak-iam: ignore[IAM101] the masters may pull from there\n")
    assert "IAM10" not in shell.dev("check").out
