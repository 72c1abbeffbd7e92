"""Builds the real components from their Go modules, once: a cache directory keyed by version.

`python -m tests.e2e.components` builds what is missing and prints the directory. The parts of Kubernetes are built in a
module of its own, made here from the go.mod of k8s.io/kubernetes with its staging modules replaced by their releases.
The directory is TARMAK_IAM_E2E_CACHE, else ~/.cache/tarmak-iam-e2e; TARMAK_IAM_E2E_SECONDS limits the building.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

__all__ = ["DAEMONS", "KUBERNETES", "Missing", "build", "cache_directory", "daemon", "program"]

KUBERNETES = "v1.30.14"
DAEMONS = ("v0.7.18", "v0.6.20")

_PROGRAMS = {
    "etcd": "go.etcd.io/etcd/server/v3",
    "kube-apiserver": "k8s.io/kubernetes/cmd/kube-apiserver",
    "kubectl": "k8s.io/kubernetes/cmd/kubectl",
}
"""By the package that their main function is in; etcd is of the release that this Kubernetes requires."""
_VERSION_FLAG = f"-ldflags=-X k8s.io/component-base/version.gitVersion={KUBERNETES}"

_DAEMON_MODULE = "sigs.k8s.io/aws-iam-authenticator"
_DAEMON_PACKAGE = f"{_DAEMON_MODULE}/cmd/aws-iam-authenticator"
_STAGING = re.compile(r"^\t(k8s\.io/\S+) => \./staging/\S+\n", re.MULTILINE)

_SECONDS = float(os.environ.get("TARMAK_IAM_E2E_SECONDS", "1200"))
_STARTED = time.monotonic()


NOT_TO_BE_HAD = 75
"""The exit code that is no failure of the tests: they cannot be run here (EX_TEMPFAIL)."""


class Missing(Exception):
    """Something is not there and cannot be built; the text says what."""


def cache_directory() -> Path:
    given = os.environ.get("TARMAK_IAM_E2E_CACHE")
    return Path(given) if given else Path.home() / ".cache" / "tarmak-iam-e2e"


def daemon(version: str) -> Path:
    """Where the authenticator of a release is, once it is built."""
    return cache_directory() / f"aws-iam-authenticator-{version}"


def program(name: str) -> Path:
    """Where etcd, kube-apiserver or kubectl is, once it is built."""
    return cache_directory() / f"{name}-of-{KUBERNETES}"


def _all() -> list[Path]:
    return [*map(daemon, DAEMONS), *map(program, _PROGRAMS)]


def build() -> None:
    """Builds what is not in the cache. Raises Missing."""
    try:
        cache_directory().mkdir(parents=True, exist_ok=True)
        _build()
    except OSError as error:
        raise Missing(f"{cache_directory()} cannot be built in: {error.strerror or error}") from None


def _build() -> None:
    for version in DAEMONS:
        if not daemon(version).exists():
            with _work() as work:
                requires = f"module example.org/e2e\n\ngo 1.21\n\nrequire {_DAEMON_MODULE} {version}\n"
                _make_module(work, requires, [_DAEMON_PACKAGE])
                _compile(work, _DAEMON_PACKAGE, daemon(version))
    missing = [name for name in _PROGRAMS if not program(name).exists()]
    if missing:
        with _work() as work:
            _make_module(work, _kubernetes_module(work), _PROGRAMS.values())
            for name in missing:
                _compile(work, _PROGRAMS[name], program(name), _VERSION_FLAG)


def _kubernetes_module(work: Path) -> str:
    """The requirements of Kubernetes itself, its staging modules by their releases: v1.30.14 has v0.30.14."""
    found = re.search(r'"Dir": "([^"]+)"', _go(work, "mod", "download", "-json", f"k8s.io/kubernetes@{KUBERNETES}"))
    if found is None:
        raise Missing(f"the module k8s.io/kubernetes {KUBERNETES} cannot be had")
    go_mod = (Path(found[1]) / "go.mod").read_text(encoding="utf-8")
    release = KUBERNETES.replace("v1.", "v0.", 1)
    text = _STAGING.sub("", go_mod).replace("module k8s.io/kubernetes", "module example.org/e2e")
    text = re.sub(r"(k8s\.io/\S+) v0\.0\.0(?=\s)", rf"\1 {release}", text)
    text = text.replace("require (", f"require (\n\tk8s.io/kubernetes {KUBERNETES}", 1)
    text = re.sub(r"replace \(\s*\)", "", text)
    replaced = "".join(f"\t{name} => {name} {release}\n" for name in _STAGING.findall(go_mod))
    return f"{text}\nreplace (\n{replaced})\n"


@contextmanager
def _work() -> Iterator[Path]:
    """In the cache, so that what is built is moved into its place at once."""
    with tempfile.TemporaryDirectory(prefix="build-", dir=cache_directory()) as work:
        yield Path(work)


def _make_module(work: Path, go_mod: str, packages: Iterable[str]) -> None:
    imports = "".join(f'import _ "{package}"\n' for package in packages)
    (work / "go.mod").write_text(go_mod, encoding="utf-8")
    (work / "tools.go").write_text(f"//go:build tools\n\npackage tools\n\n{imports}", encoding="utf-8")


def _compile(work: Path, package: str, target: Path, *flags: str) -> None:
    print(f"building {target.name}", file=sys.stderr, flush=True)
    made = work / "made"
    _go(work, "build", *flags, "-o", str(made), package)
    os.replace(made, target)  # only a whole one is ever there


def _go(work: Path, *args: str) -> str:
    go = shutil.which("go")
    if go is None:
        raise Missing("Go is not installed")
    # What is built here runs on loopback, in tests: the checksum database is not asked, since not every proxy has it.
    environment = {**os.environ, "GOFLAGS": "-mod=mod", "GOWORK": "off", "GOSUMDB": "off", "GOTOOLCHAIN": "local"}
    left = _SECONDS - (time.monotonic() - _STARTED)
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        process = subprocess.Popen(
            [go, *args],
            cwd=work,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=err,
            start_new_session=True,
        )
        try:
            process.wait(max(left, 1))
        except BaseException as error:
            os.killpg(process.pid, signal.SIGKILL)  # its compilers would go on without it
            process.wait()
            if not isinstance(error, subprocess.TimeoutExpired):
                raise
            raise Missing(f"building takes more than {_SECONDS:.0f} seconds; what is built is kept") from None
        said, complained = (_text(each) for each in (out, err))
    if process.returncode:
        last = complained.strip().splitlines()[-1:] or ["no reason given"]
        raise Missing(f"go {args[0]} failed: {last[0]}")
    return said


def _text(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read().decode("utf-8", "replace")


def main() -> int:
    """0 when everything is there, and whether it was there before; what is missing and cannot be built is said, and
    NOT_TO_BE_HAD returned."""
    is_cached = all(map(Path.exists, _all()))
    try:
        build()
    except Missing as missing:
        print(f"no end-to-end tests: {missing}", file=sys.stderr)
        return NOT_TO_BE_HAD
    except KeyboardInterrupt:
        print("interrupted; what is built is kept", file=sys.stderr)
        return 130
    print(f"end-to-end tests with components {'from the cache' if is_cached else 'just built'}", file=sys.stderr)
    print(cache_directory())
    return 0


if __name__ == "__main__":
    sys.exit(main())
