"""The user id that STS answers, split as each release does."""

from __future__ import annotations

import pytest

from tarmak_iam.identity.caller import read_caller
from tarmak_iam.identity.model import Denied, Identity
from tarmak_iam.identity.releases import DaemonVersion
from tests.support.tables import rows

ROLE = "arn:aws:sts::111122223333:assumed-role/Dev/alice"
USER = "arn:aws:iam::111122223333:user/Bob"
FEDERATED = "arn:aws:sts::111122223333:federated-user/Eve"


def split(version: str, arn: str, user_id: str) -> tuple[str, str]:
    caller = read_caller(Identity(arn, "111122223333", user_id), DaemonVersion.parse(version))
    return caller.user_id, caller.session_name


@pytest.mark.parametrize(
    ("version", "arn", "user_id", "expected"),
    [
        ("v0.5.19", ROLE, "AROADEV:alice", ("AROADEV", "alice")),
        ("v0.7.9", ROLE, "AROADEV:alice", ("AROADEV", "alice")),
        ("v0.5.19", ROLE, "AROADEV", ("AROADEV", "")),
        ("v0.6.12", ROLE, "AROADEV", ("AROADEV", "")),
        ("v0.5.19", USER, "AIDABOB", ("AIDABOB", "")),
        ("v0.7.9", USER, "AIDABOB", ("AIDABOB", "")),
        ("v0.5.19", FEDERATED, "111122223333:Eve", ("111122223333", "Eve")),
        ("v0.5.20", FEDERATED, "111122223333:Eve", ("111122223333:Eve", "")),
    ],
)
def test_the_parts_of_a_user_id(version: str, arn: str, user_id: str, expected: tuple[str, str]) -> None:
    assert split(version, arn, user_id) == expected


@pytest.mark.parametrize(("version", "user_id"), rows(__file__, "test_a_role_whose_user_id_is_not_two_parts"))
def test_a_role_whose_user_id_is_not_two_parts(version: str, user_id: str) -> None:
    with pytest.raises(Denied, match=r"is not valid: the user ID of a role is AROA\.\.\.:session"):
        split(version, ROLE, user_id)
