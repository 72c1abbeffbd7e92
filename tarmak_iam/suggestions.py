"""What somebody probably meant who wrote a name that there is not."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache

from tarmak_iam.text import brief_list, shortened

CLOSE = 0.8
"""How alike two names must be, from 0 to 1, as difflib measures it."""
LIKELY = 0.6
"""Where there are few names, and somebody wants one of them."""


def spelled_otherwise(name: str, known: Iterable[str]) -> str | None:
    """The known name that differs only in case, blanks, dashes or underscores."""
    return next((each for each in known if bare(each) == bare(name)), None)


def closest(name: str, known: Iterable[str], cutoff: float = CLOSE) -> str | None:
    """The known name that is most like it, None if none is like it. Of short names difflib does not see that letters
    changed places: `cdir` is to it as far from `cidr` as from `dir`."""
    import difflib  # here: most calls of the program never need it

    by_bare = {bare(each): each for each in known if bare(each)}  # nothing at all is like no name
    close = difflib.get_close_matches(bare(name), by_bare, n=1, cutoff=cutoff)
    close = close or [each for each in by_bare if is_slip(bare(name), each)]
    return by_bare[close[0]] if len(close) == 1 else None


def likeness(one: str, other: str) -> float:
    """From 0 to 1, as `CLOSE` and `LIKELY` are."""
    import difflib

    return difflib.SequenceMatcher(None, one, other).ratio()


def is_one_typo(one: str, other: str) -> bool:
    """Whether a single slip of the keys makes one name of the other: a letter too many, missing or wrong, or two that
    changed places."""
    if one == other or abs(len(one) - len(other)) > 1:
        return False
    start = next((at for at, pair in enumerate(zip(one, other, strict=False)) if pair[0] != pair[1]), None)
    if start is None:
        return True  # one letter more at the end
    left, right = one[start:], other[start:]
    if len(left) == len(right):
        return left[1:] == right[1:] or (left[:2] == right[1::-1] and left[2:] == right[2:])
    return left[1:] == right if len(left) > len(right) else left == right[1:]


def is_slip(one: str, other: str) -> bool:
    """Whether one typo makes `one` of `other` that hardly makes another word: two letters that changed places, or one
    that is doubled or single."""
    if not is_one_typo(one, other):
        return False
    if len(one) == len(other):
        return sorted(one) == sorted(other)
    longer, shorter = sorted((one, other), key=len, reverse=True)
    return any(longer[at] == longer[at + 1] and longer[:at] + longer[at + 1 :] == shorter for at in range(len(shorter)))


def did_you_mean(name: str, known: Iterable[str], otherwise: str = "", cutoff: float = CLOSE) -> str:
    """A remedy: `did you mean X?`, else what `otherwise` begins and the known names end, else nothing."""
    names = list(known)
    near = closest(name, names, cutoff)
    if near is not None:
        return f"did you mean {shortened(near)}?"
    return f"{otherwise} {', '.join(map(shortened, names))}" if otherwise and names else ""


_MAX_LISTED = 8

_MAX_NEAR = 3


def choose_among(name: str, known: Iterable[str]) -> str:
    """The same remedy where there may be hundreds of known names: only the nearest, or the first, are listed then."""
    import difflib

    names = list(known)
    if len(names) <= _MAX_LISTED:
        return did_you_mean(name, names, "choose one of")
    by_bare = {bare(each): each for each in names}
    part = bare(name)
    near = [each for each in by_bare if part and part in each]
    if not near and (one := closest(name, names)) is not None:
        near = [bare(one)]
    near = near or difflib.get_close_matches(part, by_bare, n=_MAX_NEAR, cutoff=LIKELY)
    if near:
        listed = [shortened(by_bare[each]) for each in near[:_MAX_NEAR]]
        return f"did you mean {'one of ' if len(listed) > 1 else ''}{', '.join(listed)}?"
    return f"choose one of {brief_list(map(shortened, names))}"


@lru_cache(maxsize=256)
def bare(name: str) -> str:
    """The name without what people mix up: case, blanks, dashes and underscores."""
    return re.sub(r"[\s_-]", "", name).casefold()
