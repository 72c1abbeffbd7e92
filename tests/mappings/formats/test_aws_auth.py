"""The ConfigMap aws-auth: positions within its texts, what the daemon reads of it, and how it is written."""

from __future__ import annotations

import pytest

from tarmak_iam.mappings.formats.aws_auth import write
from tarmak_iam.mappings.merging import Wanted
from tests.mappings.formats.reports import read
from tests.support.tables import rows

DUMP = """\
apiVersion: v1
data:
  mapRoles: |
    # the admins
    - rolearn: arn:aws:iam::111122223333:role/Admin
      username: admin
      groups:
      - system:masters

    - groups: [system:bootstrappers, system:nodes]
      RoleARN: arn:aws:iam::111122223333:role/Node
      username: system:node:{{EC2PrivateDNSName}}
  mapUsers: "- userarn: arn:aws:iam::111122223333:user/bob\\n  username: bob\\n"
  mapAccounts: |-
      - 012345678901
      - "111122223333"
kind: ConfigMap
metadata:
  name: aws-auth
  namespace: kube-system
"""


def test_places_are_those_of_the_file() -> None:
    assert read(DUMP) == [
        "f.yaml:13:13 arn:aws:iam::111122223333:user/bob as bob []",
        "f.yaml:5:7 arn:aws:iam::111122223333:role/Admin as admin ['system:masters']",
        (
            "f.yaml:10:7 arn:aws:iam::111122223333:role/Node as system:node:{{EC2PrivateDNSName}} "
            "['system:bootstrappers', 'system:nodes']"
        ),
        "f.yaml:15:9 012345678901 as - []",
        "f.yaml:16:9 111122223333 as - []",
    ]


def test_json_and_lists_of_kubectl() -> None:
    text = (
        '{"kind": "List", "items": [{"kind": "ConfigMap", "metadata": {"name": "aws-auth"}, "data": {"mapUsers": '
        '"- userarn: arn:aws:iam::111122223333:user/bob\\n  username: bob\\n"}}, '
        '{"kind": "Secret", "metadata": {"name": "x"}}]}'
    )
    assert read(text) == [
        "f.yaml:1:105 arn:aws:iam::111122223333:user/bob as bob []",
        "f.yaml:1:175: the Secret x has no mappings",
    ]


@pytest.mark.parametrize(("data", "expected"), rows(__file__, "test_what_cannot_be_taken_is_told"))
def test_what_cannot_be_taken_is_told(data: str, expected: list[str]) -> None:
    assert read(f"data:\n  {data}\nkind: ConfigMap\nmetadata: {{name: aws-auth}}\n") == expected


def test_a_list_that_is_no_yaml() -> None:
    (line,) = read("data:\n  mapRoles: |\n    - a: [\n\nkind: ConfigMap\nmetadata: {name: aws-auth}\n")
    assert line.startswith("f.yaml:4:5: mapRoles cannot be read: invalid YAML: ")


def test_its_data_alone_and_the_list_that_eksctl_prints() -> None:
    assert read("mapUsers: |\n  - userarn: arn:u\n    username: u\n") == ["f.yaml:2:5 arn:u as u []"]
    listed = "- rolearn: arn:r\n  username: r\n- userarn: arn:u\n  username: u\n- account: '111122223333'\n"
    assert read(listed) == ["f.yaml:1:3 arn:r as r []", "f.yaml:3:3 arn:u as u []", "f.yaml:5:12 111122223333 as - []"]


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
