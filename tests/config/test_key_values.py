"""The value of a key from Python: as it is written, and as Tarmak uses it."""

from __future__ import annotations

from typing import Any

from tarmak_iam import TarmakConfig
from tests.support import EXAMPLES
from tests.support.tables import cases

FILE = """\
apiVersion: api.tarmak.io/v1alpha1
kind: Config
clusters:
- environment: dev
  metadata: {name: one}
  location: us-east-1
"""


@cases("config/cases/key_values")
def test_what_is_written_and_what_tarmak_uses(path: str, written: Any, effective: Any) -> None:
    cluster = TarmakConfig.load(EXAMPLES / "multi").cluster("prod-blue")
    assert cluster.get(path) == written
    assert cluster.get(path, effective=True) == effective
    assert cluster.get(path, "other") == ("other" if written is None else written)


def test_what_tarmak_takes_from_another_key() -> None:
    text = (
        FILE
        + "  instancePools:\n  - {type: worker, maxCount: 3}\n"
        + "environments:\n- {metadata: {name: dev}, location: eu-west-1}\n"
    )
    cluster = TarmakConfig.parse(text).clusters[0]
    assert (cluster.get("instancePools[0].minCount"), cluster.get("instancePools[0].minCount", effective=True)) == (
        None,
        3,
    )
    assert cluster.get("location", effective=True) == "eu-west-1"


def test_values_are_copies() -> None:
    cluster = TarmakConfig.load(EXAMPLES / "multi").cluster("prod-blue")
    cluster.get("instancePools").clear()
    cluster.get("kubernetes", effective=True).clear()
    cluster.effective()["apiServer"].clear()
    assert cluster.effective()["apiServer"] != {}
    assert cluster.get("instancePools[worker].maxCount") == 9
    assert cluster.get("kubernetes.zone", effective=True) == "cluster.local"
