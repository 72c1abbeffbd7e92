"""Tokens that AWS does not take: of a session that is over, without its session token, from another time. And another
program in the daemon's place, which accepts everybody with the admin's identity."""

from __future__ import annotations

import json
import re
import sys
import time
from pathlib import Path

from tests.e2e.conftest import ON_BOTH, PRINCIPALS, Stage
from tests.e2e.test_live import verified
from tests.support import ROOT
from tests.support.certificates import Pair
from tests.support.servers import Handler, serving

_TOKEN = """\
#!/bin/sh
PYTHONPATH='{root}' exec '{python}' - <<END
import json, os
from datetime import datetime, timedelta, timezone
from tarmak_iam.token.credentials import Credentials
from tarmak_iam.token.make import sign_token
given = [os.environ["AWS_" + each] for each in ("ACCESS_KEY_ID", "SECRET_ACCESS_KEY", "SESSION_TOKEN")]
when = datetime.now(timezone.utc) + timedelta(minutes={minutes})
token = sign_token(Credentials(*given), "eu-west-1", "dev-cluster", when)
print(json.dumps({{"status": {{"token": token.text}}}}))
END
"""


def said(stage: Stage, caller: str = "admin", **more: str) -> str:
    """What `verify` says where AWS rejects the token."""
    done = stage.live("verify", "--timeout=0", "-o", "json", caller=caller, code=4, more=more)
    assert "k8s-aws-v1" not in done.out + done.err
    return " ".join(json.loads(done.out)["account"])


def test_tokens_that_aws_does_not_take(stage: Stage, version: str, tmp_path: Path) -> None:
    maker = tmp_path / "aws-iam-authenticator"
    with stage.daemon(version):
        assert stage.login("admin").username == "admin:ann-example.com"
        assert "the AWS credentials have expired (ExpiredToken)" in said(stage, "expired")
        assert "Unauthorized" in stage.login("expired").refused
        assert stage.sts.refused[-1] == "ExpiredToken"
        assert "AWS does not know the access key (InvalidClientTokenId)" in said(stage, AWS_SESSION_TOKEN="")
        assert "AWS does not know the access key (InvalidClientTokenId)" in said(stage, AWS_SESSION_TOKEN="another")
        for minutes in (-20, 20):  # of another program's token
            maker.write_text(_TOKEN.format(root=ROOT, python=sys.executable, minutes=minutes))
            maker.chmod(0o755)
            text = said(stage, PATH=stage.path_with(tmp_path))
            assert "a wrong clock (SignatureDoesNotMatch)" in text
            assert PRINCIPALS["admin"].session_token not in text


def test_a_clock_that_is_off(stage: Stage, version: str) -> None:
    with stage.daemon(version):
        with stage.sts.clock_ahead(minutes=10):
            assert stage.login("admin").username == "admin:ann-example.com"
        time.sleep(1.1)  # a token of the same second is the same, and the API server knows the answer already
        with stage.sts.clock_ahead(minutes=-20):
            assert re.search(r"the clock of this machine is 1[12]\d\d seconds ahead of that of AWS", said(stage))
        with stage.sts.clock_ahead(minutes=20):
            assert re.search(r"the clock of this machine is 1[12]\d\d seconds behind that of AWS", said(stage))
            assert "Unauthorized" in stage.login("admin").refused


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


WRONG_SIGNATURE = "it also accepts the same token with a wrong signature"


@ON_BOTH
def test_an_impostor_verifies_nobody(stage: Stage) -> None:
    tls = Pair(stage.home.state / "cert.pem", stage.home.state / "key.pem").context  # the daemon's own
    with serving(Impostor, tls, stage.home.port):
        for caller, more, arn, reason in (
            ("admin", {}, WHO.arn, WRONG_SIGNATURE),
            ("unmapped", {}, PRINCIPALS["unmapped"].arn, WRONG_SIGNATURE),
            ("admin", {"AWS_SECRET_ACCESS_KEY": "other"}, None, "AWS rejects this token: the signature is wrong"),
            ("expired", {}, None, "AWS rejects this token: the AWS credentials have expired"),
        ):
            found = verified(stage, caller, code=1, **more)
            assert (found["outcome"], found["caller"]) == ("failed", arn)
            assert reason in " ".join(found["account"])
