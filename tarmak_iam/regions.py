"""AWS regions and the partitions they are in."""

from __future__ import annotations

import re

__all__ = ["is_region", "partition_of", "region_flaw", "region_of_zone"]

# An area of two to four letters, one or two words such as `gov` and `northwest`, and a number.
_NAME = r"[a-z]{2,4}(?:-[a-z]+){1,2}-[0-9]{1,2}"
_REGION = re.compile(rf"{_NAME}\Z", re.ASCII)
# A letter makes an availability zone (eu-west-1a), a place and a zone of its own a Local Zone (us-west-2-lax-1a) or a
# Wavelength Zone (us-east-1-wl1-bos-wlz-1).
_ZONE = re.compile(rf"({_NAME})(?:[a-z]|(?:-[a-z0-9]+)+)\Z", re.ASCII)
_NO_DASH = re.compile(r"(?<=[a-z])(?=[0-9])")

_PREFIXES = {
    "cn-": "aws-cn",
    "us-gov-": "aws-us-gov",
    "us-iso-": "aws-iso",
    "us-isob-": "aws-iso-b",
    "eu-isoe-": "aws-iso-e",
    "us-isof-": "aws-iso-f",
    "eusc-": "aws-eusc",
}


def partition_of(region: str) -> str:
    """By the region's prefix; `aws` for every other."""
    return next((partition for prefix, partition in _PREFIXES.items() if region.startswith(prefix)), "aws")


def is_region(text: str) -> bool:
    """Whether it has the form of a region's name, as in eu-west-1 or us-gov-east-1; a zone does not have it."""
    return len(text) < 64 and _REGION.match(text) is not None


def region_of_zone(text: str) -> str | None:
    """The region of what has the form of a zone's name: availability, Local and Wavelength Zones."""
    match = _ZONE.match(text) if len(text) < 64 else None
    return match[1] if match else None


def region_flaw(text: str) -> tuple[str, str] | None:
    """Why a text is not the name of a region, and the region to write; None for one that has the form."""
    if is_region(text):
        return None
    region = region_of_zone(text)
    if region:
        return "is a zone, not a region", region
    return "is not the name of a region", _likely_region(text) or ""


def _likely_region(text: str) -> str | None:
    """The region that differs only in case, blanks, underscores or the last dash."""
    plain = re.sub(r"[\s_-]+", "-", text.strip(), flags=re.ASCII).lower()
    for each in (plain, _NO_DASH.sub("-", plain, count=1)):
        if is_region(each):
            return each
        if region := region_of_zone(each):
            return region
    return None
