"""token, token inspect: an exec credential for kubectl; and the content of a token, and which releases reject it."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from tarmak_iam.cli.completion import roles
from tarmak_iam.cli.console import ExitCode, log_variables, note, print_json, print_line
from tarmak_iam.cli.options import daemon_version_option, format_option, option, plain_role
from tarmak_iam.cli.parsing import CommandGroup
from tarmak_iam.cli.session import Session, pass_session
from tarmak_iam.errors import TarmakIamError
from tarmak_iam.token import exec_credential, make_token

if TYPE_CHECKING:
    from datetime import datetime

    from tarmak_iam.identity.releases import DaemonVersion
    from tarmak_iam.token import Inspection


@click.group(cls=CommandGroup, invoke_without_command=True, subcommand_metavar="[inspect]")
@option("-i --cluster-id ID", envvar="KUBERNETES_AWS_AUTHENTICATOR_CLUSTER_ID", show_envvar=True)
@option("-r --role ARN", envvar="DEFAULT_ROLE", show_envvar=True, callback=plain_role, shell_complete=roles)
@option("-s --session-name NAME")
@option("-e --external-id ID")
@option("--forward-session-name")
@option("--profile NAME")
@option("--region REGION")
@option("--cache")
@option("--oidc", "is_oidc")
@option("--token-only")
@click.pass_context
def token(
    context: click.Context, /, cluster_id: str | None, token_only: bool, cache: bool, is_oidc: bool, **options: Any
) -> None:
    if context.invoked_subcommand is not None:
        for parameter in context.command.params:
            source = context.get_parameter_source(parameter.name or "")
            if parameter.expose_value and source is ParameterSource.COMMANDLINE:
                what = f"{parameter.opts[-1]} is an option of `token`, not of `token {context.invoked_subcommand}`"
                raise click.UsageError(what, context)
        return
    variables = ("DEFAULT_ROLE", "KUBERNETES_AWS_AUTHENTICATOR_CLUSTER_ID", "KUBERNETES_EXEC_INFO")
    log_variables(*variables, prefixes=["AWS_"])
    options = {name: None if value == "" else value for name, value in options.items()}  # as the Go program does
    session = context.find_object(Session)
    assert session is not None  # main makes it
    if not cluster_id:
        installation = session.installation()
        cluster_id, settings = installation.cluster_id, installation.settings
        defaults = {"role": settings.role, "profile": settings.profile, "default_region": installation.region or None}
        options = {**defaults, **{name: value for name, value in options.items() if value is not None}}
    directory = Path.home() / ".aws" / "cli" / "cache" if cache else None  # that of the AWS CLI, with the same files
    if is_oidc:
        from tarmak_iam.token.oidc import make_oidc_token

        created = make_oidc_token(cluster_id, cache_directory=directory, **options)
    else:
        created = make_token(cluster_id, cache_directory=directory, **options)
    print_line(created.text if token_only else exec_credential(created, os.environ.get("KUBERNETES_EXEC_INFO", "")))


@token.command(short_help="Explain a token, without sending it anywhere.")
@click.argument("token_text", metavar="[TOKEN]", required=False)
@daemon_version_option
@format_option("text", "json")
@pass_session
def inspect(session: Session, token_text: str | None, daemon_version: str | None, output: str) -> None:
    from datetime import datetime, timezone

    from tarmak_iam.cli.edits import read_given
    from tarmak_iam.token.inspection import inspect_token, token_in

    if token_text in (None, "-"):
        if sys.stdin is not None and sys.stdin.isatty():
            note("paste the token, then press Ctrl-D")
        data, _ = read_given("-")
        token_text = data.decode("utf-8", "surrogateescape")
    version, partition, region = _daemon(session, daemon_version)
    now = datetime.now(timezone.utc)
    inspection = inspect_token(token_in(token_text or ""), now=now, partition=partition, region=region)
    if output == "json":
        print_json(inspection_json(inspection, version))
    else:
        print_inspection(inspection, version)
    if inspection.sts_refusal or inspection.verdict(version).refusal:
        click.get_current_context().exit(ExitCode.FINDINGS)


def _daemon(session: Session, asked: str | None) -> tuple[DaemonVersion, str | None, str]:
    """Version, partition and region of the authenticator, as far as a cluster is known."""
    from tarmak_iam.identity.releases import DEFAULT_RELEASE, DaemonVersion

    is_chosen = session.directory is not None or session.cluster_name is not None
    if asked is not None and not is_chosen:
        return DaemonVersion.parse(asked), None, ""
    try:
        installation = session.installation({"daemonVersion": asked})
    except TarmakIamError:
        if is_chosen:
            raise
        return DEFAULT_RELEASE, None, ""
    return installation.daemon_version, installation.partition, installation.region


def print_inspection(inspection: Inspection, version: DaemonVersion) -> None:
    def answer(refusal: str | None, otherwise: str) -> str:
        return f"rejects it: {refusal}" if refusal else otherwise

    signed = "not in the token, but signed as a header: for another cluster, STS rejects the signature"
    partition = f"partition {inspection.partition}" if inspection.partition else "no STS host"
    session = "with" if inspection.has_session_token else "without"
    rows = [
        ("host:", f"{inspection.host or '-'} ({partition})"),
        ("region:", inspection.region or "-"),
        ("signed:", _time(inspection.signed_at)),
        ("expires:", _time(inspection.expires_at)),
        ("access key:", f"{inspection.access_key_id or '-'} ({inspection.key_kind}, {session} session token)"),
        ("signed headers:", ", ".join(inspection.signed_headers) or "-"),
        ("cluster ID:", signed if inspection.signs_cluster_id else "not signed"),
        ("STS:", answer(inspection.sts_refusal, "checks the signature")),
        (f"{version}:", answer(inspection.verdict(version).refusal, "sends it to STS")),
        *(("note:", text) for text in inspection.notes),
    ]
    for name, value in rows:
        print_line(f"{name:<16}{value}")
    print_line("by release:")
    for verdict in inspection.verdicts:
        print_line(f"  {verdict.versions:<19} {answer(verdict.refusal, 'sends it to STS')}")


def _time(moment: datetime | None) -> str:
    """With the time until then, or since then."""
    from datetime import datetime, timezone

    if moment is None:
        return "-"
    left = (moment - datetime.now(timezone.utc)).total_seconds()
    minutes, seconds = divmod(int(abs(left)), 60)
    away = f"{minutes} min {seconds} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC ({'in ' + away if left > 0 else away + ' ago'})"


def inspection_json(inspection: Inspection, version: DaemonVersion) -> dict[str, object]:
    refusal, signed, expires = inspection.verdict(version).refusal, inspection.signed_at, inspection.expires_at
    return {
        "host": inspection.host,
        "region": inspection.region,
        "partition": inspection.partition,
        "signedAt": f"{signed:%Y-%m-%dT%H:%M:%SZ}" if signed else None,
        "expiresAt": f"{expires:%Y-%m-%dT%H:%M:%SZ}" if expires else None,
        "accessKeyId": inspection.access_key_id,
        "keyKind": str(inspection.key_kind),
        "hasSessionToken": inspection.has_session_token,
        "signedHeaders": list(inspection.signed_headers),
        "signsClusterId": inspection.signs_cluster_id,
        "daemonVersion": str(version),
        "refused": refusal is not None or inspection.sts_refusal is not None,
        "refusal": refusal,
        "stsRefusal": inspection.sts_refusal,
        "versions": [
            {"first": str(verdict.first), "last": str(verdict.last), "refusal": verdict.refusal}
            for verdict in inspection.verdicts
        ],
        "notes": list(inspection.notes),
    }
