"""What a login comes to, by what whois expects and what the API server answers."""

from __future__ import annotations

import pytest

from tarmak_iam.hook.login.review import LoginOutcome, ReviewResult, UserInfo, judge
from tarmak_iam.identity.model import Answer

ADMIN = Answer(started=True, authenticated=True, username="admin")
NOBODY = Answer(started=True)
DENIED = ReviewResult(None, "TokenReview", "[invalid bearer token, no mapping matches it]")
SPLIT = ReviewResult(None, "SelfSubjectReview", "[invalid bearer token, unknown]", is_split=True)
AWAY = ReviewResult(None, "TokenReview", "dial tcp 127.0.0.1:21362: connect: connection refused")
MAYBE = Answer(started=True, authenticated=True, username="admin", alternatives=(NOBODY,))


@pytest.mark.parametrize(
    ("expected", "outcome"),
    [
        (ADMIN, LoginOutcome.FAILED),
        (NOBODY, LoginOutcome.NOT_MAPPED),
        (Answer(started=False), LoginOutcome.FAILED),
        (MAYBE, LoginOutcome.NOT_MAPPED),
        (Answer(started=True, alternatives=(ADMIN,)), LoginOutcome.NOT_MAPPED),
        (None, LoginOutcome.CALLER_UNKNOWN),
    ],
)
def test_a_refusal(expected: Answer | None, outcome: LoginOutcome) -> None:
    assert judge(expected, DENIED) is outcome


@pytest.mark.parametrize("expected", [ADMIN, NOBODY, MAYBE, None])
@pytest.mark.parametrize("reviewed", [SPLIT, AWAY])
def test_no_refusal_of_the_daemon(expected: Answer | None, reviewed: ReviewResult) -> None:
    assert judge(expected, reviewed) is LoginOutcome.FAILED


@pytest.mark.parametrize(
    ("expected", "username", "outcome"),
    [
        (ADMIN, "admin", LoginOutcome.VERIFIED),
        (MAYBE, "admin", LoginOutcome.VERIFIED),
        (Answer(started=True, alternatives=(ADMIN,)), "admin", LoginOutcome.VERIFIED),
        (ADMIN, "root", LoginOutcome.FAILED),
        (NOBODY, "", LoginOutcome.FAILED),
        (NOBODY, "admin", LoginOutcome.FAILED),
        (Answer(started=False), "admin", LoginOutcome.FAILED),
        (None, "admin", LoginOutcome.CALLER_UNKNOWN),
    ],
)
def test_a_login(expected: Answer | None, username: str, outcome: LoginOutcome) -> None:
    assert judge(expected, ReviewResult(UserInfo(username, ()), "TokenReview")) is outcome
