"""Recordings of the real Tarmak: which files it reads, and what it makes of each cluster."""

from __future__ import annotations

from typing import Any

import pytest

from tarmak_iam.config import TarmakConfig
from tarmak_iam.errors import TarmakIamError
from tests.support import GOLDEN, golden_json, strictly

pytestmark = pytest.mark.usefixtures("both_parsers")

EXPECTED: dict[str, dict[str, Any]] = golden_json("tarmak", "expected.json")
READABLE = sorted(name for name, expected in EXPECTED.items() if expected["read_ok"])
REFUSED = sorted(EXPECTED.keys() - set(READABLE))


def load(name: str) -> TarmakConfig:
    return TarmakConfig.parse((GOLDEN / "tarmak" / f"{name}.yaml").read_bytes())


@pytest.mark.parametrize("name", REFUSED)
def test_what_tarmak_cannot_read(name: str) -> None:
    with pytest.raises(TarmakIamError, match=r"^tarmak\.yaml:\d+:\d+: "):
        load(name)


@pytest.mark.sample(60)
@pytest.mark.parametrize("name", READABLE)
def test_what_tarmak_makes_of_a_file(name: str) -> None:
    config, expected = load(name), EXPECTED[name]
    found = []
    for cluster in config.clusters:
        effective = cluster.effective()
        errors = effective.pop("errors")
        found.append(
            {"name": cluster.name, "environment": cluster.environment, **effective, "error_count": len(errors)}
        )
    assert strictly(found) == strictly(expected["clusters"])


@pytest.mark.sample(60)
@pytest.mark.parametrize("name", READABLE)
def test_the_current_cluster(name: str) -> None:
    config, expected = load(name), EXPECTED[name]["current_cluster"]
    known = [cluster.cluster_name for cluster in config.clusters]
    if expected in known:
        assert config.current_cluster.cluster_name == expected
    else:
        with pytest.raises(TarmakIamError):
            _ = config.current_cluster
