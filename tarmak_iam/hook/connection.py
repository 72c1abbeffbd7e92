"""How a cluster is reached: through a kubeconfig that somebody names, or that `tarmak clusters kubeconfig` makes.

Tarmak logs with logrus, whose text form outside of a terminal is key=value, quoted as Go does; a failure is the last
line of level error or fatal (logrus's formatter, and pkg/tarmak/utils/context.go).
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tarmak_iam.access.diff import Loaded
from tarmak_iam.errors import FileError, Place, TarmakIamError, ToolError
from tarmak_iam.hook.cluster.kubectl import ANSWER_SECONDS, Kubectl
from tarmak_iam.hook.lock import ClusterLock
from tarmak_iam.hook.programs import Completed, Programs, Progress, no_progress
from tarmak_iam.installation.installation import Installation

_LINE = re.compile(r'^(?:time=(?:"[^"]*"|\S+) )?level=(\w+) msg=("(?:[^"\\]|\\.)*"|[^"\s]\S*)')

_FAILING = ("error", "fatal", "panic")

_PANIC = "panic: "

_NO_ANSWER = "error connecting to cluster: "
"""A warning of pkg/tarmak/kubectl."""


# go-multierror: "2 errors occurred:\n\t* one\n\t* other\n\n"
_ERRORS_OCCURRED = re.compile(r"\d+ errors? occurred:\s*\* ")

_ITEM = re.compile(r"\n\s*\* ")


# What the AWS SDK tells its programmers behind every such error.
_DEPRECATED = re.compile(r"\. Deprecated\.\s+For verbose messaging see aws\.Config\.CredentialsChainVerboseErrors")

_HEX = re.compile(r"\\x([0-9a-f]{2})")


def failure_of(done: Completed) -> str:
    """In one line. Where nothing in its output is an error of Tarmak's, its last line."""
    lines = done.err.splitlines()
    logged = [(match[1], _plain(_unquoted(match[2]))) for match in map(_LINE.match, lines) if match]
    failures = [text for level, text in logged if level in _FAILING]
    if failures:
        # A cluster that does not answer makes Tarmak ask AWS for another way to it, and then it is that which fails.
        before = [text for _, text in logged if text.startswith(_NO_ANSWER)]
        return f"{failures[-1]}; before that: {before[-1]}" if before else failures[-1]
    panics = [line for line in lines if line.startswith(_PANIC)]
    return panics[0] if panics else done.reason


def _unquoted(text: str) -> str:
    """A string of Go's; whatever is not one stays as it is."""
    if not text.startswith('"'):
        return text
    try:
        return str(json.loads(_HEX.sub(r"\\u00\1", text), strict=False))
    except ValueError:
        return text


def _plain(text: str) -> str:
    """Errors in a list on a line of their own each become one sentence."""
    head = _ERRORS_OCCURRED.sub("", _DEPRECATED.sub("", text))
    return " ".join(_ITEM.sub("; ", head.strip()).split())


def kubeconfig_command(tarmak_options: Sequence[str] = (), program: str = "tarmak") -> str:
    """`tarmak clusters kubeconfig` as somebody types it."""
    return shlex.join((program, *tarmak_options, "clusters", "kubeconfig"))


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


_PROBE_SECONDS = 5


@dataclass(frozen=True, slots=True)
class Access:
    """How a cluster is reached: by `kubeconfig` or `context`, else as `tarmak clusters kubeconfig` with
    `tarmak_options` says; `tarmak` is the name or the path of the program. With a context alone, kubectl's own choice
    of a file counts. `lock`: what this process holds while it writes to the cluster. `patience` and `must_be_up` as in
    `Kubectl`."""

    programs: Programs
    kubeconfig: Path | None = None
    context: str | None = None
    tarmak_options: tuple[str, ...] = ()
    tarmak: str = "tarmak"
    lock: ClusterLock | None = None
    patience: float = ANSWER_SECONDS
    must_be_up: bool = False

    @property
    def is_given(self) -> bool:
        return self.kubeconfig is not None or self.context is not None

    @property
    def _reopen(self) -> str:
        return kubeconfig_command(self.tarmak_options, self.tarmak)

    def kubectl(self, tell: Progress = no_progress) -> Kubectl:
        """`tell` hears of what is waited for. Raises ToolError, and FileError where there is no such kubeconfig."""
        kubeconfig = self.kubeconfig
        if not self.is_given:
            tell("asking tarmak for the cluster's kubeconfig")
            kubeconfig = cluster_kubeconfig(self.programs, self.tarmak_options, self.tarmak)
        elif kubeconfig is not None and not kubeconfig.is_file():
            # kubectl would take a missing file for an empty one, and ask localhost:8080.
            raise FileError("there is no such kubeconfig", remedy="check the path", place=Place(str(kubeconfig)))
        return Kubectl(
            self.programs,
            kubeconfig,
            self.context,
            reopen=self._reopen,
            patience=self.patience,
            must_be_up=self.must_be_up,
            tell=tell,
            lock=self.lock,
        )

    def live_access(self, installation: Installation) -> Loaded | None:
        """What callers get from the cluster now; None where it does not answer at once, as before it is made."""
        kubeconfig = self.kubeconfig if self.is_given else installation.admin_path
        is_there = self.is_given if kubeconfig is None else kubeconfig.is_file()
        if not is_there:
            return None
        from tarmak_iam.hook.cluster.live_mappings import read_live

        kubectl = Kubectl(self.programs, kubeconfig, self.context, reopen=self._reopen, patience=0.0)
        timeout = f"--request-timeout={_PROBE_SECONDS}s"
        try:
            kubectl.check("get", "--raw", "/version", timeout, seconds=2 * _PROBE_SECONDS)
            return read_live(kubectl).loaded(installation)
        except TarmakIamError:
            return None
