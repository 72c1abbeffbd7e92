"""The ConfigMap aws-auth: positions within its texts, what the daemon reads of it, and how it is written."""

from __future__ import annotations

import pytest

from tarmak_iam.mappings.formats.aws_auth import write
from tarmak_iam.mappings.merging import Wanted
from tests.mappings.formats.reports import read
from tests.support.tables import rows


@pytest.mark.parametrize(("data", "expected"), rows(__file__, "test_what_cannot_be_taken_is_told"))
def test_what_cannot_be_taken_is_told(data: str, expected: list[str]) -> None:
    assert read(f"data:\n  {data}\nkind: ConfigMap\nmetadata: {{name: aws-auth}}\n") == expected


def test_a_list_that_is_no_yaml() -> None:
    (line,) = read("data:\n  mapRoles: |\n    - a: [\n\nkind: ConfigMap\nmetadata: {name: aws-auth}\n")
    assert line.startswith("f.yaml:4:5: mapRoles cannot be read: invalid YAML: ")


def test_writing() -> None:
    written = write(
        [
            Wanted("arn:aws:iam::111122223333:role/Admin", "admin:{{SessionName}}", ("system:masters",), "AROA"),
            Wanted("sso:111122223333/Dev", "dev", ()),
            Wanted("arn:aws:iam::111122223333:user/bob", "yes", ("a", "b")),
            Wanted("012345678901"),
        ]
    )
    assert written["metadata"] == {"name": "aws-auth", "namespace": "kube-system"}
    assert written["data"] == {
        "mapRoles": (
            "- rolearn: arn:aws:iam::111122223333:role/Admin\n"
            '  username: "admin:{{SessionName}}"\n'
            "  groups:\n"
            "  - system:masters\n"
            "- sso:\n"
            "    permissionSetName: Dev\n"
            '    accountID: "111122223333"\n'
            "  username: dev\n"
            "  groups: []\n"
        ),
        "mapUsers": ('- userarn: arn:aws:iam::111122223333:user/bob\n  username: "yes"\n  groups:\n  - a\n  - b\n'),
        "mapAccounts": '- "012345678901"\n',
    }
    assert write([])["data"] == {}
