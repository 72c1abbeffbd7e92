"""The other tools of the comparison, if installed: two programs named yq, a driver of the crate yamlpatch, the AWS CLI,
kubectl, the authenticator.

`python benchmarks/tools.py` installs missing tools from PyPI, Go modules and crates.io into a cache:
TARMAK_IAM_BENCH_CACHE, else ~/.cache/tarmak-iam-bench. The authenticator is the one that `make e2e` builds. A tool that
cannot be installed has no numbers.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

__all__ = ["authenticator", "aws", "jq_yq", "kubectl", "mikefarah_yq", "yamlpatch"]

YQ = "github.com/mikefarah/yq/v4@v4.54.3"
AWS = "awscli==1.46.3"
JQ_YQ = "yq==4.4.5"
YAMLPATCH = Path(__file__).resolve().parent / "yamlpatch"
"""The source of the driver; its Cargo.lock has the versions."""


def cache() -> Path:
    given = os.environ.get("TARMAK_IAM_BENCH_CACHE")
    return Path(given) if given else Path.home() / ".cache" / "tarmak-iam-bench"


def _there(path: Path) -> str | None:
    return str(path) if path.is_file() else None


def mikefarah_yq() -> str | None:
    return _there(cache() / "yq")


def jq_yq() -> str | None:
    """The Python program of that name, which calls jq."""
    return _there(cache() / "jq-yq" / "bin" / "yq") if shutil.which("jq") else None


def yamlpatch() -> str | None:
    return _there(cache() / "yamlpatch" / "bin" / "bench-yamlpatch")


def aws() -> str | None:
    return _there(cache() / "awscli" / "bin" / "aws")


def kubectl() -> str | None:
    return shutil.which("kubectl")


def authenticator() -> str | None:
    """The newest release that `make e2e` has built."""
    given = os.environ.get("TARMAK_IAM_E2E_CACHE")
    directory = Path(given) if given else Path.home() / ".cache" / "tarmak-iam-e2e"
    return next((str(path) for path in sorted(directory.glob("aws-iam-authenticator-v*"), reverse=True)), None)


def _run(*command: str, **variables: str) -> None:
    done = subprocess.run(command, check=False, capture_output=True, text=True, env={**os.environ, **variables})
    if done.returncode:
        print(f"{' '.join(command)}: {done.stderr.strip().splitlines()[-1]}", file=sys.stderr)


def _build_yamlpatch() -> None:
    """Unless the program is newer than its source."""
    cargo = shutil.which("cargo") or _there(Path.home() / ".cargo" / "bin" / "cargo")
    built = yamlpatch()
    newest = max(path.stat().st_mtime for path in YAMLPATCH.rglob("*") if path.is_file())
    if cargo is None or (built and Path(built).stat().st_mtime >= newest):
        return
    place = cache() / "yamlpatch"
    # The crates ask for a newer compiler than they need.
    options = ("--locked", "--ignore-rust-version", "--quiet", "--force", "--target-dir", str(place / "target"))
    _run(cargo, "install", "--path", str(YAMLPATCH), "--root", str(place), *options)


def main() -> None:
    cache().mkdir(parents=True, exist_ok=True)
    if mikefarah_yq() is None and shutil.which("go"):
        _run("go", "install", YQ, GOBIN=str(cache()), GOFLAGS="")
    for name, requirement in (("awscli", AWS), ("jq-yq", JQ_YQ)):
        if not (cache() / name / "bin" / "pip").exists():
            _run(sys.executable, "-m", "venv", str(cache() / name))
        if not any((cache() / name / "bin" / program).exists() for program in ("aws", "yq")):
            _run(str(cache() / name / "bin" / "pip"), "install", "--quiet", requirement)
    _build_yamlpatch()


if __name__ == "__main__":
    main()
