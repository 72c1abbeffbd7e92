"""Whatever a file holds: an answer or one of our errors, and every entry has a place."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tarmak_iam.errors import TarmakIamError
from tarmak_iam.identity.releases import DaemonVersion
from tarmak_iam.mappings.formats import FORMATS, as_mappings, convert_mappings, read_mappings
from tarmak_iam.mappings.mappings_file import Mappings

WORDS = (
    "kind apiVersion metadata name data items spec status server clusterID mapRoles mapUsers mapAccounts maproles "
    "rolearn userarn roleARN arn username groups sso accountID permissionSetName partition userid account serviceName "
    "noDuplicateARNs iamIdentityMappings authentication aws identityMappings backendMode config.yaml x"
)
KEYS = st.sampled_from(WORDS.split())
SCALARS = st.sampled_from(
    [
        *(
            "ConfigMap",
            "List",
            "IAMIdentityMapping",
            "Cluster",
            "ClusterConfig",
            "aws-auth",
            "",
            " ",
            "a\nb",
            "- [",
            "{",
        ),
        *("kops.k8s.io/v1alpha2", "eksctl.io/v1alpha5", "111122223333", "arn:aws:iam::111122223333:role/a", "sso:x"),
        *("arn:aws:iam::111122223333:user/b", "- rolearn: x\n  username: [1]\n", "clusterID: c\nserver: {mapRoles: x}"),
        *(None, True, 0, 111122223333, 1.5),
    ]
)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4), max_leaves=25
)
# The way to where the entries are, and anything there.
WAYS: list[Callable[[Any], Any]] = [
    lambda value: value,
    lambda value: {"kind": "ConfigMap", "data": {"mapRoles": json.dumps(value)}},
    lambda value: {"kind": "ConfigMap", "data": {"mapUsers": "- ok\n", "mapAccounts": json.dumps(value)}},
    lambda value: {"kind": "ConfigMap", "data": {"config.yaml": json.dumps({"server": value})}},
    lambda value: {"server": {"mapRoles": [value], "mapAccounts": value}},
    lambda value: {"kind": "List", "items": [{"kind": "IAMIdentityMapping", "spec": value}]},
    lambda value: {"aws": {"identityMappings": [value]}},
    lambda value: {"iamIdentityMappings": [value, value]},
]


@given(st.builds(lambda way, value: way(value), st.sampled_from(WAYS), VALUES), st.none() | st.sampled_from([*FORMATS]))
def test_any_structure(value: Any, form: str | None) -> None:
    with contextlib.suppress(TarmakIamError):
        found = read_mappings(json.dumps(value), "f.yaml", form)
        assert all(each.place for each in found.entries)
        assert all(each.place for each in found.left_out)
        merged, outcomes = Mappings.create("c").merge(found.entries)
        assert len(outcomes) == len(found.entries)
        assert merged.merge(found.entries)[0] is merged
        as_mappings(found, "c", "f.yaml")
        for backend in ("MountedFile", "EKSConfigMap", "CRD"):
            convert_mappings(merged, backend, DaemonVersion(0, 7, 9))


@given(st.text(alphabet="-%.: \n\r\t{}[]ab'\"|>#&*!", max_size=40))
def test_any_text(text: str) -> None:
    with contextlib.suppress(TarmakIamError):
        read_mappings(text, "f.yaml")


CONFIGS = st.dictionaries(st.sampled_from(["mapRoles", "mapUsers", "mapAccounts", "x"]), VALUES, max_size=3)


@given(CONFIGS)
def test_any_configuration_can_be_converted_or_is_told(server: dict[str, Any]) -> None:
    with contextlib.suppress(TarmakIamError):
        mappings = Mappings.parse(json.dumps({"clusterID": "c", "server": server}), "m.yaml")
        for backend in ("MountedFile", "EKSConfigMap", "CRD"):
            made = convert_mappings(mappings, backend, DaemonVersion(0, 7, 9))
            assert all(each.place is not None for each in made.left_out)
