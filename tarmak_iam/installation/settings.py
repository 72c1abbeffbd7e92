"""The settings of one cluster, in `<dir>/<cluster_name>/tarmak-iam.yaml`. Without the file, all have their defaults."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Mapping
from copy import deepcopy
from typing import Any, NoReturn

from tarmak_iam.aws.arn import ArnError, Principal, canonicalize, with_plain_account
from tarmak_iam.config.kubernetes_versions import parse_version
from tarmak_iam.document import Document
from tarmak_iam.document.nodes import Mapping as MappingNode
from tarmak_iam.errors import ConfigError, Place
from tarmak_iam.identity.backend_support import BACKENDS
from tarmak_iam.identity.releases import DEFAULT_RELEASE, DaemonVersion
from tarmak_iam.installation.images import Image, check_registry, published_image
from tarmak_iam.installation.setting_table import MAX_INSTALL_HINT, REGISTRY, SETTINGS, AddonManagerMode, Exec, Rollback
from tarmak_iam.routes import Path, Route
from tarmak_iam.text import did_you_mean, quoted, shortened

__all__ = ["SETTINGS_NAME", "SettingError", "Settings", "choices_of", "override", "parse_settings", "typed_value"]
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
    """A well-formed setting that the cluster or the authenticator cannot use; `setting` is its key."""

    def __init__(self, what: str, *, setting: str, remedy: str, place: Place | None = None) -> None:
        super().__init__(what, remedy=remedy, place=place)
        self.setting = setting


class Settings:
    """The settings in use, and which of them are set. Frozen. `setting_table` describes the attributes. The arguments
    are not checked: see `parse_settings` and `override`."""

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
        if unknown := chosen.keys() - SETTINGS.keys():
            raise TypeError(f"unknown settings: {', '.join(sorted(unknown))}")
        defaults = {key: setting.default for key, setting in SETTINGS.items()}
        vars(self).update(deepcopy(defaults | chosen), _chosen=frozenset(chosen))

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError(f"Settings are frozen: {name} cannot be set")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Settings) and vars(self) == vars(other)

    __hash__ = None  # type: ignore[assignment]  # it has lists

    def __repr__(self) -> str:
        return f"Settings({', '.join(f'{key}={value!r}' for key, value in self.chosen.items())})"

    @property
    def effective_image(self) -> str:
        """`image`, else the image of daemonVersion in `registry`."""
        return self.image or published_image(self.registry, self.daemonVersion)

    @property
    def chosen(self) -> dict[str, Any]:
        """The settings that are set, by key."""
        return {key: deepcopy(getattr(self, key)) for key in SETTINGS if key in self._chosen}

    @property
    def effective(self) -> dict[str, Any]:
        """All settings with the values in use, None for a value that comes from elsewhere."""
        return {key: deepcopy(getattr(self, key)) for key in SETTINGS} | {"image": self.effective_image}

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
    written: dict[Any, Any] = {}
    names: dict[Any, Any] = {}
    for name, value in (content or {}).items():
        key = _current_name(name)
        if key in names:
            what = f"{quoted(names[key])} and {quoted(name)} are the same setting"
            raise ConfigError(what, remedy="remove one of them", place=document.position((name,), at_key=True))
        if key != name:
            _LOGGER.warning("%s: warning: the setting %s is now named %s: rename it", document.filename, name, key)
        names[key] = name
        if value is not None or key not in SETTINGS:  # without a value, a setting has its default
            written[key] = value
    return _checked(written, document), document


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
    role or profile means none, as in the Go program. Raises ConfigError."""
    without = {key for key in ("role", "profile") if overrides.get(key) == ""}
    given = {key: value for key, value in overrides.items() if value is not None and key not in without}
    if REGISTRY in given:
        without.add("image")
    return _checked({key: value for key, value in settings.chosen.items() if key not in without} | given)


def check_key(key: str) -> None:
    if key not in SETTINGS:
        raise _unknown(key)


def _current_name(name: Any) -> Any:
    """Of a setting that had another name in an earlier version; any other name as it is."""
    return next((key for key, setting in SETTINGS.items() if name in setting.formerly), name)


def _unknown(key: str, place: Place | None = None) -> ConfigError:
    if (current := _current_name(key)) != key:
        return ConfigError(f"the setting {key} is now named {current}", remedy=f"use {current}", place=place)
    remedy = did_you_mean(key, SETTINGS, "the settings are")
    return ConfigError(f"unknown setting {quoted(key)}", remedy=remedy, place=place)


def choices_of(key: str) -> tuple[str, ...]:
    """The possible values of a setting, or of the items of its list; () where the values are not fixed."""
    return SETTINGS[key].choices if key in SETTINGS else ()


def typed_value(key: str, text: str) -> Any:
    """The value of a setting, from its text on a command line. Raises ConfigError for an unknown key or bad value."""
    check_key(key)
    parts = [part.strip() for part in text.split(",") if part.strip()]
    value: Any = with_plain_account(text) if key == "role" else text
    if key == "backends":
        names = choices_of(key)
        if not parts:
            raise ConfigError("no backend is specified", remedy=f"the backends are {', '.join(names)}")
        for name in parts:
            why = next((backend.why_not_written for backend in BACKENDS if backend.name == name), "")
            if why:
                raise ConfigError(f"{name} is {why}", remedy=f"use one of {', '.join(names)}")
            if name not in names:
                what = f"unknown backend {quoted(name)} (names are case-sensitive)"
                raise ConfigError(what, remedy=did_you_mean(name, names, "the backends are"))
        value = parts
    elif key == "featureGates":
        value = {}
        for part in parts:
            name, sign, switch = (piece.strip() for piece in part.partition("="))
            if not sign or switch not in ("true", "false"):
                what = f"{quoted(part)} is not a valid feature gate"
                raise ConfigError(what, remedy="use NAME=true or NAME=false")
            value[name] = switch == "true"
    _checked({key: value})
    return value


def _checked(values: Mapping[Any, Any], document: Document | None = None) -> Settings:
    """Raises ConfigError for the first value that is not valid, at its place in the document."""
    for key in filter(values.__contains__, SETTINGS):
        flaw = _wrong_type(key, values[key])
        try:
            if flaw is None:
                _CHECKS.get(key, str)(values[key])
        except ValueError as error:
            flaw = (key,), str(error), ""
        if flaw is not None:
            path, what, remedy = flaw
            place = document.position(written_route(document, path)) if document else None
            raise ConfigError(f"{Route.of(path)}: {what}", remedy=remedy, place=place)
    for key in values:
        if key not in SETTINGS:
            raise _unknown(str(key), document.position((key,), at_key=True) if document else None)
    return Settings(**values)


_TYPES: Mapping[type, tuple[str, str]] = {
    str: ("must be a string", "put the value in quotes"),  # 1.30 without them is the number 1.3
    list: ("must be a list", "write each item on its own line, after a dash"),
    dict: ("must be a YAML mapping", "write each entry on its own line, as in NAME: true"),
}


def _wrong_type(key: str, value: Any) -> tuple[Path, str, str] | None:
    """The path of a value of another type or not one of the choices, with message and remedy."""
    default, choices = SETTINGS[key].default, SETTINGS[key].choices
    kind = str if default is None else type(default)
    one_of = f"must be {', '.join(map(repr, choices[:-1]))} or {choices[-1]!r}" if choices else ""
    if choices and kind is str:
        return None if value in choices else ((key,), one_of, "")
    if not isinstance(value, kind):
        return (key,), *_TYPES[kind]
    for member, content in value.items() if isinstance(value, dict) else enumerate(value if kind is list else ()):
        if kind is list and content not in choices:
            return (key, member), one_of, ""
        if kind is dict and not isinstance(content, bool):
            return (key, str(member)), "must be a boolean", "use true or false"
    return None


# The path and the name of a role, as in the API reference of IAM.
_ROLE = re.compile(r"arn:[a-z-]+:iam::[0-9]{12}:role/([!-~]*/)?[A-Za-z0-9_+=,.@-]{1,64}\Z", re.ASCII)
_PRINTABLE = re.compile(r"[^\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]+\Z")
_GATE = re.compile(r"[A-Za-z][A-Za-z0-9]*\Z", re.ASCII)
_MAJOR_AND_MINOR = re.compile(r"v?[0-9]+\.[0-9]", re.ASCII)


def _check_kubernetes_version(text: str) -> None:
    if parse_version(text) is None or not _MAJOR_AND_MINOR.match(text):
        raise ValueError(f"{quoted(text)} is not a valid Kubernetes version; use a version such as 1.12.9")


def _check_role(text: str) -> None:
    example = "use an ARN such as arn:aws:iam::111122223333:role/Admin"
    try:
        principal, _ = canonicalize(text)
    except ArnError as error:
        raise ValueError(f"{quoted(text)} is not the ARN of a role: {error}; {example}") from None
    if principal is not Principal.ROLE or not _PRINTABLE.match(text):
        raise ValueError(f"{quoted(text)} is not the ARN of a role; {example}")
    if not _ROLE.match(text):
        raise ValueError(f"{shortened(text)!r} is not the ARN of a role: its account, path or name is not valid in IAM")


def _check_profile(text: str) -> None:
    if not text.strip() or not _PRINTABLE.match(text):
        raise ValueError(f"{shortened(text)!r} is not a valid profile name")


def _check_install_hint(text: str) -> None:
    if not text.strip() or not _PRINTABLE.match(text):  # kubectl prints it in an error, on a separate line
        raise ValueError(f"{text!r} is not a valid hint; use one line of printable text")
    if len(text) > MAX_INSTALL_HINT:
        raise ValueError(f"a hint can have at most {MAX_INSTALL_HINT} characters, but this one has {len(text)}")


def _check_backends(names: list[str]) -> None:
    if not names:
        raise ValueError("must have at least one item")
    if len(set(names)) < len(names):
        raise ValueError(f"a backend is listed twice in {', '.join(names)}")


def _check_gates(gates: dict[Any, bool]) -> None:
    for name in gates:  # all become one flag, in which a name with a comma or an equals sign would be read as several
        if not isinstance(name, str) or not _GATE.match(name):
            raise ValueError(f"{shortened(str(name))!r} is not a valid name of a feature gate")


_CHECKS: Mapping[str, Callable[[Any], object]] = {
    "image": Image.parse,
    REGISTRY: check_registry,
    "daemonVersion": DaemonVersion.parse,
    "backends": _check_backends,
    "featureGates": _check_gates,
    "kubernetesVersion": _check_kubernetes_version,
    "kubectlVersion": _check_kubernetes_version,
    "installHint": _check_install_hint,
    "role": _check_role,
    "profile": _check_profile,
}
"""What a setting accepts beyond its type and choices: they raise ValueError."""
