"""Which partition's tokens a daemon takes: a token is a presigned URL of an STS host, and the host is checked."""

from __future__ import annotations

from functools import cache

from tarmak_iam.identity.versions import DaemonVersion

__all__ = ["STS_DOMAINS", "accepts_tokens_of"]

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


@cache
def accepts_tokens_of(caller: str, daemon: str, version: DaemonVersion) -> bool:
    """Up to v0.5.1 any amazonaws.com host passes, then those of the configured partition only, and from
    v0.7.5 on every host with that partition's domain (aws and aws-us-gov share one)."""
    if not version.has("config key server.partition"):
        return STS_DOMAINS.get(caller, "").startswith("amazonaws.com")
    if version.has("STS host by format only (verifySTSHostnameFormat)"):
        return STS_DOMAINS.get(caller) == STS_DOMAINS.get(daemon)
    return caller == daemon
