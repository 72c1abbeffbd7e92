"""One cluster's IAM authentication: settings, images, files, the daemon, what its backends get, as one Installation.

The names are imported when they are first used: whoever needs the settings alone does not load the daemon.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tarmak_iam.installation.installation import Installation, Provenance

__all__ = [
    "Installation",
    "Provenance",
]

_HOMES = {
    "Installation": "installation",
    "Provenance": "installation",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
