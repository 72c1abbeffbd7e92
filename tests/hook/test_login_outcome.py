"""What a login comes to, by what whois expects and what the API server answers."""

from __future__ import annotations

import pytest

from tarmak_iam.hook.login.outcome import Outcome, judge
from tarmak_iam.hook.login.review import Reviewed, Seen
from tarmak_iam.identity.model import Answer

ADMIN = Answer(started=True, authenticated=True, username="admin")
NOBODY = Answer(started=True)
DENIED = Reviewed(None, "TokenReview", "[invalid bearer token, no entry maps it]")
SPLIT = Reviewed(None, "SelfSubjectReview", "[invalid bearer token, unknown]", is_split=True)
AWAY = Reviewed(None, "TokenReview", "dial tcp 127.0.0.1:21362: connect: connection refused")
MAYBE = Answer(started=True, authenticated=True, username="admin", alternatives=(NOBODY,))


@pytest.mark.parametrize(
    ("expected", "outcome"),
    [
        (ADMIN, Outcome.FAILED),
        (NOBODY, Outcome.NOT_MAPPED),
        (Answer(started=False), Outcome.FAILED),
        (MAYBE, Outcome.NOT_MAPPED),
        (Answer(started=True, alternatives=(ADMIN,)), Outcome.NOT_MAPPED),
        (None, Outcome.CALLER_UNKNOWN),
    ],
)
def test_a_refusal(expected: Answer | None, outcome: Outcome) -> None:
    assert judge(expected, DENIED) is outcome


@pytest.mark.parametrize("expected", [ADMIN, NOBODY, MAYBE, None])
@pytest.mark.parametrize("reviewed", [SPLIT, AWAY])
def test_no_refusal_of_the_daemon(expected: Answer | None, reviewed: Reviewed) -> None:
    assert judge(expected, reviewed) is Outcome.FAILED


@pytest.mark.parametrize(
    ("expected", "username", "outcome"),
    [
        (ADMIN, "admin", Outcome.VERIFIED),
        (MAYBE, "admin", Outcome.VERIFIED),
        (Answer(started=True, alternatives=(ADMIN,)), "admin", Outcome.VERIFIED),
        (ADMIN, "root", Outcome.FAILED),
        (NOBODY, "", Outcome.FAILED),
        (NOBODY, "admin", Outcome.FAILED),
        (Answer(started=False), "admin", Outcome.FAILED),
        (None, "admin", Outcome.CALLER_UNKNOWN),
    ],
)
def test_a_login(expected: Answer | None, username: str, outcome: Outcome) -> None:
    assert judge(expected, Reviewed(Seen(username, ()), "TokenReview")) is outcome
