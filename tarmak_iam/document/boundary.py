"""The directory that symbolic links must not lead a file out of.

A directory that somebody else has made, such as a pull request's, may have a link in the place of any of its files.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from tarmak_iam.errors import FileError, Place

__all__ = ["Boundary"]

_ADVICE = "put the file itself there, or use --follow-links if the link and its target are yours"
_OWN_ONLY = "--follow-links follows only what you own; put the file itself there"


@dataclass(frozen=True, slots=True)
class Boundary:
    """`directory` may be a link itself: what counts is where it leads. `follow_links`: links of the user who runs this
    may lead out of it, to what the same user owns."""

    directory: Path
    follow_links: bool = False

    def resolve(self, path: Path) -> Path:
        """Where a path below the directory leads, without any link; the file may be missing.

        Raises FileError at the link that leads out of the directory.
        """
        real, root = os.path.realpath(path), os.path.realpath(self.directory)
        if _is_within(real, root):
            return Path(real)
        parts = path.relative_to(self.directory).parts
        below = [self.directory.joinpath(*parts[: end + 1]) for end in range(len(parts))]
        link = next(each for each in below if not _is_within(os.path.realpath(each), root))
        what = f"this is a link to {os.path.realpath(link)}, outside of {root}"
        if not self.follow_links:
            raise FileError(what, remedy=_ADVICE, place=Place(str(link)))
        foreign = _foreign(root, parts, real)
        if foreign is not None:
            raise FileError(f"{what}, and {foreign} belongs to another user", remedy=_OWN_ONLY, place=Place(str(link)))
        return Path(real)


def _is_within(real: str, root: str) -> bool:
    return real == root or real.startswith(os.path.join(root, ""))


def _foreign(root: str, parts: Iterable[str], real: str) -> str | None:
    """A link on the way from the directory, or the target, that is not the effective user's. Outside of the directory
    the system's own links are followed, such as /tmp on macOS."""
    user = os.geteuid()
    for link in _links(root, parts, set()):
        owner = os.lstat(link).st_uid
        if owner != user and (owner != 0 or _is_within(link, root)):
            return link
    target = _existing(real)
    return None if os.lstat(target).st_uid == user else target


def _existing(path: str) -> str:
    """The path itself, or the directory in which it would be made."""
    while not os.path.lexists(path):
        path = os.path.dirname(path)
    return path


def _links(start: str, parts: Iterable[str], seen: set[str]) -> Iterator[str]:
    """Each link on the way from a directory, by a path that has no other link in it."""
    done = start
    for part in parts:
        here = os.path.dirname(done) if part == os.pardir else os.path.join(done, part)
        if os.path.islink(here) and here not in seen:
            seen.add(here)
            yield here
            target = os.readlink(here)
            yield from _links("/" if os.path.isabs(target) else done, Path(target).parts, seen)
        done = os.path.realpath(here)
