"""Who has logged in, by Kubernetes' audit log: JSON lines, as the API server writes and rotates them.

https://kubernetes.io/docs/tasks/debug/debug-cluster/audit/, and the types in k8s.io/apiserver/pkg/apis/audit. In all
releases, the authenticator gives users a UID that begins with its name; from v0.5.4 on also the extra `canonicalArn`.
"""

from __future__ import annotations

import gzip
import json
import re
import sys
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import IO, Any, NamedTuple

from tarmak_iam.access.diff import account_of
from tarmak_iam.errors import ConfigError, Place
from tarmak_iam.files.read import file_error
from tarmak_iam.identity.authenticator import Authenticator
from tarmak_iam.identity.model import Grant
from tarmak_iam.report.model import AuditLog, ClusterReview, Logins, UnexplainedUser
from tarmak_iam.text import brief_list

_UID = re.compile(r"aws-iam-authenticator:([0-9]{12}(?=:)|)", re.ASCII)
_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]+)?Z", re.ASCII)
_TEMPLATE = re.compile(r"\{\{.*?\}\}")
_GZIP = b"\x1f\x8b"
_MAX_LINE = 16 << 20
"""In bytes; the API server accepts requests of up to 3 MiB."""
_MAX_USERS = 100_000
"""A caller who may choose the session name can become any number of users."""
_STEP = 256 << 20


def with_audit_logs(
    review: ClusterReview, loaded: Authenticator, paths: Iterable[str], tell: Callable[[str], None]
) -> ClusterReview:
    """The review of a cluster with the logins in its audit logs: files, plain or compressed with gzip, in any order,
    `-` for stdin. `tell` is called with each file, and every 256 MiB. Raises FileError for a file that cannot be read,
    and ConfigError if none of them has an audit event: then nothing is known of logins."""
    names, reader = tuple(paths), _Reader(tell)
    for name in names:
        reader.read(name)
    if not reader.events:
        remedy = "specify files that --audit-log-path of the API server names"
        raise ConfigError("; ".join((f"no audit events in {brief_list(names, 3)}", *reader.problems)), remedy=remedy)
    by_principal, unexplained = _matched(reader.users, loaded)
    principals = (replace(entry, logins=by_principal.get(entry.key, Logins())) for entry in review.principals)
    log = AuditLog(
        files=names,
        first=reader.first,
        last=reader.last,
        events=reader.events,
        unexplained=unexplained,
        unreadable=reader.unreadable,
        unreadable_at=reader.unreadable_at,
        left_out=reader.left_out,
        problems=tuple(reader.problems),
    )
    return replace(review, principals=tuple(principals), audit_log=log)


class _User(NamedTuple):
    """`account` and `arn` are empty where the log does not have them."""

    username: str
    account: str
    arn: str


class _Reader:
    """Counts the events of files, of which only one line at a time is in memory."""

    def __init__(self, tell: Callable[[str], None]) -> None:
        self._tell = tell
        self.users: dict[_User, Logins] = {}
        self.first = self.last = self.unreadable_at = ""
        self.events = self.unreadable = self.left_out = 0
        self.problems: list[str] = []

    def read(self, name: str) -> None:
        try:
            if name != "-":
                with Path(name).open("rb") as file:
                    self._read(name, file)
            elif sys.stdin is not None:  # it may be closed
                self._read("<stdin>", sys.stdin.buffer)
        except OSError as error:
            raise file_error("cannot be read", Path(name), error) from None

    def _read(self, name: str, file: Any) -> None:
        lines: IO[bytes] = gzip.GzipFile(fileobj=file) if file.peek(2)[:2] == _GZIP else file  # type: ignore[assignment]
        self._tell(f"reading {name}")
        number = size = told = 0
        try:
            for number, line in enumerate(_lines(lines), 1):
                size += len(line)
                if size - told >= _STEP:
                    told = size
                    self._tell(f"reading {name}: {size >> 20} MiB")
                if not self._take(line):
                    self.unreadable += 1
                    self.unreadable_at = self.unreadable_at or str(Place(name, number, 1))
        except (EOFError, gzip.BadGzipFile, zlib.error):
            self.problems.append(f"{name}: the compressed data is damaged after line {number}")

    def _take(self, line: bytes) -> bool:
        """Whether the line is an audit event, or blank."""
        if not line.strip():
            return True
        try:
            event = json.loads(line)
        except (ValueError, RecursionError):
            return False
        time = event.get("requestReceivedTimestamp") or event.get("timestamp") if isinstance(event, dict) else None
        if not isinstance(time, str) or not _TIME.fullmatch(time) or event.get("kind") != "Event":
            return False
        time, user = f"{time[:19]}Z", event.get("user")
        self.events += 1
        self.first, self.last = min(self.first or time, time), max(self.last, time)
        if isinstance(user, dict) and isinstance(uid := user.get("uid"), str) and (match := _UID.match(uid)):
            key = _User(_text(user.get("username")), match[1], _arn(user.get("extra")))
            if key in self.users or len(self.users) < _MAX_USERS:
                # Of each request only one event is counted.
                logins = Logins(int(event.get("stage") in ("ResponseComplete", "Panic")), time, time)
                self.users[key] = self.users.get(key, Logins()).with_others(logins)
            else:
                self.left_out += 1
        return True


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _arn(extra: Any) -> str:
    values = extra.get("canonicalArn") if isinstance(extra, dict) else None
    return _text(values[0]) if isinstance(values, list) and values else ""


def _lines(file: IO[bytes]) -> Iterator[bytes]:
    """The lines; in place of one that is too long, a line that is not JSON."""
    while line := file.readline(_MAX_LINE):
        if len(line) == _MAX_LINE and not line.endswith(b"\n"):
            while (rest := file.readline(_MAX_LINE)) and not rest.endswith(b"\n"):
                pass
            line = b"{"
        yield line


def _matched(
    users: dict[_User, Logins], loaded: Authenticator
) -> tuple[dict[tuple[str, str], Logins], tuple[UnexplainedUser, ...]]:
    """The logins by the keys of grants, and the users that no mapping gives, those with most requests first."""
    keys = {(grant.backend, grant.route): grant.key for grant in loaded.grants}
    by_principal, unexplained = dict[tuple[str, str], Logins](), list[UnexplainedUser]()
    for user, logins in users.items():
        grants: Iterable[Grant | None] = loaded.grants
        if user.arn:
            grants = (loaded.grant(Grant("arn", user.arn, "", (), "")),)
        principals = {
            ("account", _account(grant)) if grant.is_by_account else keys.get((grant.backend, grant.route), grant.key)
            for grant in grants
            if grant is not None and _gives(grant, user)
        }
        for principal in principals:
            shared = replace(logins, is_shared=len(principals) > 1)
            by_principal[principal] = by_principal.get(principal, Logins()).with_others(shared)
        if not principals:
            unexplained.append(UnexplainedUser(user.username, user.arn, logins))
    return by_principal, tuple(sorted(unexplained, key=lambda user: (-user.logins.requests, user.username)))


def _gives(grant: Grant, user: _User) -> bool:
    """Whether a grant can have given a user its name."""
    account = _account(grant)
    if user.account and account and user.account != account:
        return False
    if grant.is_by_account:  # the username is the ARN of the caller
        return re.match(rf"arn:[^:]+:(?:iam|sts)::{account}:", user.username) is not None
    return _pattern(grant.username).fullmatch(user.username) is not None


def _account(grant: Grant) -> str:
    return grant.principal if grant.kind == "account" else account_of(grant)


@cache
def _pattern(template: str) -> re.Pattern[str]:
    """What a username with templates can become."""
    return re.compile(".*".join(map(re.escape, _TEMPLATE.split(template))))
