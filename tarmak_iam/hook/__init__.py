"""Runs tarmak and kubectl: applies objects, verifies a login, rolls back.

The names below are imported on first use, so that passing a command through to tarmak stays fast.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tarmak_iam.plugins import lazy_exports

if TYPE_CHECKING:
    from tarmak_iam.hook.apply_hook import AfterReport, BeforeReport, Stage, after_apply, before_apply
    from tarmak_iam.hook.cluster.apply import LiveDiff, ObjectDiff
    from tarmak_iam.hook.cluster.results import Applied, ApplyFailed, ObjectChange, RollbackFailed, RolledBack
    from tarmak_iam.hook.connection import Access
    from tarmak_iam.hook.login.review import LoginOutcome, UserInfo
    from tarmak_iam.hook.login.verify import Verified
    from tarmak_iam.hook.programs import Programs
else:
    __getattr__, __dir__ = lazy_exports(
        __name__,
        {
            ".apply_hook": "AfterReport BeforeReport Stage after_apply before_apply",
            ".cluster.apply": "LiveDiff ObjectDiff",
            ".cluster.results": "Applied ApplyFailed ObjectChange RollbackFailed RolledBack",
            ".connection": "Access",
            ".login.review": "LoginOutcome UserInfo",
            ".login.verify": "Verified",
            ".programs": "Programs",
        },
    )

__all__ = [
    "Access",
    "AfterReport",
    "Applied",
    "ApplyFailed",
    "BeforeReport",
    "LiveDiff",
    "LoginOutcome",
    "ObjectChange",
    "ObjectDiff",
    "Programs",
    "RollbackFailed",
    "RolledBack",
    "Stage",
    "UserInfo",
    "Verified",
    "after_apply",
    "before_apply",
]
