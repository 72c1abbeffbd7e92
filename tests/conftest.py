from __future__ import annotations

import gc
import os
import signal
import threading
from collections.abc import Iterator
from functools import cache
from importlib import metadata
from pathlib import Path

import pytest
from hypothesis import settings

from tarmak_iam.document.yaml_reader import has_c_parser
from tests.support import Shell, both_ways, copy_examples
from tests.support.sts import FakeSts, fake_sts
from tests.support.thorough import MANY, QUICK, mark_rest_of_samples, profile

# They need components that `make e2e` builds.
collect_ignore = [] if os.environ.get("TARMAK_IAM_E2E") else ["e2e"]

# Whoever starts a script in the background of another one has it ignore these two, and all that it starts as well.
# nohup has all of it ignore SIGHUP: only the tests themselves should, which start programs that it is sent to.
for _number, _usual in (
    (signal.SIGINT, signal.default_int_handler),
    (signal.SIGQUIT, signal.SIG_DFL),
    (signal.SIGHUP, lambda *_: None),
):
    if threading.current_thread() is threading.main_thread() and signal.getsignal(_number) is signal.SIG_IGN:
        signal.signal(_number, _usual)

# The same examples on every run: a red build is somebody's change, not somebody's luck.
settings.register_profile("repeatable", derandomize=True, deadline=None, max_examples=30)
# A mutant that many examples are needed for is one for a test of its own.
settings.register_profile("mutants", settings.get_profile("repeatable"), max_examples=10)
settings.register_profile(QUICK, settings.get_profile("repeatable"), max_examples=10)
settings.register_profile(MANY, settings.get_profile("repeatable"), max_examples=400)
settings.load_profile(profile())


def pytest_xdist_auto_num_workers() -> int:
    """One more than there are processors: many tests wait for a process, a lock or a time."""
    return (os.cpu_count() or 1) + 1


@pytest.hookimpl(tryfirst=True)  # before pytest selects by marks
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    mark_rest_of_samples(items)
    # One that takes half a minute and begins last would be waited for by all workers but its own.
    items.sort(key=lambda item: item.get_closest_marker("thorough") is None)


_fsync = os.fsync


def pytest_runtest_setup(item: pytest.Item) -> None:
    """No machine fails here: nothing waits for a disk. Edits both ways take a third of the time, so `make test` leaves
    them to the room that they are about, and all others to the rooms that edit most."""
    setattr(os, "fsync", _fsync if "files" in item.path.parts else int)  # noqa: B010  # mypy knows no other way
    rooms = {"document"} if profile() == QUICK else {"document", "config", "lint", "mappings"}
    both_ways.install(not rooms.isdisjoint(item.path.parts))


def pytest_collection_finish() -> None:
    # Modules and tests stay until the end: the garbage collector need not look at them each time, nor that often.
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 50, 50)


@pytest.fixture(scope="session", autouse=True)
def _distributions_read_once() -> Iterator[None]:
    """A check looks for plugins several times, and here there are a hundred distributions to look into: that took two
    thirds of its time. What is installed into this process's environment does not change meanwhile."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(metadata, "entry_points", cache(metadata.entry_points))
        yield


@pytest.fixture
def shell(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Shell:
    for name in ("TARMAK_CONFIG", "TARMAK_IAM_CLUSTER", "CI"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("NO_COLOR", "1")
    single, multi = copy_examples(tmp_path)
    return Shell(capsys, single, multi)


@pytest.fixture(params=["c", "pure"])
def both_parsers(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs a test with ruamel.yaml's C parser and with the pure one."""
    if request.param == "c" and not has_c_parser():
        pytest.skip("ruamel.yaml's C parser is not installed")
    if request.param == "pure":
        for module in ("yaml_reader", "blocks", "parsed"):
            monkeypatch.setattr(f"tarmak_iam.document.{module}.has_c_parser", lambda: False)


@pytest.fixture
def aws(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An AWS environment of its own: keys and region in variables, files in a directory, no instance metadata."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAEXAMPLEKEY000001")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "base-secret")
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    return tmp_path


@pytest.fixture
def sts(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeSts]:
    """An STS on this machine, for botocore to ask."""
    request.getfixturevalue("aws")
    with fake_sts() as server:
        monkeypatch.setenv("AWS_ENDPOINT_URL_STS", server.url)
        yield server
