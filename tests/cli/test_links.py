"""Links that lead out of the configuration directory, in the place of a cluster's own files."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import click
import pytest

from tarmak_iam.cli.main import cli
from tests.support import ADMIN, Shell

MAPPINGS, SETTINGS, KUBECONFIG = "aws-iam-authenticator.yaml", "tarmak-iam.yaml", "kubeconfig"
CANARY = "canary-of-somebody-else"
SECRET = f"root:{CANARY}:19000:0:99999:7:::\nserver: {{mapRoles: []}}\n"
"""A line of /etc/shadow is a key of YAML; the second makes mappings of it."""


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    path = tmp_path.resolve() / "shadow"
    path.write_text(SECRET)
    return path


@pytest.fixture
def home(shell: Shell) -> Path:
    return shell.single / "dev-cluster"


def link(path: Path, target: Path) -> Path:
    path.unlink(missing_ok=True)
    path.symlink_to(target)
    return path


def refusal(target: Path, directory: Path) -> str:
    return (
        f"this is a link to {target}, outside of {directory.resolve()}; "
        "replace the link with the file, or use --follow-links if you own the link and its target"
    )


READING = [
    ["check"],
    ["check", "-o", "json"],
    ["check", "-o", "sarif"],
    ["check", "-o", "github"],
    ["check", "--all-clusters"],
    ["report"],
    ["report", "-o", "json"],
    ["report", "-o", "html"],
    ["report", "--all-clusters"],
    ["map", "list"],
    ["map", "list", "-o", "json"],
    ["map", "convert", "--to", "CRD"],
    ["whois", ADMIN],
    ["manifests"],
    ["flags"],
    ["kubeconfig"],
    ["diff", "--from", "../other.yaml"],
    ["doctor", "."],
    ["render", "--output-dir", "out"],
    ["render", "--output-dir", "out", "--all-clusters"],
    ["schema", "--output-dir", "schemas", "--modeline"],
]
WRITING = [["map", "add", ADMIN, "--username", "a", "--group", "system:masters"], ["map", "import", "../other.yaml"]]


@pytest.mark.parametrize("arguments", [*READING, *WRITING], ids=" ".join)
def test_mappings(
    shell: Shell, home: Path, secret: Path, arguments: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(home)
    (shell.single / "other.yaml").write_text("server: {mapRoles: []}\n")
    path = link(home / MAPPINGS, secret)
    done = shell.dev(*arguments, code=2)
    assert refusal(secret, shell.single) in done.err
    assert f"{path}: error: " in done.err
    assert CANARY not in done.out + done.err
    assert secret.read_text() == SECRET
    assert not {"out", "schemas"} & {*os.listdir(home)}


@pytest.mark.parametrize(
    "arguments",
    [
        ["check"],
        ["map", "list"],
        ["settings", "show"],
        ["settings", "set", "profile", "x"],
        ["settings", "unset", "role"],
    ],
    ids=" ".join,
)
def test_settings(shell: Shell, home: Path, secret: Path, arguments: list[str]) -> None:
    link(home / SETTINGS, secret)
    done = shell.dev(*arguments, code=0 if arguments[0] == "map" else 2)
    assert CANARY not in done.out + done.err
    assert (refusal(secret, shell.single) in done.err) == (arguments[0] != "map")


@pytest.mark.parametrize("arguments", [["kubeconfig"], ["render", "--output-dir", "out"]], ids=" ".join)
def test_the_admin_kubeconfig(
    shell: Shell, home: Path, secret: Path, arguments: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(home)
    link(home / KUBECONFIG, secret)
    assert refusal(secret, shell.single) in shell.dev(*arguments, code=2).err


@pytest.mark.parametrize("arguments", [["check"], ["map", "list"], ["settings", "set", "profile", "x"], WRITING[0]])
def test_the_directory_of_the_cluster(shell: Shell, home: Path, tmp_path: Path, arguments: list[str]) -> None:
    elsewhere = tmp_path.resolve() / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / MAPPINGS).write_text(SECRET)
    (elsewhere / SETTINGS).write_text("profile: y\n")
    shutil.rmtree(home)
    link(home, elsewhere)
    done = shell.dev(*arguments, code=2)
    assert done.err == f"{home}: error: {refusal(elsewhere, shell.single)}\n"
    assert CANARY not in done.out
    assert sorted(os.listdir(elsewhere)) == [MAPPINGS, SETTINGS]


@pytest.mark.parametrize(
    ("name", "arguments"), [(MAPPINGS, WRITING[0]), (SETTINGS, ["settings", "set", "profile", "x"])], ids=["map", "set"]
)
def test_nothing_is_written_through_a_link_to_nothing(
    shell: Shell, home: Path, tmp_path: Path, name: str, arguments: list[str]
) -> None:
    target = tmp_path.resolve() / "made"
    path = link(home / name, target)
    done = shell.dev(*arguments, code=2)
    assert done.err == f"{path}: error: {refusal(target, shell.single)}\n"
    assert not target.exists()
    shutil.rmtree(home)
    link(home, target)
    assert shell.dev(*arguments, code=2).err == f"{home}: error: {refusal(target, shell.single)}\n"
    assert not target.exists()


def test_a_link_that_stays_inside(shell: Shell, home: Path) -> None:
    link(home / MAPPINGS, Path("../shared.yaml"))
    shell.dev(*WRITING[0])
    assert ADMIN in (shell.single / "shared.yaml").read_text()
    assert ADMIN in shell.dev("map", "list").out
    assert (home / MAPPINGS).is_symlink()
    home.rename(shell.single / "clusters")
    link(home, Path("clusters"))
    assert ADMIN in shell.dev("map", "list").out


def test_tarmak_yaml_and_the_directory_may_be_links(shell: Shell, home: Path, tmp_path: Path, secret: Path) -> None:
    """And then the clusters' directories are where the link is, as for Tarmak."""
    shell.dev(*WRITING[0])
    (tmp_path / "infrastructure").mkdir()
    (shell.single / "tarmak.yaml").rename(tmp_path / "infrastructure" / "dev.yaml")
    link(shell.single / "tarmak.yaml", tmp_path / "infrastructure" / "dev.yaml")
    assert ADMIN in shell.dev("map", "list").out
    shell.dev("enable")
    assert "awsIAMAuthenticatorInit: true" in (tmp_path / "infrastructure" / "dev.yaml").read_text()
    named = link(tmp_path / "named", shell.single)
    assert ADMIN in shell.run("-c", named, "map", "list").out
    link(home / MAPPINGS, secret)
    assert f"{named / 'dev-cluster' / MAPPINGS}: error: this is a link to {secret}" in (
        shell.run("-c", named, "map", "list", code=2).err
    )


# --- for those who own both --------------------------------------------------------------------------------------


def test_the_user_s_own_links_are_followed_on_request(
    shell: Shell, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path.resolve() / "mine.yaml"
    link(home / MAPPINGS, target)
    for arguments in (["--follow-links", *WRITING[0]], ["map", "list", "--follow-links"], ["report", "--follow-links"]):
        shell.dev(*arguments)
    assert ADMIN in target.read_text()
    monkeypatch.setenv("TARMAK_IAM_FOLLOW_LINKS", "1")
    assert ADMIN in shell.dev("map", "list").out
    assert "* environment: TARMAK_IAM_FOLLOW_LINKS=1\n" in shell.dev("map", "list", "-v").err
    for off in ("0", "", "no"):
        monkeypatch.setenv("TARMAK_IAM_FOLLOW_LINKS", off)
        assert refusal(target, shell.single) in shell.dev("map", "list", code=2).err
    monkeypatch.setenv("TARMAK_IAM_FOLLOW_LINKS", "maybe")
    assert "'maybe' is not a valid boolean" in shell.dev("map", "list", code=2).err


def test_a_variable_that_is_off_is_off_whatever_click_takes_it_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """click 8.2.1 takes every value of a flag for on."""
    monkeypatch.setattr(click.Option, "resolve_envvar_value", lambda *_: "True")
    monkeypatch.setenv("TARMAK_IAM_FOLLOW_LINKS", "0")
    follows = next(each for each in cli.params if each.name == "follow_links")
    assert follows.resolve_envvar_value(click.Context(click.Command("x"))) is None


@pytest.mark.parametrize("arguments", [["map", "list"], WRITING[0], ["check", "--all-clusters"]], ids=" ".join)
def test_links_of_somebody_else_are_not(
    shell: Shell, home: Path, secret: Path, arguments: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = link(home / MAPPINGS, secret)
    monkeypatch.setattr(os, "geteuid", lambda: 4242)
    done = shell.dev("--follow-links", *arguments, code=2)
    assert (
        f"this is a link to {secret}, outside of {shell.single.resolve()}, and "
        f"{path.parent.resolve() / MAPPINGS} belongs to another user; "
        "--follow-links requires that you own the link and its target; replace the link with the file"
    ) in done.err
    assert CANARY not in done.out + done.err


def test_no_lock_is_created_through_a_link(shell: Shell, tmp_path: Path) -> None:
    """Under the name that the edits of mappings and settings take turns by there is no file."""
    victim = tmp_path / ".victim.edit.lock"
    victim.write_text("kept\n")
    link(shell.single / "mappings-and-settings", tmp_path / "victim")
    shell.dev(*WRITING[0])
    assert victim.read_text() == "kept\n"


@pytest.mark.parametrize(
    ("command", "name"),
    [
        ("webhook", "aws-iam-authenticator.kubeconfig"),
        ("webhook", "cert.pem"),
        ("webhook", "key.pem"),
        ("schema", "mappings.schema.json"),
    ],
)
@pytest.mark.parametrize("exists", [True, False])
def test_nothing_is_created_through_a_link(shell: Shell, tmp_path: Path, command: str, name: str, exists: bool) -> None:
    """The directory may be a link, as it is named; what lies in it leads to nothing outside of it."""
    target, out = tmp_path.resolve() / "target", tmp_path / "out"
    out.mkdir()
    if exists:
        target.write_text("kept\n")
    path = link(tmp_path / "named", out) / name
    link(path, target)
    done = shell.dev(command, "--output-dir", path.parent, code=2)
    assert f"{path}: error: {refusal(target, out)}\n" in done.err
    assert target.exists() == exists
    assert not exists or target.read_text() == "kept\n"
    if command == "schema":
        shell.dev("--follow-links", command, "--output-dir", path.parent)
        assert target.read_text().startswith("{")


# --- check FILE... -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    [
        f"dev-cluster/{MAPPINGS}",
        f"./dev-cluster/../dev-cluster/{MAPPINGS}",
        f"dev-cluster/{SETTINGS}",
        "tarmak.yaml",
        ".",
    ],
)
def test_files_by_name(shell: Shell, home: Path, secret: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """As pre-commit names what a pull request changes."""
    monkeypatch.chdir(shell.single)
    path = link(home / (SETTINGS if name.endswith(SETTINGS) else MAPPINGS), secret)
    done = shell.run("check", name, code=2)
    assert f"dev-cluster/{path.name}: error: dev-cluster: {refusal(secret, shell.single)}\n" in done.err
    assert CANARY not in done.out + done.err
    assert shell.run("check", name, "--follow-links", code=None).code != 2 or name.endswith(SETTINGS)


@pytest.mark.parametrize("place", ["dev-cluster", "nobodys"])
def test_files_by_name_that_lead_nowhere(
    shell: Shell, tmp_path: Path, place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(shell.single)
    (shell.single / place).mkdir(exist_ok=True)
    path = link(shell.single / place / MAPPINGS, tmp_path.resolve() / "missing")
    told = refusal(tmp_path.resolve() / "missing", shell.single)
    assert shell.run("check", f"{place}/{MAPPINGS}", code=2).err.startswith(f"{place}/{MAPPINGS}: error: {told}")
    link(path, Path("gone.yaml"))
    assert shell.run("check", f"{place}/{MAPPINGS}", code=2).err.startswith(
        f"{place}/{MAPPINGS}: error: file not found; check the path"
    )


@pytest.mark.parametrize("name", [MAPPINGS, SETTINGS])
def test_a_file_in_a_directory_that_is_no_cluster_s(
    shell: Shell, secret: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(shell.single)
    (shell.single / "nobodys").mkdir()
    link(shell.single / "nobodys" / name, secret)
    done = shell.run("check", f"nobodys/{name}", code=2)
    assert f"nobodys/{name}: error: {refusal(secret, shell.single)}\n" in done.err
    assert CANARY not in done.out + done.err


@pytest.mark.parametrize("name", [MAPPINGS, SETTINGS, "other.yaml"])
@pytest.mark.parametrize("tarmak_yaml", ["missing", "link to nothing", "directory"])
def test_a_file_that_belongs_to_no_tarmak_yaml(
    shell: Shell, tmp_path: Path, secret: Path, name: str, tarmak_yaml: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A pull request can take tarmak.yaml away, too: a link stays in its own directory."""
    alone = tmp_path / "alone"
    alone.mkdir()
    if tarmak_yaml == "directory":
        (tmp_path / "tarmak.yaml").mkdir()
    elif tarmak_yaml == "link to nothing":
        (tmp_path / "tarmak.yaml").symlink_to("gone")
    link(alone / name, secret)
    monkeypatch.chdir(tmp_path)
    done = shell.run("check", f"alone/{name}", code=2)
    assert f"alone/{name}: error: {refusal(secret, alone)}\n" in done.err
    assert CANARY not in done.out + done.err
    monkeypatch.chdir(alone)
    assert f"{name}: error: {refusal(secret, alone)}\n" in shell.run("check", name, code=2).err


def test_a_link_that_stays_in_its_directory_or_is_followed_on_request(
    shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = "server: {mapRoles: [{username: x}]}\n"
    (tmp_path / "alone").mkdir()
    for place in (tmp_path, tmp_path / "alone"):
        (place / "real.yaml").write_text(text)
    monkeypatch.chdir(tmp_path)
    link(tmp_path / "alone" / MAPPINGS, Path("real.yaml"))
    assert f"alone/{MAPPINGS}:1:" in shell.run("check", f"alone/{MAPPINGS}", code=1).out
    link(tmp_path / "alone" / MAPPINGS, Path("../real.yaml"))
    assert f"alone/{MAPPINGS}:1:" in shell.run("--follow-links", "check", f"alone/{MAPPINGS}", code=1).out


def test_tarmak_yaml_from_a_pipe(shell: Shell) -> None:
    reader, writer = os.pipe()
    text = (shell.single / "tarmak.yaml").read_bytes()
    os.write(writer, text.replace(b"location: eu-west-1", b"location: eu-west-1a"))
    os.close(writer)
    try:
        done = shell.run("check", f"/dev/fd/{reader}", code=1)
    finally:
        os.close(reader)
    assert f"/dev/fd/{reader}:115:13: error: the location" in done.out
    assert (
        "note: checked only by the rules that need no other file: the files of its clusters are not known\n" in done.err
    )


@pytest.mark.parametrize("place", ["/dev/fd", "/proc/self/fd"])
@pytest.mark.parametrize("kind", ["pipe", "file"])
def test_links_of_the_system_are_followed(shell: Shell, tmp_path: Path, place: str, kind: str) -> None:
    """`check <(...)`, and /dev/stdin, which may be a file. A pipe is read once."""
    if not Path(place).exists():
        pytest.skip(f"there is no {place}")
    text = b"server: {mapRoles: [{username: x}]}\n"
    path = tmp_path / "real.yaml"
    path.write_bytes(text)
    reader = os.open(path, os.O_RDONLY)
    if kind == "pipe":
        os.close(reader)
        reader, writer = os.pipe()
        os.write(writer, text)
        os.close(writer)
    try:
        assert f"{place}/{reader}:1:" in shell.run("check", f"{place}/{reader}", code=1).out
    finally:
        os.close(reader)


def test_the_way_up_is_not_led_astray(shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`link/../dev-cluster` is not the dev-cluster next to the link."""
    other = tmp_path / "other"
    shutil.copytree(shell.single, other)
    (other / "dev-cluster" / MAPPINGS).write_text("server: {mapRoles: [{username: x}]}\n")
    (other / "below").mkdir()
    link(shell.single / "link", other / "below")
    monkeypatch.chdir(shell.single)
    found = json.loads(shell.run("check", f"link/../dev-cluster/{MAPPINGS}", "-o", "json", code=1).out)
    assert {each["file"] for each in found} == {f"../other/dev-cluster/{MAPPINGS}"}


def test_two_links_to_one_tarmak_yaml(shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each has clusters' directories of its own, and both are checked."""
    for name in ("one", "two"):
        (tmp_path / name / "dev-cluster").mkdir(parents=True)
        link(tmp_path / name / "tarmak.yaml", shell.single / "tarmak.yaml")
        (tmp_path / name / "dev-cluster" / MAPPINGS).write_text("server: {mapRoles: [{username: x}]}\n")
    monkeypatch.chdir(tmp_path)
    names = [f"{name}/dev-cluster/{MAPPINGS}" for name in ("one", "two")]
    found = json.loads(shell.run("check", *names, "-o", "json", code=1).out)
    assert list(dict.fromkeys(each["file"] for each in found)) == names


# --- where the line of a file is shown ---------------------------------------------------------------------------


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tarmak_iam.cli.formats.is_terminal", lambda _: True)


@pytest.mark.usefixtures("terminal")
@pytest.mark.parametrize("name", ["tarmak.yaml", f"dev-cluster/{MAPPINGS}"])
def test_no_line_of_a_file_of_another_name(shell: Shell, secret: Path, name: str) -> None:
    """Inside of the directory it may be Tarmak's kubeconfig, with the admin's key."""
    secret = secret.rename(shell.single / "kubeconfig") if name != "tarmak.yaml" else secret
    secret.write_text(f"x: {CANARY}: [\n")
    link(shell.single / name, secret)
    done = shell.dev("check", code=2)
    assert ":1:" in done.err
    assert CANARY not in done.out + done.err
    secret.write_text(f"x: 1 # {CANARY}\n")
    done = shell.run("-c", shell.single, "check", code=None)
    assert CANARY not in done.out + done.err


@pytest.mark.usefixtures("terminal")
def test_no_line_behind_a_link_that_leads_out(shell: Shell, tmp_path: Path) -> None:
    """Not even where it is followed on request."""
    for name in ("alone", "elsewhere"):
        (tmp_path / name / "dev-cluster").mkdir(parents=True)
    (tmp_path / "elsewhere" / MAPPINGS).write_text(f"x: {CANARY}: [\n")
    path = link(tmp_path / "alone" / "dev-cluster" / MAPPINGS, tmp_path / "elsewhere" / MAPPINGS)
    done = shell.run("--follow-links", "check", path, code=2)
    assert f"{path}:1:" in done.err
    assert CANARY not in done.out + done.err


@pytest.mark.usefixtures("terminal")
def test_a_line_of_tarmak_yaml_behind_a_link(shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "infrastructure").mkdir()
    target = (shell.single / "tarmak.yaml").rename(tmp_path / "infrastructure" / "tarmak.yaml")
    target.write_text("x: a: [\n")
    link(shell.single / "tarmak.yaml", target)
    assert "1 | x: a: [" in shell.dev("check", code=2).err


# --- completion --------------------------------------------------------------------------------------------------


def test_nothing_of_it_is_offered(shell: Shell, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shell.dev(*WRITING[0])
    offer: Callable[[], str] = lambda: shell.run(f"tarmak-iam -c {shell.single} map remove ", " ").out  # noqa: E731
    monkeypatch.setenv("_TARMAK_IAM_COMPLETE", "bash")
    assert ADMIN in offer()
    target = (home / MAPPINGS).rename(tmp_path / "elsewhere.yaml")
    link(home / MAPPINGS, target)
    assert offer() == ""
