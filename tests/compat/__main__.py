"""The whole matrix, run by `make compat`: the test suite against the installed wheel, once with the lowest versions
that setup.cfg allows and once with the newest, on every Python that is found.

No tox, no nox: the matrix is a product of two short lists, and what they would add has to be installed first.
Arguments choose: `--python 3.10`, `--versions lowest`; what follows `--` is pytest's.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.compat.surroundings import EXTRAS, ROOT, Missing, Python, VirtualEnvironment, build, lowest, outside, pythons

NOTHING_RUN = 75
"""EX_TEMPFAIL: it cannot be done here, which is no failure of the project's."""


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.compat")
    parser.add_argument("--python", action="append", metavar="3.N")
    parser.add_argument("--oldest", action="store_true", help="of the Pythons that are found")
    parser.add_argument("--versions", choices=("lowest", "newest"), action="append")
    parser.add_argument("pytest", nargs="*")
    asked = parser.parse_args(argv)
    chosen = [
        python for python in pythons() if asked.python is None or python.version.rsplit(".", 1)[0] in asked.python
    ]
    chosen = chosen[:1] if asked.oldest else chosen
    results = []
    with tempfile.TemporaryDirectory() as directory:
        sdist, wheel = build(Path(directory))
        for python in chosen:
            for versions in asked.versions or ("lowest", "newest"):
                results.append(_one(python, versions, sdist, wheel, Path(directory), asked.pytest))
                print(results[-1][1], flush=True)
    print("\n" + "\n".join(line for _, line in results))
    return max((code for code, _ in results), default=NOTHING_RUN)


def _one(
    python: Python, versions: str, sdist: Path, wheel: Path, directory: Path, arguments: list[str]
) -> tuple[int, str]:
    """The exit code, and a line that says what was tested and how it went."""
    name = f"{python}, {versions} versions"
    place = directory / f"{python.version}-{versions}"
    constraints = lowest((ROOT / "setup.cfg").read_text()) if versions == "lowest" else []
    started = time.monotonic()
    try:
        environment = VirtualEnvironment.create(python, place / "venv")
        environment.install(f"{wheel}[{','.join((*EXTRAS, 'test'))}]", constraints)
        environment.install("pip", [])  # with which tests install a plugin
    except Missing as error:
        return NOTHING_RUN, f"{name}: not tested: {error}"
    except RuntimeError as error:
        return 1, f"{name}: cannot be installed: {error}"
    _tests_alone(sdist, place)
    code = subprocess.run(
        [str(environment.bin / "python"), "-m", "pytest", "-q", *arguments],
        cwd=place / "tree",
        env=outside(),
        check=False,
    ).returncode
    installed = environment.versions([line.partition("==")[0] for line in lowest((ROOT / "setup.cfg").read_text())])
    shutil.rmtree(place)
    verdict = "passed" if code == 0 else f"failed, code {code}"
    return min(
        code, 1
    ), f"{name}: {verdict} in {time.monotonic() - started:.0f} s ({', '.join(sorted(set(installed)))})"


def _tests_alone(sdist: Path, place: Path) -> None:
    """The sdist without its package, so that `import tarmak_iam` finds the installed wheel."""
    shutil.unpack_archive(sdist, place)
    (place / sdist.name.removesuffix(".tar.gz")).rename(place / "tree")
    shutil.rmtree(place / "tree" / "tarmak_iam")
    shared = ROOT.parent / "shared"
    if shared.exists():
        (place / "shared").symlink_to(shared)


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except Missing as missing:
        print(missing, file=sys.stderr)
        sys.exit(NOTHING_RUN)
