"""Findings in the format that -o names, what --fail-on makes of them, and the addresses of pages."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterable, Iterator
from importlib.metadata import PackageNotFoundError, metadata
from typing import Any

from tarmak_iam._version import __version__
from tarmak_iam.cli.console import print_command, print_json
from tarmak_iam.cli.formats import BaseDirectory, CheckReport
from tarmak_iam.cli.formats.github import github_annotations
from tarmak_iam.cli.formats.sarif import sarif_log
from tarmak_iam.errors import Place, TarmakIamError, place_json
from tarmak_iam.findings import Severity


def project_address() -> str | None:
    """The home page; None where the distribution names none, or there is no distribution."""
    try:
        found = metadata("tarmak-iam")
    except PackageNotFoundError:
        return None
    homes = [*(found.get_all("Home-page") or [])]
    homes += [each.partition(",")[2].strip() for each in found.get_all("Project-URL") or [] if _is_home(each)]
    return homes[0] if homes else None


def _is_home(project_url: str) -> bool:
    return project_url.partition(",")[0].strip().lower() in ("homepage", "home", "source", "repository")


def page_address(path: str) -> str:
    """Of a file of this release in the repository; empty where that is not known."""
    home = (project_address() or "").rstrip("/")
    return f"{home}/blob/v{__version__}/{path}" if home.startswith("https://github.com/") else ""


def finding_json(id: str, severity: Severity, place: Place, message: str, remedy: str, **more: Any) -> dict[str, Any]:  # noqa: A002
    """A finding as every command gives it with `-o json`; `more` stands before the message."""
    return {
        "id": id,
        "severity": str(severity),
        **place_json(place),
        **more,
        "message": message,
        "remedy": remedy,
    }


def is_failing(found: Iterable[Severity], fail_on: str) -> bool:
    """Whether one of them is of the severity that `--fail-on` names, or above."""
    return any(severity is Severity.ERROR or fail_on == "warning" for severity in found)


def print_check_report(output: str, verdict: CheckReport, line_of: Callable[[Place], str]) -> None:
    """For programs of others: as `sarif`, or as `github` has it."""
    if output == "sarif":
        print_json(sarif_log(verdict, BaseDirectory.of_repository(os.environ), line_of, project_address()))
    else:
        for line in github_annotations(verdict, BaseDirectory.of_workspace(os.environ)):
            print_command(line)


@contextlib.contextmanager
def errors_reported(output: str) -> Iterator[None]:
    """An error in between is part of what `sarif` and `github` say, so that whoever reads it has a whole answer; and
    it goes on from here."""
    try:
        yield
    except TarmakIamError as error:
        if output in ("sarif", "github"):
            print_check_report(output, CheckReport((), (), (error,)), lambda _: "")
        raise
