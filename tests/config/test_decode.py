"""Odd files, and what Tarmak's own decoder made of each: read or not, and the feature gates or the cluster it read."""

from __future__ import annotations

from typing import Any

import pytest

from tarmak_iam.config import TarmakConfig
from tarmak_iam.config.decode import float_text
from tarmak_iam.errors import ConfigError, TarmakIamError
from tests.support import strictly
from tests.support.tables import cases

pytestmark = pytest.mark.usefixtures("both_parsers")

HEAD = "apiVersion: api.tarmak.io/v1alpha1\nkind: Config\n"
JSON = '{"apiVersion": "api.tarmak.io/v1alpha1", "kind": "Config"%s}'


def parsed(text: str) -> TarmakConfig:
    return TarmakConfig.parse(text if text.startswith("{") else HEAD + text)


@cases("config/cases/decode")
def test_what_tarmak_does_not_read(text: str) -> None:
    with pytest.raises(TarmakIamError):
        parsed(text)


def test_a_merge_of_null_empties_the_mapping() -> None:
    text = HEAD + "x: &a\nclusters:\n- {environment: dev, <<: *a, location: there}\nz: &a {}\n"
    (cluster,) = TarmakConfig.parse(text).clusters
    assert (cluster.environment, cluster.data) == ("", {"location": "there"})


@cases("config/cases/decode")
def test_what_tarmak_reads(text: str) -> None:
    parsed(text)


@cases("config/cases/decode")
def test_what_tarmak_makes_of_it(text: str, api_server: dict[str, Any] | None) -> None:
    assert strictly(parsed(text).clusters[0].effective()["apiServer"]) == strictly(api_server)


def test_json_below_many_blanks_is_yaml() -> None:
    text = " " * 2048 + JSON % ',"clusters":[{"kubernetes":{"apiServer":{"public":true}}}],"clusters":[{}]'
    assert TarmakConfig.parse(text).clusters[0].effective()["apiServer"] is None


def test_null_over_an_item_of_a_list() -> None:
    config = TarmakConfig.parse(JSON % ',"clusters":[{"environment":"a"}],"clusters":[null]')
    assert [cluster.environment for cluster in config.clusters] == ["a"]


@cases("config/cases/decode")
def test_a_float_as_a_key(number: float, text: str) -> None:
    assert float_text(number) == text


@cases("config/cases/decode")
def test_a_value_of_another_kind(cluster: str, message: str) -> None:
    with pytest.raises(ConfigError) as refused:
        TarmakConfig.parse(f"{HEAD}clusters: [{cluster}]\n")
    assert refused.value.message == message
