"""The admin kubeconfig of a cluster, as `tarmak clusters kubeconfig` makes it: with a tunnel where one is needed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tarmak_iam.errors import ToolError
from tarmak_iam.hook.processes import Completed, Programs
from tarmak_iam.hook.tarmak.commands import kubeconfig_command
from tarmak_iam.hook.tarmak.log import failure_of

__all__ = ["cluster_kubeconfig"]

_PREFIX = "KUBECONFIG="
# Five attempts of Tarmak's, each with a tunnel that it waits for, and perhaps a certificate from Vault.
_SECONDS = 600.0


def cluster_kubeconfig(programs: Programs, tarmak_options: Sequence[str] = (), program: str = "tarmak") -> Path:
    """Where the kubeconfig is, once Tarmak has made sure that it works.

    `tarmak_options`: `-c DIR` and `--current-cluster ENV-NAME`, as Tarmak spells them; `program`: its name or path.
    Raises ToolError where Tarmak is not there, fails, or prints no `KUBECONFIG=path` (pkg/tarmak/kubectl: the path as
    it is, without quotes; logs go to stderr).
    """
    if programs.find(program) is None:
        raise ToolError(
            "tarmak is not installed, so it cannot be asked for the cluster's kubeconfig",
            remedy="put tarmak on the PATH, or name a kubeconfig with --kubeconfig",
        )
    command = kubeconfig_command(tarmak_options, program)
    remedy = f"run `{command}` to see why, or name a kubeconfig with --kubeconfig"
    done = programs.run(program, *tarmak_options, "clusters", "kubeconfig", seconds=_SECONDS)
    if done.code:
        raise ToolError(f"tarmak clusters kubeconfig failed: {failure_of(done)}", remedy=remedy)
    path = _path(done)
    if path is None:
        raise ToolError("tarmak clusters kubeconfig printed no KUBECONFIG=path", remedy=remedy)
    # Tarmak runs where we do, so a relative -c leads to a path that is relative to the same directory.
    path = path if programs.directory is None else programs.directory / path
    if not path.is_file():
        raise ToolError(f"tarmak names the kubeconfig {path}, which is not there", remedy=remedy)
    return path


def _path(done: Completed) -> Path | None:
    """From the last such line: what comes before may be somebody's greeting."""
    found = [line[len(_PREFIX) :] for line in done.out.splitlines() if line.startswith(_PREFIX)]
    return Path(found[-1]) if found and found[-1].strip() else None
