"""Where the program's own pages are, as its distribution says."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, metadata

from tarmak_iam._version import __version__

__all__ = ["address", "page_address"]


def address() -> str | None:
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
    home = (address() or "").rstrip("/")
    return f"{home}/blob/v{__version__}/{path}" if home.startswith("https://github.com/") else ""
