"""What paths mean in a file, and what is said about those that mean nothing or several things."""

from __future__ import annotations

import pytest

from tarmak_iam import TarmakConfig
from tarmak_iam.config.key_paths import KeyPath
from tarmak_iam.config.path_lookup import FoundKey, NoSuchItem, look_up
from tarmak_iam.config.tarmak_types import Field
from tarmak_iam.errors import SelectionError
from tarmak_iam.routes import Route
from tests.support.tables import cases

FILE = """\
apiVersion: api.tarmak.io/v1alpha1
kind: Config
currentCluster: dev-one
clusters:
- environment: dev
  metadata:
    name: one
    annotations:
      a.b/c: x
  kubernetes: &k
    version: 1.12.9
    apiServer: {allowCIDRs: [10.0.0.0/8, 192.0.2.0/24]}
    own: {deep: [1]}
  instancePools:
  - {type: master, metadata: {name: first}, minCount: 3}
  - {type: worker, taints: [{key: a, effect: NoExecute}, {key: a, effect: NoSchedule}]}
  - {type: worker, metadata: {name: gpu}, subnets: [{zone: eu-west-1a}], minCount: 1}
  loggingSinks:
  - types: [all]
- environment: dev
  metadata: {name: two}
  kubernetes: *k
- environment: prod
  metadata: {name: two}
-
environments:
- metadata: {name: dev}
"""
CONFIG = TarmakConfig.parse(FILE)
BASE = CONFIG.clusters[0].route


def found(text: str) -> FoundKey:
    return look_up(CONFIG.document, BASE, KeyPath.parse(text))


@cases("config/cases/path_lookup")
def test_what_a_path_means(text: str, route: str, kind: str, is_set: bool) -> None:
    key = found(text)
    assert isinstance(key.field, Field)
    assert (str(key.route), key.field.kind, key.is_set, key.is_unknown) == (route, kind, is_set, False)


@pytest.mark.parametrize(
    ("text", "is_set", "is_unknown"),
    [("kubernetes.own.deep[0]", True, True), ("x-note.a", False, False), ("kubernetes.own.other", False, True)],
)
def test_keys_that_tarmak_does_not_know(text: str, is_set: bool, is_unknown: bool) -> None:
    key = found(text)
    assert (key.field, key.is_set, key.is_unknown) == (None, is_set, is_unknown)


@cases("config/cases/path_lookup")
def test_a_path_that_means_nothing_or_several_keys(text: str, message: str) -> None:
    with pytest.raises(SelectionError) as refused:
        found(text)
    assert str(refused.value) == f"tarmak.yaml:{message}"
    assert not isinstance(refused.value, NoSuchItem)


def test_without_a_cluster_a_suggestion_is_absolute_too() -> None:
    with pytest.raises(SelectionError, match=r"did you mean /clusters\[dev-one\]\.kubernetes\.version\?"):
        look_up(CONFIG.document, Route(), KeyPath.parse("kubernetes.version", root=True))


@cases("config/cases/path_lookup")
def test_an_item_that_is_not_there(text: str, message: str, is_last: bool) -> None:
    with pytest.raises(NoSuchItem) as refused:
        found(text)
    assert str(refused.value) == f"tarmak.yaml:{message}"
    assert refused.value.is_last is is_last


def test_of_duplicate_keys_in_json_the_values_are_merged() -> None:
    keys = '"metadata": {"name": "a"}, "kubernetes": {"zone": "z"}, "kubernetes": {"version": "1.12.9"}'
    head = '{"apiVersion": "api.tarmak.io/v1alpha1", "kind": "Config"'
    config = TarmakConfig.parse(f'{head}, "clusters": [{{"environment": "dev", {keys}}}]}}')
    assert config.cluster("dev-a").get("kubernetes") == {"zone": "z", "version": "1.12.9"}
