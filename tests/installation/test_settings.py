"""The settings of a cluster: what each accepts, and the frozen value that they become."""

from __future__ import annotations

from copy import copy, deepcopy
from typing import Any

import pytest

from tarmak_iam.errors import ConfigError
from tarmak_iam.installation.setting_table import SETTINGS
from tarmak_iam.installation.settings import Settings, override, parse_settings
from tests.support.tables import rows

VALID: dict[str, Any] = {
    "image": "mirror.example.com/a/authenticator:v0.7.2",
    "registry": "ecr",
    "daemonVersion": "v0.7.2",
    "backends": ["CRD", "EKSConfigMap"],
    "featureGates": {"SSORoleMatch": True},
    "kubernetesVersion": "1.30",
    "kubectlVersion": "1.12.9",
    "exec": "aws",
    "installHint": "ask us",
    "addonManagerMode": "Reconcile",
    "rollback": "failure",
    "role": "arn:aws:iam::111122223333:role/Admin",
    "profile": "dev",
}


def test_a_file_with_every_setting() -> None:
    text = "".join(f"{key}: {value!r}\n" for key, value in VALID.items()).replace("True", "true")
    settings, _ = parse_settings(text)
    assert settings.chosen == VALID
    assert list(VALID) == list(SETTINGS)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        *rows(__file__, "test_what_a_file_must_not_contain"),
        (f"installHint: {'a' * 201}", "1:14: installHint: a hint can have at most 200 characters, but this one has"),
    ],
)
def test_what_a_file_must_not_contain(text: str, message: str) -> None:
    with pytest.raises(ConfigError) as error:
        parse_settings(text)
    assert str(error.value).startswith(f"tarmak-iam.yaml:{message}")


def test_an_argument_that_is_not_utf_8() -> None:
    with pytest.raises(ConfigError, match=r"profile: '\\udcff' is not a valid profile name"):
        override(Settings(), {"profile": "\udcff"})


def test_an_image_whose_release_is_unknown() -> None:
    with pytest.raises(ConfigError) as error:
        Settings(image="x:mine").daemon_version  # noqa: B018  # it raises
    assert str(error.value).startswith(
        "the release of the authenticator in the image 'x:mine' is unknown; set daemonVersion too, as in v"
    )


def test_settings_are_frozen_values() -> None:
    settings = Settings(registry="ecr", backends=["CRD"])
    with pytest.raises(AttributeError, match="Settings are frozen: registry cannot be set"):
        settings.registry = "public"
    assert settings == Settings(backends=["CRD"], registry="ecr") == copy(settings) == deepcopy(settings)
    assert settings != Settings(registry="ecr")
    assert Settings() != Settings(registry="public")  # set, though to the default
    assert repr(settings) == "Settings(registry='ecr', backends=['CRD'])"
    settings.chosen["backends"].append("EKSConfigMap")
    settings.effective["backends"].append("EKSConfigMap")
    assert settings.backends == ["CRD"]
    Settings().backends.append("CRD")
    assert Settings().backends == ["MountedFile"] == SETTINGS["backends"].default
    with pytest.raises(TypeError, match="unknown settings: a, b"):
        Settings(b=1, a=2)
