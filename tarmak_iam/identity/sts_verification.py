"""Which tokens an authenticator accepts: a token is a presigned URL of an STS host, and each release checks the host
against a pattern, the list of its SDK or the form of the name.
"""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path
from typing import NamedTuple

from tarmak_iam.aws.regions import DUAL_STACK_DOMAINS, GLOBAL_HOST, STS_DOMAINS, hosts_of_region
from tarmak_iam.identity.releases import DaemonVersion, ReleaseFeature, Spans, read_spans, server_partitions
from tarmak_iam.text import one_line


@cache
def accepts_tokens_of(caller: str, daemon: str, version: DaemonVersion) -> bool:
    """Up to v0.5.1 any amazonaws.com host is accepted, then those of the configured partition only, and in v0.7.5 and
    later every host with the domain of that partition (aws and aws-us-gov share one). False for the authenticator's own
    partition if it knows no host in it."""
    if not version.has_key("server.partition"):
        return STS_DOMAINS.get(caller, "").startswith("amazonaws.com")
    if version.has(ReleaseFeature.STS_HOST_BY_FORMAT):
        return STS_DOMAINS.get(caller) == STS_DOMAINS.get(daemon)
    knows_own = version.has(ReleaseFeature.STS_HOST_OF_OWN_REGION_UNLISTED)
    return caller == daemon and (knows_own or _lists_hosts_of(daemon, version))


def no_hosts_of(partition: str, version: DaemonVersion) -> str:
    """Why an authenticator rejects the tokens of its own partition."""
    return f"the AWS SDK of authenticator {version} has no STS host in partition {partition}, so it rejects every token"


def host_condition(caller: str, daemon: str, version: DaemonVersion) -> str:
    """Which of the tokens that callers of an accepted partition can make are rejected, because of their STS host; empty
    if the host makes no difference."""
    if version.has(ReleaseFeature.STS_HOST_BY_FORMAT):
        if caller == daemon or caller != "aws":
            return ""
        return f"a token of the STS host {GLOBAL_HOST} is rejected; one of a regional STS host is accepted"
    if not version.has_key("server.partition") or _lists_hosts_of(daemon, version):
        return ""
    return "only a token of the STS host in the authenticator's own region is accepted"


def _lists_hosts_of(partition: str, version: DaemonVersion) -> bool:
    return any(map(version.within, _listed(partition).values()))


# The authenticator's own pattern up to v0.5.1; it has no zero.
_PATTERN = re.compile(r"sts(\.[a-z1-9-]+)?\.amazonaws\.com(\.cn)?\Z")
_REGION = re.compile(r"[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?\Z")


class Verifier(NamedTuple):
    """A release, its `server.partition`, and the region that it runs in; empty if unknown."""

    version: DaemonVersion
    partition: str = "aws"
    region: str = ""


def host_refusal(host: str, verifier: Verifier) -> str | None:
    """Why the authenticator rejects a token of this host; None if it accepts it."""
    version = verifier.version
    unexpected = f"the host '{one_line(host)}' is not accepted"
    if version.has(ReleaseFeature.STS_HOST_BY_PATTERN):
        known = "sts.REGION.amazonaws.com and sts.REGION.amazonaws.com.cn"
        return None if _PATTERN.match(host) else f"{unexpected} (only {known} are)"
    if not version.has_key("server.partition"):
        return None if host == GLOBAL_HOST else f"{unexpected}: only {GLOBAL_HOST}"
    if verifier.partition not in server_partitions(version):
        return f"the partition '{verifier.partition}' is unknown to it"
    if version.has(ReleaseFeature.STS_HOST_BY_FORMAT):
        return _format_refusal(host, verifier)
    # The host of the authenticator's region, from instance metadata, where it accepts one that is not on its list.
    listed = _listed(verifier.partition)
    unlisted = ReleaseFeature.STS_HOST_OF_OWN_REGION if listed else ReleaseFeature.STS_HOST_OF_OWN_REGION_UNLISTED
    takes_home = bool(verifier.region) and version.has(unlisted)
    is_home = takes_home and host == f"sts.{verifier.region}.{STS_DOMAINS[verifier.partition]}"
    if is_home or version.within(listed.get(host, ())):
        return None
    return f"its AWS SDK has no STS host '{one_line(host)}' in partition {verifier.partition}"


@cache
def _listed(partition: str) -> dict[str, Spans]:
    """Host -> releases: sts-hosts.json is what aws-sdk-go's endpoints, in the version that each release has in its
    go.mod, answer for the service sts."""
    hosts = json.loads(Path(__file__).with_name("sts-hosts.json").read_bytes())
    return {host: read_spans(spans) for host, spans in hosts.get(partition, {}).items()}


def _format_refusal(host: str, verifier: Verifier) -> str | None:
    """v0.7.5 and later: the name must be the SDK's for its region, in the domain of the authenticator's partition."""
    domains = STS_DOMAINS[verifier.partition], DUAL_STACK_DOMAINS.get(verifier.partition)
    if host == GLOBAL_HOST:
        return None if verifier.partition == "aws" else f"the global host is in partition aws, not {verifier.partition}"
    labels, shown = host.split("."), one_line(host)
    region = labels[1] if len(labels) >= 3 else ""
    if not _REGION.match(region):
        return f"the host '{shown}' does not contain a region"
    if host not in hosts_of_region(region):
        home = {f"sts.{verifier.region}.{domain}" for domain in domains if domain and verifier.region}
        return None if host in home else f"the host '{shown}' is not the AWS SDK's host of any region"
    if ".".join(labels[2:]) not in domains:
        return f"the host '{shown}' is not in partition {verifier.partition}"
    return None
