"""A directory that links must not lead out of, and whose links may when they are the user's own."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from tarmak_iam.errors import FileError
from tarmak_iam.files.atomic import make_directory, replace_file
from tarmak_iam.files.boundary import Boundary
from tarmak_iam.files.read import read_if_present

SECRET = b"root:$6$hash:19000:0:::::\n"


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """With a directory of a cluster in it, and a file next to it that is nobody's business."""
    (tmp_path / "dir" / "dev-cluster").mkdir(parents=True)
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "shadow").write_bytes(SECRET)
    return tmp_path.resolve() / "dir"


def link(path: Path, target: str | Path) -> Path:
    path.symlink_to(target)
    return path


class TestInside:
    @pytest.mark.parametrize("target", ["../shared.yaml", "./x/../../shared.yaml", "{dir}/shared.yaml", "one"])
    def test_a_link_to_a_file_inside(self, directory: Path, target: str) -> None:
        (directory / "shared.yaml").write_text("a: 1\n")
        (directory / "dev-cluster" / "x").mkdir()
        link(directory / "dev-cluster" / "one", directory / "shared.yaml")
        path = link(directory / "dev-cluster" / "file", target.format(dir=directory))
        boundary = Boundary(directory)
        assert boundary.resolve(path) == directory / "shared.yaml"
        assert read_if_present(path, boundary) == b"a: 1\n"
        replace_file(path, b"b: 2\n", expected=b"a: 1\n", within=boundary)
        assert (directory / "shared.yaml").read_bytes() == b"b: 2\n"
        assert path.is_symlink()

    def test_a_link_to_nothing_inside(self, directory: Path) -> None:
        path = link(directory / "dev-cluster" / "file", "../new.yaml")
        assert read_if_present(path, Boundary(directory)) is None
        replace_file(path, b"a\n", expected=None, within=Boundary(directory))
        assert (directory / "new.yaml").read_bytes() == b"a\n"
        make_directory(link(directory / "prod-blue", "shared"), 0o700, Boundary(directory))
        assert stat.S_IMODE((directory / "shared").stat().st_mode) == 0o700

    def test_the_directory_itself_is_a_link(self, directory: Path, tmp_path: Path) -> None:
        named = link(tmp_path / "named", "dir")
        (directory / "dev-cluster" / "file").write_bytes(b"a\n")
        assert read_if_present(named / "dev-cluster" / "file", Boundary(named)) == b"a\n"
        link(directory / "dev-cluster" / "other", named / "dev-cluster" / "file")
        assert read_if_present(named / "dev-cluster" / "other", Boundary(named)) == b"a\n"

    def test_a_relative_directory(self, directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(directory)
        (directory / "dev-cluster" / "file").write_bytes(b"a\n")
        path = link(directory / "dev-cluster" / "out", "../../outside/shadow")
        assert read_if_present(Path("dev-cluster/file"), Boundary(Path())) == b"a\n"
        with pytest.raises(FileError, match=rf"^dev-cluster/out: this is a link to {path.resolve()}, outside of "):
            read_if_present(Path("dev-cluster/out"), Boundary(Path()))

    def test_links_in_a_circle(self, directory: Path) -> None:
        path = link(directory / "dev-cluster" / "file", "file")
        out = link(directory / "dev-cluster" / "out-file", link(directory.parent / "outside" / "loop", "loop"))
        for looping, boundary in ((path, Boundary(directory)), (out, Boundary(directory, follow_links=True))):
            with pytest.raises(FileError, match=r"file: cannot be read: .*symbolic links"):
                read_if_present(looping, boundary)
        with pytest.raises(FileError, match="cannot be written"):
            replace_file(path, b"a\n", expected=None, within=Boundary(directory))


class TestOutside:
    @pytest.mark.parametrize(
        ("target", "real"),
        [
            ("../../outside/shadow", "{top}/outside/shadow"),
            ("{top}/outside/shadow", "{top}/outside/shadow"),
            ("../../outside/missing", "{top}/outside/missing"),
            ("../hop", "{top}/outside/shadow"),
            ("../../dir-2/file", "{top}/dir-2/file"),
            ("/dev/null", "/dev/null"),
            ("/dev/zero", "/dev/zero"),
        ],
    )
    def test_neither_read_nor_written(self, directory: Path, target: str, real: str) -> None:
        top = directory.parent
        link(directory / "hop", "../outside/shadow")
        path = link(directory / "dev-cluster" / "file", target.format(top=top))
        told = (
            f"{path}: this is a link to {real.format(top=top)}, outside of {directory}; "
            "replace the link with the file, or use --follow-links if you own the link and its target"
        )
        boundary = Boundary(directory)
        with pytest.raises(FileError) as read:
            read_if_present(path, boundary)
        with pytest.raises(FileError) as written:
            replace_file(path, b"a\n", expected=None, within=boundary)
        assert (str(read.value), str(written.value)) == (told, told)
        assert sorted(os.listdir(top / "outside")) == ["shadow"]
        assert (top / "outside" / "shadow").read_bytes() == SECRET

    @pytest.mark.parametrize("target", ["/proc/self/environ", "/dev/stdin", "/proc/self/root/etc/passwd"])
    def test_what_is_no_plain_path(self, directory: Path, target: str) -> None:
        if not os.path.lexists(target):
            pytest.skip(f"there is no {target} here")
        path = link(directory / "dev-cluster" / "file", target)
        with pytest.raises(FileError, match=r"this is a link to /.*, outside of "):
            read_if_present(path, Boundary(directory))

    def test_the_cluster_s_directory(self, directory: Path) -> None:
        home = link(directory / "prod-blue", "../outside")
        for path in (home / "shadow", home / "missing", home / "a" / "b"):
            with pytest.raises(FileError) as caught:
                Boundary(directory).resolve(path)
            assert str(caught.value).startswith(
                f"{home}: this is a link to {directory.parent / 'outside'}, outside of "
            )
        with pytest.raises(FileError, match="outside of"):
            make_directory(link(directory / "new", "../made"), 0o700, Boundary(directory))
        assert not (directory.parent / "made").exists()

    def test_a_link_that_comes_after_the_look(self, directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """Somebody puts it there between the look at the path and the opening of the file."""
        path = directory / "dev-cluster" / "file"
        path.write_bytes(b"a\n")
        resolve = Boundary.resolve

        def swapped(self: Boundary, asked: Path) -> Path:
            real = resolve(self, asked)
            path.unlink()
            path.symlink_to(directory.parent / "outside" / "shadow")
            return real

        monkeypatch.setattr(Boundary, "resolve", swapped)
        with pytest.raises(FileError, match=r"cannot be read: .*symbolic links"):
            read_if_present(path, Boundary(directory))
        path.unlink()
        path.write_bytes(SECRET)
        with pytest.raises(FileError, match=r"cannot be written: .*symbolic links"):
            replace_file(path, b"b\n", expected=SECRET, within=Boundary(directory))
        assert (directory.parent / "outside" / "shadow").read_bytes() == SECRET

    def test_a_pipe_that_comes_after_the_look(self, directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """At which one would wait for somebody to write."""
        path = directory / "dev-cluster" / "file"
        path.write_bytes(b"a\n")
        opened: list[int] = []
        real_open = os.open

        def swapped(asked: str | Path, flags: int, *args: int) -> int:
            if str(asked) == str(path):
                path.unlink()
                os.mkfifo(path)
                opened.append(flags & os.O_NONBLOCK)
                flags |= os.O_NONBLOCK  # without which this test would wait
            return real_open(asked, flags, *args)

        monkeypatch.setattr(os, "open", swapped)
        assert read_if_present(path, Boundary(directory)) == b""
        assert opened == [os.O_NONBLOCK]


def test_what_is_no_file_is_told_as_without_a_boundary(directory: Path) -> None:
    home = directory / "dev-cluster"
    os.mkfifo(home / "pipe")
    (home / "directory").mkdir()
    with pytest.raises(FileError, match="pipe: this is a named pipe; specify a file"):
        read_if_present(home / "pipe", Boundary(directory))
    with pytest.raises(FileError, match="directory: cannot be read: Is a directory; specify a file"):
        read_if_present(home / "directory", Boundary(directory))
    with pytest.raises(FileError, match="this is not a regular file; nothing was written"):
        replace_file(home / "pipe", b"a", expected=b"", within=Boundary(directory))


class TestFollowed:
    """With `follow_links`."""

    @pytest.fixture
    def path(self, directory: Path) -> Path:
        link(directory / "hop", "../outside/shadow")
        return link(directory / "dev-cluster" / "file", "../hop")

    def test_the_user_s_own(self, directory: Path, path: Path) -> None:
        boundary = Boundary(directory, follow_links=True)
        assert read_if_present(path, boundary) == SECRET
        replace_file(path, b"a\n", expected=SECRET, within=boundary)
        assert (directory.parent / "outside" / "shadow").read_bytes() == b"a\n"
        missing = link(directory / "dev-cluster" / "new", directory.parent / "outside" / "new")
        replace_file(missing, b"b\n", expected=None, within=boundary)
        assert (directory.parent / "outside" / "new").read_bytes() == b"b\n"

    def test_a_link_of_another_user(self, directory: Path, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 4242)
        with pytest.raises(FileError) as caught:
            read_if_present(path, Boundary(directory, follow_links=True))
        assert str(caught.value) == (
            f"{path}: this is a link to {directory.parent}/outside/shadow, outside of {directory}, and {path} "
            "belongs to another user; --follow-links requires that you own the link and its target; "
            "replace the link with the file"
        )

    @pytest.mark.parametrize("foreign", ["hop", "outside/shadow", "outside"])
    def test_a_part_is_somebody_else_s(
        self, directory: Path, path: Path, foreign: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        if foreign == "outside":  # in which the target would be made
            (directory.parent / "outside" / "shadow").unlink()
        owned = directory / "hop" if foreign == "hop" else directory.parent / foreign
        lstat = os.lstat

        def found(asked: str | Path, **options: int) -> os.stat_result:
            status = lstat(asked, **options)
            fields = [*status]
            fields[stat.ST_UID] = 4242 if str(asked) == str(owned) else os.geteuid()
            return os.stat_result(fields)

        monkeypatch.setattr(os, "lstat", found)
        with pytest.raises(FileError, match=f"and {owned} belongs to another user"):
            read_if_present(path, Boundary(directory, follow_links=True))

    def test_the_system_s_own_links_outside(self, directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """Such as /tmp of macOS; within the directory root's links are as anybody else's."""
        system = link(directory.parent / "tmp", "outside")
        path = link(directory / "dev-cluster" / "file", system / "shadow")
        lstat, roots = os.lstat, {str(system)}

        def found(asked: str | Path, **options: int) -> os.stat_result:
            status = lstat(asked, **options)
            fields = [*status]
            fields[stat.ST_UID] = 0 if str(asked) in roots else 4242
            return os.stat_result(fields)

        monkeypatch.setattr(os, "lstat", found)
        monkeypatch.setattr(os, "geteuid", lambda: 4242)
        assert Boundary(directory, follow_links=True).resolve(path) == directory.parent / "outside" / "shadow"
        roots.add(str(path))
        with pytest.raises(FileError, match=f"and {path} belongs to another user"):
            Boundary(directory, follow_links=True).resolve(path)
