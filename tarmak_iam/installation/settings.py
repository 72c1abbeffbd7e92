"""The settings of one cluster, in `<dir>/<cluster_name>/tarmak-iam.yaml`. Without the file, all have their defaults."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from copy import copy
from functools import partial
from typing import TYPE_CHECKING, Any, NoReturn

from tarmak_iam.aws.arn import with_plain_account
from tarmak_iam.config.sections import field_errors, validation_error
from tarmak_iam.document import Document
from tarmak_iam.document.nodes import Mapping as MappingNode
from tarmak_iam.document.plain_values import plain
from tarmak_iam.errors import ConfigError, Place
from tarmak_iam.identity.backend_support import BACKENDS, WRITABLE_BACKENDS
from tarmak_iam.identity.releases import DEFAULT_RELEASE, DaemonVersion
from tarmak_iam.installation.images import Image, published_image
from tarmak_iam.installation.setting_table import REGISTRY, SETTINGS, AddonManagerMode, Exec, Rollback
from tarmak_iam.installation.setting_values import CHOICES, DEFAULTS, is_surely_valid
from tarmak_iam.routes import Path, Route
from tarmak_iam.text import did_you_mean, quoted

if TYPE_CHECKING:
    from pydantic import ValidationError

__all__ = [
    "SETTINGS_NAME",
    "SettingError",
    "Settings",
    "check_key",
    "choices_of",
    "override",
    "parse_settings",
    "typed_value",
]

_LOGGER = logging.getLogger(__name__)

SETTINGS_NAME = "tarmak-iam.yaml"
"""The file in a cluster's directory."""


def value_text(value: object) -> str:
    """A value as `settings set` accepts it, "" for None."""
    if isinstance(value, list):
        return ",".join(map(str, value))
    if isinstance(value, dict):
        return ",".join(f"{name}={str(on).lower()}" for name, on in value.items())
    return "" if value is None else str(value)


class SettingError(ConfigError):
    """A well-formed setting that the cluster or the daemon cannot use; `setting` is its key."""

    def __init__(self, what: str, *, setting: str, remedy: str, place: Place | None = None) -> None:
        super().__init__(what, remedy=remedy, place=place)
        self.setting = setting

    def at(self, place: Place | None) -> SettingError:
        return SettingError(self.what, setting=self.setting, remedy=self.remedy, place=place)


class Settings:
    """The settings in use, and which of them are set. Frozen. `setting_table` describes the attributes.

    The arguments are not checked: see `parse_settings` and `override`.
    """

    __slots__ = (*SETTINGS, "_chosen")

    image: str | None
    registry: str
    daemonVersion: str | None
    backends: list[str]
    featureGates: dict[str, bool]
    kubernetesVersion: str | None
    kubectlVersion: str | None
    exec: Exec
    installHint: str | None
    addonManagerMode: AddonManagerMode | None
    rollback: Rollback
    role: str | None
    profile: str | None
    _chosen: frozenset[str]

    def __init__(self, **chosen: Any) -> None:
        if unknown := chosen.keys() - DEFAULTS.keys():
            raise TypeError(f"unknown settings: {', '.join(sorted(unknown))}")
        for key, value in {**DEFAULTS, **chosen}.items():
            object.__setattr__(self, key, copy(value))
        object.__setattr__(self, "_chosen", frozenset(chosen))

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError(f"Settings are frozen: {name} cannot be set")

    def __reduce__(self) -> tuple[Any, ...]:  # copies are made by the constructor, since attributes cannot be set
        return partial(Settings, **self.chosen), ()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Settings) and self._values == other._values and self._chosen == other._chosen

    __hash__ = None  # type: ignore[assignment]  # it has lists

    def __repr__(self) -> str:
        return f"Settings({', '.join(f'{key}={value!r}' for key, value in self.chosen.items())})"

    @property
    def _values(self) -> dict[str, Any]:
        return {key: copy(getattr(self, key)) for key in DEFAULTS}

    @property
    def effective_image(self) -> str:
        """`image`, else the image of daemonVersion in `registry`."""
        return self.image or published_image(self.registry, self.daemonVersion)

    @property
    def chosen(self) -> dict[str, Any]:
        """The settings that are set, by key."""
        return {key: value for key, value in self._values.items() if key in self._chosen}

    @property
    def effective(self) -> dict[str, Any]:
        """All settings with the values in use, None for a value that comes from elsewhere."""
        return self._values | {"image": self.effective_image}

    @property
    def image_version(self) -> DaemonVersion | None:
        """The release in the tag of the image; None where the tag is not a release."""
        try:
            return DaemonVersion.parse(Image.parse(self.effective_image).tag)
        except ConfigError:
            return None

    @property
    def daemon_version(self) -> DaemonVersion:
        """daemonVersion, else the tag of the image. Raises ConfigError where neither is a release."""
        try:
            return DaemonVersion.parse(self.daemonVersion or Image.parse(self.effective_image).tag)
        except ConfigError:
            what = f"the release of the authenticator in the image {quoted(self.effective_image)} is unknown"
            remedy = f"set daemonVersion too, as in {DEFAULT_RELEASE}"
            raise SettingError(what, setting="image", remedy=remedy) from None


def parse_settings(data: bytes | str, filename: str = SETTINGS_NAME) -> tuple[Settings, Document]:
    """Raises ParseError, and ConfigError at the first invalid key or value."""
    document = Document.parse(data, filename, json=False)
    if document.next_document is not None:
        what, remedy = "the file contains a second document, which would be ignored", "write all settings into one"
        if document.ends_early:
            what, remedy = "everything from here on would be ignored", "start all settings in the same column"
        raise ConfigError(what, remedy=remedy, place=document.next_document)
    content = document.data
    if content is not None and not isinstance(content, dict):
        what = "the settings are not a YAML mapping"
        raise ConfigError(what, remedy="write lines such as KEY: VALUE", place=document.position(()))
    root = document.root
    for entry in root.entries if isinstance(root, MappingNode) else ():
        if entry.occurrence and not entry.is_merge:  # only the last one would be used, without a message
            what = f"the setting {quoted(entry.text)} is set twice"
            raise ConfigError(what, remedy="remove one of them", place=document.place(entry.key))
    try:
        return _validated(dict(_by_key(document, content or {}))), document
    except validation_error() as error:
        raise _config_error(error, document) from None


def _by_key(document: Document, content: Mapping[Any, Any]) -> Iterator[tuple[Any, Any]]:
    """The settings of the file, by their present names.

    Leaves out settings without a value, which have their defaults, but not unknown keys. Raises ConfigError.
    """
    written: dict[Any, Any] = {}
    for name, value in content.items():
        key = next((key for key, setting in SETTINGS.items() if name in setting.formerly), name)
        if key in written:
            what = f"{quoted(written[key])} and {quoted(name)} are the same setting"
            raise ConfigError(what, remedy="remove one of them", place=document.position((name,), at_key=True))
        if key != name:
            _LOGGER.warning("%s: warning: the setting %s is now named %s: rename it", document.filename, name, key)
        written[key] = name
        if value is not None or key not in SETTINGS:
            yield key, value


def written_route(document: Document, path: Path | Route) -> Route:
    """The route of a setting, or of a part of it, in a file that may use an earlier name."""
    route = Route.of(path)
    match route.plain:
        case (str(key), *rest) if key in SETTINGS:
            older = (name for name in SETTINGS[key].formerly if document.has((name,)))
            return next((Route.of((name, *rest)) for name in older), route)
    return route


def override(settings: Settings, overrides: Mapping[str, Any]) -> Settings:
    """The settings with some values replaced. None replaces nothing, and a registry replaces an image too. An empty
    role or profile means no role or profile, as in the Go program.

    Raises ConfigError.
    """
    without = {key for key in ("role", "profile") if overrides.get(key) == ""}
    given = {key: value for key, value in overrides.items() if value is not None and key not in without}
    if REGISTRY in given:
        without.add("image")
    return _checked({key: value for key, value in settings.chosen.items() if key not in without} | given)


def check_key(key: str) -> None:
    """Raises ConfigError for an unknown setting."""
    if key not in SETTINGS:
        raise _unknown(key)


def _unknown(key: str, place: Place | None = None) -> ConfigError:
    remedy = did_you_mean(key, SETTINGS, "the settings are")
    return ConfigError(f"unknown setting {quoted(key)}", remedy=remedy, place=place)


def choices_of(key: str) -> tuple[str, ...]:
    """The possible values of a setting, or of the items of its list; () where the values are not fixed."""
    return CHOICES.get(key, ())


def typed_value(key: str, text: str) -> Any:
    """The value of a setting, from its text on a command line. Raises ConfigError for an unknown key or bad value."""
    check_key(key)
    if key == "backends":
        value: Any = [_backend(part.strip()) for part in text.split(",") if part.strip()]
        if not value:
            raise ConfigError("no backend is specified", remedy=f"the backends are {', '.join(WRITABLE_BACKENDS)}")
    elif key == "featureGates":
        value = dict(_gate(part) for part in text.split(",") if part.strip())
    elif key == "role":
        value = with_plain_account(text)
    else:
        value = text
    _checked({key: value})
    return value


def _checked(values: dict[Any, Any]) -> Settings:
    try:
        return _validated(values)
    except validation_error() as error:
        raise _config_error(error) from None


def _validated(values: dict[Any, Any]) -> Settings:
    for key, value in values.items():
        try:
            plain(value)  # pydantic cannot report an argument that is not UTF-8
        except TypeError as error:
            raise ConfigError(f"{key}: {error}", remedy="write it in UTF-8") from None
    if not all(is_surely_valid(key, value) for key, value in values.items()):
        from tarmak_iam.installation.settings_model import SettingsModel

        values = SettingsModel.model_validate(values).model_dump(exclude_unset=True, by_alias=True)
    return Settings(**values)


_REMEDIES = {
    "a string": "put the value in quotes",  # 1.30 without them is the number 1.3
    "a list": "write each item on its own line, after a dash",
    "a YAML mapping": "write each entry on its own line, as in NAME: true",
    "a boolean": "use true or false",
}


def _config_error(error: ValidationError, document: Document | None = None) -> ConfigError:
    """The first error, on one line."""
    first = field_errors(error)[0]
    route = Route.of(first.path)
    if first.is_extra:
        return _unknown(str(route), document.position(route, at_key=True) if document else None)
    remedy = _REMEDIES.get(first.wanted, "")
    place = document.position(written_route(document, route)) if document else None
    return ConfigError(f"{route}: {first.message}", remedy=remedy, place=place)


def _backend(text: str) -> str:
    names = WRITABLE_BACKENDS
    if text in names:
        return text
    why = next((backend.why_not_written for backend in BACKENDS if backend.name == text), "")
    if why:
        raise ConfigError(f"{text} is {why}", remedy=f"use one of {', '.join(names)}")
    what = f"unknown backend {quoted(text)} (names are case-sensitive)"
    raise ConfigError(what, remedy=did_you_mean(text, names, "the backends are"))


def _gate(text: str) -> tuple[str, bool]:
    name, sign, value = (part.strip() for part in text.partition("="))
    if not sign or value not in ("true", "false"):
        raise ConfigError(f"{quoted(text)} is not a valid feature gate", remedy="use NAME=true or NAME=false")
    return name, value == "true"
