from __future__ import annotations

from collections.abc import Iterator
from functools import cache

import pytest

from tarmak_iam.pki.certificates import read_key


@pytest.fixture(scope="session", autouse=True)
def _keys_are_read_once() -> Iterator[None]:
    """The tests read the same few keys from hundreds of directories; each is parsed only once."""
    with pytest.MonkeyPatch.context() as patch:
        for module in ("doctor.inspected_files", "pki.webhook_pair"):
            patch.setattr(f"tarmak_iam.{module}.read_key", cache(read_key))
        yield
