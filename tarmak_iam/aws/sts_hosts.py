"""The hosts of the AWS Security Token Service, by region and partition: plain, FIPS and dual stack."""

from __future__ import annotations

import re

from tarmak_iam.aws.regions import partition_of

STS_DOMAINS = {
    "aws": "amazonaws.com",
    "aws-us-gov": "amazonaws.com",
    "aws-cn": "amazonaws.com.cn",
    "aws-iso": "c2s.ic.gov",
    "aws-iso-b": "sc2s.sgov.gov",
    "aws-iso-e": "cloud.adc-e.uk",
    "aws-iso-f": "csp.hci.ic.gov",
    "aws-eusc": "amazonaws.eu",
}
"""Partition -> domain of its STS hosts (`sts.<region>.<domain>`)."""

GLOBAL_HOST = "sts.amazonaws.com"

DUAL_STACK_DOMAINS = {
    "aws": "api.aws",
    "aws-us-gov": "api.aws",
    "aws-cn": "api.amazonwebservices.com.cn",
    "aws-eusc": "api.amazonwebservices.eu",
}

# How the AWS SDK for Go v2 finds the partition of a region; every other name is in `aws`.
_REGIONS_OF = {
    "aws-cn": re.compile(r"(cn-\w+-\d+|aws-cn-global)\Z", re.ASCII),
    "aws-us-gov": re.compile(r"(us-gov-\w+-\d+|aws-us-gov-global)\Z", re.ASCII),
    "aws-iso": re.compile(r"(us-iso-\w+-\d+|aws-iso-global)\Z", re.ASCII),
    "aws-iso-b": re.compile(r"(us-isob-\w+-\d+|aws-iso-b-global)\Z", re.ASCII),
    "aws-iso-e": re.compile(r"(eu-isoe-\w+-\d+|aws-iso-e-global)\Z", re.ASCII),
    "aws-iso-f": re.compile(r"(us-isof-\w+-\d+|aws-iso-f-global)\Z", re.ASCII),
    "aws-eusc": re.compile(r"eusc-de-\w+-\d+\Z", re.ASCII),
}


def sts_host(region: str) -> str:
    """The regional STS host, as the AWS SDKs name it."""
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
    """Every STS host that the SDK derives from a region: plain, FIPS, dual stack, and both."""
    partition = next((name for name, shape in _REGIONS_OF.items() if shape.match(region)), "aws")
    domain, dual_stack = STS_DOMAINS[partition], DUAL_STACK_DOMAINS.get(partition)
    hosts = {GLOBAL_HOST if region == "aws-global" else f"sts.{region}.{domain}"}
    if partition != "aws-us-gov":  # whose plain hosts are FIPS hosts
        hosts.add(f"sts-fips.{region}.{domain}")
    if dual_stack:
        hosts |= {f"sts.{region}.{dual_stack}", f"sts-fips.{region}.{dual_stack}"}
    return hosts
