"""whois with a configuration of its own, and what it reads besides: no tarmak.yaml is needed."""

from __future__ import annotations

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


def test_what_cannot_be_asked(shell: Shell, files: Path) -> None:
    nothing = shell.run("whois", ADMIN, "--config", files / "nothing.yaml", code=2)
    assert nothing.err.startswith(f"{files / 'nothing.yaml'}: error: file not found; check the path")
    assert "--file and --daemon-arg require --config" in shell.run("whois", ADMIN, "--file", "x", code=2).err
    (files / "latin.yaml").write_bytes(b"clusterID: \xe9\n")
    latin = shell.run("whois", ADMIN, "--config", files / "latin.yaml", code=2)
    assert latin.err == f"{files / 'latin.yaml'}: error: byte 12 is not valid UTF-8; save the file as UTF-8\n"
    stopped = shell.run("whois", ADMIN, "--config", files / "config.yaml", "--daemon-arg", "--backend-mode=CRD", code=2)
    assert stopped.out.startswith("denied:   the authenticator does not start: the backend CRD reads objects")
