"""Odd files, and what Tarmak's own decoder made of each: read or not, and the feature gates or the cluster it read."""

from __future__ import annotations

from typing import Any

import pytest

from tarmak_iam.config import TarmakConfig
from tarmak_iam.config.decode import float_text
from tarmak_iam.errors import TarmakIamError
from tests.support import strictly

pytestmark = pytest.mark.usefixtures("both_parsers")

HEAD = "apiVersion: api.tarmak.io/v1alpha1\nkind: Config\n"
API = HEAD + "clusters:\n- environment: dev\n  kubernetes:\n    apiServer:\n"
VOLUME = HEAD + "clusters:\n- instancePools:\n  - volumes:\n    - size: %s\n"
KEY = HEAD + "environments:\n- ssh: {publicKeyData: %s}\n"
JSON = '{"apiVersion": "api.tarmak.io/v1alpha1", "kind": "Config"%s}'
LOGS = '[{"kubernetes":{"apiServer":{"amazon":{"publicELBAccessLogs":{"enabled":true,"enabled":null}}}}}]'


@pytest.mark.parametrize(
    "text",
    [
        HEAD + "9223372036854775808: x\n",
        HEAD + "metadata: {generation: -9223372036854775809}\n",
        HEAD + "x: !!float 9223372036854775808\n",
        HEAD + "x: !!binary 'YWJj\u00a0'\n",
        HEAD + "x: !! y\n",
        HEAD + "x: &a{}\n",
        HEAD + "apiver\u017fion: x\n",
        API + "      authTokenWebhookFile: !!binary a GVs bG8=\n",
        KEY % "YWJj=",
        KEY % "abG8=",
        KEY % "[-0.0]",
        VOLUME % "Pi",
        VOLUME % "'.Ei'",
        VOLUME % "e-10",
        JSON % ',"clusters":[{"loggingSinks":[null]}],"clusters":[null]',
        JSON % ',"environments":[{"ssh":{"publicKeyData":[-0]}}]',
    ],
)
def test_what_tarmak_does_not_read(text: str) -> None:
    with pytest.raises(TarmakIamError):
        TarmakConfig.parse(text)


def test_a_merge_of_null_empties_the_mapping() -> None:
    text = HEAD + "x: &a\nclusters:\n- {environment: dev, <<: *a, location: there}\nz: &a {}\n"
    (cluster,) = TarmakConfig.parse(text).clusters
    assert (cluster.environment, cluster.data) == ("", {"location": "there"})


@pytest.mark.parametrize(
    "text",
    [
        HEAD + "... x\n",
        HEAD + '...\n"\n',
        HEAD + "...\n%FOO\n",
        KEY % "YWI=",
        VOLUME % "Ti",
        VOLUME % "e-9",
        VOLUME % "'.'",
        JSON.replace("apiVersion", "apiVer\u017fion") % "",
        KEY % "[-0]",
        JSON % ',"environments":[{"ssh":{"publicKeyData":[0]}}]',
        JSON % ',"clusters":[{"instancePools":[{"minCount":-0}]}]',
    ],
)
def test_what_tarmak_reads(text: str) -> None:
    TarmakConfig.parse(text)


@pytest.mark.parametrize(
    ("text", "api_server"),
    [
        (API + "      featureGates: {1.10: true, 2.0: true}\n", {"featureGates": {"1.1": True, "2": True}}),
        (API + "      featureGates: {08: true, .inf: true}\n", {"featureGates": {"8": True, ".inf": True}}),
        (API + "      featureGates: {A: null}\n", {"featureGates": {"A": False}}),
        (API + "      authTokenWebhookFile: |#c\n        a\n", {"authTokenWebhookFile": "a\n"}),
        (API + "      authTokenWebhookFile: >2-#c\n        a\n", {"authTokenWebhookFile": "a"}),
        (API + "      authTokenWebhookFile: 0b+\n", {"authTokenWebhookFile": "0b+"}),
        (
            HEAD + "x: &p {A: true, y: &p {B: true}}\nclusters: [{kubernetes: {apiServer: {featureGates: *p}}}]\n",
            {"featureGates": {"B": True}},
        ),
        (
            API + "      amazon: {publicELBAccessLogs: {interval: 0b+101}}\n",
            {"amazon": {"publicELBAccessLogs": {"enabled": False, "interval": 5}}},
        ),
        (
            API + "      amazon: {publicELBAccessLogs: {interval: 9223372036854774784.0}}\n",
            {"amazon": {"publicELBAccessLogs": {"enabled": False, "interval": 9223372036854775000}}},
        ),
        (JSON % f',"clusters":{LOGS}', {"amazon": {"publicELBAccessLogs": {"enabled": False, "interval": 5}}}),
        (" " * 2048 + JSON % ',"clusters":[{"kubernetes":{"apiServer":{"public":true}}}],"clusters":[{}]', None),
    ],
)
def test_what_tarmak_makes_of_it(text: str, api_server: dict[str, Any] | None) -> None:
    assert strictly(TarmakConfig.parse(text).clusters[0].effective()["apiServer"]) == strictly(api_server)


def test_null_over_an_item_of_a_list() -> None:
    config = TarmakConfig.parse(JSON % ',"clusters":[{"environment":"a"}],"clusters":[null]')
    assert [cluster.environment for cluster in config.clusters] == ["a"]


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (1.1, "1.1"),
        (2.0, "2"),
        (-0.5, "-0.5"),
        (0.0001, "0.0001"),
        (0.00001, "1e-05"),
        (999999.0, "999999"),
        (1000000.0, "1e+06"),
        (123456789.5, "1.2345679e+08"),
        (16777217.0, "1.6777216e+07"),
        (1.5e300, ".inf"),
        (float("-inf"), "-.inf"),
        (float("nan"), ".nan"),
        (0.0, "0"),
        (-0.0, "-0"),
    ],
)
def test_a_float_as_a_key(number: float, text: str) -> None:
    assert float_text(number) == text
