"""A page is written for its user alone, and opened only where there is a display."""

from __future__ import annotations

import webbrowser
from pathlib import Path

import pytest

from tarmak_iam.cli.commands.report import open_page
from tarmak_iam.errors import FileError


@pytest.fixture(autouse=True)
def opened(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[str]:
    """The URLs that a browser was started with."""
    urls: list[str] = []

    def record(url: str) -> bool:
        urls.append(url)
        return True

    for name in ("BROWSER", "DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setattr(webbrowser, "open", record)
    return urls


def written(directory: Path) -> Path:
    (page,) = directory.glob("tarmak-iam-*/page.html")
    return page


@pytest.mark.parametrize("variable", ["BROWSER", "DISPLAY", "WAYLAND_DISPLAY"])
def test_a_browser_opens_the_page(
    variable: str,
    opened: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv(variable, "x")
    open_page("page.html", b"<p>")
    page = written(tmp_path)
    assert page.read_bytes() == b"<p>"
    assert (page.stat().st_mode & 0o777, page.parent.stat().st_mode & 0o777) == (0o600, 0o700)
    assert opened == [page.as_uri()]
    assert capsys.readouterr().err == f"opened {page} in the browser; remove the file when it is no longer needed\n"


def test_without_a_display_nothing_is_started(
    opened: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    open_page("page.html", b"<p>")
    assert opened == []
    assert capsys.readouterr().err == (
        f"no browser found; open {written(tmp_path)} yourself, and remove the file when it is no longer needed\n"
    )


def test_a_browser_that_cannot_be_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(_url: str) -> bool:
        raise webbrowser.Error

    monkeypatch.setenv("DISPLAY", ":0")
    monkeypatch.setattr(webbrowser, "open", fail)
    open_page("page.html", b"<p>")
    assert f"no browser found; open {written(tmp_path)} yourself" in capsys.readouterr().err


def test_a_directory_that_cannot_be_written_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "missing"))
    with pytest.raises(FileError, match=r"cannot write page.html to a temporary directory: No such file or directory"):
        open_page("page.html", b"<p>")
