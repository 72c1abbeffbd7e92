"""AWS regions and their partitions.

regions.json contains the regions that botocore knows; `make regions` adds those of a newer botocore. A region that is
not in the file may have been opened since.
"""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from tarmak_iam.text import bare, is_one_typo

# An area of two to four letters, one or two words such as `gov` and `northwest`, and a number.
_NAME = r"[a-z]{2,4}(?:-[a-z]+){1,2}-[0-9]{1,2}"
_REGION = re.compile(rf"{_NAME}\Z", re.ASCII)
# A letter makes an availability zone (eu-west-1a); a place and a zone make a Local Zone (us-west-2-lax-1a) or a
# Wavelength Zone (us-east-1-wl1-bos-wlz-1).
_ZONE = re.compile(rf"({_NAME})(?:[a-z]|(?:-[a-z0-9]+)+)\Z", re.ASCII)
_NO_DASH = re.compile(r"(?<=[a-z])(?=[0-9])")
# Letters that people mistake for the number at the end.
_DIGITS = str.maketrans("lio", "110")
_LONGEST = 64

_PREFIXES = {
    "cn-": "aws-cn",
    "us-gov-": "aws-us-gov",
    "us-iso-": "aws-iso",
    "us-isob-": "aws-iso-b",
    "eu-isoe-": "aws-iso-e",
    "us-isof-": "aws-iso-f",
    "eusc-": "aws-eusc",
}


class RegionFlaw(NamedTuple):
    """Why a text is not the name of a region, and which regions may be meant: guesses, unless `is_sure`."""

    what: str
    suggestions: tuple[str, ...] = ()
    is_sure: bool = False

    @property
    def remedy(self) -> str:
        if self.is_sure:
            return f"write {self.suggestions[0]}"
        return did_you_mean_region(self.suggestions) or "write a region such as eu-west-1"


def partition_of(region: str) -> str:
    """The partition by the prefix of the region; `aws` if no prefix matches."""
    return next((partition for prefix, partition in _PREFIXES.items() if region.startswith(prefix)), "aws")


def is_region(text: str) -> bool:
    """Whether it has the form of a region's name, as in eu-west-1 or us-gov-east-1. A zone has another form."""
    return len(text) < _LONGEST and _REGION.match(text) is not None


def is_known_region(text: str) -> bool:
    return text in _known()


def table_version() -> str:
    """The release of botocore whose regions are known."""
    return str(_table()["botocore"])


def region_of_zone(text: str) -> str | None:
    """The region of an availability, Local or Wavelength Zone, by the form of its name; None for other texts."""
    match = _ZONE.match(text) if len(text) < _LONGEST else None
    return match[1] if match else None


def region_flaw(text: str) -> RegionFlaw | None:
    """Why a text is not the name of a region; None if it has the form of one, whether AWS has that region or not."""
    if is_region(text):
        return None
    zone_region, what = region_of_zone(text), "is a zone, not a region"
    region = zone_region or _respelled(text)
    if zone_region is None:
        what = "is not the name of a region"
    if region is not None and is_known_region(region):
        return RegionFlaw(what, (region,), is_sure=True)
    suggestions = region_suggestions(region or text)
    return RegionFlaw(what, suggestions or ((zone_region,) if zone_region else ()))


def region_suggestions(text: str) -> tuple[str, ...]:
    """The known regions that are one typo away; a missing number is one."""
    if len(text) >= _LONGEST:
        return ()
    name = bare(text)
    digits = name[:-1] + name[-1:].translate(_DIGITS)
    same = [region for region in _known() if bare(region) in (name, digits)]
    return tuple(same or (region for region in _known() if is_one_typo(name, bare(region))))


def did_you_mean_region(suggestions: tuple[str, ...]) -> str:
    """A question; empty without suggestions."""
    if not suggestions:
        return ""
    if len(suggestions) > 4:
        return f"did you mean a region such as {suggestions[0]}?"
    *others, last = suggestions
    return f"did you mean {', '.join(others)} or {last}?" if others else f"did you mean {last}?"


def _respelled(text: str) -> str | None:
    """The region that differs only in case, blanks, underscores or the last dash."""
    plain = re.sub(r"[\s_-]+", "-", text.strip(), flags=re.ASCII).lower()
    for spelling in (plain, _NO_DASH.sub("-", plain, count=1)):
        if is_region(spelling):
            return spelling
        if region := region_of_zone(spelling):
            return region
    return None


@cache
def _known() -> tuple[str, ...]:
    return tuple(region for regions in _table()["partitions"].values() for region in regions)


@cache
def _table() -> dict[str, Any]:
    table: dict[str, Any] = json.loads(Path(__file__).with_name("regions.json").read_bytes())
    return table
