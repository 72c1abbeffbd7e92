"""Security advisories: the releases that have a known flaw, and whether a loaded configuration is open to it.

advisories.json in this directory lists them, with the source of each.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import NamedTuple

from tarmak_iam.identity.authenticator import Authenticator
from tarmak_iam.identity.backend_support import DYNAMIC_FILE, ENTRY_OBJECTS, BackendSource, backend_of
from tarmak_iam.identity.daemon_config import DaemonConfig
from tarmak_iam.identity.dynamic_file import without_path
from tarmak_iam.identity.model import IdentityMapping
from tarmak_iam.identity.releases import DaemonVersion, Spans, read_spans


class Advisory(NamedTuple):
    """`effect` is what the flaw leads to, and `undecided` what decides whether a configuration is open to it where the
    configuration cannot tell; both are parts of a sentence. No release from `fixed` on has the flaw."""

    id: str
    releases: Spans
    condition: str
    undecided: str
    effect: str
    fixed: DaemonVersion
    source: str

    def affects(self, loaded: Authenticator) -> bool | None:
        """Whether an authenticator of these releases with this configuration is open to the flaw; None if the
        configuration cannot tell. If the authenticator does not start with it, only unconditional flaws count."""
        if not self.condition:
            return True
        # What the backends have read, including mappings that never take effect.
        mappings = [
            (table.backend, mapping) for table in loaded.tables for entry in table.written for mapping in entry.possible
        ]
        return loaded.config is not None and _CONDITIONS[self.condition](loaded.config, mappings)


@cache
def all_advisories() -> tuple[Advisory, ...]:
    return tuple(
        Advisory(**{**entry, "releases": read_spans(entry["releases"]), "fixed": DaemonVersion.parse(entry["fixed"])})
        for entry in json.loads(Path(__file__).with_name("advisories.json").read_bytes())["advisories"]
    )


def advisories_of(version: DaemonVersion) -> tuple[Advisory, ...]:
    """The advisories about a release, whatever its configuration."""
    return tuple(advisory for advisory in all_advisories() if version.within(advisory.releases))


def _access_key_in_a_name(config: DaemonConfig, mappings: list[tuple[str, IdentityMapping]]) -> bool | None:
    if any("{{AccessKeyID}}" in name for _, mapping in mappings for name in (mapping.username, *mapping.groups)):
        return True
    reads_others = any(backend_of(name).reads is not BackendSource.CONFIGURATION for name in config.backends)
    return None if reads_others else False


def _malformed_arn(config: DaemonConfig, mappings: list[tuple[str, IdentityMapping]]) -> bool | None:
    """The authenticator reads a changed dynamic file again, so a file without such an ARN decides nothing."""
    if not config.user_id_strict or DYNAMIC_FILE.name not in config.backends:
        return False
    of_file = (mapping.arn for backend, mapping in mappings if backend == DYNAMIC_FILE.name)
    return any(arn and without_path(arn, config.version) is None for arn in of_file) or None


def _unreserved(config: DaemonConfig, _: list[tuple[str, IdentityMapping]]) -> bool | None:
    reserved = [backend.name for backend in ENTRY_OBJECTS if config.reserved_prefixes.get(backend.name)]
    if any(name in config.backends for name in reserved):
        return True
    return None if reserved and config.backend_modes_file else False


_CONDITIONS: dict[str, Callable[[DaemonConfig, list[tuple[str, IdentityMapping]]], bool | None]] = {
    "{{AccessKeyID}} in a username or group": _access_key_in_a_name,
    "an ARN that is not valid in the dynamic file, with dynamicfileUserIDStrict": _malformed_arn,
    "reservedPrefixConfig for EKSConfigMap or CRD": _unreserved,
}
