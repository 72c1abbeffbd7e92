"""Settings that are accepted without their model: only those that the model accepts, with the same result."""

from __future__ import annotations

from copy import copy, deepcopy
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import ValidationError

from tarmak_iam.installation.setting_table import SETTINGS
from tarmak_iam.installation.setting_values import CHOICES, DEFAULTS, is_surely_valid
from tarmak_iam.installation.settings import Settings, parse_settings
from tarmak_iam.installation.settings_model import SettingsModel as Model

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
WRONG: tuple[Any, ...] = (
    "",
    " ",
    "never",
    "v9",
    1,
    1.5,
    True,
    None,
    [],
    ["CRD"],
    ["CRD", "CRD"],
    ["crd"],
    [1],
    {},
    {"a": 1},
    {"a b": True},
)


@given(key=st.sampled_from([*VALID, "Exec", 5]), value=st.sampled_from([*VALID.values(), *WRONG]))
@example(key="backends", value=[])
@example(key="featureGates", value={1: True})
@example(key="featureGates", value={"A": 1})
@example(key="registry", value=None)
def test_what_is_accepted_without_the_model_is_accepted_by_it(key: Any, value: Any) -> None:
    try:
        expected = Model.model_validate({key: value}).model_dump(by_alias=True)
    except ValidationError:
        assert not is_surely_valid(key, value)
        return
    assert is_surely_valid(key, value)
    assert Settings(**{key: value}).effective == expected | {"image": Settings(**{key: value}).effective_image}


def test_every_setting_has_a_valid_value_above() -> None:
    assert list(VALID) == list(SETTINGS) == list(DEFAULTS) == list(Model.model_fields)
    assert [key for key, value in VALID.items() if not is_surely_valid(key, value)] == []
    assert set(CHOICES) <= set(SETTINGS)


def test_defaults_are_those_of_the_model() -> None:
    assert Model().model_dump(by_alias=True) == DEFAULTS


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
    assert DEFAULTS["backends"] == ["MountedFile"]


def test_no_two_settings_share_a_list() -> None:
    Settings().backends.append("CRD")
    assert Settings().backends == ["MountedFile"]


def test_unknown_arguments() -> None:
    with pytest.raises(TypeError, match="unknown settings: a, b"):
        Settings(b=1, a=2)


def test_a_file_with_every_setting() -> None:
    text = "".join(f"{key}: {value!r}\n" for key, value in VALID.items()).replace("True", "true")
    settings, _ = parse_settings(text)
    assert settings.chosen == VALID
