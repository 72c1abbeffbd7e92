"""Running tarmak and kubectl: applying what was made, verifying a login, rolling back.

The names below are imported when they are first used: a tarmak that is only passed through costs nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tarmak_iam.hook.access import Access
    from tarmak_iam.hook.around import AfterReport, BeforeReport, Outcome, Stage, after_apply, before_apply
    from tarmak_iam.hook.processes import Programs

__all__ = [
    "Access",
    "AfterReport",
    "BeforeReport",
    "Outcome",
    "Programs",
    "Stage",
    "after_apply",
    "before_apply",
]

_HOMES = {"Access": "access", "Programs": "processes"}


if not TYPE_CHECKING:  # for which every name would be there

    def __getattr__(name: str) -> Any:
        if name not in __all__:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return getattr(importlib.import_module(f"tarmak_iam.hook.{_HOMES.get(name, 'around')}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
