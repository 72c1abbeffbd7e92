"""Links that lead out of the configuration directory, in the place of a cluster's own files."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import click
import pytest

from tarmak_iam.cli.main import cli
from tests.support import ADMIN, Shell

MAPPINGS, SETTINGS, KUBECONFIG = "aws-iam-authenticator.yaml", "tarmak-iam.yaml", "kubeconfig"
CANARY = "canary-of-somebody-else"
SECRET = f"root:{CANARY}:19000:0:99999:7:::\nserver: {{mapRoles: []}}\n"
"""A line of /etc/shadow is a key of YAML; the second makes mappings of it."""
ODD = "server: {mapRoles: [{username: x}]}\n"
"""Mappings with a finding in the first line."""
ADD = f"map add {ADMIN} --username a --group system:masters"
SET = "settings set profile x"


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    path = tmp_path.resolve() / "shadow"
    path.write_text(SECRET)
    return path


@pytest.fixture
def home(shell: Shell) -> Path:
    return shell.single / "dev-cluster"


def link(path: Path, target: str | Path) -> Path:
    path.unlink(missing_ok=True)
    path.symlink_to(target)
    return path


def refusal(target: Path, directory: Path) -> str:
    return (
        f"this is a link to {target}, outside of {directory.resolve()}; "
        "replace the link with the file, or use --follow-links if you own the link and its target"
    )


COMMANDS = [
    "check",
    "check -o json",
    "check -o sarif",
    "check -o github",
    "check --all-clusters",
    "check --fix",
    "report",
    "report -o json",
    "report -o html",
    "report --all-clusters",
    "map list",
    "map list -o json",
    "map convert --to CRD",
    f"whois {ADMIN}",
    "manifests",
    "flags",
    "kubeconfig",
    "diff --from ../other.yaml",
    "doctor .",
    "render --output-dir out",
    "render --output-dir out --all-clusters",
    "schema --output-dir schemas --modeline",
    ADD,
    "map import ../other.yaml",
]


def test_mappings(shell: Shell, home: Path, secret: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No command reads or writes them."""
    monkeypatch.chdir(home)
    (shell.single / "other.yaml").write_text("server: {mapRoles: []}\n")
    path = link(home / MAPPINGS, secret)
    for command in COMMANDS:
        done = shell.dev(*command.split(), code=2)
        assert refusal(secret, shell.single) in done.err, command
        assert f"{path}: error: " in done.err, command
        assert CANARY not in done.out + done.err, command
        assert secret.read_text() == SECRET, command
    assert not {"out", "schemas"} & {*os.listdir(home)}


def test_settings_and_the_admin_kubeconfig(
    shell: Shell, home: Path, secret: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(home)
    path = link(home / SETTINGS, secret)
    for command in ("check", "settings show", SET, "settings unset role"):
        done = shell.dev(*command.split(), code=2)
        assert CANARY not in done.out + done.err, command
        assert refusal(secret, shell.single) in done.err, command
    assert refusal(secret, shell.single) not in shell.dev("map", "list").err
    path.unlink()
    link(home / KUBECONFIG, secret)
    for command in ("kubeconfig", "render --output-dir out"):
        assert refusal(secret, shell.single) in shell.dev(*command.split(), code=2).err, command


def test_the_directory_of_the_cluster(shell: Shell, home: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path.resolve() / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / MAPPINGS).write_text(SECRET)
    (elsewhere / SETTINGS).write_text("profile: y\n")
    shutil.rmtree(home)
    link(home, elsewhere)
    for command in ("check", "map list", SET, ADD):
        done = shell.dev(*command.split(), code=2)
        assert done.err == f"{home}: error: {refusal(elsewhere, shell.single)}\n", command
        assert CANARY not in done.out, command
    assert sorted(os.listdir(elsewhere)) == [MAPPINGS, SETTINGS]


@pytest.mark.parametrize(("name", "command"), [(MAPPINGS, ADD), (SETTINGS, SET)], ids=["map", "set"])
def test_nothing_is_written_through_a_link_to_nothing(
    shell: Shell, home: Path, tmp_path: Path, name: str, command: str
) -> None:
    target = tmp_path.resolve() / "made"
    path = link(home / name, target)
    assert shell.dev(*command.split(), code=2).err == f"{path}: error: {refusal(target, shell.single)}\n"
    assert not target.exists()
    shutil.rmtree(home)
    link(home, target)
    assert shell.dev(*command.split(), code=2).err == f"{home}: error: {refusal(target, shell.single)}\n"
    assert not target.exists()


def test_a_link_that_stays_inside(shell: Shell, home: Path) -> None:
    link(home / MAPPINGS, "../shared.yaml")
    shell.dev(*ADD.split())
    assert ADMIN in (shell.single / "shared.yaml").read_text()
    assert ADMIN in shell.dev("map", "list").out
    assert (home / MAPPINGS).is_symlink()
    home.rename(shell.single / "clusters")
    link(home, "clusters")
    assert ADMIN in shell.dev("map", "list").out


def test_tarmak_yaml_and_the_directory_may_be_links(shell: Shell, home: Path, tmp_path: Path, secret: Path) -> None:
    """And then the clusters' directories are where the link is, as for Tarmak."""
    shell.dev(*ADD.split())
    (tmp_path / "infrastructure").mkdir()
    target = (shell.single / "tarmak.yaml").rename(tmp_path / "infrastructure" / "dev.yaml")
    link(shell.single / "tarmak.yaml", target)
    assert ADMIN in shell.dev("map", "list").out
    shell.dev("enable")
    assert "awsIAMAuthenticatorInit: true" in target.read_text()
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
    for command in (f"--follow-links {ADD}", "map list --follow-links", "report --follow-links"):
        shell.dev(*command.split())
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


def test_links_of_somebody_else_are_not(
    shell: Shell, home: Path, secret: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = link(home / MAPPINGS, secret)
    monkeypatch.setattr(os, "geteuid", lambda: 4242)
    for command in ("map list", ADD, "check --all-clusters"):
        done = shell.dev("--follow-links", *command.split(), code=2)
        assert (
            f"this is a link to {secret}, outside of {shell.single.resolve()}, and "
            f"{path.parent.resolve() / MAPPINGS} belongs to another user; "
            "--follow-links requires that you own the link and its target; replace the link with the file"
        ) in done.err, command
        assert CANARY not in done.out + done.err, command


def test_no_lock_is_created_through_a_link(shell: Shell, tmp_path: Path) -> None:
    """Under the name that the edits of mappings and settings take turns by there is no file."""
    victim = tmp_path / ".victim.edit.lock"
    victim.write_text("kept\n")
    link(shell.single / "mappings-and-settings", tmp_path / "victim")
    shell.dev(*ADD.split())
    assert victim.read_text() == "kept\n"


@pytest.mark.parametrize(
    ("command", "names"),
    [("webhook", ["aws-iam-authenticator.kubeconfig", "cert.pem", "key.pem"]), ("schema", ["mappings.schema.json"])],
)
def test_nothing_is_created_through_a_link(shell: Shell, tmp_path: Path, command: str, names: list[str]) -> None:
    """The directory may be a link, as it is named; what lies in it leads to nothing outside of it."""
    target, out = tmp_path.resolve() / "target", tmp_path / "out"
    out.mkdir()
    named = link(tmp_path / "named", out)
    for name in names:
        path = link(named / name, target)
        for content in (None, "kept\n"):
            target.unlink(missing_ok=True)
            if content:
                target.write_text(content)
            done = shell.dev(command, "--output-dir", named, code=2)
            assert f"{path}: error: {refusal(target, out)}\n" in done.err
            assert (target.read_text() if target.exists() else None) == content
        path.unlink()
    if command == "schema":
        link(named / names[0], target)
        shell.dev("--follow-links", command, "--output-dir", named)
        assert target.read_text().startswith("{")


# --- check FILE... -----------------------------------------------------------------------------------------------


def test_files_by_name(shell: Shell, home: Path, secret: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As pre-commit names what a pull request changes."""
    monkeypatch.chdir(shell.single)
    refused = refusal(secret, shell.single)
    names = [f"dev-cluster/{MAPPINGS}", f"./dev-cluster/../dev-cluster/{MAPPINGS}", "tarmak.yaml", "."]
    path = link(home / MAPPINGS, secret)
    for name in names:
        done = shell.run("check", name, code=2)
        assert f"dev-cluster/{MAPPINGS}: error: dev-cluster: {refused}\n" in done.err, name
        assert CANARY not in done.out + done.err, name
        assert shell.run("check", name, "--follow-links", code=None).code != 2, name
    path.unlink()
    link(home / SETTINGS, secret)
    done = shell.run("check", f"dev-cluster/{SETTINGS}", code=2)
    assert f"dev-cluster/{SETTINGS}: error: dev-cluster: {refused}\n" in done.err
    assert CANARY not in done.out + done.err


@pytest.mark.parametrize("place", ["dev-cluster", "nobodys"])
def test_files_by_name_that_lead_nowhere_or_are_no_cluster_s(
    shell: Shell, secret: Path, place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(shell.single)
    (shell.single / place).mkdir(exist_ok=True)
    name = f"{place}/{MAPPINGS}"
    missing = secret.with_name("missing")
    link(shell.single / name, missing)
    assert shell.run("check", name, code=2).err.startswith(f"{name}: error: {refusal(missing, shell.single)}")
    link(shell.single / name, "gone.yaml")
    assert shell.run("check", name, code=2).err.startswith(f"{name}: error: file not found; check the path")
    if place == "nobodys":
        for name in (f"{place}/{MAPPINGS}", f"{place}/{SETTINGS}"):
            link(shell.single / name, secret)
            done = shell.run("check", name, code=2)
            assert f"{name}: error: {refusal(secret, shell.single)}\n" in done.err
            assert CANARY not in done.out + done.err


@pytest.mark.parametrize("tarmak_yaml", ["missing", "link to nothing", "directory"])
def test_a_file_that_belongs_to_no_tarmak_yaml(
    shell: Shell, tmp_path: Path, secret: Path, tarmak_yaml: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A pull request can take tarmak.yaml away, too: a link stays in its own directory."""
    alone = tmp_path / "alone"
    alone.mkdir()
    if tarmak_yaml == "directory":
        (tmp_path / "tarmak.yaml").mkdir()
    elif tarmak_yaml == "link to nothing":
        (tmp_path / "tarmak.yaml").symlink_to("gone")
    for name in (MAPPINGS, SETTINGS, "other.yaml"):
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
    (tmp_path / "alone").mkdir()
    for place in (tmp_path, tmp_path / "alone"):
        (place / "real.yaml").write_text(ODD)
    monkeypatch.chdir(tmp_path)
    link(tmp_path / "alone" / MAPPINGS, "real.yaml")
    assert f"alone/{MAPPINGS}:1:" in shell.run("check", f"alone/{MAPPINGS}", code=1).out
    link(tmp_path / "alone" / MAPPINGS, "../real.yaml")
    assert f"alone/{MAPPINGS}:1:" in shell.run("--follow-links", "check", f"alone/{MAPPINGS}", code=1).out


def test_links_of_the_system_are_followed(shell: Shell, tmp_path: Path) -> None:
    """`check <(...)`, and /dev/stdin, which may be a file. A pipe is read once."""
    path = tmp_path / "real.yaml"
    path.write_text(ODD)
    for place in ("/dev/fd", "/proc/self/fd"):
        if Path(place).exists():
            reader = os.open(path, os.O_RDONLY)
            assert f"{place}/{reader}:1:" in shell.run("check", f"{place}/{reader}", code=1).out
            os.close(reader)
            reader, writer = os.pipe()
            os.write(writer, ODD.encode())
            os.close(writer)
            assert f"{place}/{reader}:1:" in shell.run("check", f"{place}/{reader}", code=1).out
            os.close(reader)


def test_tarmak_yaml_from_a_pipe(shell: Shell) -> None:
    reader, writer = os.pipe()
    text = (shell.single / "tarmak.yaml").read_bytes()
    os.write(writer, text.replace(b"location: eu-west-1", b"location: eu-west-1a"))
    os.close(writer)
    done = shell.run("check", f"/dev/fd/{reader}", code=1)
    os.close(reader)
    assert f"/dev/fd/{reader}:115:13: error: the location" in done.out
    assert (
        "note: checked only by the rules that need no other file: the files of its clusters are not known\n" in done.err
    )


def test_the_way_up_is_not_led_astray(shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`link/../dev-cluster` is not the dev-cluster next to the link. And two links to one tarmak.yaml each have
    clusters' directories of their own, and both are checked."""
    other = tmp_path / "other"
    shutil.copytree(shell.single, other)
    (other / "dev-cluster" / MAPPINGS).write_text(ODD)
    (other / "below").mkdir()
    link(shell.single / "link", other / "below")
    monkeypatch.chdir(shell.single)
    found = json.loads(shell.run("check", f"link/../dev-cluster/{MAPPINGS}", "-o", "json", code=1).out)
    assert {each["file"] for each in found} == {f"../other/dev-cluster/{MAPPINGS}"}
    names = []
    for name in ("one", "two"):
        (tmp_path / name / "dev-cluster").mkdir(parents=True)
        link(tmp_path / name / "tarmak.yaml", shell.single / "tarmak.yaml")
        (tmp_path / name / "dev-cluster" / MAPPINGS).write_text(ODD)
        names.append(f"{name}/dev-cluster/{MAPPINGS}")
    monkeypatch.chdir(tmp_path)
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
    done = shell.dev("check", code=None)
    assert CANARY not in done.out + done.err


@pytest.mark.usefixtures("terminal")
def test_the_line_of_tarmak_yaml_behind_a_link_and_of_no_other_file(shell: Shell, tmp_path: Path) -> None:
    """Not even where the link is followed on request."""
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "alone" / "dev-cluster").mkdir(parents=True)
    (tmp_path / "elsewhere" / MAPPINGS).write_text(f"x: {CANARY}: [\n")
    path = link(tmp_path / "alone" / "dev-cluster" / MAPPINGS, tmp_path / "elsewhere" / MAPPINGS)
    done = shell.run("--follow-links", "check", path, code=2)
    assert f"{path}:1:" in done.err
    assert CANARY not in done.out + done.err
    target = (shell.single / "tarmak.yaml").rename(tmp_path / "elsewhere" / "tarmak.yaml")
    target.write_text("x: a: [\n")
    link(shell.single / "tarmak.yaml", target)
    assert "1 | x: a: [" in shell.dev("check", code=2).err


def test_completion_offers_nothing_of_it(
    shell: Shell, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shell.dev(*ADD.split())
    line = f"tarmak-iam -c {shell.single} map remove "
    monkeypatch.setenv("_TARMAK_IAM_COMPLETE", "bash")
    assert ADMIN in shell.run(line, " ").out
    target = (home / MAPPINGS).rename(tmp_path / "elsewhere.yaml")
    link(home / MAPPINGS, target)
    assert shell.run(line, " ").out == ""
