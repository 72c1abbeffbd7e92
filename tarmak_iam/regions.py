"""AWS regions and the partitions they are in."""

from __future__ import annotations

__all__ = ["partition_of"]

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
