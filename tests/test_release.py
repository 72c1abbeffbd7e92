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
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

import pytest

import tarmak_iam
from tests.compat.surroundings import MINORS, Missing, python_of
from tests.support import ROOT, Shell
from tests.support.made_once import built_once

pytestmark = [
    pytest.mark.thorough,
    pytest.mark.skipif(
        not (ROOT / "tarmak_iam").is_dir(), reason="it is the installed package that is tested here, without its source"
    ),
]
NOT_RELEASED = (".ci/", ".gitattributes", ".github/", ".gitignore")
"""What only a checkout needs."""
PROGRAM = """\
import os, sys
directory, *library = sys.argv[1:]
sys.path[:0] = ["release", *library]
os.umask(0o077)
import backend
print(backend.build_wheel(directory), backend.build_sdist(directory), file=sys.stderr)
"""


class Built(NamedTuple):
    sdist: Path
    wheel: Path

    @property
    def bytes(self) -> tuple[bytes, bytes]:
        return self.sdist.read_bytes(), self.wheel.read_bytes()

    def members(self) -> list[tarfile.TarInfo]:
        with tarfile.open(self.sdist) as archive:
            return archive.getmembers()

    def metadata(self) -> email.message.Message:
        with zipfile.ZipFile(self.wheel) as archive:
            (name,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
            return email.message_from_bytes(archive.read(name))


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    """From the checkout as it is."""
    try:
        return Built(*built_once(tmp_path_factory))
    except Missing as error:
        pytest.skip(str(error))


def build_of(tree: Path, python: Path | str, *library: Path, **environment: str) -> Built:
    """What a Python builds of the files in a directory."""
    directory = tree.parent / "dist"
    command = [str(python), "-W", "ignore", "-c", PROGRAM, str(directory), *map(str, library)]
    environment = {"PATH": os.environ["PATH"], "HOME": str(tree.parent), **environment}
    done = subprocess.run(command, cwd=tree, env=environment, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    wheel, sdist = done.stderr.split()[-2:]
    return Built(directory / sdist, directory / wheel)


@pytest.fixture
def tree(built: Built, tmp_path: Path) -> Path:
    """The unpacked sdist."""
    shutil.unpack_archive(built.sdist, tmp_path / "unpacked")
    (tree,) = (tmp_path / "unpacked").iterdir()
    return tree


def test_the_same_bytes_in_another_directory_later_and_by_another_user(
    built: Built, tree: Path, tmp_path: Path
) -> None:
    """Beside leftovers of a build, and with another Python, umask, zone and locale."""
    found = (python_of(minor) for minor in (MINORS[0], MINORS[-1]) if sys.version_info[:2] != (3, minor))
    python = next(filter(None, found), None)
    if python is None:
        pytest.skip("there is no other Python")
    for name in (
        "build/lib/tarmak_iam/gone.py",
        "tests/__pycache__/x.pyc",
        "notes.txt",
        "tarmak_iam.egg-info/SOURCES.txt",
    ):
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        (tree / name).write_text("notes.txt\nbuild/lib/tarmak_iam/gone.py\n")
    for path in [tree, *tree.rglob("*")]:
        path.chmod(0o700 if path.is_dir() or os.access(path, os.X_OK) else 0o600)
        os.utime(path, (1_900_000_000, 1_900_000_000))
        if os.geteuid() == 0:
            os.chown(path, 1234, 1234)
    library, spec = tmp_path / "library", importlib.util.find_spec("setuptools")
    library.mkdir()
    assert spec is not None
    assert spec.origin is not None
    for name in ("setuptools", "_distutils_hack", f"setuptools-{version('setuptools')}.dist-info"):
        (library / name).symlink_to(Path(spec.origin).parent.parent / name)  # the same one, for another Python
    again = build_of(tree, python.path, library, TZ="Pacific/Kiritimati", LC_ALL="C")
    assert (again.sdist.name, again.wheel.name) == (built.sdist.name, built.wheel.name)
    assert {member.name for member in again.members()} == {member.name for member in built.members()}
    assert again.bytes == built.bytes, "the same files, but not the same archives"


def test_nobody_is_in_the_archive(built: Built) -> None:
    members = built.members()
    assert {(member.uid, member.gid, member.uname, member.gname) for member in members} == {(0, 0, "", "")}
    assert {member.mode for member in members} <= {0o644, 0o755}
    assert len({member.mtime for member in members}) == 1
    assert [member.name for member in members] == sorted(member.name for member in members)


def test_a_given_source_date_counts(built: Built, tree: Path) -> None:
    shutil.rmtree(tree / "tests")  # most of the files, and of the time
    dated = build_of(tree, sys.executable, SOURCE_DATE_EPOCH="1600000000")
    assert {member.mtime for member in dated.members()} == {1600000000}
    with zipfile.ZipFile(dated.wheel) as archive:
        assert {info.date_time for info in archive.infolist()} == {(2020, 9, 13, 12, 26, 40)}
    assert dated.wheel.read_bytes() != built.wheel.read_bytes()


def test_the_sdist_has_every_file_of_the_project_as_it_is(built: Built) -> None:
    if not (ROOT / ".git").exists() or not shutil.which("git"):
        pytest.skip("there is no git repository to compare with")
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout.split("\0")
    expected = {name for name in listed if name and (ROOT / name).is_file() and not name.startswith(NOT_RELEASED)}
    with tarfile.open(built.sdist) as archive:
        files = {
            each.name.partition("/")[2]: archive.extractfile(each) for each in archive.getmembers() if each.isfile()
        }
        assert files.keys() - {"PKG-INFO"} == expected
        for name, content in files.items():
            assert name == "PKG-INFO" or (content and content.read()) == (ROOT / name).read_bytes(), name


def test_the_wheel_has_the_package_with_its_data_and_no_tests(built: Built) -> None:
    with zipfile.ZipFile(built.wheel) as archive:
        names = set(archive.namelist())
    info = f"tarmak_iam-{tarmak_iam.__version__}.dist-info"
    assert {name.partition("/")[0] for name in names} == {"tarmak_iam", info}
    in_tree = (path for path in (ROOT / "tarmak_iam").rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    pages = {f"tarmak_iam/lint/pages/{path.name}" for path in (ROOT / "docs" / "rules").glob("IAM*.md")}
    assert {name for name in names if name.startswith("tarmak_iam/")} == {
        *(path.relative_to(ROOT).as_posix() for path in in_tree),
        *pages,
    }


def test_an_installed_wheel_explains_every_rule(built: Built, tmp_path: Path) -> None:
    """Away from the checkout, whose pages it would find otherwise."""
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--no-compile"]
    subprocess.run([*pip, "--target", str(tmp_path), str(built.wheel)], check=True, capture_output=True)
    program = (
        "import io, sys, tarmak_iam\n"
        "from contextlib import redirect_stdout\n"
        "from tarmak_iam.cli.main import main\n"
        "from tarmak_iam.lint import RULES\n"
        "print(tarmak_iam.__file__)\n"
        "for rule in RULES:\n"
        "    with redirect_stdout(io.StringIO()) as shown:\n"
        "        assert main(['explain', rule.id]) == 0\n"
        "    assert 'REMEDY' in shown.getvalue(), rule.id\n"
    )
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(tmp_path)}
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, cwd=tmp_path, env=environment, check=False, capture_output=True, text=True)
    assert (done.stdout, done.stderr) == (f"{tmp_path}/tarmak_iam/__init__.py\n", "")


def test_twine_has_nothing_to_say(built: Built) -> None:
    pytest.importorskip("twine", reason="twine is not installed")
    command = [sys.executable, "-m", "twine", "check", "--strict", str(built.sdist), str(built.wheel)]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_description_renders_and_leads_somewhere(built: Built) -> None:
    description = str(built.metadata().get_payload())
    assert "](https://" in description
    assert re.findall(r"\]\((?!https?://|#)[^)]*\)", re.sub(r"```.*?```", "", description, flags=re.DOTALL)) == []
    markdown = pytest.importorskip("readme_renderer.markdown", reason="readme_renderer is not installed")
    if not markdown.variants:
        pytest.skip("readme_renderer[md] is not installed")
    html = markdown.render(description)
    assert re.findall(r'(?:href|src)="(?!https?://|#)[^"]*"', html) == []
    assert "<table>" in html


def test_the_version_is_the_same_everywhere_and_written_in_one_place(built: Built, shell: Shell) -> None:
    ours = tarmak_iam.__version__
    assert built.metadata()["Version"] == ours
    assert built.sdist.name == f"tarmak_iam-{ours}.tar.gz"
    assert shell.run("--version").out == f"tarmak-iam {ours}\n"
    written = re.compile(rf"(?<![\w.]){re.escape(ours)}(?![\w.])")
    files = [ROOT / name for name in ("setup.cfg", "pyproject.toml", "Makefile", "README.md")]
    files += (ROOT / "tarmak_iam").rglob("*.py")
    assert [path.name for path in files if written.search(path.read_text())] == ["plugins.py"]
