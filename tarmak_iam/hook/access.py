"""How a cluster is reached: through a kubeconfig that somebody names, or that tarmak makes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tarmak_iam.effects import Loaded
from tarmak_iam.errors import FileError, Place, TarmakIamError
from tarmak_iam.hook.cluster.kubectl import Kubectl
from tarmak_iam.hook.lock import ClusterLock
from tarmak_iam.hook.processes import Programs
from tarmak_iam.hook.steps import Steps
from tarmak_iam.hook.tarmak.commands import kubeconfig_command
from tarmak_iam.hook.telling import Tell, silent
from tarmak_iam.installation import Installation

__all__ = ["Access"]

_PROBE_SECONDS = 5


@dataclass(frozen=True, slots=True)
class Access:
    """How a cluster is reached: by `kubeconfig` or `context`, else as `tarmak clusters kubeconfig` with
    `tarmak_options` says; `tarmak` is the name or the path of the program. With a context alone, kubectl's own choice
    of a file counts. `lock`: what this process holds while it writes to the cluster."""

    programs: Programs
    kubeconfig: Path | None = None
    context: str | None = None
    tarmak_options: tuple[str, ...] = ()
    tarmak: str = "tarmak"
    lock: ClusterLock | None = None

    @property
    def is_given(self) -> bool:
        return self.kubeconfig is not None or self.context is not None

    @property
    def _reopen(self) -> str:
        return kubeconfig_command(self.tarmak_options, self.tarmak)

    def kubectl(self, steps: Steps | None = None, tell: Tell = silent) -> Kubectl:
        """`tell` hears of what is waited for. Raises ToolError, and FileError where there is no such kubeconfig."""
        kubeconfig = self.kubeconfig
        if not self.is_given:
            tell("asking tarmak for the cluster's kubeconfig")
            kubeconfig = (steps or Steps()).access(self.programs, self.tarmak_options, self.tarmak)
        elif kubeconfig is not None and not kubeconfig.is_file():
            # kubectl would take a missing file for an empty one, and ask localhost:8080.
            raise FileError("there is no such kubeconfig", remedy="check the path", place=Place(str(kubeconfig)))
        return Kubectl(self.programs, kubeconfig, self.context, reopen=self._reopen, tell=tell, lock=self.lock)

    def look(self, installation: Installation, steps: Steps) -> Loaded | None:
        """What callers get from the cluster now; None where it does not answer at once, as before it is made."""
        kubeconfig = self.kubeconfig if self.is_given else installation.admin_path
        is_there = self.is_given if kubeconfig is None else kubeconfig.is_file()
        if not is_there:
            return None
        kubectl = Kubectl(self.programs, kubeconfig, self.context, reopen=self._reopen, patience=0.0)
        timeout = f"--request-timeout={_PROBE_SECONDS}s"
        try:
            kubectl.check("get", "--raw", "/version", timeout, seconds=2 * _PROBE_SECONDS)
            return steps.live(kubectl, installation)
        except TarmakIamError:
            return None
