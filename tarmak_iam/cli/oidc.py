"""`map convert` to what Kubernetes itself reads: an AuthenticationConfiguration, or Tarmak's section of OIDC flags."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import click

from tarmak_iam.aws.arn import is_account
from tarmak_iam.cli.console import print_json, print_payload, working
from tarmak_iam.cli.eks import note_remarks, refuse_losses, started
from tarmak_iam.config.kubernetes_versions import parse_version
from tarmak_iam.document.render import yaml_bytes
from tarmak_iam.installation.installation import Installation
from tarmak_iam.mappings import oidc_section
from tarmak_iam.mappings.authentication_config import FIRST_BETA, FIRST_STABLE, write
from tarmak_iam.mappings.oidc_conversion import ISSUER_URL, to_token_mappings
from tarmak_iam.text import quoted

# As the API server checks it: https, no user, query or fragment.
_ISSUER = re.compile(r"https://[A-Za-z0-9.-]+(:[0-9]+)?(/[A-Za-z0-9._~/-]*)?")


def print_oidc(installation: Installation, output: str, options: dict[str, Any], *, is_section: bool) -> None:
    """The object or section, unless somebody would lose access. `options` are those of `map convert`."""
    issuers, release = _issuers(options["issuers"]), _release(options["kubernetes_version"])
    audience = options["audience"] or installation.cluster_id
    if is_section and len(issuers) > 1:
        raise click.UsageError("--to oidc: the section has one issuer; use --issuer once")
    authenticator = started(installation)
    with working("converting the mappings"):
        mappings, remarks = to_token_mappings(authenticator, installation.partition, issuers)
        if is_section:
            remarks += tuple(oidc_section.lost(authenticator, remarks, *issuers))
    note_remarks(remarks)
    why = "the section would not grant the same access as the mappings" if is_section else ""
    refuse_losses([remark for remark in remarks if remark.is_loss], force=options["force"], why=why)
    if is_section:
        written = oidc_section.write(next(iter(issuers.values())), audience)
    else:
        written = write(mappings, issuers, audience, release)
    if output == "json":
        print_json(written)
    else:
        print_payload(yaml_bytes(written))


def _issuers(texts: Sequence[str]) -> dict[str, str]:
    """The URLs by account. Raises UsageError."""
    issuers: dict[str, str] = {}
    for text in texts:
        account, _, url = text.partition("=")
        if not is_account(account) or not _ISSUER.fullmatch(url):
            what = f"--issuer must be ACCOUNT=URL with an account ID of 12 digits and an https URL, not {quoted(text)}"
            raise click.UsageError(f"{what}; `{ISSUER_URL}` prints the URL")
        if account in issuers or url in issuers.values():
            raise click.UsageError(f"--issuer: each account has its own issuer, and only one; not {quoted(text)}")
        issuers[account] = url
    if not issuers:
        raise click.UsageError(f"--issuer ACCOUNT=URL is required; `{ISSUER_URL}` prints the URL of an account")
    return issuers


def _release(text: str) -> tuple[int, int]:
    version = parse_version(text) if text else None
    if text and (version is None or version.minor < FIRST_BETA):
        first = ".".join(map(str, FIRST_BETA))
        what = f"--kubernetes-version must be {first} or later, whose API servers read an AuthenticationConfiguration"
        raise click.UsageError(f"{what}, not {quoted(text)}")
    return version.minor if version else FIRST_STABLE
