"""ARNs that could never be a caller's: what is wrong with each, and what to write instead."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tarmak_iam.aws import arn_flaws
from tarmak_iam.aws.arn import PARTITIONS, canonicalize
from tarmak_iam.aws.arn_flaws import FlawKind, arn_flaw, canonical_text, is_reachable, sound_kind, sound_partition
from tarmak_iam.identity import Authenticator, Identity

HEAD = "arn:aws:iam::111122223333:"
DEV = f"{HEAD}role/Dev"


@pytest.mark.parametrize(
    ("text", "flaw", "remedy"),
    [
        # traces of copying
        (f'"{DEV}"', FlawKind.NO_ARN, f"write {DEV}"),
        (f"`{DEV}`,", FlawKind.NO_ARN, f"write {DEV}"),
        (f"<{DEV}>", FlawKind.NO_ARN, f"write {DEV}"),
        (f"{DEV}\u200b", FlawKind.SHAPE, f"write {DEV}"),
        (f"{DEV};", FlawKind.SHAPE, f"write {DEV}"),
        (f"{HEAD}role/D\u0435v", FlawKind.SHAPE, f"write {DEV}"),
        (DEV.replace("iam", "i\u0430m"), FlawKind.NO_PRINCIPAL, f"write {DEV}"),
        (f"{HEAD}role/\u0430\u0441\u0435", FlawKind.SHAPE, f"did you mean {HEAD}role/ace?"),
        (f" '{DEV}'", FlawKind.BLANK, f"write {DEV}"),
        (f"{DEV} ", FlawKind.BLANK, "write the ARN without them"),
        # slips
        (f"{DEV}/", FlawKind.NAMELESS, f"write {DEV}"),
        (f"{HEAD}user/team/Ann//", FlawKind.NAMELESS, f"write {HEAD}user/team/Ann"),
        (f"{HEAD}role:Dev", FlawKind.NO_PRINCIPAL, f"did you mean {DEV}?"),
        (f"{HEAD}role\\Dev", FlawKind.NO_PRINCIPAL, f"did you mean {DEV}?"),
        (f"{HEAD}roles/Dev", FlawKind.NO_PRINCIPAL, f"did you mean {DEV}?"),
        (f"{HEAD}assumed-role/Dev/ann", FlawKind.NO_PRINCIPAL, f"did you mean {DEV}?"),
        ("arn:aws:sts::111122223333:assumed-role/Dev", FlawKind.NO_PRINCIPAL, f"did you mean {DEV}?"),
        ("arn:aws:sts::111122223333:role/team/Dev", FlawKind.NO_PRINCIPAL, f"did you mean {DEV}?"),
        ("arn:aws:sts::111122223333:user/team/Ann", FlawKind.NO_PRINCIPAL, f"did you mean {HEAD}user/team/Ann?"),
        ("arn:aws:iam:111122223333:role/Dev", FlawKind.NO_ARN, f"did you mean {DEV}?"),
        ("aws:iam::111122223333:role/Dev", FlawKind.NO_ARN, f"did you mean {DEV}?"),
        ("arn:iam::111122223333:role/Dev", FlawKind.NO_ARN, f"did you mean {DEV}?"),
        ("arn:aws:iam:eu-west-1:111122223333:role/Dev", FlawKind.SHAPE, f"did you mean {DEV}?"),
        (f"{HEAD}role/De v", FlawKind.SHAPE, f"did you mean {DEV}?"),
        (
            "arn:aws:iam::111122223333:federated-user/ann",
            FlawKind.NO_PRINCIPAL,
            "did you mean arn:aws:sts::111122223333:federated-user/ann?",
        ),
        (
            "arn:aws-china:iam::111122223333:role/Dev",
            FlawKind.PARTITION,
            "the partitions are aws, aws-cn, aws-us-gov, aws-iso, aws-iso-b, aws-iso-e, aws-iso-f, aws-eusc",
        ),
        ("arn:aws-gov:iam::111122223333:role/Dev", FlawKind.PARTITION, "did you mean aws-us-gov?"),
        # other resources
        (f"{HEAD}policy/Dev", FlawKind.NO_PRINCIPAL, "map the roles and users that the policy is attached to"),
        (
            f"{HEAD}group/Dev",
            FlawKind.NO_PRINCIPAL,
            "map the users of the group one by one, or a role that they assume",
        ),
        (f"{HEAD}saml-provider/Dev", FlawKind.NO_PRINCIPAL, "map the role that users of the identity provider assume"),
        (f"{HEAD}mfa/ann", FlawKind.NO_PRINCIPAL, "map the user of the MFA device"),
        (
            "arn:aws:ec2:eu-west-1:111122223333:instance/i-1",
            FlawKind.NO_PRINCIPAL,
            "map the role of the instance's profile",
        ),
        (
            f"{HEAD}instance-profile/Dev",
            FlawKind.NO_PRINCIPAL,
            "map the role of the instance profile: `aws iam get-instance-profile --instance-profile-name Dev` shows it",
        ),
        ("arn:aws:s3:::bucket", FlawKind.NO_PRINCIPAL, "use the form arn:aws:iam::ACCOUNT:role/NAME"),
        # names
        (f"{HEAD}role/{'x' * 65}", FlawKind.SHAPE, "write the role's name as `aws iam list-roles` shows it"),
        (f"{HEAD}role/a/{'x' * 65}", FlawKind.SHAPE, "write the role's name as `aws iam list-roles` shows it"),
        (f"{HEAD}user/{'x' * 65}", FlawKind.SHAPE, "write the user's name as `aws iam list-users` shows it"),
        (f"{HEAD}role/m\u00fcller", FlawKind.SHAPE, "IAM accepts letters, digits and _+=,.@- in names"),
        (f"{HEAD}role/<name>", FlawKind.SHAPE, "replace <name> with the real name"),
        (f"{HEAD}role/${{NAME}}", FlawKind.SHAPE, "replace ${NAME} with the real name"),
        (f"{HEAD}role/{{{{SessionName}}}}", FlawKind.SHAPE, "replace {{SessionName}} with the real name"),
        ("<role arn>", FlawKind.NO_ARN, "replace <role arn> with the real name"),
        # roles that AWS makes
        (
            f"{HEAD}role/AWSReservedSSO_Dev",
            FlawKind.SSO_NAME,
            (
                "map the complete role name AWSReservedSSO_Dev_<16 hex digits>, as `aws iam list-roles` shows it, or "
                'write `sso: {accountID: "111122223333", permissionSetName: Dev}` with authenticator v0.6.30 or later '
                "and the feature gate SSORoleMatch"
            ),
        ),
        (
            "arn:aws-cn:iam::111122223333:role/AWSReservedSSO_Dev_0123",
            FlawKind.SSO_NAME,
            "map the complete role name AWSReservedSSO_Dev_0123_<16 hex digits>, as `aws iam list-roles` shows it",
        ),
        (
            "arn:aws-cn:iam::111122223333:role/AWSReservedSSO_Dev_0123456789abcde",
            FlawKind.SSO_NAME,
            "map the complete role name AWSReservedSSO_Dev_<16 hex digits>, as `aws iam list-roles` shows it",
        ),
        (
            "arn:aws-cn:sts::111122223333:assumed-role/awsreservedsso_dev/ann",
            FlawKind.SSO_NAME,
            "map the complete role name AWSReservedSSO_dev_<16 hex digits>, as `aws iam list-roles` shows it",
        ),
        (
            "arn:aws-cn:iam::111122223333:role/AWSReservedSSO_Dev_*",
            FlawKind.WILDCARD,
            "map the complete role name AWSReservedSSO_Dev_<16 hex digits>, as `aws iam list-roles` shows it",
        ),
        (
            f"{HEAD}role/aws-service-role/x.amazonaws.com/AWSServiceRoleForX",
            FlawKind.SERVICE_LINKED,
            "map the role that people or instances assume, or remove the entry",
        ),
        (
            f"{HEAD}role/AWSServiceRoleForX",
            FlawKind.SERVICE_LINKED,
            "map the role that people or instances assume, or remove the entry",
        ),
        (
            f"{HEAD}role/awsservicerolefor",
            FlawKind.SERVICE_LINKED,
            "map the role that people or instances assume, or remove the entry",
        ),
        (
            f"{HEAD}role/aws-service-role/x.amazonaws.com/Other",
            FlawKind.SERVICE_LINKED,
            "map the role that people or instances assume, or remove the entry",
        ),
        # sessions
        ("arn:aws:sts::111122223333:assumed-role/Dev/ann", FlawKind.ASSUMED_ROLE, f"map the role itself: {DEV}"),
        ("arn:aws:sts::111122223333:assumed-role/Dev/*", FlawKind.ASSUMED_ROLE, f"map the role itself: {DEV}"),
        (
            "arn:aws:sts::111122223333:assumed-role/team/Dev/ann",
            FlawKind.PATH,
            f"map {DEV} instead (it matches every role of that name)",
        ),
    ],
)
def test_a_flaw_and_its_remedy(text: str, flaw: FlawKind, remedy: str) -> None:
    found = arn_flaw(text)
    assert found is not None
    assert (found.kind, found.remedy) == (flaw, remedy)
    assert found.likely_arn is None or arn_flaw(found.likely_arn) is None
    assert is_reachable(text) is (flaw is FlawKind.ASSUMED_ROLE)


@pytest.mark.parametrize(
    "text",
    [
        DEV,
        f"{HEAD}role/{'x' * 64}",
        f"{HEAD}user/{'x' * 64}",
        f"{HEAD}user/a/very/long/path/{'y' * 80}/Ann",
        f"{HEAD}role/AWSReservedSSO_Dev_0123456789abcdef",
        f"{HEAD}role/AWSReservedSSO_Dev_Ops_0123456789ABCDEF",
        f"{HEAD}role/MyAWSServiceRoleForX",
        f"{HEAD}user/AWSServiceRoleForX",
        f"{HEAD}role/Dev_1+=,.@-",
    ],
)
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
