"""One file on disk: reading it, replacing it atomically, locks, diffs, and links that lead out of its directory."""

from __future__ import annotations

from tarmak_iam.text import MAX_BYTES

__all__ = ["MAX_BYTES"]
