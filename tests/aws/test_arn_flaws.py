"""ARNs that could never be a caller's: what is wrong with each, and what to write instead."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tarmak_iam.aws import arn_flaws
from tarmak_iam.aws.arn import PARTITIONS, canonicalize
from tarmak_iam.aws.arn_flaws import FlawKind, arn_flaw, canonical_text, is_reachable, sound_kind, sound_partition
from tarmak_iam.identity import Authenticator, Identity
from tests.support.tables import rows


@pytest.mark.parametrize(("text", "flaw", "remedy"), rows(__file__, "test_a_flaw_and_its_remedy"))
def test_a_flaw_and_its_remedy(text: str, flaw: str, remedy: str) -> None:
    found = arn_flaw(text)
    assert found is not None
    assert (found.kind, found.remedy) == (flaw, remedy)
    assert found.likely_arn is None or arn_flaw(found.likely_arn) is None
    assert is_reachable(text) is (flaw == FlawKind.ASSUMED_ROLE)


@pytest.mark.parametrize("text", rows(__file__, "test_what_means_what_it_says"))
def test_what_means_what_it_says(text: str) -> None:
    assert arn_flaw(text) is None


@pytest.mark.parametrize("version", ["v0.4.0", "v0.6.20", "v0.7.9"])
def test_a_session_with_a_star_lets_every_session_in(version: str) -> None:
    text = (
        "clusterID: x\nserver:\n  mapRoles:\n"
        "  - {roleARN: 'arn:aws:sts::111122223333:assumed-role/Dev/*', username: dev, groups: [dev]}\n"
    )
    caller = Identity("arn:aws:sts::111122223333:assumed-role/Dev/ann", "111122223333", "AROA:ann")
    assert Authenticator.load(text, version=version).whois(caller).username == "dev"


ARNS = st.builds(
    "{}:{}:{}:{}:{}:{}/{}".format,
    st.sampled_from(["arn", "arn", "arn", "ARN", " arn"]),
    st.sampled_from([*PARTITIONS, "aws-x", "AWS"]),
    st.sampled_from(["iam", "iam", "iam", "sts"]),
    st.sampled_from(["", "", "", "eu-west-1"]),
    st.sampled_from(["111122223333", "111122223333", "11112222333", "1111-2222-3333"]),
    st.sampled_from(["role", "user", "role", "user", "group", "assumed-role", "Role"]),
    st.sampled_from(
        ["Dev", "dev_+=,.@-", "team/Dev", "AWSReservedSSO_x", "awsServiceRoleForX", "Aws", "a" * 64, "a" * 65]
    )
    | st.text("aA0_.*? \n/\u0435", max_size=4),
)


@given(ARNS)
def test_what_is_quickly_found_sound_has_no_flaw(text: str) -> None:
    kind, partition = sound_kind(text), sound_partition(text)
    assert (kind is None) == (partition == "")
    if kind is not None:
        assert arn_flaws._arn_flaw(text) is None
        assert arn_flaws._arn_flaw(text.lower()) is None
        assert canonicalize(text) == (kind, text)
        assert text.split(":")[1] == partition
        assert canonical_text(text) == canonicalize(text.lower())[1]


def test_nearly_all_arns_are_quickly_found_sound() -> None:
    assert sound_partition("arn:aws-cn:iam::111122223333:role/Dev_1+=,.@-") == "aws-cn"
    assert sound_kind("arn:aws:iam::111122223333:user/Ann") == "user"
