"""Kubernetes versions, compared as Tarmak does (hashicorp/go-version)."""

from __future__ import annotations

import re
from typing import NamedTuple

DEFAULT_KUBERNETES = "1.12.9"
"""The version that Tarmak installs if `kubernetes.version` is empty."""

FIRST_WITHOUT_HYPERKUBE = (1, 17)
"""The first release without the binary that Tarmak's Puppet downloads (puppet/modules/kubernetes/manifests/params.pp
and install.pp): kubernetes/kubernetes#83454 removed it."""

NEWEST_KUBERNETES = (1, 37)
"""The newest release that the manifests were validated for; a later release is treated like it."""

_VERSION = (
    r"v?([0-9]+(?:\.[0-9]+)*?)"
    r"(?:-([0-9]+[0-9A-Za-z\-~]*(?:\.[0-9A-Za-z\-~]+)*)|(?:-?([A-Za-z\-~]+[0-9A-Za-z\-~]*(?:\.[0-9A-Za-z\-~]+)*)))?"
    r"(?:\+([0-9A-Za-z\-~]+(?:\.[0-9A-Za-z\-~]+)*))?\Z"
)

_RELEASE = r"(0|[1-9][0-9]*)(\.(0|[1-9][0-9]*)){2}(-(alpha|beta|rc)\.[0-9]+)?\Z"
_MAX_SEGMENT = 2**63 - 1


class GoVersion(NamedTuple):
    """At least three segments; `prerelease` is empty for a release."""

    segments: tuple[int, ...]
    prerelease: str = ""

    @property
    def minor(self) -> tuple[int, int]:
        """Major and minor, as in (1, 12)."""
        return self.segments[0], self.segments[1]

    def is_below(self, *segments: int) -> bool:
        """Whether it comes before that release; a pre-release of that release does."""
        width = max(len(self.segments), len(segments))
        padded = self.segments + (0,) * (width - len(self.segments))
        other = segments + (0,) * (width - len(segments))
        return padded < other or (padded == other and self.prerelease != "")


def is_release(text: str) -> bool:
    """Whether it is a release of Kubernetes, written without `v`: three numbers, and possibly a pre-release."""
    return re.match(_RELEASE, text) is not None


def parse_version(text: str) -> GoVersion | None:
    """None for a text that go-version calls malformed, such as `latest`."""
    match = re.match(_VERSION, text)
    if not match:
        return None
    parts = [part.lstrip("0") or "0" for part in match[1].split(".")]
    if max(map(len, parts)) > len(str(_MAX_SEGMENT)):
        return None
    numbers = tuple(map(int, parts))
    if max(numbers) > _MAX_SEGMENT:
        return None
    return GoVersion(numbers + (0,) * (3 - len(numbers)), match[3] or match[2] or "")
