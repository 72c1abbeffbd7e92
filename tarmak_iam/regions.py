"""AWS regions and the partitions they are in."""

from __future__ import annotations

import re

__all__ = ["is_region", "partition_of"]

_REGION = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)+\Z", re.ASCII)

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
    """Whether it has the form of a region's name: small letters, digits and dashes."""
    return len(text) < 64 and _REGION.match(text) is not None
