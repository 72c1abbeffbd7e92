"""The real components, built from their Go modules once: a cache directory keyed by version.

`python -m tests.e2e.components` builds what is missing, says what there is, and prints the directory; tests take what
they need from it, and are skipped where it is not there. The directory is TARMAK_IAM_E2E_CACHE, else
~/.cache/tarmak-iam-e2e; TARMAK_IAM_E2E_SECONDS limits the building.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.e2e.answering_daemons import answering_daemon, answering_workspace
from tests.e2e.daemon_builds import PACKAGE, daemon_workspace
from tests.e2e.golang import Missing, cache_directory, compile_package
from tests.e2e.kubernetes_builds import ETCD, current_workspace, old_workspace, version_flags

__all__ = [
    "ANSWERING_DAEMONS",
    "DAEMONS",
    "KUBERNETES",
    "NEWEST_KUBERNETES",
    "OLD_DAEMONS",
    "TARMAKS_KUBERNETES",
    "daemon",
    "needed",
    "program",
]

KUBERNETES = "v1.30.14"
NEWEST_KUBERNETES = "v1.37.2"
"""Of this only the API server: it reads v1 of what `KUBERNETES` reads as v1beta1."""
TARMAKS_KUBERNETES = "v1.15.12"
"""Tarmak installs 1.12; this is the oldest that is a Go module with modules for its parts."""
DAEMONS = ("v0.7.18", "v0.6.20")
OLD_DAEMONS = ("v0.4.0", "v0.5.9")
"""The first is what Tarmak's masters run."""
ANSWERING_DAEMONS = (*OLD_DAEMONS, "v0.6.20", "v0.7.9", "v0.7.18")
"""Those whose answers are compared with ours."""

NOT_TO_BE_HAD = 75
"""The exit code that is no failure of the tests: they cannot be run here (EX_TEMPFAIL)."""


class Workspace(NamedTuple):
    """What is built in one place: files of the cache, by the package that their main function is in."""

    programs: dict[str, str]
    prepare: Callable[[Path], Path]
    flags: tuple[str, ...] = ()


def daemon(version: str) -> Path:
    """Where the authenticator of a release is, once it is built."""
    return cache_directory() / f"aws-iam-authenticator-{version}"


def program(name: str, version: str = KUBERNETES) -> Path:
    """Where a program of a release of Kubernetes is, once it is built; etcd too, which has that of `KUBERNETES`."""
    return cache_directory() / f"{name}-of-{version}"


def needed(*paths: Path) -> None:
    """Skips a test where one of them is not built, and says why."""
    for path in paths:
        if not path.exists():
            reasons = json.loads(_reasons_file().read_text(encoding="utf-8")) if _reasons_file().exists() else {}
            pytest.skip(f"{path.name}: {reasons.get(path.name, 'it is not built; `make e2e` builds it')}")


def _kubernetes(version: str, *names: str) -> Workspace:
    packages = {name: ETCD if name == "etcd" else f"k8s.io/kubernetes/cmd/{name}" for name in names}
    make = old_workspace if version == TARMAKS_KUBERNETES else current_workspace
    prepare = partial(make, version=version, packages=tuple(packages.values()))
    return Workspace({program(name, version).name: packages[name] for name in names}, prepare, version_flags(version))


def _daemons(*versions: str) -> list[Workspace]:
    return [Workspace({daemon(each).name: PACKAGE}, partial(daemon_workspace, version=each)) for each in versions]


# In the order of what they prove, since there is one limit of time for all: a login and an apply on a current cluster;
# the same on the Kubernetes that Tarmak installs; pods that run; the default image's daemon; those of Tarmak's masters;
# answers to callers; logins without an authenticator.
WORKSPACES = (
    _kubernetes(KUBERNETES, "etcd", "kube-apiserver", "kubectl"),
    *_daemons(DAEMONS[0]),
    _kubernetes(TARMAKS_KUBERNETES, "kube-apiserver", "kubectl"),
    _kubernetes(KUBERNETES, "kubelet", "kube-controller-manager", "kube-scheduler"),
    *_daemons(*DAEMONS[1:], *OLD_DAEMONS),
    *(
        Workspace({answering_daemon(each).name: PACKAGE}, partial(answering_workspace, version=each))
        for each in ANSWERING_DAEMONS
    ),
    _kubernetes(NEWEST_KUBERNETES, "kube-apiserver"),
)


def build() -> dict[str, str]:
    """Builds what is not in the cache; why for each that cannot be built. Raises Missing where there is no cache."""
    missing: dict[str, str] = {}
    try:
        cache_directory().mkdir(parents=True, exist_ok=True)
        for workspace in WORKSPACES:
            missing |= _build(workspace)
        _reasons_file().write_text(json.dumps(missing, indent=1), encoding="utf-8")
    except OSError as error:
        raise Missing(f"{cache_directory()} cannot be built in: {error.strerror or error}") from None
    return missing


def _build(workspace: Workspace) -> dict[str, str]:
    names = [name for name in workspace.programs if not (cache_directory() / name).exists()]
    missing = {}
    if names:
        # In the cache, so that what is built is moved into its place at once.
        with tempfile.TemporaryDirectory(prefix="build-", dir=cache_directory()) as work:
            try:
                source = workspace.prepare(Path(work))
            except Missing as error:
                return dict.fromkeys(names, str(error))
            for name in names:
                try:
                    print(f"building {name}", file=sys.stderr, flush=True)
                    started, flags = time.monotonic(), ("-trimpath", *workspace.flags)
                    # A source's copy is in another place each time: without its path, what is compiled is used again.
                    compile_package(source, workspace.programs[name], cache_directory() / name, *flags)
                    print(f"built {name} in {time.monotonic() - started:.0f} s", file=sys.stderr, flush=True)
                except Missing as error:
                    missing[name] = str(error)
    return missing


def _reasons_file() -> Path:
    return cache_directory() / "missing.json"


def main() -> int:
    """0 when there is something to test with; what is missing is said with its reason. Else NOT_TO_BE_HAD."""
    names = [name for workspace in WORKSPACES for name in workspace.programs]
    cached = [name for name in names if (cache_directory() / name).exists()]
    try:
        missing = build()
    except Missing as error:
        print(f"no end-to-end tests: {error}", file=sys.stderr)
        return NOT_TO_BE_HAD
    except KeyboardInterrupt:
        print("interrupted; what is built is kept", file=sys.stderr)
        return 130
    for name in names:
        state = f"missing: {missing[name]}" if name in missing else "from the cache" if name in cached else "just built"
        print(f"{name:40} {state}", file=sys.stderr)
    if len(missing) == len(names):
        print("no end-to-end tests: none of these could be built", file=sys.stderr)
        return NOT_TO_BE_HAD
    print(cache_directory())
    return 0


if __name__ == "__main__":
    sys.exit(main())
