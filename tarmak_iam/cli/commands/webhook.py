"""webhook, doctor: certificate, key and kubeconfig of the authenticator's server, before the first master exists; and
an offline check of such files."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from tarmak_iam.cli import formats
from tarmak_iam.cli.completion import daemon_versions, directories
from tarmak_iam.cli.console import ExitCode, note, print_line, record_done
from tarmak_iam.cli.options import WHOLE_NUMBER, option, output_dir_option, paths_argument
from tarmak_iam.cli.session import Session, note_incomplete, pass_session
from tarmak_iam.config.api_server import DEFAULT_WEBHOOK_FILE
from tarmak_iam.errors import ConfigError, FileError, Place, TarmakIamError
from tarmak_iam.files.atomic import Replacement, is_current, make_directory, replace_files
from tarmak_iam.files.boundary import Boundary
from tarmak_iam.files.read import read_if_present
from tarmak_iam.findings import Severity
from tarmak_iam.identity import viper
from tarmak_iam.identity.daemon_config import DEFAULT_PORT, ServerSettings, read_server_settings
from tarmak_iam.identity.model import DaemonNotStarted
from tarmak_iam.identity.releases import DaemonVersion
from tarmak_iam.installation.admin_kubeconfig import NOT_EXAMINED
from tarmak_iam.pki.webhook_files import (
    CERTIFICATE,
    DAYS,
    EXPIRES_WITHIN,
    KEY,
    KUBECONFIG,
    MASTERS_VERSION,
    STATE_DIR,
    ServerNames,
)
from tarmak_iam.text import PLAIN

if TYPE_CHECKING:
    from tarmak_iam.installation.installation import Installation
    from tarmak_iam.pki.webhook_pair import Prepared


@click.command()
@output_dir_option("the files")
@option("--days DAYS", type=int, default=DAYS)
@option("--hostname HOST", "hostnames", multiple=True)
@option("--address IP")
@option("--port PORT", type=int)
@option("--renew")
@option(
    "--daemon-version VERSION",
    about=f"Write the kubeconfig as `init` of this release does. Default: {MASTERS_VERSION}, the release on Tarmak's "
    "masters.",
    shell_complete=daemon_versions,
)
@pass_session
def webhook(
    session: Session, /, output_dir: Path, hostnames: tuple[str, ...], address: str | None, **more: Any
) -> None:
    from tarmak_iam.pki.webhook_pair import Existing, prepare

    port, daemon_version = more.pop("port"), more.pop("daemon_version")
    version = DaemonVersion.parse(daemon_version) if daemon_version is not None else MASTERS_VERSION
    installation = session.installation_if_chosen()
    server = _server(installation, {"hostname": not hostnames, "address": address is None, "port": port is None})
    names = ServerNames(hostnames or (server.hostname,), server.address if address is None else address)
    port = server.port if port is None else port
    within = Boundary(output_dir, session.follow_links)
    existing = Existing(
        output_dir, *(read_if_present(output_dir / name, within) for name in (CERTIFICATE, KEY, KUBECONFIG))
    )
    prepared = prepare(existing, names, port, now=datetime.now(timezone.utc), version=version, **more)
    for line in _write(within, prepared):  # all is written: the reader of the lines may close the pipe
        print_line(line)
    is_given = click.get_current_context().get_parameter_source("days") is ParameterSource.COMMANDLINE
    if prepared.is_kept and is_given:
        note("--days was ignored: the existing certificate and key are kept; use --renew to create new ones")
    if prepared.is_of_existing_key:
        note(f"created {CERTIFICATE} for the existing {KEY}, which an interrupted run may have left without one")
    init_url = ServerNames().url(DEFAULT_PORT)
    target = (installation.safe_webhook_file() if installation else None) or DEFAULT_WEBHOOK_FILE
    note("install these files on every master before its API server starts, owned by root:")
    note(f"  {CERTIFICATE} -> {STATE_DIR}/{CERTIFICATE} (0644)")
    note(f"  {KEY} -> {STATE_DIR}/{KEY} (0600)")
    note(f"  {KUBECONFIG} -> {target} (0644)")
    init = f"Tarmak's init unit keeps certificate and key, writes the kubeconfig again for {init_url}"
    note(f"{init}, and copies it to {target}")
    if prepared.url != init_url:
        disable = (installation.command_line if installation else PLAIN).tarmak_iam("disable")
        to_use = f"to use it, run `{disable}` and set authTokenWebhookFile to {target}"
        note(f"this kubeconfig is for {prepared.url}; {to_use}")
    if prepared.is_of_existing_key or (existing.certificate is not None and not prepared.is_kept):
        what = "IAM logins fail until the files are on all masters and both servers are restarted"
        note(f"warning: {what}", installation.recovery_hint if installation else NOT_EXAMINED)


def _server(installation: Installation | None, used: dict[str, bool]) -> ServerSettings:
    """Those of the mappings file, if any. Raises ConfigError if no server could use a value that is `used`."""
    if installation is None or installation.mappings is None:
        return ServerSettings()
    document = installation.mappings.document
    try:
        server = read_server_settings(document, installation.daemon_version, installation.daemon.args)
    except DaemonNotStarted as stop:
        what = f"authenticator {installation.daemon_version} does not start: {stop.reason}"
        place = document.position(stop.route or ())
        raise ConfigError(what, remedy="fix the mappings file", place=place) from None
    checks: dict[str, Callable[[], object]] = {
        "hostname": lambda: ServerNames((server.hostname,)),
        "address": lambda: ServerNames(address=server.address),
        "port": lambda: ServerNames().url(server.port),
    }
    for key in (key for key in checks if used[key]):
        try:
            checks[key]()
        except ConfigError as error:
            place = document.position(viper.ViperSettings(document.data, {}, {}).route(f"server.{key}"))
            raise ConfigError(f"server.{key}: {error.what}", remedy=error.remedy, place=place) from None
    return server


def _write(within: Boundary, prepared: Prepared) -> list[str]:
    """All files or none, with a line for each. The umask is applied, as `init` does. Raises FileError."""
    umask = os.umask(0o077)  # it cannot be read without setting it
    os.umask(umask)
    written, lines = [], []
    for output in prepared.outputs:
        path, is_secret, is_same = within.directory / output.name, output.is_secret, output.before == output.data
        mode = 0o600 if is_secret else 0o644 & ~umask
        # A secret must not be readable by others; the mode of other files is the owner's choice.
        if is_same and is_current(path, output.data, mode if is_secret else 0o666):
            lines.append(f"unchanged {path}")
        else:
            written.append(Replacement(path, output.data, output.before, mode, is_secret, within))
            lines.append(f"{'restricted' if is_same else 'wrote'} {path}")
    make_directory(within.directory, 0o700)
    replace_files(written)
    record_done("wrote", *(file.path for file in written))
    return lines


@click.command()
@click.argument("directory", metavar="DIR", type=click.Path(), callback=paths_argument, shell_complete=directories)
@option("--root", "is_master")
@option("--expires-within DAYS", type=WHOLE_NUMBER, default=EXPIRES_WITHIN)
@formats.findings_options
@pass_session
def doctor(session: Session, directory: Path, is_master: bool, expires_within: int, output: str, fail_on: str) -> None:
    from tarmak_iam.doctor import CHECKS, examine_tree, read_tree

    with formats.errors_reported(output):
        installation, why_not = None, ""
        try:
            installation = session.installation_if_chosen()
        except TarmakIamError as error:
            if session.is_named:
                raise
            why_not = str(error)
        webhook_file = installation.webhook_file if installation else None
        tree = read_tree(directory, is_master=is_master or None, webhook_file=webhook_file)
        now = datetime.now(timezone.utc)
        report = examine_tree(tree, now=now, expires_within=expires_within, installation=installation)
        if not report.saw_anything:
            remedy = "specify a directory with cert.pem, with a master's files, or with manifests"
            raise FileError(
                "this directory has no files of the authenticator", remedy=remedy, place=Place(str(directory))
            )
    # Without the lines of the files: they may contain a key.
    results = tuple(formats.FindingResult(diagnosis, diagnosis.place) for diagnosis in report.diagnoses)
    formats.print_report(output, formats.CheckReport(results, CHECKS))
    note_incomplete(directory)
    note(formats.severity_summary(diagnosis.severity for diagnosis in report.diagnoses))
    note(f"checked: {', '.join(report.seen) or 'nothing'}")
    if report.unseen:
        note(f"not found: {', '.join(report.unseen)}")
    if installation is None:
        note(f"not compared with tarmak.yaml: {why_not or 'no cluster is selected'}")
    if any(diagnosis.severity is Severity.ERROR for diagnosis in report.diagnoses):
        note(installation.recovery_hint if installation else NOT_EXAMINED)
    if formats.is_failing((diagnosis.severity for diagnosis in report.diagnoses), fail_on):
        click.get_current_context().exit(ExitCode.FINDINGS)
