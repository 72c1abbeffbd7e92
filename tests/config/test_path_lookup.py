"""What paths mean in a file, and what is said about those that mean nothing or several things."""

from __future__ import annotations

import pytest

from tarmak_iam import TarmakConfig
from tarmak_iam.config.key_paths import KeyPath
from tarmak_iam.config.path_lookup import FoundKey, NoSuchItem, look_up
from tarmak_iam.config.tarmak_types import Field
from tarmak_iam.errors import SelectionError

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


@pytest.mark.parametrize(
    ("text", "route", "kind", "is_set"),
    [
        ("kubernetes.version", "clusters[0].kubernetes.version", "string", True),
        ("kubernetes.zone", "clusters[0].kubernetes.zone", "string", False),
        ("metadata.annotations.'a.b/c'", "clusters[0].metadata.annotations.a.b/c", "string", True),
        ("instancePools[gpu].minCount", "clusters[0].instancePools[2].minCount", "int", True),
        ("instancePools[worker]", "clusters[0].instancePools[1]", "struct", True),  # named by its type
        ("instancePools[type=master].size", "clusters[0].instancePools[0].size", "string", False),
        ("instancePools[metadata.name=gpu].type", "clusters[0].instancePools[2].type", "string", True),
        ("instancePools[minCount=1].type", "clusters[0].instancePools[2].type", "string", True),
        ("instancePools[-1].type", "clusters[0].instancePools[2].type", "string", True),
        ("instancePools[2].subnets[eu-west-1a]", "clusters[0].instancePools[2].subnets[0]", "struct", True),
        (
            "instancePools[1].taints[effect=NoSchedule].key",
            "clusters[0].instancePools[1].taints[1].key",
            "string",
            True,
        ),
        (
            "kubernetes.apiServer.allowCIDRs[192.0.2.0/24]",
            "clusters[0].kubernetes.apiServer.allowCIDRs[1]",
            "string",
            True,
        ),
        ("/clusters[one].environment", "clusters[0].environment", "string", True),
        ("/clusters[prod-two].environment", "clusters[2].environment", "string", True),
        ("/clusters[1].kubernetes.version", "clusters[1].kubernetes.version", "string", True),  # through the alias
        ("/clusters[3].kubernetes.version", "clusters[3].kubernetes.version", "string", False),
        ("/environments[dev].location", "environments[0].location", "string", False),
        (".", "clusters[0]", "struct", True),
        ("/", "(the whole document)", "struct", True),
    ],
)
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


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "kubernetes.verison",
            "10:15: Tarmak does not know the key 'verison' in kubernetes; did you mean kubernetes.version?",
        ),
        (
            "kubernetes.apiserver.public",
            "10:15: Tarmak does not know the key 'apiserver' in kubernetes; did you mean kubernetes.apiServer.public?",
        ),
        (
            "apiServer.public",
            "5:3: Tarmak does not know the key 'apiServer' in the cluster; did you mean kubernetes.apiServer.public?",
        ),
        (
            "currentCluster",
            "5:3: Tarmak does not know the key 'currentCluster' in the cluster; did you mean /currentCluster?",
        ),
        (
            "environments[dev].location",
            (
                "5:3: Tarmak does not know the key 'environments' in the cluster; "
                "did you mean /environments[dev].location?"
            ),
        ),
        (
            "/kubernetes.version",
            (
                "1:1: Tarmak does not know the key 'kubernetes' at the top level; "
                "did you mean /clusters[NAME].kubernetes.version?"
            ),
        ),
        (
            "instancePools[gpu].maxcount",
            (
                "17:5: Tarmak does not know the key 'maxcount' in instancePools[gpu]; "
                "did you mean instancePools[gpu].maxCount?"
            ),
        ),
        (
            "kubernetes.nothing",
            (
                "10:15: Tarmak does not know the key 'nothing' in kubernetes; "
                "choose one of apiServer, calico, clusterAutoscaler, controllerManager, dashboard and 14 more"
            ),
        ),
        (
            "kubernetes.version.x",
            (
                "11:14: kubernetes.version is a string, so it has no key 'x'; "
                "write kubernetes.version, or put a key that contains dots in quotes"
            ),
        ),
        (
            "metadata.annotations.a.b/c",
            (
                "9:7: metadata.annotations.a is a string, so it has no key 'b/c'; "
                "write metadata.annotations.a, or put a key that contains dots in quotes"
            ),
        ),
        ("kubernetes[version]", "10:15: kubernetes is a mapping, not a list; write kubernetes.version"),
        ("kubernetes.version[0]", "11:14: kubernetes.version is a string, not a list; write kubernetes.version"),
        (
            "instancePools.gpu.size",
            "15:3: instancePools is a list, so it has no key 'gpu'; write instancePools[gpu].size",
        ),
        ("instancePools.0.size", "15:3: instancePools is a list, so it has no key '0'; write instancePools[0].size"),
        (
            "instancePools.size",
            (
                "15:3: instancePools is a list, so it has no key 'size'; "
                "choose an item first, as in instancePools[first].size"
            ),
        ),
        (
            "/clusters[two].environment",
            (
                "5:1: /clusters[two] means 2 items; "
                "choose one of /clusters[1] (tarmak.yaml:20:3), /clusters[2] (tarmak.yaml:23:3)"
            ),
        ),
    ],
)
def test_a_path_that_means_nothing_or_several_keys(text: str, message: str) -> None:
    with pytest.raises(SelectionError) as refused:
        found(text)
    assert str(refused.value) == f"tarmak.yaml:{message}"
    assert not isinstance(refused.value, NoSuchItem)


@pytest.mark.parametrize(
    ("text", "message", "is_last"),
    [
        (
            "instancePools[fist].size",
            "15:3: instancePools has no item 'fist'; did you mean instancePools[first].size (tarmak.yaml:15:5)?",
            False,
        ),
        (
            "instancePools[x]",
            (
                "15:3: instancePools has no item 'x'; "
                "it has first (tarmak.yaml:15:5), worker (tarmak.yaml:16:5), gpu (tarmak.yaml:17:5)"
            ),
            True,
        ),
        (
            "instancePools[3]",
            "15:3: instancePools has 3 items, so there is no item 3; the first has the index 0, the last -1",
            False,
        ),
        (
            "instancePools[-4]",
            "15:3: instancePools has 3 items, so there is no item -4; the first has the index 0, the last -1",
            False,
        ),
        (
            "loggingSinks[1]",
            "19:3: loggingSinks has 1 item, so there is no item 1; the first has the index 0, the last -1",
            False,
        ),
        (
            "loggingSinks[es]",
            "19:3: loggingSinks has no item 'es'; its items have no names: use an index, as in loggingSinks[0]",
            True,
        ),
        (
            "instancePools[0].labels[a]",
            "15:5: instancePools[0].labels has no items, so there is no instancePools[0].labels[a]; append one",
            True,
        ),
        (
            "instancePools[0].labels[0]",
            "15:5: instancePools[0].labels has no items, so there is no item 0; append one",
            False,
        ),
        (
            "instancePools[type=wrker]",
            (
                "15:3: instancePools has no item with type 'wrker'; "
                "did you mean instancePools[type=worker] (tarmak.yaml:16:5)?"
            ),
            True,
        ),
        (
            "instancePools[minCount=9]",
            ("15:3: instancePools has no item with minCount '9'; it has 3 (tarmak.yaml:15:5), 1 (tarmak.yaml:17:5)"),
            True,
        ),
        ("instancePools[typ=x]", "15:3: instancePools has no item with typ 'x'; no item has that key", True),
        ("instancePools[size=large]", "15:3: instancePools has no item with size 'large'; no item has that key", True),
    ],
)
def test_an_item_that_is_not_there(text: str, message: str, is_last: bool) -> None:
    with pytest.raises(NoSuchItem) as refused:
        found(text)
    assert str(refused.value) == f"tarmak.yaml:{message}"
    assert refused.value.is_last is is_last
