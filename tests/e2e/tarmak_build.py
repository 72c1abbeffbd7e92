"""Builds the real tarmak from a checkout of jetstack/tarmak: TARMAK_SOURCE, a work tree or a bare repository.

Its HEAD is built, with the current Go in GOPATH mode, into the cache of the other components; the file has the commit's
name. `python -m tests.e2e.tarmak_build` builds it. Tests use it where it is there, and a stub elsewhere.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from tests.e2e.golang import Missing, cache_directory, module_source, run, run_go

__all__ = ["Tarmak", "available"]

_PACKAGE = "github.com/jetstack/tarmak"
_GOPATH_MODE = {"GO111MODULE": "off", "GOFLAGS": "", "CGO_ENABLED": "0"}
_SOURCE_SUFFIXES = (".go", ".s", ".h", ".c")
# Of the release that Tarmak has, maps cannot be encoded with today's Go.
_NEWER = {"github.com/modern-go/reflect2": "v1.0.2"}
_LOCKED = re.compile(r'^  name = "([^"]+)"\n(?:(?!\[\[).*\n)*?  version = "v?([^"]+)"$', re.MULTILINE)

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
    root = work / "src" / _PACKAGE
    missing = _extract(source, root)
    locked = dict(_LOCKED.findall(run(["git", "show", "HEAD:Gopkg.lock"], source)))
    for name in missing:
        _take_from_release(root, name, locked, work)
    for module, version in _NEWER.items():
        source_of = module_source(module, version, work)
        for file in source_of.iterdir():
            if file.suffix in _SOURCE_SUFFIXES and not file.name.endswith("_test.go"):
                _write(root / "vendor" / module / file.name, file.read_bytes())
    for name in ("assets", "binaries"):
        _write(root / "pkg" / "tarmak" / name / "generated.go", (_GENERATED / f"{name}.go").read_bytes())
    made = work / "made"
    environment = {**_GOPATH_MODE, "GOPATH": str(work)}
    run_go(root, "build", "-tags=netgo", "-trimpath", "-o", str(made), "./cmd/tarmak", more=environment)
    os.replace(made, target)  # only a whole one is ever there


def _extract(source: Path, root: Path) -> list[str]:
    """Writes what is built to `root`; gives the names of files that the repository lacks, as a partial one does."""
    wanted = {}
    for line in run(["git", "ls-tree", "-r", "-z", "HEAD"], source).split("\0"):
        meta, _, name = line.partition("\t")
        if meta.startswith("100") and (target := _place(name)):
            wanted[name] = (target, meta.split()[2])
    objects = [each for _, each in wanted.values()]
    missing = []
    for (name, (target, _)), data in zip(wanted.items(), _contents(source, objects), strict=True):
        if data is None:
            missing.append(name)
        else:
            _write(root / target, data)
    return missing


def _place(name: str) -> str:
    """Where a file of the repository belongs; empty for one that building does not need."""
    if name.startswith(tuple(f"{each}/" for each in _BUNDLED)):
        return f"{_ASSETS}/files/{name}"
    is_code = name.endswith(_SOURCE_SUFFIXES) and not name.endswith("_test.go")
    is_code = is_code and not name.startswith(tuple(f"vendor/{each}/" for each in _NEWER))
    return name if is_code and name.startswith(("cmd/", "pkg/", "vendor/")) else ""


def _contents(source: Path, objects: Sequence[str]) -> Iterator[bytes | None]:
    """Of each object of the repository, None for one that it lacks."""
    with tempfile.TemporaryFile() as asked:
        asked.write("".join(f"{each}\n" for each in objects).encode())
        asked.seek(0)
        environment = {**os.environ, "GIT_NO_LAZY_FETCH": "1"}
        command = ["git", "cat-file", "--batch"]
        with subprocess.Popen(command, cwd=source, stdin=asked, stdout=subprocess.PIPE, env=environment) as process:
            assert process.stdout is not None
            for _ in objects:
                head = process.stdout.readline().split()
                if head[-1:] == [b"missing"]:
                    yield None
                    continue
                yield process.stdout.read(int(head[2]))
                process.stdout.read(1)


def _take_from_release(root: Path, name: str, locked: Mapping[str, str], work: Path) -> None:
    """A vendored file that the repository lacks, from the release that Tarmak locks. Raises Missing."""
    path = PurePosixPath(name).relative_to("vendor") if name.startswith("vendor/") else None
    module = next((str(each) for each in path.parents if str(each) in locked), None) if path else None
    if path is None or module is None:
        raise Missing(f"the checkout has no {name}")
    file = module_source(module, f"v{locked[module]}", work) / path.relative_to(module)
    _write(root / name, file.read_bytes())


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
