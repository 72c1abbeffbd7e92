"""whois with a configuration of its own, and what it reads besides: no tarmak.yaml is needed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support import Shell

ADMIN = "arn:aws:iam::111122223333:role/Admin"
CONFIG = "clusterID: test\nserver:\n  mapUsers:\n  - {userARN: 'arn:aws:iam::111122223333:user/Al', username: al}\n"
AWS_AUTH = """\
apiVersion: v1
kind: ConfigMap
metadata: {name: aws-auth, namespace: kube-system}
data:
  mapRoles: |
    - rolearn: arn:aws:iam::111122223333:role/Admin
      username: "admin\\x1b[31m"
      groups: [system:masters]
"""


@pytest.fixture
def files(tmp_path: Path) -> Path:
    (tmp_path / "config.yaml").write_text(CONFIG)
    (tmp_path / "aws-auth.yaml").write_text(AWS_AUTH)
    return tmp_path


def test_a_configuration_and_objects_of_the_cluster(shell: Shell, files: Path) -> None:
    done = shell.run(
        "whois",
        ADMIN,
        *("--config", files / "config.yaml", "--file", files / "aws-auth.yaml"),
        "--daemon-arg=--backend-mode=MountedFile,EKSConfigMap",
    )
    assert done.out == (
        "username: admin\\x1b[31m\ngroups:   system:masters\n"
        f"reason:   the mapping for {ADMIN} matches (aws-auth.yaml:6:7)\n"
    )


def test_an_account_is_not_a_caller(shell: Shell) -> None:
    for text in ("444455556666", "4444-5555-6666"):
        assert shell.dev("whois", text, code=2).err == (
            "error: 444455556666 is an account, not a caller; "
            "use the ARN of a caller in it, such as arn:aws:iam::444455556666:role/Admin\n"
        )


@pytest.mark.parametrize("text", [f"{ADMIN} ", f"{ADMIN}\r"])
def test_no_caller_has_whitespace_around_its_arn(shell: Shell, text: str) -> None:
    """As at the end of a line of Windows; the answer was that no mapping matches."""
    assert shell.dev("whois", text, code=2).err == (
        f"error: '{ADMIN} ' is not a valid ARN of a caller: it contains whitespace or control characters; "
        "write the ARN without them\n"
    )


def test_no_caller_has_control_characters_in_its_arn(shell: Shell) -> None:
    text = ADMIN.replace("role/", "role/\x07")
    assert "it contains whitespace or control characters" in shell.dev("whois", text, code=2).err


@pytest.mark.parametrize("name", ["a b", "a", "", "a" * 65])
def test_a_session_name_that_sts_does_not_accept(shell: Shell, name: str) -> None:
    assert shell.dev("whois", ADMIN, "--session", name, code=2).err == (
        f"error: '{name}' is not a valid role session name; use 2 to 64 letters, digits and _+=,.@-\n"
    )


def test_a_release_and_json(shell: Shell, files: Path) -> None:
    arn = "arn:aws:iam::111122223333:user/Al"
    done = shell.run("whois", arn, "--config", files / "config.yaml", "--daemon-version", "v0.4.0", "-o", "json")
    answer = json.loads(done.out)
    assert (answer["username"], answer["line"]) == ("al", 4)


def test_an_answer_that_depends_on_the_host_of_the_token(shell: Shell, files: Path) -> None:
    given = (ADMIN, "--config", files / "config.yaml", "--daemon-arg=--partition=aws-us-gov")
    (files / "config.yaml").write_text(f"clusterID: t\nserver: {{mapRoles: [{{rolearn: '{ADMIN}', username: a}}]}}\n")
    note = "a token of the STS host sts.amazonaws.com is rejected; one of a regional STS host is accepted"
    assert shell.run("whois", *given).out.splitlines()[3:] == [f"note:     {note}"]
    assert json.loads(shell.run("whois", *given, "-o", "json").out)["notes"] == [note]


def test_a_node_is_not_denied_for_want_of_ec2(shell: Shell, files: Path) -> None:
    node = "clusterID: t\nserver: {mapRoles: [{rolearn: '%s', username: 'system:node:{{EC2PrivateDNSName}}'}]}\n"
    (files / "node.yaml").write_text(node % ADMIN)
    done = shell.run("whois", ADMIN, "--config", files / "node.yaml", "--session", "i-0123456789abcdef0")
    assert done.out.startswith("username: system:node:<private DNS name of i-0123456789abcdef0>\n")
    other = shell.run("whois", ADMIN, "--config", files / "node.yaml")
    assert "requires a session name that is an instance ID" in other.out


def test_a_file_that_no_backend_reads_is_told(shell: Shell, files: Path) -> None:
    done = shell.run("whois", ADMIN, "--config", files / "config.yaml", "--file", files / "aws-auth.yaml")
    assert done.out.splitlines()[-1] == "note:     aws-auth.yaml is ignored: the backends are MountedFile"


def test_what_cannot_be_asked(shell: Shell, files: Path) -> None:
    nothing = shell.run("whois", ADMIN, "--config", files / "nothing.yaml", code=2)
    assert nothing.err.startswith(f"{files / 'nothing.yaml'}: error: file not found; check the path")
    assert "--file and --daemon-arg require --config" in shell.run("whois", ADMIN, "--file", "x", code=2).err
    (files / "latin.yaml").write_bytes(b"clusterID: \xe9\n")
    latin = shell.run("whois", ADMIN, "--config", files / "latin.yaml", code=2)
    assert latin.err == f"{files / 'latin.yaml'}: error: byte 12 is not valid UTF-8; save the file as UTF-8\n"
    stopped = shell.run("whois", ADMIN, "--config", files / "config.yaml", "--daemon-arg", "--backend-mode=CRD", code=2)
    assert stopped.out.startswith("denied:   the authenticator does not start: the backend CRD reads objects")


def test_the_release_that_answers_where_none_is_chosen(shell: Shell, files: Path) -> None:
    arn = "arn:aws:iam::111122223333:user/Al"
    command: list[str | Path] = ["whois", arn, "--config", files / "config.yaml", "-o", "json"]
    assert json.loads(shell.run(*command).out)["notes"] == []
    assert json.loads(shell.run(*command, "--daemon-version", "v0.7.20").out)["notes"] == [
        "v0.7.20 is newer than v0.7.18, the newest release whose source was read; this is the answer of v0.7.18"
    ]


def test_a_release_that_the_image_is_not_of(shell: Shell) -> None:
    shell.dev("map", "add", ADMIN, "--username", "admin", "--group", "system:masters")
    shell.dev("settings", "set", "daemonVersion", "v0.6.31")
    image = "public.ecr.aws/eks-distro/kubernetes-sigs/aws-iam-authenticator:v0.7.18-cvefix-eks-1-36-9"
    assert shell.dev("whois", ADMIN).err == (
        "warning: daemonVersion is v0.6.31, but no image of it is known in the registry, and the image "
        f"{image} is v0.7.18; this answer is for v0.6.31\n"
    )
    assert shell.dev("whois", ADMIN, "--daemon-version", "v0.6.31").err == ""


def test_what_the_daemon_takes_at_random(shell: Shell, files: Path) -> None:
    text = CONFIG.replace("mapUsers:\n", "MapUsers: []\n  MAPUSERS:\n")
    (files / "config.yaml").write_text(text.replace("username: al", "username: al, userName: b"))
    done = shell.run("whois", "arn:aws:iam::111122223333:user/Al", "--config", files / "config.yaml")
    assert done.out == (
        "username: b\n"
        "groups:   -\n"
        f"reason:   the mapping for arn:aws:iam::111122223333:user/Al matches ({files / 'config.yaml'}:5:5)\n"
        "or:       denied: no mapping matches arn:aws:iam::111122223333:user/Al, "
        "and account 111122223333 is not in mapAccounts\n"
        "note:     'MapUsers' and 'MAPUSERS' are the same key: the authenticator uses one of them at "
        "random at every start\n"
    )


def test_the_exit_code_says_whether_the_caller_is_anybody(shell: Shell, files: Path) -> None:
    config = ["--config", str(files / "config.yaml")]
    somebody, nobody = "arn:aws:iam::111122223333:user/Al", "arn:aws:iam::111122223333:user/Bo"
    for more in ([], ["-o", "json"]):
        assert shell.run("whois", somebody, *config, "--exit-code", *more).out
        assert shell.run("whois", nobody, *config, "--exit-code", *more, code=1).out
        assert shell.run("whois", nobody, *config, *more).out
    (files / "config.yaml").write_text("server: {mapRoles: [{rolearn: x}]}\n")
    shell.run("whois", somebody, *config, "--exit-code", code=2)
    shell.run("whois", somebody, *config, code=2)


@pytest.mark.parametrize(
    ("name", "text", "backend"),
    [
        ("aws-auth.yaml", AWS_AUTH, "EKSConfigMap"),
        (
            "crd.yaml",
            (
                "apiVersion: iamauthenticator.k8s.aws/v1alpha1\nkind: IAMIdentityMapping\nmetadata: {name: admin}\n"
                f"spec: {{arn: '{ADMIN}', username: admin, groups: []}}\n"
            ),
            "CRD",
        ),
    ],
)
def test_objects_of_the_cluster(shell: Shell, files: Path, name: str, text: str, backend: str) -> None:
    file = files / name
    file.write_text(text)
    alone = shell.run("whois", ADMIN, "--config", file, code=2)
    assert alone.out.startswith("denied:   the authenticator does not start: ")
    (files / "config.yaml").write_text("clusterID: NAME\n")
    command = ["--config", str(files / "config.yaml"), "--file", str(file), f"--daemon-arg=--backend-mode={backend}"]
    assert shell.run("whois", ADMIN, *command).out.startswith("username: admin")


def test_an_account_as_the_console_shows_it(shell: Shell, files: Path) -> None:
    arn = "arn:aws:iam::1111-2222-3333:user/Al"
    assert shell.run("whois", arn, "--config", files / "config.yaml").out.startswith("username: al\n")
