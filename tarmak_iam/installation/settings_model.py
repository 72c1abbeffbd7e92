"""The model of the settings, which the schema and the messages about invalid settings come from."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, create_model

from tarmak_iam.installation.images import DEFAULT_IMAGE
from tarmak_iam.installation.setting_table import SETTINGS
from tarmak_iam.installation.setting_values import CHOICES, DEFAULTS, VALIDATORS


def _field(key: str) -> tuple[Any, Any]:
    """Type and description of a setting."""
    kind: Any = Literal[CHOICES[key]] if key in CHOICES else str
    limits: dict[str, Any] = {"default": DEFAULTS[key]}
    if key == "image":
        limits["json_schema_extra"] = {"default": DEFAULT_IMAGE}
    elif key == "backends":
        kind, limits = list[kind], {**limits, "min_length": 1}
    elif key == "featureGates":
        kind, limits = dict[str, bool], {"default_factory": dict}
    if key in VALIDATORS:
        kind = Annotated[kind, AfterValidator(VALIDATORS[key])]
    return kind | None if DEFAULTS[key] is None else kind, Field(description=SETTINGS[key].description, **limits)


class _Strict(BaseModel):
    """An unknown key is an error, since no other program reads this file."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


_FIELDS: dict[str, Any] = {key: _field(key) for key in SETTINGS}

SettingsModel: type[BaseModel] = create_model("SettingsModel", __base__=_Strict, **_FIELDS)
SettingsModel.__doc__ = _Strict.__doc__  # in its schema
