"""What to say where cryptography is not installed."""

from __future__ import annotations

from tarmak_iam.errors import TarmakIamError

__all__ = ["no_cryptography"]


def no_cryptography() -> TarmakIamError:
    return TarmakIamError(
        "certificates need cryptography, which is not installed", remedy="install cryptography, or the extra `webhook`"
    )
