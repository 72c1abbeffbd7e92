"""What the daemon gets for its backends, and what is refused because somebody would stand otherwise."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tarmak_iam.document import Document
from tarmak_iam.document.render import yaml_bytes
from tarmak_iam.errors import ConfigError, TarmakIamError
from tarmak_iam.identity.authenticator import Authenticator
from tarmak_iam.identity.model import Identity
from tarmak_iam.identity.releases import DaemonVersion, known_releases
from tarmak_iam.installation.backend_payloads import BackendPayloads, Daemon, NotCarried, make_payloads
from tarmak_iam.mappings.mappings_file import Mappings
from tests.support.tables import rows

ROLE = "arn:aws:iam::111122223333:role/"
ADMIN = f"server:\n  mapRoles:\n  - {{roleARN: '{ROLE}Admin', username: admin, groups: ['system:masters']}}\n"


def daemon(*backends: str, version: str = "v0.7.9", partition: str = "aws", **gates: bool) -> Daemon:
    return Daemon(DaemonVersion.parse(version), backends, gates, partition)


def delivered(text: str, *backends: str, version: str = "v0.7.9", **gates: bool) -> BackendPayloads:
    chosen = Daemon(DaemonVersion.parse(version), backends, gates, "aws")
    return make_payloads(Mappings.parse(text, "map.yaml"), chosen, "c")


@pytest.mark.parametrize(("version", "backends", "expected"), rows(__file__, "test_flags"))
def test_flags(version: str, backends: list[str], expected: list[str]) -> None:
    assert list(daemon(*backends, version=version).args) == expected


def test_gates_and_partition_come_first() -> None:
    made = daemon(
        "CRD", version="v0.6.20", partition="aws-cn", IAMIdentityMappingCRD=True, ConfiguredInitDirectories=False
    )
    assert made.args == (
        "--feature-gates=ConfiguredInitDirectories=false,IAMIdentityMappingCRD=true",
        "--partition=aws-cn",
        "--backend-mode=CRD",
    )


def test_the_lists_are_not_where_nobody_reads_them() -> None:
    text = """\
# all of it
clusterID: c   # the id
server:
  port: 21362  # as ever
  # people
  mapRoles:
  - roleARN: arn:aws:iam::111122223333:role/Admin   # admins
    username: admin
  maproles: []
  MapAccounts: ["111122223333"]
  # audit
  scrubbedAccounts: ["111122223333"]
server.mapUsers: []
"""
    left = """\
# all of it
clusterID: c   # the id
server:
  port: 21362  # as ever
  # audit
  scrubbedAccounts: ["111122223333"]
"""
    assert delivered(text, "EKSConfigMap", version="v0.6.20").config == left
    assert delivered(text, "EKSConfigMap", "MountedFile", version="v0.6.20").config == text


def test_lists_are_found_by_the_keys_that_viper_lowers() -> None:
    text = "clusterID: c\nserver:\n  mapRoles: []\n  mapAccount\u017f: []\n"
    left = "clusterID: c\nserver:\n  mapAccount\u017f: []\n"
    assert delivered(text, "EKSConfigMap", version="v0.6.20").config == left


def test_without_lists_little_may_be_left() -> None:
    assert delivered(ADMIN, "CRD").config == "clusterID: c\n"
    assert delivered(ADMIN.replace("\n", "\r\n") + "clusterID: c\r\n# end\r\n", "CRD").config == "clusterID: c\n# end\n"


@pytest.mark.parametrize("text", rows(__file__, "test_lists_that_cannot_be_taken_out_are_told"))
def test_lists_that_cannot_be_taken_out_are_told(text: str) -> None:
    assert delivered(text, "CRD", "MountedFile").config.startswith(text)
    with pytest.raises(ConfigError, match=r"^map.yaml:\d+:\d+: .* cannot be removed.*without aliases and merges"):
        delivered(text, "CRD")


def test_an_anchor_in_a_list_that_is_taken_out() -> None:
    text = f"server: {{mapRoles: [{{roleARN: '{ROLE}A', username: &a a}}], hostname: *a}}\n"
    with pytest.raises(NotCarried) as refusal:
        delivered(text, "CRD")
    assert str(refusal.value) == (
        "map.yaml:1:9: the lists cannot be removed from the configuration: the alias *a (line 1) would lose its anchor "
        "(line 1); write mapRoles, mapUsers and mapAccounts as keys of server, without aliases and merges"
    )


SSO = "server:\n  mapRoles:\n  - {sso: {permissionSetName: Dev, accountID: '111122223333'}, username: dev}\n"
ACCOUNT = "server:\n  mapAccounts:\n  - '111122223333'\n"
RESERVED = (
    "server:\n  reservedPrefixConfig: [{backendMode: MountedFile, usernamePrefixReserveList: [adm]}]\n"
    f"  mapRoles:\n  - {{roleARN: '{ROLE}Admin', username: admin}}\n"
)


@pytest.mark.parametrize(("text", "backends", "version", "gates", "expected"), rows(__file__, "test_refusals"))
def test_refusals(text: str, backends: list[str], version: str, gates: dict[str, bool], expected: str) -> None:
    with pytest.raises(ConfigError) as refusal:
        delivered(text, *backends, version=version, **gates)
    assert str(refusal.value).startswith(expected)


def test_what_another_backend_carries_is_no_loss() -> None:
    made = delivered(ACCOUNT + SSO.removeprefix("server:\n"), "CRD", "EKSConfigMap", SSORoleMatch=True)
    assert made.notes == ()
    (aws_auth,) = made.objects
    assert aws_auth["data"] == {
        "mapRoles": (
            '- sso:\n    permissionSetName: Dev\n    accountID: "111122223333"\n  username: dev\n  groups: []\n'
        ),
        "mapAccounts": '- "111122223333"\n',
    }


def test_an_sso_entry_may_be_switched_off_on_purpose() -> None:
    (note,) = delivered(SSO, "CRD", SSORoleMatch=False).notes
    assert str(note) == "map.yaml:3:5: sso:111122223333/Dev is ignored: the feature gate SSORoleMatch is off"


def test_entries_that_nobody_misses_are_told() -> None:
    text = f"server:\n  mapRoles:\n  - {{roleARN: '{ROLE}a/*', username: a}}\n"
    (note,) = delivered(text, "EKSConfigMap", version="v0.6.20").notes
    assert str(note).startswith(f"map.yaml:3:5: '{ROLE}a/*' never matches")
    twice = ADMIN + ADMIN.removeprefix("server:\n  mapRoles:\n")
    assert delivered(twice, "EKSConfigMap", version="v0.6.20").notes == ()


@pytest.mark.parametrize(("version", "prefixes"), [("v0.7.16", False), ("v0.7.17", True)])
def test_reserved_prefixes_of_other_backends_count_from_one_release_on(version: str, *, prefixes: bool) -> None:
    text = RESERVED.replace("MountedFile", "EKSConfigMap")
    if prefixes:  # the file itself would let the admin in
        with pytest.raises(ConfigError, match=r"EKSConfigMap would map \S+Admin to no user, but .* to 'admin'"):
            delivered(text, "EKSConfigMap", version=version)
    else:
        delivered(text, "EKSConfigMap", version=version)


# Whatever an entry says: every backend gives the same value, or it is refused.
AWKWARD = [
    "'",
    '"',
    "\n",
    "\n---\n",
    "{{",
    "{{SessionName}}",
    "%",
    "$(X)",
    "$$(X)",
    ": ",
    " #",
    "- ",
    "\t",
    "\0",
    "\x1b",
    "\x85",
]
TEXTS = st.lists(st.sampled_from([*AWKWARD, "a", "é", "\u2028", "\ufeff", "yes", "1"]), min_size=1, max_size=4).map(
    "".join
)
ARNS = st.sampled_from(
    [f"{ROLE}A", f"{ROLE}a", f"{ROLE}B", f"{ROLE}team/C", "arn:aws:sts::111122223333:assumed-role/D/s"]
)
USERS = st.sampled_from([f"arn:aws:iam::111122223333:user/{name}" for name in ("a", "A", "t/b")] + [f"{ROLE}A"])
BACKENDS = st.permutations(["MountedFile", "EKSConfigMap", "CRD"]).flatmap(
    lambda names: st.integers(1, 3).map(lambda count: names[:count])
)
ODD: st.SearchStrategy[Any] = st.sampled_from([None, True, 1, 1.5, "", [], "a,b", "012", {"a": 1}])
VERSIONS = st.sampled_from(known_releases())
CALLERS = [
    Identity(f"arn:aws:sts::111122223333:assumed-role/{name}/s", "111122223333", "AROA:s") for name in "AaBCD"
] + [Identity(f"arn:aws:iam::111122223333:user/{name}", "111122223333", "AIDA") for name in ("a", "t/b", "c")]


def entry(kind: str, arns: st.SearchStrategy[str]) -> st.SearchStrategy[dict[str, Any]]:
    names = TEXTS | ODD
    return st.fixed_dictionaries({f"{kind}ARN": arns, "username": names}, optional={"groups": st.lists(TEXTS) | ODD})


SERVERS = st.fixed_dictionaries(
    {"mapRoles": st.lists(entry("role", ARNS), max_size=3)},
    optional={
        "mapUsers": st.lists(entry("user", USERS), max_size=3),
        "mapAccounts": st.lists(st.sampled_from(["111122223333", 111122223333, "x", 12345678901]), max_size=2),
    },
)


@given(SERVERS, BACKENDS, VERSIONS)
def test_the_same_people_or_a_refusal(server: dict[str, Any], backends: list[str], version: DaemonVersion) -> None:
    text = json.dumps({"clusterID": "c", "server": server})
    chosen = daemon(*backends, version=str(version))
    with contextlib.suppress(TarmakIamError):
        made = make_payloads(Mappings.parse(text), chosen, "c")
        files = {"objects.yaml": b"---\n".join(map(yaml_bytes, [*made.objects, {"kind": "Other"}])).decode()}
        read = Authenticator.load(made.config, version=str(version), args=chosen.args, files=files)
        itself = Authenticator.load(text, version=str(version), args=chosen.of_file.args)
        for caller in CALLERS:
            was, is_now = itself.whois(caller), read.whois(caller)
            assert (was.authenticated, was.username, was.groups) == (
                is_now.authenticated,
                is_now.username,
                is_now.groups,
            )


@given(TEXTS, st.lists(TEXTS, max_size=3))
def test_texts_come_out_as_they_are(username: str, groups: list[str]) -> None:
    value = {
        "clusterID": "c",
        "server": {"mapRoles": [{"roleARN": f"{ROLE}A", "username": username, "groups": groups}]},
    }
    with contextlib.suppress(TarmakIamError):
        mappings = Mappings.parse(json.dumps(value))
        made = make_payloads(mappings, daemon("CRD", "EKSConfigMap"), "c")
        aws_auth, resource = made.objects
        assert Document.parse(yaml_bytes(resource)).data["spec"] == {
            "arn": f"{ROLE}A",
            "username": username,
            "groups": groups,
        }
        inner = Document.parse(yaml_bytes(aws_auth)).data["data"]["mapRoles"]
        assert Document.parse(inner).data == [{"rolearn": f"{ROLE}A", "username": username, "groups": groups}]
