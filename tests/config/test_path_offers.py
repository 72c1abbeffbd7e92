"""What completion offers for a path that is being typed."""

from __future__ import annotations

import pytest

from tarmak_iam import TarmakConfig
from tarmak_iam.config.path_lookup import path_offers, value_offers
from tarmak_iam.routes import Route
from tests.support import EXAMPLES
from tests.support.tables import cases

CONFIG = TarmakConfig.load(EXAMPLES / "multi")
BLUE = CONFIG.cluster("prod-blue").route


@cases("config/cases/path_offers")
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


@cases("config/cases/path_offers")
def test_values(path: str, offers: list[str]) -> None:
    assert value_offers(CONFIG, Route() if path.startswith("/") else BLUE, path) == offers
