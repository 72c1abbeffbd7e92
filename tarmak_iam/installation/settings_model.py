"""The model of the settings, which the schema and the messages about invalid settings come from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from tarmak_iam.identity.backend_support import WRITABLE_BACKENDS
from tarmak_iam.installation.images import DEFAULT_IMAGE
from tarmak_iam.installation.setting_table import REGISTRY, SETTINGS, AddonManagerMode, Exec, Rollback
from tarmak_iam.installation.setting_values import (
    DEFAULTS,
    valid_backends,
    valid_daemon_version,
    valid_gates,
    valid_image,
    valid_install_hint,
    valid_kubernetes_version,
    valid_profile,
    valid_registry,
    valid_role,
)

if TYPE_CHECKING:
    BackendName = str
else:
    BackendName = Literal[WRITABLE_BACKENDS]
"""A backend that the mappings can be written for."""

ImageName = Annotated[str, AfterValidator(valid_image)]
Registry = Annotated[str, AfterValidator(valid_registry)]
DaemonRelease = Annotated[str, AfterValidator(valid_daemon_version)]
KubernetesVersion = Annotated[str, AfterValidator(valid_kubernetes_version)]
RoleArn = Annotated[str, AfterValidator(valid_role)]
InstallHint = Annotated[str, AfterValidator(valid_install_hint)]
ProfileName = Annotated[str, AfterValidator(valid_profile)]
Backends = Annotated[list[BackendName], AfterValidator(valid_backends)]
FeatureGates = Annotated[dict[str, bool], AfterValidator(valid_gates)]


def _setting(key: str, **more: Any) -> Any:
    return Field(default=DEFAULTS[key], alias=key, description=SETTINGS[key].description, **more)


class SettingsModel(BaseModel):
    """Frozen. An unknown key is an error, since no other program reads this file. `setting_table` describes the
    fields."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    image: ImageName | None = _setting("image", json_schema_extra={"default": DEFAULT_IMAGE})
    registry: Registry = _setting(REGISTRY)
    daemonVersion: DaemonRelease | None = _setting("daemonVersion")
    backends: Backends = _setting("backends", min_length=1)
    featureGates: FeatureGates = Field(
        default_factory=dict, alias="featureGates", description=SETTINGS["featureGates"].description
    )
    kubernetesVersion: KubernetesVersion | None = _setting("kubernetesVersion")
    kubectlVersion: KubernetesVersion | None = _setting("kubectlVersion")
    exec: Exec = _setting("exec")
    installHint: InstallHint | None = _setting("installHint")
    addonManagerMode: AddonManagerMode | None = _setting("addonManagerMode")
    rollback: Rollback = _setting("rollback")
    role: RoleArn | None = _setting("role")
    profile: ProfileName | None = _setting("profile")
