"""Running tarmak and kubectl: applying what was made, verifying a login, rolling back.

The names below are imported when they are first used: a tarmak that is only passed through costs nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tarmak_iam.hook.apply_hook import AfterReport, Stage, after_apply
    from tarmak_iam.hook.connection import Access
    from tarmak_iam.hook.login.review import LoginOutcome
    from tarmak_iam.hook.preflight import BeforeReport, before_apply
    from tarmak_iam.hook.programs import Programs

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

_HOMES = {
    "Access": "connection",
    "AfterReport": "apply_hook",
    "BeforeReport": "preflight",
    "LoginOutcome": "login.review",
    "Programs": "programs",
    "Stage": "apply_hook",
    "after_apply": "apply_hook",
    "before_apply": "preflight",
}


if not TYPE_CHECKING:  # for which every name would be there

    def __getattr__(name: str) -> Any:
        if name not in _HOMES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return getattr(importlib.import_module(f"tarmak_iam.hook.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
