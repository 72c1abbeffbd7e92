"""The checkout's own tarmak-iam, for machines with much else to do: `--timeout=0` still means one attempt, but a call
of kubectl may take longer than `verify` gives it in production."""

from __future__ import annotations

from tarmak_iam.hook.cluster import kubectl
from tests.support import own


def main(arguments: list[str]) -> None:
    """In a fork of its own, so that nothing is put back."""
    kubectl._LEAST_SECONDS = 600
    own.main(arguments)
