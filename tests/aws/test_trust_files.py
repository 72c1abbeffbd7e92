"""Files with trust policies, as the AWS CLI prints them: which role a policy is of, and what is wrong with a file."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from tarmak_iam.aws.trust_files import TrustPolicies
from tarmak_iam.aws.trust_policy import Trust
from tarmak_iam.errors import ConfigError, TarmakIamError

DEV = "arn:aws:iam::111122223333:role/Dev"


def policy(principal: str) -> dict[str, Any]:
    statement = {"Effect": "Allow", "Principal": {"AWS": principal}, "Action": "sts:AssumeRole"}
    return {"Version": "2012-10-17", "Statement": [statement]}


def role(arn: str, principal: str) -> dict[str, Any]:
    name = arn.rpartition("/")[2]
    return {"Path": "/", "RoleName": name, "Arn": arn, "AssumeRolePolicyDocument": policy(principal)}


def read(directory: Path, **files: Any) -> TrustPolicies:
    for name, content in files.items():
        (directory / f"{name}.json").write_text(json.dumps(content), encoding="utf-8")
    return TrustPolicies.read([directory])


def trusted(trust: Trust | None) -> list[str]:
    return [] if trust is None else [principal.principal for principal in trust.principals]


@pytest.mark.parametrize(
    "content",
    [
        {"Role": role(DEV, "444455556666")},
        role(DEV, "444455556666"),
        {"Roles": [role(f"{DEV}2", "*"), role(DEV, "444455556666")], "IsTruncated": False},
        {"UserDetailList": [], "RoleDetailList": [role("arn:aws:iam::111122223333:role/team/dev", "444455556666")]},
        [{"Role": role(f"{DEV}2", "*")}, {"Role": role(DEV, "444455556666")}],
        {"Role": {**role(DEV, ""), "AssumeRolePolicyDocument": quote(json.dumps(policy("444455556666")))}},
        {"RoleName": "Dev", "AssumeRolePolicyDocument": policy("444455556666")},
    ],
)
def test_what_the_cli_prints(tmp_path: Path, content: Any) -> None:
    policies = read(tmp_path, file=content)
    assert trusted(policies.of("arn", DEV)) == ["444455556666"]
    assert trusted(policies.of("arn", "arn:aws:sts::111122223333:assumed-role/DEV/ann")) == ["444455556666"]


def test_stdin() -> None:
    command = [sys.executable, "-m", "tarmak_iam", "trust", "check", "-"]
    text = json.dumps({"Role": role(DEV, "444455556666")})
    done = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.splitlines()[0]) == (1, "role Dev of account 111122223333")


def test_a_policy_alone_is_of_the_role_that_its_file_is_named_after(tmp_path: Path) -> None:
    policies = read(tmp_path, Dev=policy("444455556666"), admin={"Role": role(f"{DEV}2", "*")})
    assert trusted(policies.of("arn", DEV)) == ["444455556666"]
    assert trusted(policies.of("arn", "arn:aws:iam::444455556666:role/Dev")) == ["444455556666"]
    trust = policies.of("arn", f"{DEV}3")
    assert trust is not None
    reason = "no file has the trust policy of this role; the file of a policy document alone is ROLE.json"
    assert (trust.principals, trust.mfa.reason, trust.source) == ((), reason, "")


def test_the_account_of_a_role_counts(tmp_path: Path) -> None:
    policies = read(tmp_path, a={"Role": role(DEV, "*")}, Dev=policy("444455556666"))
    assert trusted(policies.of("arn", DEV)) == ["*"]
    assert trusted(policies.of("arn", "arn:aws:iam::444455556666:role/Dev")) == ["444455556666"]


def test_a_permission_set_and_principals_without_a_policy(tmp_path: Path) -> None:
    name = "arn:aws:iam::111122223333:role/aws-reserved/sso.amazonaws.com/AWSReservedSSO_Ops_0123456789abcdef"
    policies = read(tmp_path, a={"Role": role(name, "444455556666")})
    assert trusted(policies.of("sso", "111122223333/ops")) == ["444455556666"]
    assert trusted(policies.of("sso", "444455556666/Ops")) == []
    assert trusted(policies.of("sso", "111122223333/")) == []
    for principal in ("arn:aws:iam::111122223333:user/Dev", "arn:aws:iam::111122223333:root", "111122223333", "AROAX"):
        assert policies.of("arn", principal) is None


def test_two_policies_of_a_role(tmp_path: Path) -> None:
    same = read(tmp_path, a={"Role": role(DEV, "*")}, b={"Role": role(DEV, "*")})
    assert trusted(same.of("arn", DEV)) == ["*"]
    policies = read(tmp_path, b={"Role": role(DEV, "444455556666")})
    with pytest.raises(ConfigError) as error:
        policies.of("arn", DEV)
    what = f"this trust policy of the role Dev differs from the one in {tmp_path}/a.json; keep only the current one"
    assert str(error.value) == f"{tmp_path}/b.json: {what}"


_SAVE = "save the JSON of `aws iam get-role` or `aws iam get-account-authorization-details`"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", f":1:1: invalid JSON: Expecting value; {_SAVE}"),
        ('{\n  "a": 1,\n}', f":3:1: invalid JSON: Expecting property name enclosed in double quotes; {_SAVE}"),
        ("[" * 100_000, f":1:1: invalid JSON: nested too deeply; {_SAVE}"),
        ("\udcff", f":1:1: invalid JSON: not UTF-8; {_SAVE}"),
        ("{}", f":1:1: not a trust policy, and not a role with its AssumeRolePolicyDocument; {_SAVE}"),
        ("3", f":1:1: not a trust policy, and not a role with its AssumeRolePolicyDocument; {_SAVE}"),
        ('{"AssumeRolePolicyDocument": {}}', ":1:1: a role has neither Arn nor RoleName"),
        (
            '{"Statement": [\n  {"Effect": "Deny", "Effect": "Allow"}]}',
            ":2:22: the key 'Effect' occurs twice in an object; remove one of them: programs differ in which they use",
        ),
    ],
    ids=range(8),
)
def test_a_file_that_cannot_be_used(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "file.json"
    path.write_bytes(text.encode(errors="surrogateescape"))
    with pytest.raises(TarmakIamError) as error:
        TrustPolicies.read([path])
    assert str(error.value) == f"{path}{message}"


def test_a_file_that_is_too_large(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tarmak_iam.aws.trust_files._MOST_BYTES", 10)
    (tmp_path / "Dev.json").write_text(json.dumps(policy("*")), encoding="utf-8")
    with pytest.raises(TarmakIamError, match="the file is larger than the limit of 10 bytes"):
        TrustPolicies.read([tmp_path])


def test_a_directory_without_files(tmp_path: Path) -> None:
    (tmp_path / "Dev.yaml").write_text("{}", encoding="utf-8")
    with pytest.raises(TarmakIamError, match=r"no \*\.json file in this directory"):
        TrustPolicies.read([tmp_path])
    with pytest.raises(TarmakIamError, match="file not found"):
        TrustPolicies.read([tmp_path / "nowhere"])
