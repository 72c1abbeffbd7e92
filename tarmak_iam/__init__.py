"""Log in to Tarmak clusters with AWS IAM.

The names below are imported when they are first used, so that `import tarmak_iam` stays cheap.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from tarmak_iam._version import __version__

if TYPE_CHECKING:
    from tarmak_iam.config import Cluster, TarmakConfig
    from tarmak_iam.document import Document
    from tarmak_iam.errors import EditRefused, TarmakIamError
    from tarmak_iam.identity import Authenticator, Identity, whois
    from tarmak_iam.installation import Installation
    from tarmak_iam.lint import Subjects, check

__all__ = [
    "Authenticator",
    "Cluster",
    "Document",
    "EditRefused",
    "Identity",
    "Installation",
    "Subjects",
    "TarmakConfig",
    "TarmakIamError",
    "__version__",
    "check",
    "whois",
]

_HOMES = {
    "Authenticator": "tarmak_iam.identity",
    "Cluster": "tarmak_iam.config",
    "Document": "tarmak_iam.document",
    "EditRefused": "tarmak_iam.errors",
    "Identity": "tarmak_iam.identity",
    "Installation": "tarmak_iam.installation",
    "Subjects": "tarmak_iam.lint",
    "TarmakConfig": "tarmak_iam.config",
    "TarmakIamError": "tarmak_iam.errors",
    "check": "tarmak_iam.lint",
    "whois": "tarmak_iam.identity",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
