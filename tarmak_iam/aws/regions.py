"""AWS regions and their partitions, and the hosts of the AWS Security Token Service in them.

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
# Letters that people mistake for the number at the end.
_DIGITS = str.maketrans("lio", "110")
_LONGEST = 64

# Of each partition: how its regions begin, and the domains of its STS hosts, without and with IPv6.
_PARTITIONS = {
    "aws": ("", "amazonaws.com", "api.aws"),
    "aws-cn": ("cn-", "amazonaws.com.cn", "api.amazonwebservices.com.cn"),
    "aws-us-gov": ("us-gov-", "amazonaws.com", "api.aws"),
    "aws-iso": ("us-iso-", "c2s.ic.gov", None),
    "aws-iso-b": ("us-isob-", "sc2s.sgov.gov", None),
    "aws-iso-e": ("eu-isoe-", "cloud.adc-e.uk", None),
    "aws-iso-f": ("us-isof-", "csp.hci.ic.gov", None),
    "aws-eusc": ("eusc-", "amazonaws.eu", "api.amazonwebservices.eu"),
}
_PREFIXES = {prefix: name for name, (prefix, _, _) in _PARTITIONS.items() if prefix}

STS_DOMAINS = {name: domain for name, (_, domain, _) in _PARTITIONS.items()}
"""Partition -> domain of its STS hosts (`sts.<region>.<domain>`)."""
DUAL_STACK_DOMAINS = {name: domain for name, (_, _, domain) in _PARTITIONS.items() if domain}

GLOBAL_HOST = "sts.amazonaws.com"


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
    """The region of an availability, Local or Wavelength Zone, by the form of its name."""
    match = _ZONE.match(text) if len(text) < _LONGEST else None
    return match[1] if match else None


def region_flaw(text: str) -> RegionFlaw | None:
    """Why a text is not the name of a region; None if it has the form of one, whether AWS has that region or not."""
    if is_region(text):
        return None
    region = region_of_zone(text)
    what = "is a zone, not a region" if region else "is not the name of a region"
    name = bare(region or region_of_zone(text.lower()) or text) if len(text) < _LONGEST else ""
    same = [known for known in _known() if bare(known) == name]
    if same:
        return RegionFlaw(what, tuple(same), is_sure=True)
    return RegionFlaw(what, region_suggestions(region or text) or ((region,) if region else ()))


def region_suggestions(text: str) -> tuple[str, ...]:
    """The known regions that are one typo away; a missing number is one."""
    if len(text) >= _LONGEST:
        return ()
    name = bare(text)
    digits = name[:-1] + name[-1:].translate(_DIGITS)
    same = [region for region in _known() if bare(region) in (name, digits)]
    return tuple(same or (region for region in _known() if is_one_typo(name, bare(region))))


def did_you_mean_region(suggestions: tuple[str, ...]) -> str:
    if not suggestions:
        return ""
    if len(suggestions) > 4:
        return f"did you mean a region such as {suggestions[0]}?"
    *others, last = suggestions
    return f"did you mean {', '.join(others)} or {last}?" if others else f"did you mean {last}?"


def sts_host(region: str) -> str:
    return f"sts.{region}.{STS_DOMAINS[partition_of(region)]}"


def region_of_host(host: str) -> str:
    """The region in a host's name; empty for the global host and for a host that is not an STS host."""
    labels = host.split(".")
    return labels[1] if len(labels) >= 4 and labels[0] in ("sts", "sts-fips") else ""


def partition_of_host(host: str) -> str | None:
    """The partition of an STS host; None for any other host."""
    if host == GLOBAL_HOST:
        return "aws"
    region = region_of_host(host)
    domain = host.split(".", 2)[-1]
    partition = partition_of(region)
    known = (STS_DOMAINS[partition], DUAL_STACK_DOMAINS.get(partition))
    return partition if region and domain in known else None


def hosts_of_region(region: str) -> set[str]:
    """Every STS host that the AWS SDK for Go v2 derives from a region: plain, FIPS, dual stack, and both."""
    partition = "aws"
    for prefix, name in _PREFIXES.items():  # as the SDK finds it; every other name is in `aws`
        start = prefix.replace("eusc-", "eusc-de-")
        if re.match(rf"({start}\w+-\d+|{name}-global)\Z", region, re.ASCII):
            partition = name
    domain, dual_stack = STS_DOMAINS[partition], DUAL_STACK_DOMAINS.get(partition)
    hosts = {GLOBAL_HOST if region == "aws-global" else f"sts.{region}.{domain}"}
    if partition != "aws-us-gov":  # whose plain hosts are FIPS hosts
        hosts.add(f"sts-fips.{region}.{domain}")
    if dual_stack:
        hosts |= {f"sts.{region}.{dual_stack}", f"sts-fips.{region}.{dual_stack}"}
    return hosts


@cache
def _known() -> tuple[str, ...]:
    return tuple(region for regions in _table()["partitions"].values() for region in regions)


@cache
def _table() -> dict[str, Any]:
    table: dict[str, Any] = json.loads(Path(__file__).with_name("regions.json").read_bytes())
    return table
