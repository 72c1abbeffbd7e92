"""Whatever the mappings say: the rules end with findings, every one has its place, and comments only move them."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from tarmak_iam.config import TarmakConfig
from tarmak_iam.errors import TarmakIamError
from tarmak_iam.findings import Subject
from tarmak_iam.installation.installation import Installation
from tarmak_iam.lint import Located, Report, Subjects, all_rules, examine
from tarmak_iam.mappings.mappings_file import Mappings
from tests.lint.mapped import CONFIG, DEV, ROLES, located, only, places

VERSIONS = ("v0.4.0", "v0.5.9", "v0.6.1", "v0.6.20", "v0.7.9")
_CONFIG = TarmakConfig.parse(CONFIG)
_CONSEQUENCES = {"IAM022", "IAM084"}
_OF_COMMENTS = {"IAM095", "IAM096", "IAM097"}

scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.floats(),
    st.text(max_size=8),
    st.sampled_from(
        [
            *(DEV, DEV.upper(), "arn:aws:iam::111122223333:role/a/b", "arn:aws:iam::1:user/*", "012345678901"),
            *("arn:aws:sts::111122223333:assumed-role/Dev/x", "system:masters", "a,b", "MountedFile", "mountedfile"),
            *("{{SessionName}}", "system:node:{{EC2PrivateDNSName}}", "{{ x }}"),
        ]
    ),
)
keys = st.sampled_from(
    [
        *("roleARN", "rolearn", "role_arn", "userARN", "username", "groups", "sso", "accountID", "permissionSetName"),
        *("partition", "backendMode", "usernamePrefixReserveList", "note", "userid"),
    ]
)
entries = st.dictionaries(
    keys, st.one_of(scalars, st.lists(scalars, max_size=2), st.dictionaries(keys, scalars, max_size=3)), max_size=4
)
values = st.one_of(scalars, entries, st.lists(st.one_of(scalars, entries), max_size=3))
servers = st.dictionaries(
    st.sampled_from(
        [
            *("mapRoles", "MAPROLES", "map_roles", "mapUsers", "mapAccounts", "scrubbedAccounts", "partition"),
            *("reservedPrefixConfig", "backendMode", "ec2DescribeInstancesRoleARN"),
        ]
    ),
    values,
    max_size=4,
)
files = st.dictionaries(
    st.sampled_from(["clusterID", "server", "Server", "server.mapRoles", "mapRoles", "kind", "apiVersion", "x-a"]),
    st.one_of(servers, values),
    max_size=4,
)


def run(text: str, version: str, gate: bool = False) -> Report:
    gates = {"SSORoleMatch": True} if gate else {}
    people = Mappings.parse(text)
    overrides = {"image": f"example.com/authenticator:{version}", "featureGates": gates}
    return examine(Subjects(_CONFIG, people, Installation.of(_CONFIG, _CONFIG.clusters[0], people, None, overrides)))


@given(files, st.sampled_from(VERSIONS))
def test_any_mapping_ends_with_findings_that_have_a_place(data: dict[str, object], version: str) -> None:
    text = json.dumps(data)
    try:
        report = run(text, version, gate=version in ("v0.6.1", "v0.7.9"))
    except TarmakIamError:
        return  # told with a place of its own
    known = {rule.id for rule in all_rules()}
    for each in report.findings:
        assert each.finding.id in known
        if each.finding.subject is not Subject.SETTINGS:  # which are not in a file here
            assert each.place.line
            assert each.place.column
        assert "\n" not in str(each)
        assert each.finding.remedy


@given(st.text(st.sampled_from(" :-[]{}'\"#&*!|>\nabserver0mapRoles")), st.sampled_from(VERSIONS))
def test_any_text(text: str, version: str) -> None:
    try:
        run(text, version)
    except TarmakIamError:
        return


comments = st.lists(
    st.sampled_from(
        [
            f"# tarmak-iam: ignore[IAM{number}] why"
            for number in ("010", "050", "051", "054", "069", "070", "074", "084")
        ]
        + ["# tarmak-iam: ignore[IAM010, IAM074]", "# tarmak-iam: ignore", "# note", "# tarmak-iam: ignore[X1] why"]
    ),
    max_size=12,
)
blocks = st.lists(
    st.sampled_from(
        [
            f"  - roleARN: {DEV}\n    username: dev\n",
            f"  - roleARN: {DEV}/a\n    username: '{{{{SessionName}}}}'\n    groups: [a]\n",
            "  - roleARN: nonsense\n",
            f"  - roleARN: {DEV}*\n    username: x\n    groups: ['system:masters']\n",
        ]
    ),
    max_size=4,
)


@given(blocks, comments)
def test_what_comments_set_aside_and_what_is_left_are_all_there_is(entries: list[str], notes: list[str]) -> None:
    """Each line has one comment at most, so that lines stay where they are without them."""
    lines = ("".join([ROLES, *entries]) + "  mapAccounts: [012345678901, '444455556666']\n").splitlines()
    commented = [f"{line}  {note}" for line, note in zip(lines, [*notes, *[""] * len(lines)], strict=False)]
    with_comments = run("\n".join(commented) + "\n", "v0.6.20")
    without = run("\n".join(lines) + "\n", "v0.6.20")
    shown, aside = keys_of(with_comments.findings), keys_of(with_comments.suppressed)
    assert shown | aside == keys_of(without.findings)
    assert not shown & aside
    assert without.suppressed == ()


def keys_of(found: tuple[Located, ...]) -> set[tuple[str, int | None, int | None]]:
    own = _CONSEQUENCES | _OF_COMMENTS
    return {(each.finding.id, each.place.line, each.place.column) for each in found if each.finding.id not in own}


@given(st.text("0123456789", min_size=1, max_size=14))
def test_only_a_number_is_said_to_have_lost_its_zero(digits: str) -> None:
    """In quotes, and in an ARN, a digit is missing, and no one knows which."""
    quoted = ROLES + f'  mapAccounts: ["{digits}"]\n'
    arn = ROLES + f"  - {{roleARN: 'arn:aws:iam::{digits}:role/Dev', username: dev, groups: [dev]}}\n"
    assert places(quoted) == (["4:17 IAM074"] if len(digits) == 12 else ["4:17 IAM053"])
    assert places(arn) == ([] if len(digits) == 12 else ["4:15 IAM053"])
    assert len(digits) == 12 or "zero" not in only(quoted) + only(arn)


@given(
    st.sampled_from(["roleARN", "username", "groups", "mapRoles", "server"]),
    st.sampled_from(["swap", "drop", "double", "dash", "capitals"]),
    st.integers(0, 20),
)
def test_a_misspelt_key_is_found_wherever_its_letters_are_wrong(key: str, mistake: str, at: int) -> None:
    at %= len(key) - 1
    wrong = {
        "swap": key[:at] + key[at + 1] + key[at] + key[at + 2 :],
        "drop": key[:at] + key[at + 1 :],
        "double": key[:at] + key[at] + key[at:],
        "dash": f"{key[: at + 1]}_{key[at + 1 :]}",
        "capitals": key.upper(),
    }[mistake]
    text = f"{ROLES}  - roleARN: {DEV}\n    username: dev\n    groups: [dev]\n".replace(f"{key}:", f"{wrong}:", 1)
    rules = [each.finding.id for each in located(text)]
    assert rules == ([] if wrong.lower() == key.lower() else ["IAM057"])
    if rules:
        assert only(text).endswith(f"did you mean {key}?")
