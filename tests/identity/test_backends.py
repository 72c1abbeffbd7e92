"""The backends beside MountedFile: the cluster's objects and the dynamic file, in the order given."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tarmak_iam.identity import Answer, Authenticator, whois
from tarmak_iam.identity.caller import identity_of
from tarmak_iam.identity.model import DaemonInput

ADMIN = "arn:aws:iam::111122223333:role/Admin"
ALICE = "arn:aws:iam::111122223333:user/Alice"
SSO = "arn:aws:iam::111122223333:role/AWSReservedSSO_View_0123456789abcdef"

AWS_AUTH = """\
apiVersion: v1
kind: ConfigMap
metadata:
  name: aws-auth
  namespace: kube-system
data:
  mapRoles: |
    - rolearn: arn:aws:iam::111122223333:role/Admin
      username: admin
      groups:
      - system:masters
    # wrong type, and left out
    - [x]
    - rolearn: arn:aws:sts::111122223333:assumed-role/Other/x
      username: other
  mapUsers: |
    - userarn: arn:aws:iam::111122223333:user/Alice
      username: 007
  mapAccounts: |
    - 012345678901
"""
CRDS = """\
apiVersion: v1
kind: List
items:
- apiVersion: iamauthenticator.k8s.aws/v1alpha1
  kind: IAMIdentityMapping
  metadata: {name: b}
  spec: {arn: "arn:aws:iam::111122223333:role/ADMIN", username: second, groups: [dev]}
- apiVersion: iamauthenticator.k8s.aws/v1alpha1
  kind: IAMIdentityMapping
  metadata: {name: a}
  spec: {arn: "arn:aws:sts::111122223333:assumed-role/Admin/any", username: first, groups: []}
- apiVersion: iamauthenticator.k8s.aws/v1alpha1
  kind: IAMIdentityMapping
  metadata: {name: odd}
  spec: {arn: nonsense, username: odd}
  status: {canonicalARN: "arn:aws:iam::111122223333:user/alice"}
"""
DYNAMIC = {
    "LastUpdatedDateTime": "1764000000",
    "mapRoles": [{"RoleARN": ADMIN, "username": "admin", "groups": ["ops"], "userid": "AROAEXAMPLE"}],
    "mapUsers": [{"userarn": ALICE, "username": "alice", "groups": [], "userid": "AIDAEXAMPLE"}],
    "mapAccounts": ["444455556666"],
}


def ask(arn: str, *backends: str, config: str = "", version: str = "v0.7.9", **files: str) -> Answer:
    args = [f"--backend-mode={','.join(backends)}"] if backends else []
    named = {name.replace("_", "."): text for name, text in files.items()}
    identity = identity_of(arn, "s", "AIDAEXAMPLE" if ":user/" in arn else "AROAEXAMPLE")
    return whois(f"clusterID: test\n{config}", identity, version=version, args=args, files=named)


def test_aws_auth_with_places_in_its_texts() -> None:
    answer = ask(ADMIN, "EKSConfigMap", aws_auth_yaml=AWS_AUTH)
    assert (answer.username, answer.groups) == ("admin", ["system:masters"])
    assert str(answer.place) == "aws.auth.yaml:8:7"
    assert answer.notes == (
        "mapRoles: a value with the wrong type is skipped",
        "mapRoles: a mapping is skipped: a role mapping has neither rolearn nor sso",
        "mapUsers: a value with the wrong type is skipped",
    )
    assert ask(ALICE, "EKSConfigMap", aws_auth_yaml=AWS_AUTH).username == ""
    by_account = ask("arn:aws:iam::012345678901:role/Any", "EKSConfigMap", aws_auth_yaml=AWS_AUTH)
    assert by_account.username == "arn:aws:iam::012345678901:role/Any"
    assert str(by_account.place) == "aws.auth.yaml:20:5"


def test_aws_auth_compares_an_arn_as_it_is_written() -> None:
    answer = ask("arn:aws:iam::111122223333:role/Other", "EKSConfigMap", aws_auth_yaml=AWS_AUTH)
    assert not answer.authenticated
    assert "as it is written: map arn:aws:iam::111122223333:role/Other instead" in answer.reason
    assert str(answer.place) == "aws.auth.yaml:14:7"


def test_aws_auth_of_the_releases_that_want_lower_case_keys() -> None:
    text = AWS_AUTH.replace("- rolearn: arn:aws:iam", "- roleARN: arn:aws:iam")
    assert ask(ADMIN, "EKSConfigMap", aws_auth_yaml=text).authenticated
    for version in ("v0.5.8", "v0.5.27"):
        answer = ask(ADMIN, "EKSConfigMap", version=version, aws_auth_yaml=text)
        assert not answer.authenticated
        assert f"mapRoles: {version} reads keys in lower case only, so roleARN is ignored" in answer.notes
        # Here a number is the text that stands there.
        assert ask(ALICE, "EKSConfigMap", version=version, aws_auth_yaml=text).username == "007"


def test_sso_in_aws_auth_needs_the_gate() -> None:
    text = AWS_AUTH.replace(
        "- [x]", "- sso: {permissionSetName: View, accountID: '111122223333'}\n      username: view"
    )
    assert not ask(SSO, "EKSConfigMap", aws_auth_yaml=text).authenticated
    args = ["--backend-mode=EKSConfigMap", "--feature-gates=SSORoleMatch=true"]
    answer = whois("clusterID: t\n", identity_of(SSO), args=args, files={"cm.yaml": text})
    assert answer.username == "view"


def test_without_the_object_nobody_is_mapped_and_without_a_cluster_nothing_starts() -> None:
    answer = ask(ADMIN, "EKSConfigMap", objects="{apiVersion: v1, kind: List, items: []}")
    assert answer.started
    assert not answer.authenticated
    assert answer.notes == ("the cluster has no ConfigMap aws-auth in kube-system, so it maps no principal",)
    for backend in ("EKSConfigMap", "CRD"):
        assert not ask(ADMIN, backend).started
        broken = ask(ADMIN, backend, objects_yaml="{")
        assert not broken.started
        assert "objects.yaml:1:2" in broken.reason


def test_an_object_of_another_namespace_is_not_the_one() -> None:
    text = AWS_AUTH.replace("namespace: kube-system", "namespace: default")
    assert not ask(ADMIN, "EKSConfigMap", aws_auth_yaml=text).authenticated


def test_custom_resources_are_canonicalised_and_two_of_one_arn_are_random() -> None:
    answer = ask(ADMIN, "CRD", crds_yaml=CRDS)
    assert (answer.username, [other.username for other in answer.alternatives]) == ("first", ["second"])
    assert "one of 2 objects for it; the authenticator uses one at random" in answer.reason
    assert str(answer.place) == "crds.yaml:11:9"
    # What the controller cannot canonicalise keeps the status that it has.
    assert ask(ALICE, "CRD", crds_yaml=CRDS).username == "odd"
    assert not ask("arn:aws:iam::012345678901:role/Any", "CRD", crds_yaml=CRDS).authenticated


DYNAMIC_CONFIG = "server: {dynamicfilepath: /etc/map/dynamic.json}\n"


def test_the_dynamic_file_by_arn() -> None:
    answer = ask(ADMIN, "DynamicFile", config=DYNAMIC_CONFIG, dynamic_json=json.dumps(DYNAMIC, indent=1))
    assert (answer.username, answer.groups) == ("admin", ["ops"])
    assert str(answer.place) == "dynamic.json:4:3"
    assert ask(
        "arn:aws:iam::444455556666:role/Any", "DynamicFile", config=DYNAMIC_CONFIG, dynamic_json=json.dumps(DYNAMIC)
    ).authenticated


def test_the_dynamic_file_by_unique_id() -> None:
    config = DYNAMIC_CONFIG.replace("}", ", dynamicfileUserIDStrict: true}")
    text = json.dumps(DYNAMIC)
    assert ask(ADMIN, "DynamicFile", config=config, dynamic_json=text).username == "admin"
    again = text.replace("AROAEXAMPLE", "AROAOLD")
    answer = ask(ADMIN, "DynamicFile", config=config, dynamic_json=again)
    assert not answer.authenticated
    assert "has the unique ID AROAOLD, the caller has AROAEXAMPLE" in answer.reason
    # v0.5.13 has the key and looks at nothing but the id.
    moved = text.replace("role/Admin", "role/Moved")
    assert not ask(ADMIN, "DynamicFile", config=config, dynamic_json=moved).authenticated
    assert ask(ADMIN, "DynamicFile", config=config, dynamic_json=moved, version="v0.5.13").authenticated
    # The first releases that compare take the caller's own ARN, session and all.
    assert not ask(ADMIN, "DynamicFile", config=config, dynamic_json=text, version="v0.5.21").authenticated
    assert ask(ADMIN, "DynamicFile", config=config, dynamic_json=text, version="v0.6.16").authenticated


@pytest.mark.parametrize(
    ("text", "note"),
    [
        (None, "the dynamic file dynamic.json does not exist"),
        ("{", "the dynamic file cannot be read"),
        ("[]", "it must be a JSON object"),
        ('{"mapRoles": [{"username": "x"}]}', "a mapping has no rolearn"),
        (json.dumps({**DYNAMIC, "mapAccounts": [444455556666]}), "a value has the wrong type"),
        (json.dumps({**DYNAMIC, "Version": 1}), "a value has the wrong type"),
        (json.dumps({**DYNAMIC, "LASTUPDATEDDATETIME": 1700000000}), "a value has the wrong type"),
    ],
)
def test_a_dynamic_file_that_is_not_taken(text: str | None, note: str) -> None:
    files = {} if text is None else {"dynamic_json": text}
    answer = ask(ADMIN, "DynamicFile", config=DYNAMIC_CONFIG, **files)
    assert answer.started
    assert not answer.authenticated
    assert note in answer.notes[0]


def test_time_and_version_of_an_update_are_strings() -> None:
    """v0.5.25 and v0.6.18 were the first to read them; null is no value."""
    text = json.dumps({**DYNAMIC, "Version": 1, "LastUpdatedDateTime": None})
    for version, taken in (("v0.5.24", True), ("v0.5.25", False), ("v0.6.17", True), ("v0.6.18", False)):
        answer = ask(ADMIN, "DynamicFile", config=DYNAMIC_CONFIG, dynamic_json=text, version=version)
        assert answer.authenticated is taken, version
    text = json.dumps({**DYNAMIC, "Version": "1", "LastUpdatedDateTime": None})
    assert ask(ADMIN, "DynamicFile", config=DYNAMIC_CONFIG, dynamic_json=text).authenticated


def test_the_order_of_backends() -> None:
    config = (
        "server:\n  dynamicfilepath: d.json\n  mapAccounts: ['111122223333']\n"
        f"  mapUsers:\n  - {{userarn: '{ALICE}', username: mounted}}\n"
    )
    text = json.dumps(DYNAMIC)
    first = ask(ALICE, "MountedFile", "DynamicFile", config=config, d_json=text)
    assert first.username == "mounted"
    assert first.reason.endswith("; its mapping in DynamicFile is ignored, because MountedFile comes first")
    # Every backend's accounts are asked before the next backend.
    assert ask(ADMIN, "MountedFile", "DynamicFile", config=config, d_json=text).username == ADMIN
    assert ask(ADMIN, "DynamicFile", "MountedFile", config=config, d_json=text).username == "admin"


def test_a_mounted_entry_where_the_mounted_file_is_no_backend() -> None:
    config = f"server:\n  mapUsers:\n  - {{userarn: '{ALICE}', username: mounted}}\n"
    answer = ask(ALICE, "CRD", config=config, crds_yaml=CRDS.replace("user/alice", "user/bob"))
    assert answer.reason.endswith("is ignored: MountedFile is not in the list of backends")
    assert str(answer.place) == "config.yaml:4:5"


def test_the_backend_modes_file_overrides_the_backends() -> None:
    config = (
        "server:\n  dynamicfilepath: d.json\n  backendMode: [DynamicFile]\n  dynamicBackendModePath: /x/modes.json\n"
        f"  mapUsers:\n  - {{userarn: '{ALICE}', username: mounted}}\n"
    )
    text = json.dumps(DYNAMIC)
    modes = '{"BackendMode": "MountedFile DynamicFile"}'
    assert ask(ALICE, config=config, d_json=text).username == "alice"
    assert ask(ALICE, config=config, d_json=text, modes_json=modes).username == "mounted"
    assert ask(ALICE, config=config, d_json=text, modes_json=modes, version="v0.6.10").username == "alice"
    answer = ask(ALICE, config=config, d_json=text, modes_json='{"version": 2, "backendMode": "MountedFile"}')
    odd = "the backend modes file is ignored: LastUpdatedDateTime and Version must be strings"
    assert (answer.username, answer.notes) == ("alice", (odd,))
    answer = ask(ALICE, config=config, d_json=text, modes_json='{"backendMode": "File DynamicFile"}')
    assert (answer.username, answer.notes) == ("mounted", ())
    answer = ask(ADMIN, config=config, modes_json='{"backendMode": "ConfigMap"}', cm_yaml=AWS_AUTH)
    assert (answer.username, str(answer.place)) == ("admin", "cm.yaml:8:7")
    answer = ask(ALICE, config=config, d_json=text, modes_json='{"backendMode": "Mounted"}')
    assert answer.username == "alice"
    assert answer.notes == ("the backend modes file is ignored: 'Mounted' is not a list of backends",)


def test_reserved_prefixes_are_per_backend() -> None:
    config = (
        "server:\n  dynamicfilepath: d.json\n  backendMode: [DynamicFile]\n"
        "  reservedPrefixConfig: [{backendMode: DynamicFile, usernamePrefixReserveList: [adm]}]\n"
    )
    answer = ask(ADMIN, config=config, d_json=json.dumps(DYNAMIC))
    assert not answer.authenticated
    assert "the username 'admin' begins with the reserved prefix 'adm'" in answer.reason


SCALARS = st.one_of(st.none(), st.booleans(), st.integers(), st.sampled_from(["", "a", ADMIN.upper(), "x,y"]))
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(
            st.sampled_from(["rolearn", "userARN", "username", "GROUPS", "sso", "userid", "arn", "spec", "x"]),
            inner,
            max_size=4,
        ),
    ),
    max_leaves=12,
)
BACKENDS = st.sampled_from(["EKSConfigMap", "CRD", "DynamicFile"])
VERSIONS = st.sampled_from(["v0.5.1", "v0.5.9", "v0.5.21", "v0.6.0", "v0.6.20", "v0.7.9", "v0.9.0"])


@given(BACKENDS, VERSIONS, VALUES, VALUES)
def test_nothing_raises_and_nobody_gets_in_unnamed(backend: str, version: str, roles: object, users: object) -> None:
    """Whatever stands there, the caller is not in it."""
    text = json.dumps({"mapRoles": roles, "mapUsers": users, "mapAccounts": roles})
    objects = [
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "aws-auth"}, "data": json.loads(text)},
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": "aws-auth"},
            "data": {"mapRoles": json.dumps(roles), "mapUsers": json.dumps(users), "mapAccounts": json.dumps(roles)},
        },
        {"apiVersion": "iamauthenticator.k8s.aws/v1alpha1", "kind": "IAMIdentityMapping", "spec": roles},
    ]
    config = DYNAMIC_CONFIG if backend == "DynamicFile" else ""
    for each in objects:
        files = {"objects_yaml": json.dumps(each), "dynamic_json": text}
        assert not ask(
            "arn:aws:iam::999988887777:user/Eve", backend, config=config, version=version, **files
        ).authenticated


@pytest.mark.parametrize("backend", ["EKSConfigMap", "CRD"])
@pytest.mark.parametrize(("version", "counts"), [("v0.7.16", False), ("v0.7.17", True), ("v0.6.31", False)])
def test_reserved_prefixes_of_the_clusters_objects(backend: str, version: str, *, counts: bool) -> None:
    reserved = f"[{{backendMode: {backend}, usernamePrefixReserveList: [fir, adm]}}]"
    config = f"clusterID: c\nserver: {{reservedPrefixConfig: {reserved}}}\n"
    files = {"objects.yaml": f"{AWS_AUTH}---\n{CRDS}"}
    answer = whois(config, identity_of(ADMIN), version=version, args=f"--backend-mode={backend}", files=files)
    assert answer.authenticated is not counts
    assert ("begins with the reserved prefix" in answer.reason) is counts


def test_places_in_many_entries_of_one_text_cost_no_more_than_reading_it() -> None:
    entries = "".join(f"    - {{rolearn: '{ADMIN}{number}', username: u{number}}}\n" for number in range(2000))
    text = f"kind: ConfigMap\nmetadata: {{name: aws-auth}}\ndata:\n  mapRoles: |\n{entries}"
    args = ["--backend-mode=EKSConfigMap"]
    grants = Authenticator.load("clusterID: c\n", args=args, files={"f.yaml": text}).grants  # minutes, if each read it
    assert [str(grants[number].place) for number in (0, 1999)] == ["f.yaml:5:7", "f.yaml:2004:7"]


FILE = f"""\
clusterID: c
server:
  mapRoles:
  - {{roleARN: '{ADMIN}', username: admin, groups: [dev]}}
  - {{roleARN: '{ADMIN}', username: last}}
  - {{sso: {{permissionSetName: View, accountID: '111122223333'}}, username: view}}
  mapUsers:
  - {{userARN: '{ALICE}', username: alice}}
  mapAccounts: ['444455556666']
"""


@pytest.mark.parametrize("backends", ["MountedFile", "EKSConfigMap", "CRD", "CRD,MountedFile", "EKSConfigMap,CRD"])
def test_a_file_that_is_written_to_every_backend(backends: str) -> None:
    args = ("--feature-gates=SSORoleMatch=true", f"--backend-mode={backends}")
    loaded = Authenticator.of(DaemonInput(FILE, version="v0.7.9", args=args, is_carried=True))

    def told(arn: str) -> str:
        answer = loaded.whois(identity_of(arn))
        return f"{answer.username} {answer.place and answer.place.line}"

    alone = backends == "CRD"
    assert (told(ADMIN), told(ALICE)) == ("last 5", "alice 8")
    assert told(SSO) == ("None 6" if alone else "view 6")
    assert told("arn:aws:iam::444455556666:user/x") == ("None 9" if alone else "arn:aws:iam::444455556666:user/x 9")
    because = f"the mapping for {ADMIN} matches (the last of 2 mappings for it; the others are ignored)"
    assert loaded.whois(identity_of(ADMIN)).reason == because


@pytest.mark.parametrize("sso", ["{permissionSetName: View, accountID: '111122223333'}", "[x]", "View"])
@pytest.mark.parametrize("version", ["v0.5.1", "v0.5.9", "v0.6.20"])
def test_an_sso_entry_stops_the_mounted_file_only(sso: str, version: str) -> None:
    """The releases that do not read `sso:` see a mapping without an ARN, which only that backend canonicalizes."""
    config = f"server:\n  mapRoles:\n  - {{sso: {sso}, username: v}}\n"
    answer = ask(ADMIN, "EKSConfigMap", config=config, version=version, aws_auth_yaml=AWS_AUTH)
    assert (answer.started, answer.username) == (True, "admin")
    for backends in (["MountedFile"], ["EKSConfigMap", "MountedFile"]):
        answer = ask(ADMIN, *backends, config=config, version=version, aws_auth_yaml=AWS_AUTH)
        assert answer.reason == f"{version} does not support SSO entries (v0.6.0, v0.6.1, v0.6.30 and later do)"
        assert str(answer.place) == "config.yaml:4:5"
    # What the manifests write for another backend leaves out the entry.
    text = f"clusterID: c\n{config}  - {{roleARN: '{ADMIN}', username: a}}\n"
    for backend, starts in (("EKSConfigMap", True), ("MountedFile", False), ("EKSConfigMap,MountedFile", False)):
        args = (f"--backend-mode={backend}",)
        loaded = Authenticator.of(DaemonInput(text, version=version, args=args, is_carried=True))
        assert [grant.username for grant in loaded.grants] == (["a"] if starts else [])


STRICT_CONFIG = DYNAMIC_CONFIG.replace("}", ", dynamicfileUserIDStrict: true}")
MALFORMED = ("garbage", "arn:aws-moon:iam::111122223333:role/Admin", ADMIN.replace("arn:", "ARN:"), f" {ADMIN}")


@pytest.mark.parametrize("arn", MALFORMED)
@pytest.mark.parametrize(("caller", "kind", "field"), [(ADMIN, "mapRoles", "rolearn"), (ALICE, "mapUsers", "userarn")])
def test_a_malformed_arn_next_to_a_unique_id(arn: str, caller: str, kind: str, field: str) -> None:
    """v0.7.16 takes any caller with that unique ID; v0.7.17 none, as upstream's fix of the vulnerability has it."""
    user_id = "AIDAEXAMPLE" if caller == ALICE else "AROAEXAMPLE"
    entry = {field: arn, "username": "root", "groups": ["system:masters"], "userid": user_id}
    text = json.dumps({kind: [entry]})
    args = ["--backend-mode=DynamicFile"]
    for version, is_taken in (("v0.6.31", True), ("v0.7.16", True), ("v0.7.17", False), ("v0.7.18", False)):
        answer = ask(caller, "DynamicFile", config=STRICT_CONFIG, dynamic_json=text, version=version)
        assert answer.groups == (["system:masters"] if is_taken else None)
        assert answer.authenticated is is_taken
        config = f"clusterID: c\n{STRICT_CONFIG}"
        loaded = Authenticator.load(config, version=version, args=args, files={"dynamic.json": text})
        assert [grant.principal for grant in loaded.grants] == ([user_id] if is_taken else [])
    assert f"the mapping with the unique ID {user_id} has the ARN '{arn}', which is not valid: " in answer.reason
    assert str(answer.place) == "dynamic.json:1:15"
    by_account = json.dumps({kind: [entry], "mapAccounts": ["111122223333"]})
    answer = ask(caller, "DynamicFile", config=STRICT_CONFIG, dynamic_json=by_account, version="v0.7.18")
    assert (answer.username, answer.groups) == (caller, None)
    without = json.dumps({kind: [{**entry, field: ""}]})
    answer = ask(caller, "DynamicFile", config=STRICT_CONFIG, dynamic_json=without, version="v0.7.18")
    assert answer.groups == ["system:masters"]


def test_who_can_be_the_principal_of_a_unique_id() -> None:
    """An ARN that no caller has matches none, in the releases that compare it."""
    session = ADMIN.replace(":iam:", ":sts:").replace("role/", "assumed-role/") + "/s"
    for arn, principals in ((ADMIN.replace("role/", "role/team/"), ["AROAEXAMPLE"]), (session, [])):
        text = json.dumps({"mapRoles": [{"rolearn": arn, "username": "a", "userid": "AROAEXAMPLE"}]})
        config, args = f"clusterID: c\n{STRICT_CONFIG}", ["--backend-mode=DynamicFile"]
        loaded = Authenticator.load(config, version="v0.7.9", args=args, files={"dynamic.json": text})
        assert [grant.principal for grant in loaded.grants] == principals
        caller = identity_of(ADMIN, "s", "AROAEXAMPLE")
        assert loaded.whois(caller).authenticated is bool(principals)


@pytest.mark.parametrize(
    ("value", "filename", "since"),
    [
        ("1.5", "config.yaml", "v0.6.28"),
        ("1", "config.json", "v0.6.28"),
        (".inf", "config.yaml", "v0.6.28"),
        ("18446744073709551615", "config.yaml", "v0.6.28"),
        ("1", "config.yaml", ""),
        ("-1", "config.yaml", ""),
        ("'true'", "config.yaml", ""),
        ("0.0", "config.yaml", "never"),
        ("0", "config.json", "never"),
        ("'1.5'", "config.yaml", "never"),
    ],
)
def test_a_number_for_user_id_strict(value: str, filename: str, since: str) -> None:
    """cast v1.3 takes an int only; the JSON of a configuration has floats only."""
    config = f"clusterID: c\nserver: {{dynamicfilepath: dynamic.json, dynamicfileUserIDStrict: {value}}}\n"
    if filename.endswith("json"):
        config = (
            f'{{"clusterID": "c", "server": {{"dynamicfilepath": "dynamic.json", "dynamicfileUserIDStrict": {value}}}}}'
        )
    args, files = ["--backend-mode=DynamicFile"], {"dynamic.json": json.dumps(DYNAMIC)}
    for version in ("v0.5.27", "v0.6.20", "v0.6.27", "v0.6.28", "v0.7.1", "v0.7.18"):
        loaded = Authenticator.load(config, version=version, args=args, files=files, filename=filename)
        assert loaded.config is not None
        is_later = version in ("v0.6.28", "v0.7.1", "v0.7.18")
        assert loaded.config.user_id_strict is (not since or (is_later and since != "never")), version
