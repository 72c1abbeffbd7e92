"""Ranges of addresses that Go takes and does not take, and the admission controllers from 1.11 on."""

from __future__ import annotations

import pytest

from tarmak_iam.config import Cluster, TarmakConfig
from tarmak_iam.config.tarmak_types import is_cidr
from tests.support.tables import cases


def cluster(kubernetes: str) -> Cluster:
    head = "apiVersion: api.tarmak.io/v1alpha1\nkind: Config\n"
    text = f"{head}clusters:\n- environment: dev\n  metadata: {{name: cluster}}\n  kubernetes: {kubernetes}\n"
    return TarmakConfig.parse(text).clusters[0]


@pytest.mark.parametrize(
    "text", ["0.0.0.0/0", "10.0.0.0/8", "10.1.2.3/32", "10.0.0.0/008", "::/0", "2001:db8::1/128", "::ffff:10.0.0.1/96"]
)
def test_a_cidr(text: str) -> None:
    assert is_cidr(text)


@cases("config/cases/cidrs")
def test_no_cidr(text: str) -> None:
    assert not is_cidr(text)
    given = f"{{apiServer: {{allowCIDRs: ['10.0.0.0/8', '{text}']}}}}"
    assert cluster(given).effective()["errors"] == [
        f"'{text}' is not a valid CIDR; write an address with its mask, as in 10.0.0.0/8"
    ]


@cases("config/cases/cidrs")
def test_admission_controllers_can_be_disabled_from_1_11_on(version: str, errors: list[str]) -> None:
    disabled = f"{{version: '{version}', apiServer: {{disableAdmissionControllers: [A]}}}}"
    assert cluster(disabled).effective()["errors"] == errors
    assert cluster(f"{{version: '{version}', apiServer: {{}}}}").effective()["errors"] == [
        each for each in errors if "disable" not in each
    ]
    assert cluster(f"{{version: '{version}'}}").effective()["errors"] == []
