"""The authenticator's releases and their features, from versions.json, which was compiled from the source of every
release tag. v0.5 and v0.6 are parallel lines, and features are added and removed, so a feature is a set of intervals,
never "since".
"""

from __future__ import annotations

import json
import re
from enum import Enum
from functools import cache, lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from tarmak_iam.aws.arn import PARTITIONS
from tarmak_iam.errors import ConfigError
from tarmak_iam.text import quoted

SSO_GATE = "SSORoleMatch"
"""The feature gate without which an authenticator ignores SSO entries."""


class ReleaseFeature(str, Enum):
    """Behaviour of some releases only, by its item of versions.json; items of flags, keys, templates, extra values,
    gates, backends and viper have methods of DaemonVersion instead."""

    AWS_AUTH_IN_ANY_CASE = "EKSConfigMap: keys of mapRoles/mapUsers read without case (utilyaml.ToJSON)"
    ANY_NUMBER_AS_BOOLEAN = "cast.ToBool reads every number (cast v1.6.0 and later)"
    BACKENDS_BY_FIRST_NAMES = "default backendMode [CRD,ConfigMap,File]"
    BACKENDS_BY_FILE = "default backendMode [MountedFile]"
    CHECKS_ENTRIES = "MountedFile: roles are checked with Validate() (rolearn or sso must be given)"
    CHECKS_TOKEN_TIMES = "times of tokens are checked, X-Amz-Expires up to 900"  # noqa: S105 - no password
    DESCRIBING_ROLE_PARSED = "server.ec2DescribeInstancesRoleARN is parsed at the start"
    DUPLICATE_PARAMETERS_REFUSED = "duplicate query parameters differing in case refused"
    DYNAMIC_FILE_TIMES = "DynamicFile: LastUpdatedDateTime and Version are read, as strings"
    EC2_BY_SDK_V2 = "EC2 is queried with the AWS SDK for Go v2 (describing role, stsCfg.HTTPClient)"
    EQUAL_FOLD = "compared with strings.EqualFold (ARNs of mappings, the signed header)"
    """Releases before compare with strings.ToLower on both sides."""
    FEDERATED_USER_ID_WHOLE = "federated user: whole UserId kept, SessionName empty"
    HEALTH_ON_TLS_PORT = "/healthz on the TLS port 21362"
    ID_WITH_ARN = "DynamicFile: ARN of an entry found by its unique id is compared (userIDStrict)"
    ID_WITH_ARN_IN_ANY_CASE = "DynamicFile: ARN of an entry found by its unique id is compared without case"
    ID_WITH_ARN_WELL_FORMED = "DynamicFile: a malformed ARN of an entry found by its unique id matches no caller"
    """Upstream's fix of a vulnerability: releases before accept every ARN of a caller with that unique id."""
    ID_WITH_ARN_WITHOUT_PATH = "DynamicFile: role path stripped for the ARN check of userIDStrict (StripPath)"
    INVALID_ARN_IGNORED = "an entry with an invalid ARN is logged and ignored"
    """Later releases do not start."""
    NAMES_NEED_DNS_CHARACTER = "names: a character of a-z or 0-9 wanted (DNS pattern without anchors)"
    PREFIXES_IN_ALL_BACKENDS = "reservedPrefixConfig counts for EKSConfigMap and CRD"
    ROLE_ARN_AS_WRITTEN = "roles: ARN parsed as written (Canonicalize(m.RoleARN))"
    ROLE_ARN_NOT_PARSED = "roles: ARN not parsed at all (compared without case only)"
    ROLE_SESSION_REQUIRED = "role UserId without a session refused (malformed UserID)"
    SSO_ENTRIES = "sso: field in RoleMapping"
    SSO_GATE = "feature gate SSORoleMatch (default false, Alpha)"
    SSO_IN_DYNAMIC_FILE = "sso: DynamicFile backend matches by pattern"
    SSO_IN_EKS_CONFIG_MAP = "sso: EKSConfigMap backend matches by pattern"
    SSO_IN_MOUNTED_FILE = "sso: MountedFile backend matches by pattern"
    STS_HOST_BY_FORMAT = "STS host by format only (verifySTSHostnameFormat)"
    STS_HOST_BY_PATTERN = "STS host by regexp"
    STS_HOST_OF_OWN_REGION = "STS host of the own region taken"
    STS_HOST_OF_OWN_REGION_UNLISTED = "STS host of the own region taken in a partition without listed hosts"
    STS_REDIRECTS_REFUSED = "redirects of STS not followed"
    USER_ARN_AS_WRITTEN = "users: ARN parsed as written"
    USER_IDS = "userid field in RoleMapping/UserMapping"
    USER_TEMPLATES = "users: templates rendered"
    """v0.4.0 renders the templates of roles only."""
    WEBHOOK_COMMENTS = "webhook kubeconfig of init has comments"
    YAML_V2_2_2 = "yaml.v2 v2.2.2"


_TAG = re.compile(r"v?(\d{1,9})\.(\d{1,9})\.(\d{1,9})(?:[-+].*)?\Z", re.ASCII)


class DaemonVersion(NamedTuple):
    """A release; an image tag such as `v0.6.20-eks-1-30-7` or `v0.4.0-scratch` names one too."""

    major: int
    minor: int
    patch: int

    @classmethod
    def parse(cls, text: str) -> DaemonVersion:
        """Raises ConfigError for a text that is not a version."""
        match = _TAG.match(text.strip())
        if not match:
            what = f"{quoted(text)} is not a valid version of the authenticator"
            raise ConfigError(what, remedy=f"use a version such as {DEFAULT_RELEASE}")
        return cls(*(int(group) for group in match.groups()))

    @property
    def known(self) -> DaemonVersion:
        """The release whose behaviour is assumed: itself, or the last one before it whose source was read."""
        line = next((line for line in reversed(_RELEASE_LINES) if line.first <= self), _RELEASE_LINES[0])
        return max(line.first, min(self, line.read))

    @property
    def unread(self) -> str:
        """Why its behaviour is assumed only, as the end of a sentence; "" for a release whose source was read."""
        if self > NEWEST:
            read = f"{NEWEST_READ} is the newest whose source was read"
            return f"is newer than {NEWEST}, the newest known release ({read})"
        if self > NEWEST_READ:
            return f"is newer than {NEWEST_READ}, the newest release whose source was read"
        return "" if self.known == self else "is not a known release"

    def has(self, feature: ReleaseFeature) -> bool:
        return self.has_item(feature.value)

    def has_flag(self, name: str) -> bool:
        """`name` as versions.json has it, with the command: `server --backend-mode`."""
        return self.has_item(f"flag {name}")

    def has_key(self, name: str) -> bool:
        """A key of the configuration: `server.partition`."""
        return self.has_item(f"config key {name}")

    def has_template(self, name: str) -> bool:
        return self.has_item(f"template {{{{{name}}}}}")

    def has_gate(self, name: str) -> bool:
        return self.has_item(f"feature gate {name} (default false, Alpha)")

    def has_viper(self, *tags: str) -> bool:
        """Whether its go.mod has one of these versions of viper."""
        return any(self.has_item(f"viper {tag}") for tag in tags)

    def accepts_backend(self, name: str) -> bool:
        """Whether --backend-mode accepts a backend by this name."""
        return self.has_item(f"backendMode {name} accepted")

    @lru_cache(maxsize=4096)  # noqa: B019 - there are few releases
    def has_item(self, item: str) -> bool:
        """Whether it has an item of versions.json. Raises KeyError for an unknown item."""
        return self.within(_table()[item])

    def within(self, spans: Spans) -> bool:
        """Whether it, or the last one known before it, is in one of the intervals."""
        version = self.known
        return any(first <= version <= last for first, last in spans)

    def __str__(self) -> str:
        return f"v{self.major}.{self.minor}.{self.patch}"


Spans = tuple[tuple[DaemonVersion, DaemonVersion], ...]
"""First and last release of each interval."""


class _ReleaseLine(NamedTuple):
    """A release line. `read` is the last release whose source was read, which may be older than the last one."""

    first: DaemonVersion
    read: DaemonVersion
    last: DaemonVersion


@cache
def _file() -> dict[str, Any]:
    content: dict[str, Any] = json.loads(Path(__file__).with_name("versions.json").read_bytes())
    return content


# Oldest first; v0.7.0 has no tag.
_RELEASE_LINES = tuple(
    _ReleaseLine(*(DaemonVersion.parse(ends.get(name, ends["last"])) for name in _ReleaseLine._fields))
    for ends in _file()["lines"]
)

NEWEST = _RELEASE_LINES[-1].last
"""The newest release that is known to exist."""

NEWEST_READ = _RELEASE_LINES[-1].read
"""The newest release whose source was read."""

DEFAULT_RELEASE = DaemonVersion.parse(_file()["default"])
"""The release of the default image; the answers are its own without a cluster or a --daemon-version."""


@cache
def _table() -> dict[str, Spans]:
    return {item: read_spans(spans) for item, spans in _file()["items"].items()}


def read_spans(spans: list[list[str]]) -> Spans:
    """Intervals as versions.json has them: one without an end extends to the last release of its line."""
    return tuple(_interval(*map(DaemonVersion.parse, ends)) for ends in spans)


def _interval(first: DaemonVersion, last: DaemonVersion | None = None) -> tuple[DaemonVersion, DaemonVersion]:
    return first, last or next(line.last for line in _RELEASE_LINES if line.first <= first <= line.last)


def published_tags() -> dict[DaemonVersion, str]:
    """The tag that EKS Distro publishes for each release; releases that are missing were never published there."""
    return {DaemonVersion.parse(tag): tag for tag in _file()["tags"]}


def known_releases() -> tuple[DaemonVersion, ...]:
    """Every release since v0.4.0, the first one that Tarmak installs."""
    firsts = (_RELEASE_LINES[0].last, *(line.first for line in _RELEASE_LINES[1:]))
    return tuple(
        DaemonVersion(first.major, first.minor, patch)
        for first, line in zip(firsts, _RELEASE_LINES, strict=True)
        for patch in range(first.patch, line.last.patch + 1)
    )


def spans_text(item: str) -> str:
    """The releases that have an item of versions.json, as in `v0.6.0 to v0.6.1, v0.7.1 and later`."""
    return text_of_spans(_table()[item])


def text_of_spans(spans: Spans) -> str:
    """As in `v0.6.0 to v0.6.1, v0.7.1 and later`."""
    return ", ".join(
        f"{first} and later" if last == NEWEST else f"{first} to {last}" if first < last else str(first)
        for first, last in spans
    )


def recorded_items() -> tuple[str, ...]:
    """Every item of versions.json, as `has_item` and `spans_text` accept it."""
    return tuple(_table())


def server_keys() -> tuple[str, ...]:
    """The keys that some release reads below `server:`, in the documented spelling."""
    prefix = "config key server."
    return tuple(item.removeprefix(prefix) for item in _table() if item.startswith(prefix))


@cache
def known_partitions(version: DaemonVersion) -> tuple[str, ...]:
    """The partitions that a release accepts in an ARN: those of its AWS SDK, and from v0.7.5 on its own list."""
    return tuple(name for name in PARTITIONS if version.has_item(f"partition {name}"))


def server_partitions(version: DaemonVersion) -> tuple[str, ...]:
    """The partitions that `server.partition` accepts: v0.5.2 has the flag, but accepts fewer in ARNs."""
    return known_partitions(max(version.known, DaemonVersion(0, 5, 3)))
