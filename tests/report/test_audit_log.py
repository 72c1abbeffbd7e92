"""Audit logs: who logged in by which mapping, in which window, and lines that are no events."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tarmak_iam.errors import ConfigError, FileError, Place
from tarmak_iam.identity import Authenticator
from tarmak_iam.report import audit_log
from tarmak_iam.report.audit_log import with_audit_logs
from tarmak_iam.report.escalations import Privilege
from tarmak_iam.report.model import AuditLog, ClusterReview, Logins, MappedIdentity, ReviewedPrincipal
from tarmak_iam.report.text_format import audit_log_lines, logins_text

CONFIG = """\
clusterID: c
server:
  mapRoles:
  - {roleARN: 'arn:aws:iam::111122223333:role/Admin', username: admin, groups: ['system:masters']}
  - {roleARN: 'arn:aws:iam::111122223333:role/Dev', username: 'dev:{{SessionName}}', groups: [dev]}
  - {roleARN: 'arn:aws:iam::111122223333:role/Ops', username: 'dev:{{SessionName}}', groups: [dev]}
  - {sso: {permissionSetName: Ops, accountID: '111122223333'}, username: 'sso:{{SessionName}}', groups: [ops]}
  mapAccounts: ['444455556666']
"""
ADMIN, DEV, OPS = (("arn", f"arn:aws:iam::111122223333:role/{name}") for name in ("admin", "dev", "ops"))
SSO, ACCOUNT = ("sso", "111122223333/ops"), ("account", "444455556666")
ROLE = "arn:aws:iam::111122223333:role/"


def event(username: str, arn: str = "", *, time: str = "2026-10-01T09:00:00", **others: Any) -> str:
    account = others.pop("account", "111122223333")
    extra = {"extra": {"canonicalArn": [arn], "sessionName": ["s"]}} if arn else {}
    user = {"username": username, "uid": f"aws-iam-authenticator:{account}:AROAEXAMPLE", **extra}
    written = {"requestReceivedTimestamp": f"{time}.123456Z", "stage": "ResponseComplete", "user": user}
    return json.dumps({"kind": "Event", "apiVersion": "audit.k8s.io/v1", **written, **others})


def reviewed(tmp_path: Path, *lines: str | bytes, name: str = "audit.log") -> tuple[AuditLog, dict[Any, Logins]]:
    content = b"".join(line if isinstance(line, bytes) else f"{line}\n".encode() for line in lines)
    path = tmp_path / name
    path.write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
    return of_files(path)


def of_files(*paths: Path | str) -> tuple[AuditLog, dict[Any, Logins]]:
    loaded = Authenticator.load(CONFIG, version="v0.7.9", args=["--feature-gates=SSORoleMatch=true"])
    principals = tuple(
        ReviewedPrincipal(
            grant.kind, grant.principal, MappedIdentity(grant.username, grant.groups, None), "", Privilege.NONE
        )
        for grant in loaded.grants
    )
    review = with_audit_logs(
        ClusterReview("c", Place("tarmak.yaml"), principals=principals), loaded, map(str, paths), lambda _: None
    )
    assert review.audit_log is not None
    return review.audit_log, {
        principal.key: principal.logins for principal in review.principals if principal.logins and principal.logins.last
    }


def test_logins_are_matched_by_arn(tmp_path: Path) -> None:
    log, logins = reviewed(
        tmp_path,
        event("admin", f"{ROLE}Admin", time="2026-10-01T09:00:02"),
        event("dev:bob", f"{ROLE}Dev", time="2026-10-01T09:00:04"),
        event("dev:al", f"{ROLE}Dev", time="2026-10-01T09:00:03"),
        event("sso:al", f"{ROLE}AWSReservedSSO_Ops_0123456789abcdef"),
        event("arn:aws:iam::444455556666:role/x", "arn:aws:iam::444455556666:role/x", account="444455556666"),
    )
    assert logins == {
        ADMIN: Logins(1, "2026-10-01T09:00:02Z", "2026-10-01T09:00:02Z"),
        DEV: Logins(2, "2026-10-01T09:00:03Z", "2026-10-01T09:00:04Z"),
        SSO: Logins(1, "2026-10-01T09:00:00Z", "2026-10-01T09:00:00Z"),
        ACCOUNT: Logins(1, "2026-10-01T09:00:00Z", "2026-10-01T09:00:00Z"),
    }
    assert (log.unexplained, log.window) == ((), "2026-10-01 09:00:00 to 2026-10-01 09:00:04 UTC")


def test_older_releases_by_username_and_account(tmp_path: Path) -> None:
    """Their log has no ARN: two mappings may give the same username."""
    log, logins = reviewed(
        tmp_path,
        event("admin"),
        event("dev:bob"),
        event("admin", account="999988887777"),
        event("arn:aws:sts::444455556666:assumed-role/x/y", account="444455556666"),
    )
    assert {key: (login.requests, login.is_shared) for key, login in logins.items()} == {
        ADMIN: (1, False),
        DEV: (1, True),
        OPS: (1, True),
        ACCOUNT: (1, False),
    }
    assert logins[DEV].text == "1 request, 2026-10-01 09:00:00 UTC; other mappings give such usernames too"
    assert [user.text for user in log.unexplained] == ["'admin': 1 request, 2026-10-01 09:00:00 UTC"]


def test_users_that_no_mapping_explains(tmp_path: Path) -> None:
    """No entry for the ARN, or one that gives another username; those with the most requests first."""
    log, logins = reviewed(
        tmp_path,
        event("gone", f"{ROLE}Gone"),
        event("bob", f"{ROLE}Dev"),
        event("bob", f"{ROLE}Dev"),
    )
    assert logins == {}
    assert [(user.username, user.arn, user.logins.requests) for user in log.unexplained] == [
        ("bob", f"{ROLE}Dev", 2),
        ("gone", f"{ROLE}Gone", 1),
    ]


def test_each_request_counts_once(tmp_path: Path) -> None:
    stages = ("RequestReceived", "ResponseStarted", "ResponseComplete", "Panic", "Other")
    lines = [event("admin", stage=stage, time=f"2026-10-01T09:00:0{at}") for at, stage in enumerate(stages)]
    assert reviewed(tmp_path, *lines)[1] == {ADMIN: Logins(2, "2026-10-01T09:00:00Z", "2026-10-01T09:00:04Z")}


def test_the_window_is_that_of_all_users(tmp_path: Path) -> None:
    scheduler = {"username": "system:kube-scheduler", "groups": ["system:authenticated"]}
    log, logins = reviewed(
        tmp_path,
        event("", user=scheduler, time="2026-10-03T00:00:00"),
        event("", user=scheduler, time="2026-10-02T00:00:00"),
    )
    assert (logins, log.unexplained, log.events) == ({}, (), 2)
    assert logins_text(Logins(), log) == "none in the audit logs (2026-10-02 00:00:00 to 2026-10-03 00:00:00 UTC)"


def test_the_first_api_of_audit_logs(tmp_path: Path) -> None:
    old = event("admin", requestReceivedTimestamp=None, timestamp="2018-01-02T03:04:05Z", apiVersion="v1alpha1")
    assert reviewed(tmp_path, old)[1] == {ADMIN: Logins(1, "2018-01-02T03:04:05Z", "2018-01-02T03:04:05Z")}


HOSTILE = [
    "rubbish",
    "null",
    "[]",
    "7",
    "{}",
    '{"kind": "Event"',
    "[" * 100_000,
    b"\xff\xfe\n",
    event("admin", kind="Pod"),
    event("admin", requestReceivedTimestamp=7),
    event("admin", requestReceivedTimestamp="yesterday"),
    event("admin", requestReceivedTimestamp="2026-10-01T09:00:00+02:00"),
    "1" * 5000,
]


@pytest.mark.parametrize("line", HOSTILE, ids=range(len(HOSTILE)))
def test_lines_that_are_no_events(tmp_path: Path, line: str | bytes) -> None:
    log, logins = reviewed(tmp_path, event("admin"), "", line, event("admin"))
    assert (logins[ADMIN].requests, log.events, log.unreadable) == (2, 2, 1)
    assert log.unreadable_at == f"{tmp_path}/audit.log:3:1"


@pytest.mark.parametrize(
    "user",
    [None, [], "admin", {}, {"uid": 7}, {"uid": "", "username": "admin"}, {"uid": "x:aws-iam-authenticator:1"}],
    ids=str,
)
def test_users_of_others(tmp_path: Path, user: Any) -> None:
    log, logins = reviewed(tmp_path, event("admin", user=user))
    assert (logins, log.unexplained, log.events, log.unreadable) == ({}, (), 1, 0)


@pytest.mark.parametrize(
    "extra", [None, [], {}, {"canonicalArn": None}, {"canonicalArn": []}, {"canonicalArn": [7]}], ids=str
)
def test_extra_values_without_an_arn(tmp_path: Path, extra: Any) -> None:
    user = {"username": "admin", "uid": "aws-iam-authenticator:111122223333:A", "extra": extra}
    assert reviewed(tmp_path, event("", user=user))[1][ADMIN].requests == 1


def test_a_line_that_is_too_long(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit_log, "_MAX_LINE", 1000)
    log, logins = reviewed(tmp_path, event("admin"), event("admin", requestObject="x" * 5000), event("admin"))
    assert (logins[ADMIN].requests, log.unreadable, log.unreadable_at) == (2, 1, f"{tmp_path}/audit.log:2:1")


def test_more_users_than_can_be_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit_log, "_MAX_USERS", 2)
    log, logins = reviewed(tmp_path, *(event(f"dev:{name}", f"{ROLE}Dev") for name in ("a", "b", "c", "b")))
    assert (logins[DEV].requests, log.left_out) == (3, 1)
    assert "audit logs: 1 event of further users left out: there are too many users" in [*audit_log_lines(log)]


def test_compressed_and_damaged_files(tmp_path: Path) -> None:
    lines = [event("admin", time=f"2026-10-01T09:00:{at:02}", auditID=str(at**9)) for at in range(60)]
    whole, logins = reviewed(tmp_path, *lines, name="audit.log.1.gz")
    assert (whole.problems, logins[ADMIN].requests) == ((), 60)
    path = tmp_path / "audit.log.1.gz"
    data = gzip.compress("".join(f"{line}\n" for line in lines).encode())
    path.write_bytes(data[: len(data) // 2])
    log, _ = of_files(path)
    (problem,) = log.problems
    assert problem.startswith(f"{path}: the compressed data is damaged after line ")
    path.write_bytes(gzip.compress(b"x")[:-4] + b"abcd")
    with pytest.raises(ConfigError, match="the compressed data is damaged after line 0; specify files"):
        of_files(path)


def test_files_together_in_any_order(tmp_path: Path) -> None:
    (tmp_path / "new").write_text(event("admin", time="2026-10-02T00:00:00"))
    (tmp_path / "old").write_text(event("admin", time="2026-10-01T00:00:00"))
    log, logins = of_files(tmp_path / "new", tmp_path / "old")
    assert logins[ADMIN] == Logins(2, "2026-10-01T00:00:00Z", "2026-10-02T00:00:00Z")
    assert [*audit_log_lines(log)] == [
        "audit logs: 2 events in 2 files, 2026-10-01 00:00:00 to 2026-10-02 00:00:00 UTC"
    ]


@pytest.mark.parametrize("text", ["", "rubbish\n", "{}\n{}\n"])
def test_files_without_an_event_say_nothing_of_logins(tmp_path: Path, text: str) -> None:
    (tmp_path / "other").write_text(text)
    with pytest.raises(ConfigError, match=r"^no audit events in .*/other; specify files that --audit-log-path of"):
        of_files(tmp_path / "other")


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(FileError, match=r"/nothing: cannot be read: No such file"):
        of_files(tmp_path / "nothing")


@given(st.lists(st.sampled_from(["admin", "dev:a", "dev:b", "other"]), max_size=20), st.randoms())
def test_no_login_is_lost(usernames: list[str], random: Any) -> None:
    """Whatever the order of the lines: each request is at a mapping, or at a user that none explains."""
    users: dict[Any, Logins] = {}
    loaded = Authenticator.load(CONFIG, version="v0.7.9")
    for name in usernames:
        key = audit_log._User(name, "111122223333", f"{ROLE}{'Admin' if name == 'admin' else 'Dev'}")
        users[key] = users.get(key, Logins()).with_others(Logins(1, "a", "a"))
    items = [*users.items()]
    random.shuffle(items)
    by_principal, unexplained = audit_log._matched(dict(items), loaded)
    counted = sum(login.requests for login in by_principal.values()) + sum(user.logins.requests for user in unexplained)
    assert counted == len(usernames)
