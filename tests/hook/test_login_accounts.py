"""Whether what the API server says is one of the answers that the daemon may give."""

from __future__ import annotations

import pytest

from tarmak_iam.hook.login.accounts import agree
from tarmak_iam.hook.login.review import Reviewed
from tarmak_iam.identity.model import Answer

ADMIN = Answer(started=True, authenticated=True, username="admin")
NOBODY = Answer(started=True)
DENIED = Reviewed(None, "TokenReview", "[invalid bearer token, no entry maps it]")


@pytest.mark.parametrize(
    ("expected", "agrees"),
    [
        (ADMIN, False),
        (NOBODY, True),
        (Answer(started=False), False),
        (Answer(started=True, authenticated=True, username="admin", alternatives=(NOBODY,)), True),
        (Answer(started=True, alternatives=(ADMIN,)), True),
    ],
)
def test_a_denial(expected: Answer, *, agrees: bool) -> None:
    assert agree(expected, DENIED) is agrees
