"""Our settings file: every value is checked where it stands."""

from __future__ import annotations

import json

import pytest

from tarmak_iam.installation.setting_table import SETTINGS
from tests.support import ADMIN, Shell


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("imgae: x\n", "1:1: error: unknown setting 'imgae'"),
        ("# c\nimage: a b\n", "2:8: error: image: 'a b' is not a valid image; use the form registry/name:tag"),
        ("image: 5\n", "1:8: error: image: must be a string; put the value in quotes"),
        ("kubernetesVersion: 1.30\n", "1:20: error: kubernetesVersion: must be a string; put the value in quotes"),
        ("backends: CRD\n", "1:11: error: backends: must be a list; write each item on its own line, after a dash"),
        (
            "featureGates: A\n",
            "1:15: error: featureGates: must be a YAML mapping; write each entry on its own line, as in",
        ),
        (
            "image: x:v0.7.9\n---\nprofile: a\n",
            "2:1: error: the file contains a second document, which would be ignored",
        ),
        ("daemonVersion: nonsense\n", "1:16: error: daemonVersion: "),
        ("kubernetesVersion: latest\n", "1:20: error: kubernetesVersion: 'latest' is not a valid Kubernetes version"),
        ("role: Admin\n", "1:7: error: role: 'Admin' is not the ARN of a role"),
        ('profile: "a\\nb"\n', "1:10: error: profile: 'a\\nb' is not a valid profile name"),
        ('installHint: "a\\nb"\n', "1:14: error: installHint: 'a\\nb' is not a valid hint; use one line of"),
        ('installHint: " "\n', "1:14: error: installHint: ' ' is not a valid hint; use one line of printable"),
        ('installHint: "a\\e[2Jb"\n', "1:14: error: installHint: 'a\\x1b[2Jb' is not a valid hint"),
        (
            f"installHint: {'x' * 201}\n",
            "1:14: error: installHint: a hint can have at most 200 characters, but this one has 201",
        ),
        ("featureGates: {a: 1}\n", "1:19: error: featureGates.a: must be a boolean; use true or false"),
        ("backends: []\n", "1:11: error: backends: must have at least one item"),
        ("backends:\n- DynamicFile\n", "2:3: error: backends[0]: must be"),
        ("- a\n", "1:1: error: the settings are not a YAML mapping"),
        ("image: [\n", "2:1: error: invalid YAML: "),
    ],
)
def test_what_is_wrong_is_told_at_its_place(shell: Shell, text: str, message: str) -> None:
    file = shell.single / "dev-cluster" / "tarmak-iam.yaml"
    file.write_text(text)
    for command in (["settings", "show"], ["settings", "set", "profile", "dev"], ["check"]):
        failed = shell.dev(*command, code=2)
        assert failed.err.startswith(f"{file}:{message}")
        assert failed.err.count("\n") == 1
    assert file.read_text() == text


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("image", "a b", "image: 'a b' is not a valid image"),
        ("daemonVersion", "x", "daemonVersion: "),
        ("kubernetesVersion", "x", "kubernetesVersion: 'x' is not a valid Kubernetes version"),
        ("kubernetesVersion", "1", "kubernetesVersion: '1' is not a valid Kubernetes version; use a version such as"),
        ("kubectlVersion", "v1-rc.1", "kubectlVersion: 'v1-rc.1' is not a valid Kubernetes version"),
        (
            "role",
            "arn:aws:iam::111122223333:user/a",
            "role: 'arn:aws:iam::111122223333:user/a' is not the ARN of a role",
        ),
        ("featureGates", "a", "'a' is not a valid feature gate; use NAME=true or NAME=false"),
        (
            "backends",
            "DynamicFile",
            "DynamicFile is read from a file on each master, which no Kubernetes object can write; use one of",
        ),
        (
            "backends",
            "Mountedfile,CRD",
            "unknown backend 'Mountedfile' (names are case-sensitive); did you mean MountedFile?",
        ),
        ("backends", "", "no backend is specified; the backends are MountedFile"),
    ],
)
def test_nothing_wrong_is_let_in(shell: Shell, key: str, value: str, message: str) -> None:
    failed = shell.dev("settings", "set", key, value, code=2)
    assert failed.err.startswith(f"error: {message}")
    assert not (shell.single / "dev-cluster" / "tarmak-iam.yaml").exists()


def test_a_gate_that_the_release_does_not_have(shell: Shell) -> None:
    done = shell.dev("settings", "set", "featureGates", "Nonsense=true")
    assert "warning: these settings do not fit together yet: authenticator v0.7.18 would not start" in done.err
    assert "Nonsense" in shell.dev("manifests", code=2).err
    assert "warning" not in shell.dev("settings", "unset", "featureGates").err


@pytest.mark.parametrize(
    ("text", "option", "message"),
    [
        ("# c\nfeatureGates: {A: true}\n", (), "2:15: error: authenticator v0.7.18 would not start"),
        ("image: x:v0.4.0\nbackends: [CRD]\n", (), "2:11: error: authenticator v0.4.0 does not support backends"),
        (
            "profile: a\nimage: x:mine\n",
            (),
            "2:8: error: the release of the authenticator in the image 'x:mine' is unknown",
        ),
        ("image: x:v0.4.0\n", ("--backend", "CRD"), ""),
        ("image: x:v0.7.9\n", ("--image", "x:mine"), ""),
    ],
)
def test_what_does_not_go_together_is_told_at_its_place(
    shell: Shell, text: str, option: tuple[str, ...], message: str
) -> None:
    file = shell.single / "dev-cluster" / "tarmak-iam.yaml"
    file.write_text(text)
    failed = shell.dev("manifests", *option, code=2)
    assert failed.err.startswith(f"{file}:{message}" if message else "error: ")
    if message:
        assert shell.dev("check", code=2).err == failed.err


def test_help_names_every_setting(shell: Shell) -> None:
    shown = shell.run("settings", "set", "--help").out
    assert [key for key in SETTINGS if f"\n  {key} " not in shown] == []


def test_a_setting_that_is_there_twice(shell: Shell) -> None:
    path = shell.single / "dev-cluster" / "tarmak-iam.yaml"
    path.write_text("daemonVersion: v0.7.9\nimage: example.com/x:v0.7.9\ndaemonVersion: v0.4.0\n")
    done = shell.dev("settings", "show", code=2)
    assert done.err == f"{path}:3:1: error: the setting 'daemonVersion' is set twice; remove one of them\n"


@pytest.fixture
def renamed(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if these settings had had other names in earlier versions."""
    for key, older in {"daemonVersion": "release", "registry": "source", "image": "picture"}.items():
        monkeypatch.setitem(SETTINGS, key, SETTINGS[key]._replace(formerly=(older,)))


@pytest.mark.usefixtures("renamed")
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


@pytest.mark.usefixtures("renamed")
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


@pytest.mark.usefixtures("renamed")
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


def test_a_role_with_its_account_as_the_console_shows_it(shell: Shell) -> None:
    shell.dev("settings", "set", "role", "arn:aws:iam::1111-2222-3333:role/team/Admin")
    file = shell.single / "dev-cluster" / "tarmak-iam.yaml"
    assert "role: arn:aws:iam::111122223333:role/team/Admin\n" in file.read_text()


DUPLICATES = "is affected by aws-iam-authenticator#469: a token can contain a query parameter twice"
ACCESS_KEY = "is affected by CVE-2022-2385: callers can choose the value of {{AccessKeyID}}"


def test_a_release_with_security_flaws(shell: Shell) -> None:
    mappings = shell.single / "dev-cluster" / "aws-iam-authenticator.yaml"
    done = shell.dev("settings", "set", "image", "x:v0.5.8")
    assert f"warning: authenticator v0.5.8 {DUPLICATES}" in done.err
    assert done.err.count("warning: ") == 1
    mappings.write_text(
        "server:\n  mapRoles:\n  - roleARN: arn:aws:iam::111122223333:role/Dev\n    username: '{{AccessKeyID}}'\n"
    )
    done = shell.dev("settings", "set", "daemonVersion", "v0.5.7", "--dry-run")
    assert f"warning: authenticator v0.5.8 {ACCESS_KEY}" in done.err, "the image is what runs"
    assert "warning" not in shell.dev("settings", "set", "image", "x:v0.5.9", "--dry-run").err
    mappings.write_text("server: [\n")
    assert DUPLICATES in shell.dev("settings", "set", "daemonVersion", "v0.5.8").err


def test_manifests_of_a_release_with_security_flaws(shell: Shell) -> None:
    shell.dev("map", "add", ADMIN, "--username", "dev:{{AccessKeyID}}", "--group", "system:masters")
    done = shell.dev("manifests", "--image", "x:v0.5.8")
    assert [line.split(":")[1] for line in done.err.splitlines() if "[IAM131]" in line] == [
        " authenticator v0.5.8 is affected by aws-iam-authenticator#469",
        " authenticator v0.5.8 is affected by CVE-2022-2385",
    ]
    assert "IAM131" not in shell.dev("manifests").err


def test_get(shell: Shell) -> None:
    assert shell.dev("settings", "get", "backends").out == "MountedFile\n"
    shell.dev("settings", "set", "backends", "MountedFile,CRD")
    assert shell.dev("settings", "get", "backends").out == "MountedFile,CRD\n"
    assert json.loads(shell.dev("settings", "get", "backends", "-o", "json").out) == ["MountedFile", "CRD"]
    for key in ("role", "featureGates"):
        unset = shell.dev("settings", "get", key, code=1)
        assert (unset.out, unset.err) == ("", f"{key} is not set\n")
    assert shell.dev("settings", "get", "rol", code=2).err == "error: unknown setting 'rol'; did you mean role?\n"
