"""Runs go, within one limit of time for everything that is built: TARMAK_IAM_E2E_SECONDS."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO
from zlib import crc32

import pytest

__all__ = [
    "Missing",
    "built_once",
    "cache_directory",
    "compile_package",
    "module_source",
    "package_directories",
    "run",
    "run_go",
]

_SECONDS = float(os.environ.get("TARMAK_IAM_E2E_SECONDS", "2400"))
_STARTED = time.monotonic()
# What is built here runs on loopback, in tests: the checksum database is not asked, since not every proxy has it.
_ENVIRONMENT = {"GOFLAGS": "-mod=mod", "GOWORK": "off", "GOSUMDB": "off", "GOTOOLCHAIN": "local"}


class Missing(Exception):
    """Something is not there and cannot be built; the text says what."""


def cache_directory() -> Path:
    given = os.environ.get("TARMAK_IAM_E2E_CACHE")
    return Path(given) if given else Path.home() / ".cache" / "tarmak-iam-e2e"


def run_go(directory: Path, *args: str, more: Mapping[str, str] | None = None) -> str:
    """Its standard output. Raises Missing, also where the time is over."""
    go = shutil.which("go")
    if go is None:
        raise Missing("Go is not installed")
    return run([go, *args], directory, more)


def run(command: list[str], directory: Path, more: Mapping[str, str] | None = None) -> str:
    """Any program that building needs. Raises Missing."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        process = subprocess.Popen(
            command,
            cwd=directory,
            env={**os.environ, **_ENVIRONMENT, **(more or {})},
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=err,
            start_new_session=True,
        )
        try:
            process.wait(max(_SECONDS - (time.monotonic() - _STARTED), 1))
        except BaseException as error:
            os.killpg(process.pid, signal.SIGKILL)  # its compilers would go on without it
            process.wait()
            if not isinstance(error, subprocess.TimeoutExpired):
                raise
            raise Missing(f"building takes more than {_SECONDS:.0f} seconds; what is built is kept") from None
        said, complained = (_text(each) for each in (out, err))
    if process.returncode:
        last = complained.strip().splitlines()[-1:] or ["no reason given"]
        raise Missing(f"{Path(command[0]).name} {command[1]} failed: {last[0]}")
    return said


def _text(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read().decode("utf-8", "replace")


def compile_package(directory: Path, package: str, target: Path, *flags: str) -> None:
    """`target` is replaced at once: only a whole program is ever there."""
    with tempfile.TemporaryDirectory(prefix="build-", dir=target.parent) as work:
        made = Path(work) / target.name
        run_go(directory, "build", *flags, "-o", str(made), package)
        os.replace(made, target)


def built_once(name: str, text: str, package: str, prepare: Callable[[Path], Path]) -> Path:
    """A small program of the tests, in the cache by what it is made of; `prepare` writes it to a directory, and returns
    where it is built. Skips the test where it cannot be built."""
    target = cache_directory() / f"{name}-{crc32(text.encode()):08x}"
    if not target.exists():
        cache_directory().mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix="build-", dir=cache_directory()) as work:
            try:
                compile_package(prepare(Path(work)), package, target, "-trimpath")
            except Missing as missing:
                pytest.skip(str(missing))
    return target


def module_source(module: str, version: str, directory: Path) -> Path:
    """Where the source of a module's release is; not to be written to. Raises Missing."""
    # The go.mod of `directory` would decide which module is meant.
    told = run_go(directory, "mod", "download", "-json", f"{module}@{version}")
    return Path(json.loads(told)["Dir"])


def package_directories(directory: Path, package: str) -> dict[str, tuple[Path, str, Path]]:
    """What a package is built from, without the standard library: its directory, its module, the module's directory."""
    form = "{{with .Module}}{{$.ImportPath}}\t{{$.Dir}}\t{{.Path}}\t{{.Dir}}{{end}}"
    lines = run_go(directory, "list", "-deps", "-f", form, package).splitlines()
    found = {}
    for path, where, module, root in (line.split("\t") for line in lines if line):
        found[path] = (Path(where), module, Path(root))
    return found
