"""One file on disk: reading it, replacing it atomically, locks, diffs, and links that lead out of its directory."""

from __future__ import annotations

MAX_BYTES = 10 * 1024 * 1024
"""Larger files are rejected before they are parsed. No tarmak.yaml or ConfigMap (1 MiB) is nearly that large."""
