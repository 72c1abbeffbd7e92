"""verify where another program answers in the daemon's place: for everybody, with the admin's identity."""

from __future__ import annotations

import json

import pytest

from tests.e2e.conftest import ON_BOTH, PRINCIPALS, Stage
from tests.e2e.test_live import verified
from tests.support.certificates import Pair
from tests.support.servers import Handler, serving

pytestmark = ON_BOTH
WHO = PRINCIPALS["admin"]
USER = {
    "username": "admin:ann-example.com",
    "groups": ["system:masters"],
    "uid": f"aws-iam-authenticator:{WHO.account}:{WHO.user_id.partition(':')[0]}",
    "extra": {"arn": [WHO.arn], "accessKeyId": [WHO.access_key_id], "sessionName": ["ann-example.com"]},
}


class Impostor(Handler):
    def do_POST(self) -> None:
        self.answer({**json.loads(self.body), "status": {"authenticated": True, "user": USER}})


@pytest.mark.parametrize(
    ("caller", "more", "why"),
    [
        ("admin", {}, "it also accepts the same token with a wrong signature"),
        ("unmapped", {}, "it also accepts the same token with a wrong signature"),
        ("admin", {"AWS_SECRET_ACCESS_KEY": "another one"}, "AWS rejects this token: the signature is wrong"),
        ("expired", {}, "AWS rejects this token: the AWS credentials have expired"),
    ],
)
def test_nobody_is_verified(stage: Stage, caller: str, more: dict[str, str], why: str) -> None:
    tls = Pair(stage.home.state / "cert.pem", stage.home.state / "key.pem").context  # the daemon's own
    with serving(Impostor, tls, stage.home.port):
        found = verified(stage, caller, code=1, **more)
    assert found["outcome"] == "failed"
    assert why in " ".join(found["account"])
    is_known = not more and caller != "expired"
    assert found["caller"] == (PRINCIPALS[caller].arn if is_known else None)
