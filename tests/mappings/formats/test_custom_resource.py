"""IAMIdentityMapping objects: their names. cases/ have what is read and written."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tarmak_iam.aws.arn import ArnError
from tarmak_iam.mappings.formats.custom_resource import object_name
from tests.support.tables import rows


@pytest.mark.parametrize(("arn", "name"), rows(__file__, "test_names"))
def test_names(arn: str, name: str) -> None:
    assert object_name(arn) == name


NAMES = st.text(alphabet="aAbB.-_+=,@0", min_size=1, max_size=64)
ARNS = st.builds(
    "arn:{}:iam::{}:{}/{}".format,
    st.sampled_from(["aws", "aws-cn"]),
    st.sampled_from(["111122223333", "012345678901"]),
    st.sampled_from(["role", "user", "user/team"]),
    NAMES,
)


@given(ARNS, ARNS)
def test_a_name_is_valid_and_of_one_principal_only(one: str, other: str) -> None:
    name = object_name(one)
    assert re.fullmatch(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?", name)
    assert object_name(one.upper().replace("ARN:AWS", "arn:aws")) == name
    assert (object_name(other) == name) == (one.lower() == other.lower())


def test_no_name_for_what_is_no_principal() -> None:
    with pytest.raises(ArnError):
        object_name("arn:aws:s3:::bucket")
