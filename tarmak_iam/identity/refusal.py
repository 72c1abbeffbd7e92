"""Why a daemon does not start, or denies a caller: raised inside the identity room, never out of it."""

from __future__ import annotations

from tarmak_iam.errors import Place
from tarmak_iam.identity.model import Locate
from tarmak_iam.routes import Route
from tarmak_iam.text import capped

__all__ = ["Denied", "NotStarted"]


class NotStarted(Exception):
    """The process would end; `route` leads to the cause in the configuration, if it lies there, or `place` where no
    route does. `remedy` says what to write instead; empty where nothing in the configuration helps."""

    def __init__(
        self, reason: str, route: Route | None = None, *, remedy: str = "", place: Place | None = None
    ) -> None:
        super().__init__(reason)
        self.reason = capped(reason)
        self.route = route
        self.remedy = remedy
        self.place = place


class Denied(Exception):
    """The token review would be answered with a denial; `locate` where the cause is not in the configuration."""

    def __init__(self, reason: str, route: Route | None = None, locate: Locate | None = None) -> None:
        super().__init__(reason)
        self.reason = capped(reason)
        self.route = route
        self.locate = locate
