"""Suggestions for misspelled names: which known name was probably meant."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache

from tarmak_iam.text import brief_list, shortened

CLOSE = 0.8
"""How similar two names must be, from 0 to 1, as difflib measures it."""
LIKELY = 0.6
"""The same, for a small set of names one of which must be meant."""


def spelled_otherwise(name: str, known: Iterable[str]) -> str | None:
    """The known name that differs only in case, blanks, dashes or underscores; None if there is none."""
    return next((each for each in known if bare(each) == bare(name)), None)


def closest(name: str, known: Iterable[str], cutoff: float = CLOSE) -> str | None:
    """The most similar known name; None if no name is similar enough. Swapped letters are looked for in addition,
    because difflib does not see them in short names: it finds `cdir` as far from `cidr` as from `dir`."""
    import difflib  # here: most runs of the program never need it

    by_bare = {bare(each): each for each in known if bare(each)}  # an empty name is similar to no other
    close = difflib.get_close_matches(bare(name), by_bare, n=1, cutoff=cutoff)
    close = close or [each for each in by_bare if is_slip(bare(name), each)]
    return by_bare[close[0]] if len(close) == 1 else None


def likeness(one: str, other: str) -> float:
    """The similarity of two names, from 0 to 1; compare it with `CLOSE` and `LIKELY`."""
    import difflib

    return difflib.SequenceMatcher(None, one, other).ratio()


def is_one_typo(one: str, other: str) -> bool:
    """Whether a single typing error turns one name into the other: one letter too many, missing or wrong, or two
    letters swapped."""
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
    """Whether a typing error that rarely makes another word turns `other` into `one`: two letters swapped, or a letter
    doubled or no longer doubled."""
    if not is_one_typo(one, other):
        return False
    if len(one) == len(other):
        return sorted(one) == sorted(other)
    longer, shorter = sorted((one, other), key=len, reverse=True)
    return any(longer[at] == longer[at + 1] and longer[:at] + longer[at + 1 :] == shorter for at in range(len(shorter)))


def did_you_mean(name: str, known: Iterable[str], otherwise: str = "", cutoff: float = CLOSE) -> str:
    """A remedy: `did you mean X?`; if no name is similar, `otherwise` followed by the known names; else empty."""
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
    """The name in lower case, without blanks, dashes and underscores, which are often mixed up."""
    return re.sub(r"[\s_-]", "", name).casefold()
