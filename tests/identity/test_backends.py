"""The backends besides MountedFile: whatever is in their files, and what tests/identity/cases would be too long for."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tarmak_iam.identity import Authenticator, whois
from tarmak_iam.identity.caller import identity_of
from tests.support.tables import rows

ADMIN = "arn:aws:iam::111122223333:role/Admin"

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
    dynamic = "server: {dynamicfilepath: /etc/map/dynamic.json}\n" if backend == "DynamicFile" else ""
    eve, args = identity_of("arn:aws:iam::999988887777:user/Eve"), [f"--backend-mode={backend}"]
    for each in objects:
        files = {"objects.yaml": json.dumps(each), "dynamic.json": text}
        answer = whois(f"clusterID: test\n{dynamic}", eve, version=version, args=args, files=files)
        assert not answer.authenticated


def test_places_in_many_entries_of_one_text_cost_no_more_than_reading_it() -> None:
    entries = "".join(f"    - {{rolearn: '{ADMIN}{number}', username: u{number}}}\n" for number in range(2000))
    text = f"kind: ConfigMap\nmetadata: {{name: aws-auth}}\ndata:\n  mapRoles: |\n{entries}"
    args = ["--backend-mode=EKSConfigMap"]
    grants = Authenticator.load("clusterID: c\n", args=args, files={"f.yaml": text}).grants  # minutes, if each read it
    assert [str(grants[number].place) for number in (0, 1999)] == ["f.yaml:5:7", "f.yaml:2004:7"]


@pytest.mark.parametrize(("value", "filename", "since"), rows(__file__, "test_a_number_for_user_id_strict"))
def test_a_number_for_user_id_strict(value: str, filename: str, since: str) -> None:
    """cast v1.3 takes an int only; the JSON of a configuration has floats only."""
    config = f"clusterID: c\nserver: {{dynamicfilepath: dynamic.json, dynamicfileUserIDStrict: {value}}}\n"
    if filename.endswith("json"):
        config = (
            f'{{"clusterID": "c", "server": {{"dynamicfilepath": "dynamic.json", "dynamicfileUserIDStrict": {value}}}}}'
        )
    args, files = ["--backend-mode=DynamicFile"], {"dynamic.json": "{}"}
    for version in ("v0.5.27", "v0.6.20", "v0.6.27", "v0.6.28", "v0.7.1", "v0.7.18"):
        loaded = Authenticator.load(config, version=version, args=args, files=files, filename=filename)
        assert loaded.config is not None
        is_later = version in ("v0.6.28", "v0.7.1", "v0.7.18")
        assert loaded.config.user_id_strict is (not since or (is_later and since != "never")), version
