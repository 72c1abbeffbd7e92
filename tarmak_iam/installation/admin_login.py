"""The last login with the admin certificate: what `verify --admin` found, with its time, in the cluster's directory."""

from __future__ import annotations

import json
from datetime import datetime, timezone
from pathlib import Path
from typing import NamedTuple

from tarmak_iam.errors import TarmakIamError
from tarmak_iam.files.atomic import replace_file
from tarmak_iam.files.boundary import Boundary
from tarmak_iam.files.read import read_if_present

LOGIN_NAME = "tarmak-iam.admin-login.json"
_LIMIT = 65536


class AdminLogin(NamedTuple):
    """`time` is aware. `certificate`: the SHA-256 of the certificate, in hexadecimal. `username`: as whom it logged in,
    with system:masters. `method`: SelfSubjectReview, or SelfSubjectAccessReview for an older API server."""

    time: datetime
    certificate: str
    username: str
    method: str

    def text(self, now: datetime) -> str:
        """As in `2026-11-30, 1 day ago`."""
        days = (now - self.time).days
        age = "today" if days == 0 else f"{days} day{'' if days == 1 else 's'} ago" if days > 0 else "in the future"
        return f"{self.time.astimezone(timezone.utc):%Y-%m-%d}, {age}"


def read_admin_login(home: Path, within: Boundary | None) -> AdminLogin | None:
    """None without a login, and for a file that is not one."""
    try:
        data = read_if_present(home / LOGIN_NAME, within, _LIMIT)
        saved = json.loads(data or b"null")
        time = datetime.fromisoformat(saved["time"])
        time.astimezone(timezone.utc)  # of a year that exists
        texts = [saved[name] for name in ("certificate", "username", "method")]
    except (TarmakIamError, ValueError, LookupError, TypeError, RecursionError, OverflowError):
        return None
    return AdminLogin(time, *texts) if time.tzinfo and all(isinstance(text, str) for text in texts) else None


def write_admin_login(login: AdminLogin, home: Path, within: Boundary | None) -> Path:
    """Replaces the last one, and returns the path. Raises FileError."""
    path = home / LOGIN_NAME
    text = json.dumps({**login._asdict(), "time": login.time.isoformat()}, indent=2) + "\n"
    replace_file(path, text.encode(), expected=read_if_present(path, within, _LIMIT), mode=0o600, within=within)
    return path
