"""Mappings for another backend: the way back gives the same. cases/conversion.txt has what comes along."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tarmak_iam.access.diff import effects
from tarmak_iam.document.render import yaml_bytes
from tarmak_iam.identity import Authenticator
from tarmak_iam.identity.releases import DaemonVersion
from tarmak_iam.mappings.formats import as_mappings, convert_mappings, read_mappings
from tarmak_iam.mappings.mappings_file import Mappings
from tarmak_iam.mappings.merging import Wanted

NEW = DaemonVersion(0, 7, 9)


ARNS = st.sampled_from([f"arn:aws:iam::111122223333:{kind}/{name}" for kind in ("role", "user") for name in "abcde"])
NAMES = st.sampled_from(["alice", "yes", "1", "a:{{SessionName}}", "x y", "'", "#", "é"])
ROLES = st.builds(Wanted, ARNS, NAMES, st.lists(NAMES, max_size=3).map(tuple))
SETS = st.builds(Wanted, st.sampled_from(["sso:111122223333/Dev", "sso:012345678901/Ops"]), NAMES, st.just(("g",)))
ACCOUNTS = st.sampled_from(["012345678901", "111122223333"]).map(Wanted)


@given(st.lists(ROLES | SETS | ACCOUNTS, max_size=8), st.sampled_from(["MountedFile", "EKSConfigMap", "CRD"]))
def test_there_and_back_again(wanted: list[Wanted], backend: str) -> None:
    start, _ = Mappings.create("dev-cluster").merge(wanted)
    made = convert_mappings(start, backend, NEW)
    assert made == convert_mappings(start, backend, NEW)
    if not made.objects:
        return
    data = b"---\n".join(map(yaml_bytes, made.objects))
    if backend == "EKSConfigMap" and not made.objects[0]["data"]:
        return
    back, outcomes = Mappings.create("dev-cluster").merge(read_mappings(data, "f").entries)
    assert not [outcome for outcome in outcomes if outcome.error]
    lost = {each.principal for each in start.entries if each.kind == "account" or each.sso} if backend == "CRD" else ()
    assert [(each.key, each.username, each.groups) for each in back.entries] == [
        (each.key, each.username, each.groups) for each in start.entries if each.principal not in lost
    ]


def test_what_a_foreign_file_gives() -> None:
    text = """\
kind: ConfigMap
metadata: {name: aws-auth}
data:
  mapRoles: |
    - {rolearn: "arn:aws:iam::111122223333:role/Dev", username: dev, groups: [dev]}
    - {rolearn: "arn:aws:sts::111122223333:assumed-role/Ops/x", username: ops}
    - {rolearn: "arn:aws:iam::111122223333:role/team/Path", username: path}
"""
    found, left_out = as_mappings(read_mappings(text, "f.yaml"), "dev-cluster", "f.yaml")
    assert [entry.principal for entry in found.entries] == ["arn:aws:iam::111122223333:role/Dev"]
    assert [str(each).partition(";")[0] for each in left_out] == [
        (
            "f.yaml:6:7: arn:aws:sts::111122223333:assumed-role/Ops/x never matches: the ARNs of aws-auth are "
            "compared as they are written"
        ),
        "f.yaml:7:7: arn:aws:iam::111122223333:role/team/Path never matches: STS omits the path of a role",
    ]
    objects = "kind: IAMIdentityMapping\nspec: {arn: 'arn:aws:sts::111122223333:assumed-role/Ops/x', username: ops}\n"
    found, left_out = as_mappings(read_mappings(objects, "f.yaml"), "dev-cluster", "f.yaml")
    assert [entry.principal for entry in found.entries] == ["arn:aws:iam::111122223333:role/Ops"]
    assert left_out == ()
    text = "clusterID: dev-cluster\nserver: {address: 0.0.0.0, MAPROLES: [{rolearn: 'arn:aws:iam::1:role/A'}]}\n"
    own, _ = as_mappings(read_mappings(text, "f.yaml"), "x", "f.yaml")
    assert own.document.text == text


def test_converting_changes_nothing_for_anybody() -> None:
    kept = (
        "clusterID: c\nserver:\n  mapRoles:\n  - {roleARN: 'arn:aws:sts::111122223333:assumed-role/D/x', username: d}\n"
    )
    (config,) = convert_mappings(Mappings.parse(kept), "MountedFile", NEW).objects
    assert effects(Authenticator.load(kept), Authenticator.load(yaml_bytes(config).decode())) == ()
