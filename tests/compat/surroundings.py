"""Pythons, constraints and fresh virtual environments. Needs nothing but the standard library."""

from __future__ import annotations

import configparser
import fcntl
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path

__all__ = [
    "EXTRAS",
    "MINORS",
    "ROOT",
    "Missing",
    "Python",
    "VirtualEnvironment",
    "build",
    "lowest",
    "outside",
    "python_of",
    "pythons",
]

ROOT = Path(__file__).resolve().parent.parent.parent
MINORS = (10, 11, 12, 13)
"""Of Python 3: those that setup.cfg names."""
EXTRAS = ("aws", "fast", "report", "webhook")
"""What the program needs for some of its commands; the other extras are for work on it."""

_AT_LEAST = re.compile(r"(?P<name>[\w.-]+)\s*>=\s*(?P<version>[\d.]+)\s*(?:,[^;]*)?(?P<marker>;.*)?")


class Missing(Exception):
    """Something is not there and not this project's fault: no registry, no module venv; the text says what."""


@dataclass(frozen=True)
class Python:
    version: str
    path: Path

    @property
    def minor(self) -> str:
        return self.version.rpartition(".")[0]

    def __str__(self) -> str:
        return f"Python {self.version}"


def pythons() -> list[Python]:
    """One for each minor version that is found; in order."""
    return [python for python in map(python_of, MINORS) if python is not None]


@cache
def python_of(minor: int) -> Python | None:
    """3.N as it is found on PATH, or where pyenv keeps them. Starts what it finds: not for when tests are collected."""
    candidates = [shutil.which(f"python3.{minor}"), *_of_pyenv(minor)]
    if sys.version_info[:2] == (3, minor):
        candidates.insert(0, sys.executable)
    versions = ((path, _version(path)) for path in candidates if path)
    works = next(((path, version) for path, version in versions if version.startswith(f"3.{minor}.")), None)
    return Python(works[1], Path(works[0])) if works is not None else None


def _of_pyenv(minor: int) -> list[str]:
    root = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    return sorted(map(str, root.glob(f"versions/3.{minor}.*/bin/python3")), reverse=True)


def _version(path: str) -> str:
    """Of the Python itself; empty where it does not run, as a shim of pyenv's whose version is not chosen."""
    program = "import sys; print('%d.%d.%d' % sys.version_info[:3])"
    done = subprocess.run([path, "-c", program], check=False, capture_output=True, text=True)
    return done.stdout.strip() if done.returncode == 0 else ""


def lowest(setup_cfg: str) -> list[str]:
    """The lowest versions that setup.cfg allows, as constraints: `pydantic==2.8;python_version>="3.13"`.

    Raises ValueError for a requirement without a lower bound.
    """
    parser = configparser.ConfigParser(delimiters=["="])
    parser.read_string(setup_cfg)
    lines = [parser["options"]["install_requires"], *(parser["options.extras_require"][name] for name in EXTRAS)]
    return [_pinned(line) for line in "\n".join(lines).splitlines() if line.strip()]


def _pinned(requirement: str) -> str:
    bound = _AT_LEAST.fullmatch(requirement.strip())
    if bound is None:
        raise ValueError(f"{requirement.strip()!r} has no lower bound")
    return f"{bound['name']}=={bound['version']}{(bound['marker'] or '').strip()}"


def build(directory: Path) -> tuple[Path, Path]:
    """An sdist and a wheel, made with this Python and its setuptools. Raises Missing.

    setuptools makes the sdist in a directory of the checkout: one after the other, whoever asks.
    """
    program = (
        "import sys; sys.path.insert(0, 'release')\n"
        "try: import backend\n"
        "except ImportError as error: sys.exit(f'the build backend cannot be imported: {error}')\n"
        "directory = sys.argv[1]  # setuptools has arguments of its own\n"
        "print(backend.build_sdist(directory), backend.build_wheel(directory), file=sys.stderr)"
    )
    command = [sys.executable, "-W", "ignore", "-c", program, str(directory)]
    with (ROOT / "setup.cfg").open() as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)
        done = subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True)
    if "the build backend cannot be imported" in done.stderr:
        raise Missing(done.stderr.strip())
    if done.returncode:
        raise RuntimeError(done.stderr)
    sdist, wheel = done.stderr.split()[-2:]
    return directory / sdist, directory / wheel


@dataclass(frozen=True)
class VirtualEnvironment:
    directory: Path

    @staticmethod
    def create(python: Python, directory: Path) -> VirtualEnvironment:
        """Without pip: this Python's own installs into it. Raises Missing where that Python has no venv."""
        command = [str(python.path), "-m", "venv", "--without-pip", str(directory)]
        done = subprocess.run(command, check=False, capture_output=True)
        if done.returncode:
            raise Missing(f"{python} makes no virtual environments")
        return VirtualEnvironment(directory)

    @property
    def bin(self) -> Path:
        return self.directory / "bin"

    def install(self, requirement: str, constraints: list[str]) -> None:
        """Raises Missing where no registry answers, RuntimeError where the versions cannot be installed."""
        file = self.directory / "constraints.txt"
        file.write_text("".join(f"{line}\n" for line in constraints))
        pip = [sys.executable, "-m", "pip", "--python", str(self.bin / "python"), "--disable-pip-version-check"]
        # Python compiles what is imported; most of botocore is not.
        done = subprocess.run(
            [*pip, "install", "--quiet", "--no-compile", "--only-binary=:all:", "--constraint", str(file), requirement],
            cwd=self.directory,
            env=outside(),
            check=False,
            capture_output=True,
            text=True,
        )
        if done.returncode == 0:
            return
        if re.search(r"\(from versions: none\)|connection|Temporary failure|Network is unreachable", done.stderr):
            raise Missing(f"no registry answers: {done.stderr.strip().splitlines()[-1]}")
        raise RuntimeError(done.stderr)

    def versions(self, names: list[str]) -> list[str]:
        """What is installed of these distributions, as `name version`."""
        program = (
            "import sys, importlib.metadata as m\n"
            "for name in sys.argv[1:]:\n"
            "    try: print(name, m.version(name))\n"
            "    except m.PackageNotFoundError: pass\n"
        )
        command = [str(self.bin / "python"), "-c", program, *names]
        done = subprocess.run(command, check=True, capture_output=True, text=True, cwd=self.directory, env=outside())
        return done.stdout.splitlines()


def outside() -> dict[str, str]:
    """The environment without what leads back into the checkout."""
    return {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
