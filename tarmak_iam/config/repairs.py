"""What was repaired in a file that cannot be used at all as it is."""

from __future__ import annotations

from typing import NamedTuple

from tarmak_iam.document.document import Document
from tarmak_iam.errors import Place
from tarmak_iam.routes import Route


class Repair(NamedTuple):
    """One value that is written otherwise. `title` says in one sentence what is written. `route` leads to the value.
    `is_safe` is false for a value on which access depends."""

    place: Place
    title: str
    route: Route = Route()
    is_safe: bool = True


class RepairedFile(NamedTuple):
    """The text before, and the document after all repairs."""

    before: str
    after: Document
    repairs: tuple[Repair, ...]

    @property
    def is_safe(self) -> bool:
        return all(repair.is_safe for repair in self.repairs)
