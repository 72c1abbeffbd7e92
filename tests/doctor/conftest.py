from __future__ import annotations

from collections.abc import Iterator
from functools import cache

import pytest

from tarmak_iam.pki.certificates import read_key


@pytest.fixture(scope="session", autouse=True)
def _keys_are_read_once() -> Iterator[None]:
    """The same few keys lie in hundreds of directories, and each time their primes would be proven to be some."""
    with pytest.MonkeyPatch.context() as patch:
        for module in ("evidence", "preparation"):
            patch.setattr(f"tarmak_iam.pki.{module}.read_key", cache(read_key))
        yield
