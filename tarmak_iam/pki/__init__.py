"""The webhook's certificate, key and kubeconfig: created as the authenticator's `init` does, and read as Go does. The
names are imported when they are first used: without `cryptography` (the extra `webhook`), some raise TarmakIamError."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tarmak_iam.plugins import lazy_exports

if TYPE_CHECKING:
    from tarmak_iam.pki.webhook_files import ServerNames, webhook_kubeconfig
    from tarmak_iam.pki.webhook_pair import Existing, Pair, Prepared, make_pair, prepare
else:
    __getattr__, __dir__ = lazy_exports(
        __name__,
        {
            ".webhook_pair": "Existing Pair Prepared make_pair prepare",
            ".webhook_files": "ServerNames webhook_kubeconfig",
        },
    )

__all__ = ["Existing", "Pair", "Prepared", "ServerNames", "make_pair", "prepare", "webhook_kubeconfig"]
