"""The directory that a file may not be outside of, wherever links lead.

A directory that another person has created, such as the checkout of a pull request, may have a link instead of any of
its files.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from tarmak_iam.errors import FileError, Place

_ADVICE = "replace the link with the file, or use --follow-links if you own the link and its target"
_OWN_ONLY = "--follow-links requires that you own the link and its target; replace the link with the file"


class Boundary(NamedTuple):
    """The directory that files may not be outside of. `directory` may itself be a link; its target is used.

    `follow_links`: links of the current user may lead out of the directory, to files that the same user owns.
    """

    directory: Path
    follow_links: bool = False

    def resolve(self, path: Path) -> Path:
        """The real path of a path below the directory, with all links resolved. The file need not exist.

        Raises FileError, at the link, if a link leads out of the directory.
        """
        real, root = os.path.realpath(path), os.path.realpath(self.directory)
        if _is_within(real, root):
            return Path(real)
        parts = path.relative_to(self.directory).parts
        below = [self.directory.joinpath(*parts[: end + 1]) for end in range(len(parts))]
        link = next(path for path in below if not _is_within(os.path.realpath(path), root))
        what = f"this is a link to {os.path.realpath(link)}, outside of {root}"
        if not self.follow_links:
            raise FileError(what, remedy=_ADVICE, place=Place(str(link)))
        not_owned = _not_owned(root, parts, real)
        if not_owned is not None:
            raise FileError(
                f"{what}, and {not_owned} belongs to another user", remedy=_OWN_ONLY, place=Place(str(link))
            )
        return Path(real)


def _is_within(real: str, root: str) -> bool:
    return real == root or real.startswith(os.path.join(root, ""))


def _not_owned(root: str, parts: Iterable[str], real: str) -> str | None:
    """The first link on the way from the directory, or the target, that the effective user does not own; None if there
    is none. The target of a new file is the nearest parent directory that exists. Outside the directory the system's
    own links are allowed, such as /tmp on macOS."""
    user = os.geteuid()
    for link in _links(root, parts, set()):
        owner = os.lstat(link).st_uid
        if owner != user and (owner != 0 or _is_within(link, root)):
            return link
    target = real
    while not os.path.lexists(target):
        target = os.path.dirname(target)
    return None if os.lstat(target).st_uid == user else target


def _links(start: str, parts: Iterable[str], seen: set[str]) -> Iterator[str]:
    """Each link on the way from a directory, as a path without any other link."""
    done = start
    for part in parts:
        here = os.path.dirname(done) if part == os.pardir else os.path.join(done, part)
        if os.path.islink(here) and here not in seen:
            seen.add(here)
            yield here
            target = os.readlink(here)
            yield from _links("/" if os.path.isabs(target) else done, Path(target).parts, seen)
        done = os.path.realpath(here)
