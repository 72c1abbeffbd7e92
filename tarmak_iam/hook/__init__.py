"""Runs tarmak and kubectl: applies objects, verifies a login, rolls back.

The names below are imported on first use, so that passing a command through to tarmak stays fast.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tarmak_iam.lazy_exports import lazy_exports

if TYPE_CHECKING:
    from tarmak_iam.hook.apply_hook import AfterReport, Stage, after_apply
    from tarmak_iam.hook.connection import Access
    from tarmak_iam.hook.login.review import LoginOutcome
    from tarmak_iam.hook.preflight import BeforeReport, before_apply
    from tarmak_iam.hook.programs import Programs
else:
    __getattr__, __dir__ = lazy_exports(
        __name__,
        {
            "Access": "tarmak_iam.hook.connection",
            "AfterReport": "tarmak_iam.hook.apply_hook",
            "BeforeReport": "tarmak_iam.hook.preflight",
            "LoginOutcome": "tarmak_iam.hook.login.review",
            "Programs": "tarmak_iam.hook.programs",
            "Stage": "tarmak_iam.hook.apply_hook",
            "after_apply": "tarmak_iam.hook.apply_hook",
            "before_apply": "tarmak_iam.hook.preflight",
        },
    )

__all__ = [
    "Access",
    "AfterReport",
    "BeforeReport",
    "LoginOutcome",
    "Programs",
    "Stage",
    "after_apply",
    "before_apply",
]
