"""Access to a cluster: with a given kubeconfig, or with the one that `tarmak clusters kubeconfig` writes. Tarmak logs
with logrus, outside of a terminal as key=value; a failure is the last line of level error or fatal
(pkg/tarmak/utils/context.go)."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from tarmak_iam.access.diff import Loaded
from tarmak_iam.errors import ConfigError, FileError, Place, TarmakIamError, ToolError
from tarmak_iam.hook.cluster.kubectl import ANSWER_SECONDS, Kubectl
from tarmak_iam.hook.programs import ClusterLock, Completed, Programs, Progress, no_progress
from tarmak_iam.hook.tarmak.arguments import TarmakCall
from tarmak_iam.installation.installation import Installation

_LINE = re.compile(r'^(?:time=(?:"[^"]*"|\S+) )?level=(\w+) msg=("(?:[^"\\]|\\.)*"|[^"\s]\S*)')
_NO_ANSWER = "error connecting to cluster: "
"""The beginning of a warning of pkg/tarmak/kubectl."""

# go-multierror's "2 errors occurred:\n\t* one\n\t* other\n\n", and advice of the AWS SDK for programmers.
_NOISE = re.compile(r"\d+ errors? occurred:\s*\* |\. Deprecated\.\s+For verbose messaging see aws\.Config\.\w+Errors")
_ITEM = re.compile(r"\n\s*\* ")
_HEX = re.compile(r"\\x([0-9a-f]{2})")


def failure_of(done: Completed) -> str:
    """The reason of a failed tarmak, in one line: its last error, or the last line if its output contains no error."""
    lines, logged = done.err.splitlines(), list[tuple[str, str]]()
    for level, message in (match.groups() for match in map(_LINE.match, lines) if match):
        text = message
        with contextlib.suppress(ValueError):  # quoted as in Go, or not at all
            text = str(json.loads(_HEX.sub(r"\\u00\1", message), strict=False)) if message[0] == '"' else message
        logged.append((level, " ".join(_ITEM.sub("; ", _NOISE.sub("", text).strip()).split())))
    failures = [text for level, text in logged if level in ("error", "fatal", "panic")]
    if failures:
        # If a cluster does not answer, Tarmak asks AWS for another connection, and then that fails.
        before = [text for _, text in logged if text.startswith(_NO_ANSWER)]
        return f"{failures[-1]}; before that: {before[-1]}" if before else failures[-1]
    return next((line for line in lines if line.startswith("panic: ")), done.reason)


_KUBECONFIG = ("clusters", "kubeconfig")


# Tarmak makes five attempts, each with a tunnel that it waits for, and perhaps a certificate from Vault.
_SECONDS = 600.0


def cluster_kubeconfig(programs: Programs, tarmak_options: Sequence[str] = (), program: str = "tarmak") -> Path:
    """The path of the kubeconfig, after Tarmak has checked that it works. `tarmak_options`: `-c DIR` and
    `--current-cluster ENV-NAME`, as Tarmak spells them. Raises ToolError if Tarmak is not installed, fails, or does not
    print `KUBECONFIG=path` (pkg/tarmak/kubectl: the path is not quoted; logs go to stderr)."""
    if programs.find(program) is None:
        what = "tarmak is not installed, so it cannot print the cluster's kubeconfig"
        raise ToolError(what, remedy="put tarmak on the PATH, or specify a kubeconfig with --kubeconfig")
    command = shlex.join((program, *tarmak_options, *_KUBECONFIG))
    remedy = f"run `{command}` to see why, or specify a kubeconfig with --kubeconfig"
    done = programs.run(program, *tarmak_options, *_KUBECONFIG, seconds=_SECONDS)
    if done.code:
        raise ToolError(f"tarmak clusters kubeconfig failed: {failure_of(done)}", remedy=remedy)
    # The last such line: earlier lines may be other output.
    lines = [line for line in done.out.splitlines() if line.startswith("KUBECONFIG=")]
    text = lines[-1].removeprefix("KUBECONFIG=") if lines else ""
    if not text.strip():
        raise ToolError("tarmak clusters kubeconfig did not print KUBECONFIG=path", remedy=remedy)
    # Tarmak runs in the same directory, so a relative -c gives a path that is relative to it.
    path = Path(text) if programs.directory is None else programs.directory / text
    if not path.is_file():
        raise ToolError(f"tarmak printed the path of a kubeconfig that does not exist: {path}", remedy=remedy)
    return path


@dataclass(frozen=True, slots=True)
class Access:
    """How to access a cluster: with `kubeconfig` or `context` (kubectl then chooses the file), else with the kubeconfig
    that `tarmak clusters kubeconfig` prints for `tarmak_options`. `tarmak`: the name or the path of the program.
    `lock`, `patience` and `must_be_up` as in `Kubectl`. `cluster_name`: the cluster that tarmak is called for if
    `tarmak_options` name none; None for the current cluster, which another process may change at any time."""

    programs: Programs
    kubeconfig: Path | None = None
    context: str | None = None
    tarmak_options: tuple[str, ...] = ()
    tarmak: str = "tarmak"
    lock: ClusterLock | None = None
    patience: float = ANSWER_SECONDS
    must_be_up: bool = False
    cluster_name: str | None = None

    def of_cluster(self, cluster_name: str, directory: Path) -> Access:
        """The access to this cluster of a tarmak.yaml. Raises ConfigError if the options of tarmak select another
        one."""
        call = self._call
        if call.cluster_name not in (None, cluster_name) and not self.is_given:
            what = f"the kubeconfig of {call.cluster_name} would be used for {cluster_name}"
            raise ConfigError(what, remedy="specify the same cluster in `tarmak_options`")
        options = self.tarmak_options
        is_same = os.path.realpath(call.directory(self.programs.environment)) == os.path.realpath(directory)
        if "config-directory" not in call.flags and not is_same:
            options += ("--config-directory", str(directory))
        return replace(self, tarmak_options=options, cluster_name=cluster_name)

    @property
    def is_given(self) -> bool:
        return self.kubeconfig is not None or self.context is not None

    @property
    def _call(self) -> TarmakCall:
        return TarmakCall.parse((*self.tarmak_options, *_KUBECONFIG))

    def kubectl(self, tell: Progress = no_progress) -> Kubectl:
        """Raises ToolError, and FileError for a kubeconfig that does not exist."""
        kubeconfig = self.kubeconfig
        if not self.is_given:
            tell("getting the cluster's kubeconfig from tarmak")
            options = self.tarmak_options
            if self.cluster_name is not None and self._call.cluster_name is None:
                # Tarmak reads its tarmak.yaml again, whose current cluster may be another one by now.
                options += ("--current-cluster", self.cluster_name)
            kubeconfig = cluster_kubeconfig(self.programs, options, self.tarmak)
        elif kubeconfig is not None and not kubeconfig.is_file():
            # kubectl treats a missing file like an empty one, and asks localhost:8080.
            raise FileError("kubeconfig not found", remedy="check the path", place=Place(str(kubeconfig)))
        made = self._kubectl(kubeconfig, self.patience)
        return replace(made, must_be_up=self.must_be_up, tell=tell, lock=self.lock)

    def _kubectl(self, kubeconfig: Path | None, patience: float) -> Kubectl:
        reopen = shlex.join((self.tarmak, *self.tarmak_options, *_KUBECONFIG))
        return Kubectl(self.programs, kubeconfig, self.context, reopen=reopen, patience=patience)

    def live_access(self, installation: Installation) -> Loaded | None:
        """The access that the cluster grants now; None if it does not answer, as before its creation."""
        kubeconfig = self.kubeconfig if self.is_given else installation.admin_path
        if not (self.is_given if kubeconfig is None else kubeconfig.is_file()):
            return None
        from tarmak_iam.hook.cluster.live_mappings import read_live

        kubectl = self._kubectl(kubeconfig, 0.0)
        try:
            kubectl.check("get", "--raw", "/version", "--request-timeout=5s", seconds=10)
            return read_live(kubectl).loaded(installation)
        except TarmakIamError:
            return None
