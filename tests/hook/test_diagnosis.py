"""The authenticator's log as evidence: whose refusal it is, and that no secret of it is shown."""

from __future__ import annotations

from tarmak_iam.errors import ToolError
from tarmak_iam.hook.cluster.kubectl import Kubectl
from tarmak_iam.hook.login.verify import logged_refusal, without_secrets
from tarmak_iam.hook.programs import Completed
from tarmak_iam.identity.model import Identity
from tests.support.case_rows import rows
from tests.support.fake_cluster import Cluster, FakePrograms, failed

ANN = Identity("arn:aws:sts::111122223333:assumed-role/Nobody/ann")


def said(cluster: Cluster, identity: Identity | None = ANN) -> list[str]:
    return list(logged_refusal(cluster.kubectl(), identity))


def test_another_callers_refusal_is_not_told() -> None:
    log = (
        'level=warning msg="access denied" arn="arn:aws:iam::111122223333:role/Other" error="identity is not mapped"\n'
    )
    assert said(Cluster(log=log)) == []


def test_an_unknown_caller_gets_what_names_nobody() -> None:
    log = (
        'level=warning msg="access denied" arn="arn:aws:iam::111122223333:role/Other" error="identity is not mapped"\n'
        'level=warning msg="access denied" error="input token was not properly formatted: X-Amz-Date parameter is '
        'expired (14 minute expiration) 2026-05-04 11:00:00 +0000 UTC"\n'
    )
    (line,) = said(Cluster(log=log), None)
    assert line == (
        "the authenticator's log about a token rejected within the last minute: input token was not properly "
        "formatted: X-Amz-Date parameter is expired (14 minute expiration) 2026-05-04 11:00:00 +0000 UTC"
    )


def test_the_last_one_counts_in_json_too() -> None:
    line = '{{"arn":"arn:aws:iam::111122223333:role/Nobody","error":"{}","level":"warning","msg":"access denied"}}\n'
    log = line.format("first") + line.format('last \\"quoted\\"') + '{"msg": 1}\n{"msg":\n[1]\n'
    assert said(Cluster(log=log)) == ['the authenticator\'s log about this caller: last "quoted"']


def test_a_quote_in_the_text_format() -> None:
    log = r'level=warning msg="access denied" arn="arn:aws:iam::111122223333:role/Nobody" error="a \"b\" c"'
    assert said(Cluster(log=log)) == ['the authenticator\'s log about this caller: a "b" c']


def test_a_log_of_which_only_some_pods_can_be_read() -> None:
    cluster = Cluster()
    log = 'level=warning msg="access denied" error="some reason"\n'
    cluster.fault = lambda args: Completed(args, 1, log, "error: dial tcp: i/o timeout") if args[0] == "logs" else None
    assert said(cluster)[0].endswith(": some reason")
    assert cluster.clock == 0, "nobody waits for evidence"


def test_an_api_server_that_is_away_is_not_waited_for() -> None:
    cluster = Cluster(log=None)
    cluster.fault = lambda _: failed("The connection to the server was refused: connection refused")
    assert said(cluster) == []
    assert cluster.clock == 0


def test_a_kubectl_that_does_not_end() -> None:
    class Slow(FakePrograms):
        def run(self, *_: object, **__: object) -> Completed:
            raise ToolError("kubectl logs did not end within 30 seconds")

    assert list(logged_refusal(Kubectl(Slow({})), ANN)) == []


SIGNED = "X-Amz-Credential=ASIAABCDEFGHIJKLMNOP%2F20260504&X-Amz-Signature=0123abcd&X-Amz-Security-Token=hush"


@rows(__file__, "no secret is shown")
def test_no_secret_is_shown(text: str, expected: str) -> None:
    assert without_secrets(text) == expected


def test_a_long_reason_is_cut_and_stays_one_line() -> None:
    found = without_secrets("a\nb\x1b[31m" + "x" * 500)
    assert len(found) <= 200
    assert found.startswith("a b\\x1b[31m")
