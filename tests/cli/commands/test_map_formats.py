"""map import and convert, and diff: other tools' files as a person brings them."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest

from tests.support import Shell
from tests.support.kubectl_stand import Stand

ADMIN, NODE = "arn:aws:iam::111122223333:role/Admin", "arn:aws:iam::111122223333:role/Node"
AWS_AUTH = f"""\
apiVersion: v1
kind: ConfigMap
metadata:
  name: aws-auth
  namespace: kube-system
data:
  mapRoles: |
    - rolearn: {ADMIN}
      username: admin
      groups:
      - system:masters
    - rolearn: arn:aws:iam::111122223333:role/team/Dev
      username: dev
    - rolearn: {NODE}
      username: system:node:{{{{EC2PrivateDNSName}}}}
      groups:
      - system:bootstrappers
      - system:nodes
  mapAccounts: |
    - 012345678901
"""


@pytest.fixture
def aws_auth(tmp_path: Path) -> Path:
    path = tmp_path / "aws-auth.yaml"
    path.write_text(AWS_AUTH)
    return path


def test_from_stdin_and_as_json(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(AWS_AUTH.replace("\n", "\r\n").encode())))
    shown = json.loads(shell.dev("map", "import", "-", "-o", "json", "--dry-run").out)
    assert (shown["changed"], len(shown["effects"]), shown["leftOut"]) == (True, 3, [])
    assert shown["entries"][1] == {
        "principal": "arn:aws:iam::111122223333:role/team/Dev",
        "action": "skipped",
        "file": "<stdin>",
        "line": 12,
        "column": 7,
        "reason": (
            "arn:aws:iam::111122223333:role/team/Dev never matches: STS omits the path of a role; map "
            "arn:aws:iam::111122223333:role/Dev instead (it matches every role of that name), or use --strip-path"
        ),
        "notes": [],
    }
    assert not (shell.single / "dev-cluster" / "aws-iam-authenticator.yaml").exists()


def test_converting(shell: Shell, aws_auth: Path) -> None:
    assert "has no mappings file; add a mapping first" in shell.dev("map", "convert", "--to", "CRD", code=2).err
    shell.dev("map", "import", aws_auth)
    config_map = shell.dev("map", "convert", "--to", "EKSConfigMap")
    assert config_map.err == ""
    assert config_map.out.startswith(
        "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: aws-auth\n  namespace: kube-system\ndata:\n  mapRoles: |\n"
        f"    - rolearn: {ADMIN}\n      username: admin\n"
    )
    objects = shell.dev("map", "convert", "--to", "CRD")
    file = shell.single / "dev-cluster" / "aws-iam-authenticator.yaml"
    assert objects.err == f"note: {file}:16:5: account 012345678901: the backend CRD does not support accounts\n"
    assert objects.out.count("\n---\n") == 1
    listed = json.loads(shell.dev("map", "convert", "--to", "CRD", "-o", "json").out)
    assert [each["metadata"]["name"] for each in listed["items"]] == [
        "role-admin-111122223333",
        "role-node-111122223333",
    ]
    mounted = json.loads(shell.dev("map", "convert", "--to", "MountedFile", "-o", "json").out)
    assert mounted["clusterID"] == "dev-cluster"
    aws_auth.write_text(config_map.out)
    assert shell.dev("map", "import", aws_auth).err.endswith(f" of {aws_auth} are already mapped\n")


def test_diff(shell: Shell, aws_auth: Path) -> None:
    everyone = shell.dev("diff", "--from", aws_auth, code=1)
    assert everyone.out.splitlines() == [
        f"{ADMIN}: can no longer log in; loses system:masters",
        f"{NODE}: can no longer log in; loses system:bootstrappers, system:nodes",
        "every other principal of account 012345678901: can no longer log in",
    ]
    shell.dev("map", "import", aws_auth)
    same = shell.dev("diff", "--from", aws_auth)
    assert same.out == ""
    assert same.err.endswith("no differences: access stays the same\n")
    own = shell.single / "dev-cluster" / "aws-iam-authenticator.yaml"
    older = aws_auth.with_name("older.yaml")
    older.write_text(
        own.read_text().replace("clusterID: dev-cluster\n", "").replace("username: admin", "username: root")
    )
    changed = shell.dev("diff", "--from", older, code=1)
    assert (changed.out, changed.err) == (f"{ADMIN}: becomes admin (was root)\n", "")
    shown = json.loads(shell.dev("diff", "--from", older, "-o", "json", code=1).out)
    assert shown["changed"] is True
    (effect,) = shown["effects"]
    assert (effect["before"], effect["after"]) == ("root", "admin")
    assert json.loads(shell.dev("diff", "--from", own, "-o", "json").out) == {"changed": False, "effects": []}
    manifests = shell.dev("manifests").out
    older.write_text(manifests)
    assert shell.dev("diff", "--from", older).out == ""


LOST = "is mapped to system:masters in the file, and was not imported"


def imported(shell: Shell, path: Path, text: str, *options: str, code: int) -> list[str]:
    """The errors of an import, without the cluster's own files in them."""
    path.write_text(text)
    done = shell.dev("map", "import", path, *options, code=code)
    return [line for line in done.err.splitlines() if "error: " in line]


def test_an_admin_that_is_not_imported_is_an_error(shell: Shell, aws_auth: Path) -> None:
    with_path = ADMIN.replace("role/Admin", "role/team/Admin")
    text = AWS_AUTH.replace(ADMIN, with_path)
    mappings = shell.single / "dev-cluster" / "aws-iam-authenticator.yaml"
    expected = [
        f"{aws_auth}:8:7: error: {with_path} {LOST}",
        f"error: no principal is mapped to system:masters after the import; the file contains {with_path}",
    ]
    assert imported(shell, aws_auth, text, "--dry-run", code=1) == expected
    assert not mappings.exists()
    assert imported(shell, aws_auth, text, code=1) == expected
    assert NODE in mappings.read_text()  # the rest is there
    assert imported(shell, aws_auth, text, code=1) == expected  # a second time too, where nothing changes
    shown = shell.dev("map", "import", aws_auth, "-o", "json", code=1)
    assert [each["action"] for each in json.loads(shown.out)["entries"]] == ["skipped", "skipped", *["unchanged"] * 2]
    shell.dev("map", "add", f"{ADMIN}2", "--username", "a", "--group", "system:masters")
    assert imported(shell, aws_auth, text, code=1) == expected[:1]
    assert imported(shell, aws_auth, text, "--strip-path", code=0) == []


@pytest.mark.parametrize(
    ("entry", "who"),
    [
        ('{rolearn: "ARN", username: admin, groups: "system:masters"}', ADMIN),
        ("{rolearn: ARN, username: [a], groups: [system:masters]}", ADMIN),
        ("{username: admin, groups: [system:masters]}", "an entry"),
        (
            "{sso: {permissionSetName: Admins, accountID: '1', partition: aws}, username: a, groups: [system:masters]}",
            "the permission set Admins",
        ),
        ("{rolearn: ARN, groups: [system:masters]}", ADMIN),
        ("{rolearn: ARN, username: a, groups: [system:masters]", "an entry of mapRoles"),
    ],
)
def test_an_entry_of_an_admin_that_cannot_be_read(shell: Shell, aws_auth: Path, entry: str, who: str) -> None:
    shell.dev("map", "add", NODE, "--username", "a", "--group", "system:masters")
    text = f"kind: ConfigMap\nmetadata: {{name: aws-auth}}\ndata:\n  mapRoles: |\n    - {entry.replace('ARN', ADMIN)}\n"
    (error,) = imported(shell, aws_auth, text, code=1)
    assert error.startswith((f"{aws_auth}:5:", f"{aws_auth}:6:"))
    assert error.endswith(f": error: {who} {LOST}")


def test_no_file_of_bindings_without_any(stand: Stand, tmp_path: Path) -> None:
    stand.shell.dev("map", "add", "arn:aws:iam::111122223333:role/A", "--username", "a", "--group", "a")
    path = tmp_path / "rbac.yaml"
    done = stand.shell.dev("map", "convert", "--to", "access-entries", "--with-rbac", path, "--force")
    assert "no binding of the cluster names a group or username of the entries, so no file is written" in done.err
    assert not path.exists()
