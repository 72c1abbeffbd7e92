"""Ranges of addresses that Go takes and does not take, and the admission controllers from 1.11 on."""

from __future__ import annotations

import pytest

from tarmak_iam.config import Cluster, TarmakConfig
from tarmak_iam.config.tarmak_types import is_cidr


def cluster(kubernetes: str) -> Cluster:
    head = "apiVersion: api.tarmak.io/v1alpha1\nkind: Config\n"
    text = f"{head}clusters:\n- environment: dev\n  metadata: {{name: cluster}}\n  kubernetes: {kubernetes}\n"
    return TarmakConfig.parse(text).clusters[0]


@pytest.mark.parametrize(
    "text", ["0.0.0.0/0", "10.0.0.0/8", "10.1.2.3/32", "10.0.0.0/008", "::/0", "2001:db8::1/128", "::ffff:10.0.0.1/96"]
)
def test_a_cidr(text: str) -> None:
    assert is_cidr(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "10.0.0.0",
        "10.0.0.0/",
        "/8",
        "10.0.0.0/33",
        "10.0.0.0/64",
        "10.0.0.0/128",
        "10.0.0.0/10008",  # of which the last digits alone would do
        "2001:db8::/129",
        "fe80::1%eth0/64",
        "10.0.0/8",
        "010.0.0.0/8",
        "10.0.0.0/+8",
        "10.0.0.0/-8",
        "10.0.0.0/8 ",
        "10.0.0.0/٨",
        "10.0.0.0/8/8",
    ],
)
def test_no_cidr(text: str) -> None:
    assert not is_cidr(text)
    given = f"{{apiServer: {{allowCIDRs: ['10.0.0.0/8', '{text}']}}}}"
    assert cluster(given).effective()["errors"] == [
        f"'{text}' is not a valid CIDR; write an address with its mask, as in 10.0.0.0/8"
    ]


@pytest.mark.parametrize(
    ("version", "errors"),
    [
        (
            "1.10.13",
            ["Kubernetes 1.10.13 cannot disable admission controllers; remove them, or use 1.11.0 or later"],
        ),
        (
            "1.11.0-rc.1",
            ["Kubernetes 1.11.0-rc.1 cannot disable admission controllers; remove them, or use 1.11.0 or later"],
        ),
        ("1.11.0", []),
        ("1.11.9", []),
        ("1.12.0", []),
        ("", []),
        ("latest", ["'latest' is not a valid version; write a version such as 1.12.9"]),
    ],
)
def test_admission_controllers_can_be_disabled_from_1_11_on(version: str, errors: list[str]) -> None:
    disabled = f"{{version: '{version}', apiServer: {{disableAdmissionControllers: [A]}}}}"
    assert cluster(disabled).effective()["errors"] == errors
    assert cluster(f"{{version: '{version}', apiServer: {{}}}}").effective()["errors"] == [
        each for each in errors if "disable" not in each
    ]
    assert cluster(f"{{version: '{version}'}}").effective()["errors"] == []
