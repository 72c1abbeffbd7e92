"""The authenticator's configuration by release, and who a caller becomes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tarmak_iam.plugins import lazy_exports

if TYPE_CHECKING:
    from tarmak_iam.identity.authenticator import Authenticator, whois
    from tarmak_iam.identity.model import Answer, Identity
else:
    __getattr__, __dir__ = lazy_exports(
        __name__, {".model": "Answer Identity", ".authenticator": "Authenticator whois"}
    )

__all__ = ["Answer", "Authenticator", "Identity", "whois"]
