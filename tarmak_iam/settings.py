"""Our settings of one cluster: `<dir>/<cluster_name>/tarmak-iam.yaml`. An absent file means defaults."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from tarmak_iam.document import Document
from tarmak_iam.errors import ConfigError
from tarmak_iam.routes import Route

__all__ = ["DEFAULT_IMAGE", "SETTINGS_NAME", "Settings", "check_key", "parse_settings", "settings_of", "typed_value"]

SETTINGS_NAME = "tarmak-iam.yaml"

DEFAULT_IMAGE = "public.ecr.aws/eks-distro/kubernetes-sigs/aws-iam-authenticator:v0.6.20-eks-1-30-7"
"""Pulls without a login, and starts from the files that Tarmak's v0.4.0 `init` makes (verified)."""

Backend = Literal["MountedFile"]


class Settings(BaseModel):
    """Frozen; an unknown key is an error here, since nobody else reads this file."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, use_attribute_docstrings=True)

    image: str = DEFAULT_IMAGE
    """Image of the authenticator. A digest (`...@sha256:...`) is allowed; daemonVersion is then needed too."""

    daemonVersion: str | None = None
    """Version of the authenticator, as in `v0.6.20`. Default: the image's tag."""

    backends: list[Backend] = Field(default=["MountedFile"], min_length=1)
    """Where the authenticator takes mappings from, in this order."""

    featureGates: dict[str, bool] = Field(default_factory=dict)
    """Feature gates of the authenticator."""

    kubernetesVersion: str | None = None
    """Version of Kubernetes that the manifests are for. Default: `kubernetes.version` of tarmak.yaml."""

    role: str | None = None
    """ARN of a role that the kubeconfig's user assumes for its token."""

    profile: str | None = None
    """AWS profile that the kubeconfig's user takes its credentials from."""


def parse_settings(data: bytes | str, filename: str = SETTINGS_NAME) -> tuple[Settings, Document]:
    """Raises ParseError, and ConfigError at the first key or value that is wrong."""
    document = Document.parse(data, filename, json=False)
    return settings_of(document), document


def settings_of(document: Document) -> Settings:
    """Raises ConfigError at the first key or value that is wrong."""
    plain = document.data
    if plain is not None and not isinstance(plain, dict):
        raise ConfigError("the settings are no mapping", remedy="write KEY: VALUE lines", place=document.position(()))
    try:
        return Settings.model_validate({key: value for key, value in (plain or {}).items() if value is not None})
    except ValidationError as error:
        first = error.errors()[0]
        route = Route.of(step if isinstance(step, int) else str(step) for step in first["loc"])
        unknown = first["type"] == "extra_forbidden"
        what = f"there is no setting '{route}'" if unknown else f"{route}: {first['msg'][0].lower()}{first['msg'][1:]}"
        remedy = f"the settings are {', '.join(Settings.model_fields)}" if unknown else ""
        raise ConfigError(what, remedy=remedy, place=document.position(route, at_key=unknown)) from None


def check_key(key: str) -> None:
    """Raises ConfigError for a key that is no setting."""
    if key not in Settings.model_fields:
        raise ConfigError(f"there is no setting '{key}'", remedy=f"the settings are {', '.join(Settings.model_fields)}")


def typed_value(key: str, text: str) -> Any:
    """A command line's text as the value of a setting. Raises ConfigError for an unknown key or a bad value."""
    check_key(key)
    if key == "backends":
        value: Any = [part.strip() for part in text.split(",") if part.strip()]
    elif key == "featureGates":
        value = dict(_gate(part) for part in text.split(",") if part.strip())
    else:
        value = text
    try:
        Settings.model_validate({key: value})
    except ValidationError as error:
        message = error.errors()[0]["msg"]
        raise ConfigError(f"{key}: {message[0].lower()}{message[1:]}") from None
    return value


def _gate(text: str) -> tuple[str, bool]:
    name, sign, value = (part.strip() for part in text.partition("="))
    if not sign or value not in ("true", "false"):
        raise ConfigError(f"'{text}' is no feature gate", remedy="write NAME=true or NAME=false")
    return name, value == "true"
