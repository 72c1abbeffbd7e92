"""A save that is cut off: wherever its process ends, the file is the old one or the new one, whole."""

from __future__ import annotations

import errno
import os
import re
import shutil
import signal
import stat
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from tarmak_iam.files.atomic import replace_file
from tests.support import PACKAGE
from tests.support.os_calls import dies

OLD, NEW, LATER = b"old: 1\n", b"new: 2\n" * 1000, b"later: 3\n"

State = tuple[bytes, int] | None
"""A file's content and mode, None where there is no file."""


@dataclass(frozen=True)
class Save:
    """One call of replace_file: over a file that others may read, or of a secret one that is not there yet.

    `link` is what the file is called in the call.
    """

    file: Path
    link: Path
    before: State
    after: State

    @property
    def expected(self) -> bytes | None:
        return self.before[0] if self.before else None

    @property
    def is_secret(self) -> bool:
        return self.before is None

    def prepare(self) -> None:
        """The directory as it is before the save."""
        for left in self.file.parent.iterdir():
            left.unlink()
        if self.before:
            self.file.write_bytes(self.before[0])
            self.file.chmod(self.before[1])

    def run(self) -> None:
        replace_file(self.link, NEW, expected=self.expected, mode=0o600, secret=self.is_secret)

    def state(self) -> State:
        if not self.file.exists():
            return None
        assert not self.file.is_symlink()
        return self.file.read_bytes(), stat.S_IMODE(self.file.stat().st_mode)

    def check_whole(self) -> State:
        """The old state or the new one, and at most a temporary file beside it, which the next save does not mind."""
        found = self.state()
        assert found in (self.before, self.after)
        left = [path for path in self.file.parent.iterdir() if path != self.file]
        assert all(re.fullmatch(rf"\.{re.escape(self.file.name)}\..+\.tmp", path.name) for path in left)
        assert len(left) <= 1
        if self.is_secret:
            assert all(path.stat().st_mode & 0o077 == 0 for path in left)
        replace_file(self.link, LATER, expected=found[0] if found else None)
        assert self.file.read_bytes() == LATER
        return found


@pytest.fixture(params=["over a file", "a new secret"])
def save(request: pytest.FixtureRequest, tmp_path: Path) -> Save:
    directory = tmp_path / "directory"
    directory.mkdir()
    file = directory / "tarmak.yaml"
    if request.param == "over a file":
        return Save(file, file, (OLD, 0o640), (NEW, 0o640))
    return Save(file, file, None, (NEW, 0o600))


# --- a layer over the os calls: everywhere -----------------------------------------------------------------------


def test_a_process_that_ends_at_any_os_call(save: Save) -> None:
    """Every function of `os` is the last one once. Nothing is unwound or flushed, and a lock ends with its process."""
    found = []
    for number in range(500):
        save.prepare()
        came_to_its_end = not dies(number, save.run)
        found.append(save.check_whole())
        if came_to_its_end:
            break
    assert came_to_its_end
    renamed = found.index(save.after)
    assert found == [save.before] * renamed + [save.after] * (len(found) - renamed)
    assert 0 < renamed < len(found) - 1  # the directory is synced after the rename


def test_a_symlink_survives_the_end_too(tmp_path: Path) -> None:
    for name in ("directory", "elsewhere"):
        (tmp_path / name).mkdir()
    file, link = tmp_path / "directory" / "tarmak.yaml", tmp_path / "elsewhere" / "link.yaml"
    link.symlink_to("../directory/tarmak.yaml")
    save = Save(file, link, (OLD, 0o640), (NEW, 0o640))
    for number in range(500):
        save.prepare()
        came_to_its_end = not dies(number, save.run)
        save.check_whole()
        assert os.readlink(link) == "../directory/tarmak.yaml"
        assert os.listdir(link.parent) == ["link.yaml"]
        if came_to_its_end:
            break
    assert came_to_its_end


# --- strace: the system calls themselves -------------------------------------------------------------------------

MARKER = "/the save begins here"
FAILED = 3
PROGRAM = f"""
import os, sys
root, path, new, old, is_secret = sys.argv[1:]
sys.path.insert(0, root)
from pathlib import Path
from tarmak_iam.files.atomic import replace_file
from tarmak_iam.errors import FileError
expected = old.encode() or None
os.access("{MARKER}", 0)
try:
    replace_file(Path(path), new.encode(), expected=expected, mode=0o600, secret=bool(is_secret))
except FileError:
    os._exit({FAILED})
os._exit(0)
"""


@dataclass(frozen=True)
class Call:
    """One system call of a save: the `number`th of that name since the process began."""

    name: str
    number: int
    marker: str
    """The name of the call that marks the begin of the save."""


@dataclass(frozen=True)
class Tracer:
    """Runs a save in a process under strace."""

    save: Save
    log: Path

    def calls(self) -> list[Call]:
        """Every system call from the marker on, the last one ends the process."""
        self.save.prepare()
        assert self.run("--trace=all") == 0
        matches = [re.match(r"(\w+)\(", line) for line in self.log.read_text().splitlines()]
        names = [match[1] for match in matches if match]
        lines = [match.string for match in matches if match]
        begin = next(at for at, line in enumerate(lines) if MARKER in line)
        later = range(begin + 1, len(names))
        return [Call(names[at], names[: at + 1].count(names[at]), names[begin]) for at in later]

    def inject(self, call: Call, fault: str) -> int:
        """The save from the start, with the fault at the call. An exit code, or less a signal's number."""
        self.save.prepare()
        code = self.run(f"--trace={call.marker},{call.name}", f"--inject={call.name}:{fault}:when={call.number}")
        assert MARKER in self.log.read_text()  # the fault came no earlier
        return code

    def run(self, *options: str) -> int:
        save = self.save
        # Isolated and without site-packages, and without writing what would make the next run's calls others.
        program = [sys.executable, "-I", "-S", "-B", "-c", PROGRAM, str(PACKAGE.parent)]
        arguments = [str(save.link), NEW.decode(), (save.expected or b"").decode(), "yes" if save.is_secret else ""]
        command = ["strace", "-o", str(self.log), *options, *program, *arguments]
        return subprocess.run(command, check=False, timeout=240).returncode


@pytest.fixture
def tracer(save: Save, tmp_path: Path) -> Tracer:
    if not shutil.which("strace"):
        pytest.skip("strace is not installed")
    probe = ["strace", "-o", os.devnull, "--inject=close:error=EIO:when=999", sys.executable, "-I", "-S", "-c", ""]
    result = subprocess.run(probe, check=False, capture_output=True, text=True, timeout=240)
    if result.returncode:
        pytest.skip(f"strace cannot trace here: {result.stderr.strip()[:200]}")
    return Tracer(save, tmp_path / "strace.log")


@pytest.mark.thorough
def test_a_process_that_is_killed_at_any_system_call(tracer: Tracer) -> None:
    """strace kills as a call is entered, that is, directly after the call before it."""
    found = []
    for call in tracer.calls():
        assert tracer.inject(call, "signal=KILL") == -signal.SIGKILL
        found.append(tracer.save.check_whole())
    renamed = found.index(tracer.save.after)
    assert found == [tracer.save.before] * renamed + [tracer.save.after] * (len(found) - renamed)
    assert renamed > 0


# What can fail because of a file; memory, random numbers and the end of the process are another matter.
CAN_FAIL = re.compile(
    r"(open|read|pread|write|pwrite|f?l?stat|newfstat|fdata|f?sync|close|rename|f?ch|flock|lseek|ioctl)"
)


@pytest.mark.thorough
def test_an_error_of_any_system_call(tracer: Tracer) -> None:
    """The save goes on without that call, or ends in a FileError and the old file. No other file is left."""
    calls = tracer.calls()
    renamed = max(at for at, call in enumerate(calls) if call.name.startswith("rename"))
    results = set()
    for at, call in enumerate(calls):
        if not CAN_FAIL.match(call.name):
            continue
        code = tracer.inject(call, "error=EIO")
        assert "(INJECTED)" in tracer.log.read_text()
        assert code in (0, FAILED)
        # After the rename the new file stays.
        is_new = code == 0 or at > renamed
        assert tracer.save.state() == (tracer.save.after if is_new else tracer.save.before)
        assert os.listdir(tracer.save.file.parent) == ([] if tracer.save.state() is None else ["tarmak.yaml"])
        results.add(code)
    assert results == {0, FAILED}


def test_what_fails_behind_the_rename_is_no_failure(save: Save, monkeypatch: pytest.MonkeyPatch) -> None:
    close = os.close

    def fail(descriptor: int) -> None:
        is_directory = stat.S_ISDIR(os.fstat(descriptor).st_mode)
        close(descriptor)
        if is_directory:
            raise OSError(errno.EIO, os.strerror(errno.EIO))

    save.prepare()
    monkeypatch.setattr(os, "close", fail)
    save.run()
    assert save.state() == save.after
