"""The webhook's certificate, key and kubeconfig: made as the authenticator's `init` does, and read as Go reads them.

Pure functions on bytes and values. The names are imported when they are first used: making needs `cryptography`, from
the extra `webhook`, and without it they raise TarmakIamError.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tarmak_iam.pki.server_names import ServerNames
    from tarmak_iam.pki.webhook_files import webhook_kubeconfig
    from tarmak_iam.pki.webhook_pair import Existing, Pair, Prepared, make_pair, prepare

__all__ = [
    "Existing",
    "Pair",
    "Prepared",
    "ServerNames",
    "make_pair",
    "prepare",
    "webhook_kubeconfig",
]

_HOMES = {
    "Existing": "webhook_pair",
    "Pair": "webhook_pair",
    "Prepared": "webhook_pair",
    "ServerNames": "server_names",
    "make_pair": "webhook_pair",
    "prepare": "webhook_pair",
    "webhook_kubeconfig": "webhook_files",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
