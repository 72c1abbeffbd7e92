"""What is released: the same bytes from differing surroundings, with what belongs into it and nothing else."""

from __future__ import annotations

import email
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import pytest

import tarmak_iam
from tests.compat.surroundings import MINORS, Missing, build, python_of
from tests.support import ROOT, Shell
from tests.support.made_once import built_once

pytestmark = [
    pytest.mark.thorough,
    pytest.mark.skipif(
        not (ROOT / "tarmak_iam").is_dir(), reason="it is the installed package that is tested here, without its source"
    ),
]

SDIST = [
    ".pre-commit-hooks.yaml",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "LICENSE",
    "MANIFEST.in",
    "Makefile",
    "PKG-INFO",
    "README.md",
    "SECURITY.md",
    "benchmarks",
    "docs",
    "examples",
    "pyproject.toml",
    "release",
    "schemas",
    "setup.cfg",
    "tarmak_iam",
    "tests",
]
NOT_RELEASED = (".ci/", ".gitattributes", ".gitignore")
"""What only a checkout needs."""
NOT_YET = [] if (ROOT / ".pre-commit-hooks.yaml").exists() else [".pre-commit-hooks.yaml"]


@dataclass(frozen=True)
class Built:
    sdist: Path
    wheel: Path

    @property
    def bytes(self) -> tuple[bytes, bytes]:
        return self.sdist.read_bytes(), self.wheel.read_bytes()

    def members(self) -> list[tarfile.TarInfo]:
        with tarfile.open(self.sdist) as archive:
            return archive.getmembers()

    def files(self) -> set[str]:
        """Of the sdist, without its one directory."""
        return {member.name.partition("/")[2] for member in self.members() if member.isfile()}

    def metadata(self) -> email.message.Message:
        with zipfile.ZipFile(self.wheel) as archive:
            (name,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
            return email.message_from_bytes(archive.read(name))


def tracked() -> list[str]:
    """Every file of the project; in an unpacked sdist that is what was in it."""
    if (ROOT / ".git").exists() and shutil.which("git"):
        command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
        listed = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
        return [name for name in listed.split("\0") if name and (ROOT / name).is_file()]
    pytest.skip("there is no git repository to compare with")


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    """From the checkout as it is."""
    try:
        return Built(*built_once(tmp_path_factory))
    except Missing as error:
        pytest.skip(str(error))


# --- the same bytes ----------------------------------------------------------------------------------------------


def built_elsewhere(directory: Path, sdist: Path, python: Path) -> Built:
    """From the unpacked sdist: another directory, time, umask, owner, zone and locale, beside leftovers of a build."""
    shutil.unpack_archive(sdist, directory)
    (tree,) = directory.iterdir()
    leave_behind(tree)
    for path in [tree, *tree.rglob("*")]:
        path.chmod(0o700 if path.is_dir() or os.access(path, os.X_OK) else 0o600)
        os.utime(path, (1_900_000_000, 1_900_000_000))
        if os.geteuid() == 0:
            os.chown(path, 1234, 1234)
    library = directory / "library"
    library.mkdir()
    spec = importlib.util.find_spec("setuptools")
    assert spec is not None
    assert spec.origin is not None
    for name in ("setuptools", "_distutils_hack", f"setuptools-{version('setuptools')}.dist-info"):
        (library / name).symlink_to(Path(spec.origin).parent.parent / name)  # the same one, for another Python
    program = (
        "import os, sys; directory = sys.argv[1]; sys.path[:0] = ['release', sys.argv[2]]; os.umask(0o077)\n"
        "import backend; print(backend.build_wheel(directory), backend.build_sdist(directory), file=sys.stderr)"
    )
    done = subprocess.run(
        [str(python), "-W", "ignore", "-c", program, str(directory / "dist"), str(library)],
        cwd=tree,
        env={"PATH": os.environ["PATH"], "TZ": "Pacific/Kiritimati", "LC_ALL": "C", "HOME": str(directory)},
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    wheel, sdist_name = done.stderr.split()[-2:]
    return Built(directory / "dist" / sdist_name, directory / "dist" / wheel)


def leave_behind(tree: Path) -> None:
    stale = "tarmak_iam/gone.py"
    for name in (stale, f"build/lib/{stale}", "tests/__pycache__/x.pyc", "tests/node_modules/x/index.js"):
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        (tree / name).write_text("")
    (tree / stale).unlink()
    (tree / "notes.txt").write_text("of an editor\n")
    (tree / "tarmak_iam.egg-info").mkdir()
    (tree / "tarmak_iam.egg-info" / "SOURCES.txt").write_text("notes.txt\nbuild/lib/tarmak_iam/gone.py\n")


def test_the_same_bytes_in_another_directory_later_and_by_another_user(built: Built, tmp_path: Path) -> None:
    """And with another Python."""
    found = (python_of(minor) for minor in (MINORS[0], MINORS[-1]) if sys.version_info[:2] != (3, minor))
    python = next(filter(None, found), None)
    if python is None:
        pytest.skip("there is no other Python")
    again = built_elsewhere(tmp_path, built.sdist, python.path)
    assert (again.sdist.name, again.wheel.name) == (built.sdist.name, built.wheel.name)
    assert again.files() == built.files()
    assert again.bytes == built.bytes, "the same files, but not the same archives"


def test_nobody_is_in_the_archive(built: Built) -> None:
    members = built.members()
    assert {(member.uid, member.gid, member.uname, member.gname) for member in members} == {(0, 0, "", "")}
    assert {member.mode for member in members} <= {0o644, 0o755}
    assert len({member.mtime for member in members}) == 1
    assert [member.name for member in members] == sorted(member.name for member in members)


def test_a_given_source_date_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, built: Built) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1600000000")
    dated = Built(*build(tmp_path))
    assert {member.mtime for member in dated.members()} == {1600000000}
    with zipfile.ZipFile(dated.wheel) as archive:
        assert {info.date_time for info in archive.infolist()} == {(2020, 9, 13, 12, 26, 40)}
    assert dated.bytes != built.bytes


# --- what is in it -----------------------------------------------------------------------------------------------


def test_the_sdist_has_what_its_tests_need(built: Built) -> None:
    assert sorted({name.partition("/")[0] for name in built.files()} | set(NOT_YET)) == sorted(SDIST)


def test_the_sdist_has_every_file_of_the_project_and_none_besides(built: Built) -> None:
    expected = {name for name in tracked() if not name.startswith(NOT_RELEASED)}
    assert built.files() - {"PKG-INFO"} == expected


def test_files_are_in_the_sdist_as_they_are(built: Built) -> None:
    with tarfile.open(built.sdist) as archive:
        for member in archive.getmembers():
            path = ROOT / member.name.partition("/")[2]
            content = archive.extractfile(member)
            if content is not None and path.name != "PKG-INFO":
                assert content.read() == path.read_bytes(), path


def test_the_wheel_has_the_package_with_its_data_and_no_tests(built: Built) -> None:
    with zipfile.ZipFile(built.wheel) as archive:
        names = set(archive.namelist())
    info = f"tarmak_iam-{tarmak_iam.__version__}.dist-info"
    assert {name.partition("/")[0] for name in names} == {"tarmak_iam", info}
    in_tree = (path for path in (ROOT / "tarmak_iam").rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    assert {name for name in names if name.startswith("tarmak_iam/")} == {
        path.relative_to(ROOT).as_posix() for path in in_tree
    }


# --- what the index shows ----------------------------------------------------------------------------------------


def test_twine_has_nothing_to_say(built: Built) -> None:
    pytest.importorskip("twine", reason="twine is not installed")
    command = [sys.executable, "-m", "twine", "check", "--strict", str(built.sdist), str(built.wheel)]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_description_has_no_links_that_lead_nowhere(built: Built) -> None:
    description = built.metadata().get_payload()
    assert isinstance(description, str)
    assert "](https://" in description
    assert re.findall(r"\]\((?!https?://|#)[^)]*\)", re.sub(r"```.*?```", "", description, flags=re.DOTALL)) == []


def test_the_description_renders(built: Built) -> None:
    markdown = pytest.importorskip("readme_renderer.markdown", reason="readme_renderer is not installed")
    if not markdown.variants:
        pytest.skip("readme_renderer[md] is not installed")
    html = markdown.render(built.metadata().get_payload())
    assert html is not None
    assert re.findall(r'(?:href|src)="(?!https?://|#)[^"]*"', html) == []
    assert "<table>" in html


# --- one version -------------------------------------------------------------------------------------------------


def test_the_version_is_the_same_everywhere(built: Built, shell: Shell) -> None:
    ours = tarmak_iam.__version__
    assert built.metadata()["Version"] == ours
    assert built.sdist.name == f"tarmak_iam-{ours}.tar.gz"
    assert shell.run("--version").out == f"tarmak-iam {ours}\n"


def test_the_version_is_written_in_one_place() -> None:
    written = re.compile(rf"(?<![\w.]){re.escape(tarmak_iam.__version__)}(?![\w.])")
    files = [ROOT / name for name in ("setup.cfg", "pyproject.toml", "Makefile", "README.md")]
    files += (ROOT / "tarmak_iam").rglob("*.py")
    assert [path.name for path in files if written.search(path.read_text())] == ["plugins.py"]
