"""Builds the real tarmak from a checkout of jetstack/tarmak: TARMAK_SOURCE, a work tree or a bare repository.

Its HEAD is built, with the current Go in GOPATH mode, into the cache of the other components; the file has the commit's
name. `python -m tests.e2e.tarmak_build` builds it. Tests use it where it is there, and a stub elsewhere.
"""

from __future__ import annotations

import os
import shutil
import sys
import tarfile
import tempfile
from pathlib import Path
from typing import NamedTuple

from tests.e2e.golang import Missing, cache_directory, module_source, run, run_go

__all__ = ["Tarmak", "available"]

_PACKAGE = "github.com/jetstack/tarmak"
_GOPATH_MODE = {"GO111MODULE": "off", "GOFLAGS": "", "CGO_ENABLED": "0"}
_CODE = ("cmd", "pkg", "vendor")
_FROM_MODULES = {
    # Of the release that Tarmak has, maps cannot be encoded with today's Go.
    "github.com/modern-go/reflect2": "v1.0.2",
    # Tarmak's release, of which copies of the repository without large files lack one.
    "golang.org/x/text": "v0.3.0",
}

# What Tarmak's own build generates: its directories of templates as a package, and programs for instances.
_ASSETS = "pkg/tarmak/assets"
_BUNDLED = ("terraform/amazon", "puppet", "packer")
_GENERATED = Path(__file__).parent / "tarmak_program"


class Tarmak(NamedTuple):
    """`name` is for test ids; `path` None where it is a stub, and `reason` says why."""

    name: str
    path: Path | None = None
    reason: str = ""

    def __str__(self) -> str:
        return f"tarmak: a stub: {self.reason}" if self.path is None else f"tarmak: the real one, {self.path}"


def available() -> Tarmak:
    """The one that is in the cache, without building it."""
    try:
        path = _target(_source())
    except Missing as missing:
        return Tarmak("stub", reason=str(missing))
    if not path.exists():
        return Tarmak("stub", reason=f"{path.name} is not built; `make e2e` builds it")
    return Tarmak(path.name, path)


def _source() -> Path:
    given = os.environ.get("TARMAK_SOURCE")
    if not given:
        raise Missing("TARMAK_SOURCE names no checkout of jetstack/tarmak")
    if not Path(given).is_dir():
        raise Missing(f"TARMAK_SOURCE={given} is not a directory")
    return Path(given)


def _target(source: Path) -> Path:
    commit = run(["git", "rev-parse", "--verify", "HEAD"], source).strip()
    return cache_directory() / f"tarmak-of-{commit[:10]}"


def _build(source: Path, work: Path, target: Path) -> None:
    """From what HEAD has, whatever the work tree is like. Raises Missing."""
    root, archive = work / "src" / _PACKAGE, work / "tarmak.tar"
    others = (f":(exclude)vendor/{module}" for module in _FROM_MODULES)
    run(["git", "archive", f"--output={archive}", "HEAD", *_CODE, *_BUNDLED, *others], source)
    with tarfile.open(archive) as tar:
        for member in tar:
            file = tar.extractfile(member) if member.isfile() else None  # links cannot be embedded, and are not needed
            if file is not None:
                place = root / _ASSETS / "files" if member.name.startswith(_BUNDLED) else root
                _write(place / member.name, file.read())
    for module, version in _FROM_MODULES.items():
        shutil.copytree(module_source(module, version, work), root / "vendor" / module)
    run(["chmod", "-R", "u+w", str(root)], work)
    for name in ("assets", "binaries"):
        _write(root / "pkg" / "tarmak" / name / "generated.go", (_GENERATED / f"{name}.go").read_bytes())
    made = work / "made"
    environment = {**_GOPATH_MODE, "GOPATH": str(work)}
    run_go(root, "build", "-tags=netgo", "-trimpath", "-o", str(made), "./cmd/tarmak", more=environment)
    os.replace(made, target)  # only a whole one is ever there


def _write(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


def main() -> int:
    """0 also where there is none: the tests have a stub then."""
    try:
        source = _source()
        target = _target(source)
        if not target.exists():
            print(f"building {target.name}", file=sys.stderr, flush=True)
            target.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(prefix="build-", dir=target.parent) as work:
                _build(source, Path(work), target)
    except Missing as missing:
        print(f"tarmak: a stub: {missing}", file=sys.stderr)
        return 0
    except KeyboardInterrupt:
        print("interrupted; what is built is kept", file=sys.stderr)
        return 130
    print(available(), file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
