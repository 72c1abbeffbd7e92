"""The daemon according to the settings: its release, its backends and its flags."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from tarmak_iam.identity.backend_support import MOUNTED_FILE, BackendSource, backend_of
from tarmak_iam.identity.flags import parse_flags
from tarmak_iam.identity.model import DaemonNotStarted
from tarmak_iam.identity.releases import SSO_GATE, DaemonVersion
from tarmak_iam.installation.settings import SettingError
from tarmak_iam.text import PLAIN, CommandLine


class Daemon(NamedTuple):
    """`backends` are in the order in which the daemon reads them; `gates` are the feature gates in the settings."""

    version: DaemonVersion
    backends: tuple[str, ...]
    gates: Mapping[str, bool]
    partition: str
    command_line: CommandLine = PLAIN
    """How to write commands that work on its cluster."""

    @property
    def args(self) -> tuple[str, ...]:
        """The flags that affect who a caller becomes: gates, partition and backends, if the release has them.

        Raises ConfigError for backends that the release does not support.
        """
        args, has_backends = [], self.version.has_flag("server --backend-mode")
        if not has_backends and self.asks_cluster:
            raise SettingError(
                f"authenticator {self.version} does not support backends: it reads only its file, "
                f"but the setting backends is {','.join(self.backends)}",
                setting="backends",
                remedy="use another image, or set backends to MountedFile",
            )
        if self.gates:
            args.append(f"--feature-gates={_listed(self.gates)}")
        if self.partition != "aws" and self.version.has_flag("server --partition"):
            args.append(f"--partition={self.partition}")
        if has_backends:
            # As the release spells them.
            is_first = not self.version.accepts_backend(MOUNTED_FILE.name)
            names = [backend_of(name).first_name if is_first else name for name in self.backends]
            args.append(f"--backend-mode={','.join(names)}")
        return tuple(args)

    def check(self) -> None:
        """Raises ConfigError for settings with which this release would not start."""
        try:
            parse_flags(self.args, self.version)
        except DaemonNotStarted as stop:
            what = f"authenticator {self.version} would not start with the settings: {stop.reason}"
            remedy = "change featureGates, or image and daemonVersion"
            raise SettingError(what, setting="featureGates", remedy=remedy) from None

    @property
    def of_file(self) -> Daemon:
        """The same daemon with MountedFile as its only backend."""
        return self._replace(backends=(MOUNTED_FILE.name,))

    @property
    def asks_cluster(self) -> bool:
        """Whether it reads objects of the cluster, which requires a service account."""
        return any(backend_of(name).reads is BackendSource.CLUSTER for name in self.backends)

    @property
    def looks_at_sso(self) -> bool:
        return SSO_GATE in parse_flags(self.args, self.version).gates

    def unsupported_reason(self, kind: str) -> str:
        """Why no backend supports principals of a kind (`role`, `user`, `account` or `sso`); "" if one does."""
        why = [backend_of(name).cannot_carry.get(kind, "") for name in self.backends]
        return f"the backend {', '.join(self.backends)} {why[0]}" if all(why) else ""

    @property
    def with_file(self) -> str:
        """The command that adds MountedFile, which supports all kinds of principals."""
        backends = ",".join((*self.backends, MOUNTED_FILE.name))
        return f"add MountedFile: {self.command_line.tarmak_iam('settings set backends', backends)}"

    @property
    def with_sso(self) -> str:
        """The command that enables SSO entries, with the other gates unchanged."""
        return self.command_line.tarmak_iam("settings set featureGates", _listed({**self.gates, SSO_GATE: True}))


def _listed(gates: Mapping[str, bool]) -> str:
    return ",".join(f"{name}={str(on).lower()}" for name, on in sorted(gates.items()))
