"""What completion offers for a path that is being typed."""

from __future__ import annotations

import pytest

from tarmak_iam import TarmakConfig
from tarmak_iam.config.path_lookup import path_offers, value_offers
from tarmak_iam.routes import Route
from tests.support import EXAMPLES

CONFIG = TarmakConfig.load(EXAMPLES / "multi")
BLUE = CONFIG.cluster("prod-blue").route
POOLS = ["instancePools[etcd]", "instancePools[master]", "instancePools[worker]"]


@pytest.mark.parametrize(
    ("typed", "offers"),
    [
        ("ku", ["kubernetes", "kubernetesAPI"]),
        ("env", ["environment"]),
        ("kubernetes.po", ["kubernetes.podCIDR", "kubernetes.podSecurityPolicy"]),
        ("kubernetes.cal", [f"kubernetes.calico{key}" for key in ("", ".backend", ".enableTypha", ".typhaReplicas")]),
        ("inst", ["instancePools", *POOLS]),
        ("instancePools[", POOLS),
        ("instancePools[wo", ["instancePools[worker]"]),
        ("instancePools[worker].m", [f"instancePools[worker].{key}" for key in ("maxCount", "metadata", "minCount")]),
        ("instancePools[worker].volumes[", ["instancePools[worker].volumes[root]"]),
        ("instancePools[worker].subnets[", ["instancePools[worker].subnets[eu-central-1a]"]),
        ("/cur", ["/currentCluster"]),
        ("/clusters[", ["/clusters[prod-hub]", "/clusters[prod-blue]", "/clusters[prod-green]"]),
        (
            "/environments[prod].pr",
            ["/environments[prod].privateZone", "/environments[prod].project", "/environments[prod].provider"],
        ),
        ("kubernetes.version.", []),
        ("nothing.", None),
    ],
)
def test_paths(typed: str, offers: list[str] | None) -> None:
    base = Route() if typed.startswith("/") else BLUE
    if offers is None:
        with pytest.raises(LookupError):
            list(path_offers(CONFIG, base, typed))
    else:
        found = list(dict.fromkeys(path for path, _ in path_offers(CONFIG, base, typed)))
        assert [path for path in found if path.startswith(typed)][: len(offers) or None] == offers


def test_lists_only() -> None:
    found = [path for path, _ in path_offers(CONFIG, BLUE, "kubernetes.apiServer.a", only_lists=True)]
    assert found == ["kubernetes.apiServer.allowCIDRs", "kubernetes.apiServer.amazon"]


@pytest.mark.parametrize(
    ("path", "offers"),
    [
        ("kubernetes.apiServer.public", ["true", "false"]),
        ("kubernetes.apiServer.amazon.publicELBAccessLogs.interval", ["5", "60"]),
        ("environment", ["prod"]),
        ("/currentCluster", ["prod-hub", "prod-blue", "prod-green"]),
        ("/environments[prod].provider", ["aws"]),
        ("kubernetes.version", []),
    ],
)
def test_values(path: str, offers: list[str]) -> None:
    assert value_offers(CONFIG, Route() if path.startswith("/") else BLUE, path) == offers
