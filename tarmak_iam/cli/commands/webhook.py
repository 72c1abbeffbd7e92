"""webhook: certificate, key and kubeconfig of the authenticator's server, before the first master exists."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING

import click
from click.core import ParameterSource

from tarmak_iam.cli.completion import daemon_versions
from tarmak_iam.cli.console import note, print_line, record_written
from tarmak_iam.cli.options import option, output_dir_option
from tarmak_iam.cli.session import Session, pass_session, recovery_hint_of
from tarmak_iam.config.api_server import DEFAULT_WEBHOOK_FILE
from tarmak_iam.errors import ConfigError
from tarmak_iam.files.atomic import Replacement, is_current, make_directory, replace_files
from tarmak_iam.files.boundary import Boundary
from tarmak_iam.files.read import read_if_present
from tarmak_iam.identity import viper
from tarmak_iam.identity.daemon_config import DEFAULT_PORT, ServerSettings, read_server_settings
from tarmak_iam.identity.model import DaemonNotStarted
from tarmak_iam.identity.releases import DaemonVersion
from tarmak_iam.pki.webhook_files import CERTIFICATE, DAYS, KEY, KUBECONFIG, MASTERS_VERSION, STATE_DIR, ServerNames
from tarmak_iam.text import PLAIN

if TYPE_CHECKING:
    from tarmak_iam.document import Document
    from tarmak_iam.installation.installation import Installation
    from tarmak_iam.pki.webhook_pair import Prepared


@click.command(
    epilog="\b\nExamples:\n"
    "  tarmak-iam webhook --output-dir webhook\n"
    "  tarmak-iam webhook --output-dir webhook --days 3650 \\\n"
    "      --hostname localhost --hostname master.internal"
)
@output_dir_option
@option("--days DAYS", "Validity of a new certificate, from now on.", type=int, default=DAYS)
@option(
    "--hostname HOST",
    "Host name or IP address of the webhook. The first is used in the URL, all are in the certificate. "
    "Default: server.hostname of the mappings file, else localhost. Can be repeated.",
    "hostnames",
    multiple=True,
)
@option(
    "--address IP", "Address that the server listens on. Default: server.address of the mappings file, else 127.0.0.1."
)
@option("--port PORT", f"Port of the URL. Default: server.port of the mappings file, else {DEFAULT_PORT}.", type=int)
@option("--renew", "Create a new certificate and key; the old files are kept, with a date in their names.")
@option(
    "--daemon-version VERSION",
    f"Write the kubeconfig as `init` of this release does. Default: {MASTERS_VERSION}, the release on Tarmak's "
    "masters.",
    shell_complete=daemon_versions,
)
@pass_session
def webhook(
    session: Session,
    output_dir: Path,
    days: int,
    hostnames: tuple[str, ...],
    address: str | None,
    port: int | None,
    renew: bool,
    daemon_version: str | None,
) -> None:
    """Create the webhook's certificate, key and kubeconfig in advance, as the authenticator's `init` does.

    Needs no tarmak.yaml. If a cluster is selected, host name, address and port are those of its mappings file. An
    existing certificate and key are kept, as `init` does, and only the kubeconfig is written again. For a key alone, as
    an interrupted run leaves it, a certificate is created.
    """
    from tarmak_iam.pki.webhook_pair import Existing, prepare

    version = DaemonVersion.parse(daemon_version) if daemon_version is not None else MASTERS_VERSION
    installation = session.installation_if_chosen()
    server = ServerSettings()
    if installation is not None and installation.mappings is not None:
        given = {"hostname": bool(hostnames), "address": address is not None, "port": port is not None}
        server = _server(installation, installation.mappings.document, [key for key in given if not given[key]])
    names = ServerNames(hostnames or (server.hostname,), server.address if address is None else address)
    within = Boundary(output_dir, session.follow_links)
    contents = (read_if_present(output_dir / name, within) for name in (CERTIFICATE, KEY, KUBECONFIG))
    existing = Existing(output_dir, *contents)
    prepared = prepare(
        existing,
        names,
        server.port if port is None else port,
        now=datetime.now(timezone.utc),
        days=days,
        renew=renew,
        version=version,
    )
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
        note("IAM logins fail until the files are on all masters and both servers are restarted")
        note(recovery_hint_of(installation))


def _server(installation: Installation, document: Document, keys: Iterable[str]) -> ServerSettings:
    """Those of the mappings file. Raises ConfigError, with the place in it, if the authenticator does not start, or a
    server cannot use the value of one of these keys."""
    try:
        server = read_server_settings(document, installation.daemon_version, installation.daemon.args)
    except DaemonNotStarted as stop:
        raise ConfigError(
            f"authenticator {installation.daemon_version} does not start: {stop.reason}",
            remedy="fix the mappings file",
            place=document.position(stop.route or ()),
        ) from None
    checks: dict[str, Callable[[], object]] = {
        "hostname": lambda: ServerNames((server.hostname,)),
        "address": lambda: ServerNames(address=server.address),
        "port": lambda: ServerNames().url(server.port),
    }
    for key in keys:
        try:
            checks[key]()
        except ConfigError as error:
            place = document.position(viper.ViperSettings(document.data, {}, {}).route(f"server.{key}"))
            raise ConfigError(f"server.{key}: {error.what}", remedy=error.remedy, place=place) from None
    return server


def _write(within: Boundary, prepared: Prepared) -> list[str]:
    """Writes all files or none, and returns a line for each file. The umask is applied, as `init` does, and the key is
    readable by its owner only. Raises FileError."""
    umask = os.umask(0o077)  # it cannot be read without setting it
    os.umask(umask)
    written, lines = [], []
    for output in prepared.outputs:
        path, data, is_secret = within.directory / output.name, output.data, output.is_secret
        mode = 0o600 if is_secret else 0o644 & ~umask
        # A secret must not be readable by others; the mode of other files is the owner's choice.
        if output.before == data and is_current(path, data, mode if is_secret else 0o666):
            lines.append(f"unchanged {path}")
        else:
            written.append(Replacement(path, data, output.before, mode, is_secret, within))
            lines.append(f"{'restricted' if output.before == data else 'wrote'} {path}")
    make_directory(within.directory, 0o700)
    replace_files(written)
    record_written(*(file.path for file in written))
    return lines
