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
from tarmak_iam.cli.options import output_dir_option
from tarmak_iam.cli.session import Session, pass_session, recovery_hint_of
from tarmak_iam.command_line import PLAIN
from tarmak_iam.config.api_server import DEFAULT_WEBHOOK_FILE
from tarmak_iam.errors import ConfigError
from tarmak_iam.files.atomic import Replacement, is_current, make_directory, replace_files
from tarmak_iam.files.boundary import Boundary
from tarmak_iam.files.read import read_if_present
from tarmak_iam.identity import viper
from tarmak_iam.identity.daemon_config import DEFAULT_PORT, ServerSettings, read_server_settings
from tarmak_iam.identity.model import DaemonNotStarted
from tarmak_iam.identity.releases import DaemonVersion
from tarmak_iam.pki.server_names import ServerNames
from tarmak_iam.pki.webhook_files import CERTIFICATE, DAYS, KEY, KUBECONFIG, MASTERS_VERSION, STATE_DIR

if TYPE_CHECKING:
    from tarmak_iam.document import Document
    from tarmak_iam.installation.installation import Installation
    from tarmak_iam.pki.webhook_pair import Output, Prepared


@click.command(
    epilog="\b\nExamples:\n"
    "  tarmak-iam webhook --output-dir webhook\n"
    "  tarmak-iam webhook --output-dir webhook --days 3650 \\\n"
    "      --hostname localhost --hostname master.internal"
)
@output_dir_option
@click.option(
    "--days",
    type=int,
    metavar="DAYS",
    default=DAYS,
    show_default=True,
    help="Validity of a new certificate, from now on.",
)
@click.option(
    "--hostname",
    "hostnames",
    multiple=True,
    metavar="HOST",
    help="Host name or IP address of the webhook. The first is used in the URL, all are in the certificate. "
    "Default: server.hostname of the mappings file, else localhost. Can be repeated.",
)
@click.option(
    "--address",
    metavar="IP",
    help="Address that the server listens on. Default: server.address of the mappings file, else 127.0.0.1.",
)
@click.option(
    "--port",
    type=int,
    metavar="PORT",
    help=f"Port of the URL. Default: server.port of the mappings file, else {DEFAULT_PORT}.",
)
@click.option(
    "--renew",
    is_flag=True,
    help="Create a new certificate and key; the old files are kept, with a date in their names.",
)
@click.option(
    "--daemon-version",
    metavar="VERSION",
    shell_complete=daemon_versions,
    help=f"Write the kubeconfig as `init` of this release does. Default: {MASTERS_VERSION}, the release on Tarmak's "
    "masters.",
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
    server = _server(installation)
    if installation is not None and installation.mappings is not None:
        given = {"hostname": bool(hostnames), "address": address is not None, "port": port is not None}
        _check_server(server, installation.mappings.document, [key for key, is_given in given.items() if not is_given])
    names = ServerNames(hostnames or (server.hostname,), server.address if address is None else address)
    within = Boundary(output_dir, session.follow_links)
    found = (read_if_present(output_dir / name, within) for name in (CERTIFICATE, KEY, KUBECONFIG))
    existing = Existing(output_dir, *found)
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
    if prepared.is_kept and _is_given("days"):
        note("--days was ignored: the existing certificate and key are kept; use --renew to create new ones")
    if prepared.is_of_existing_key:
        note(f"created {CERTIFICATE} for the existing {KEY}, which an interrupted run may have left without one")
    _note_where_they_go(installation, prepared)
    if prepared.is_of_existing_key or (existing.certificate is not None and not prepared.is_kept):
        note("IAM logins fail until the files are on all masters and both servers are restarted")
        note(recovery_hint_of(installation))


def _server(installation: Installation | None) -> ServerSettings:
    """Raises ConfigError."""
    if installation is None or installation.mappings is None:
        return ServerSettings()
    document = installation.mappings.document
    try:
        return read_server_settings(document, installation.daemon_version, installation.daemon_args())
    except DaemonNotStarted as stop:
        raise ConfigError(
            f"authenticator {installation.daemon_version} does not start: {stop.reason}",
            remedy="fix the mappings file",
            place=document.position(stop.route or ()),
        ) from None


def _check_server(server: ServerSettings, document: Document, keys: Iterable[str]) -> None:
    """Raises ConfigError, with the place in the mappings file, if a server cannot use one of these values."""
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


def _write(within: Boundary, prepared: Prepared) -> list[str]:
    """Writes all files or none, and returns a line for each file. Raises FileError."""
    files = [_replacement(within, output) for output in prepared.outputs]
    missing = [each for each in files if not _is_up_to_date(each)]
    make_directory(within.directory, 0o700)
    replace_files(missing)
    record_written(*(each.path for each in missing))
    return [f"{_done(each) if each in missing else 'unchanged'} {each.path}" for each in files]


def _done(each: Replacement) -> str:
    return "restricted" if each.before == each.data else "wrote"


def _replacement(within: Boundary, output: Output) -> Replacement:
    """With the umask applied, as `init` does, and the key readable by its owner only."""
    mode = 0o600 if output.is_secret else 0o644 & ~_umask()
    return Replacement(within.directory / output.name, output.data, output.before, mode, output.is_secret, within)


def _is_up_to_date(each: Replacement) -> bool:
    """The content is right, and a secret is not readable by others; the mode of other files is the owner's choice."""
    return each.before == each.data and is_current(each.path, each.data, each.mode if each.is_secret else 0o666)


def _umask() -> int:
    mask = os.umask(0o077)  # it cannot be read without setting it
    os.umask(mask)
    return mask


def _is_given(name: str) -> bool:
    return click.get_current_context().get_parameter_source(name) is ParameterSource.COMMANDLINE


def _note_where_they_go(installation: Installation | None, prepared: Prepared) -> None:
    target = (installation.safe_webhook_file() if installation else None) or DEFAULT_WEBHOOK_FILE
    note("install these files on every master before its API server starts, owned by root:")
    note(f"  {CERTIFICATE} -> {STATE_DIR}/{CERTIFICATE} (0644)")
    note(f"  {KEY} -> {STATE_DIR}/{KEY} (0600)")
    note(f"  {KUBECONFIG} -> {target} (0644)")
    note(
        f"Tarmak's init unit keeps certificate and key, writes the kubeconfig again for {_INIT_URL}, "
        f"and copies it to {target}"
    )
    if prepared.url != _INIT_URL:
        disable = (installation.command_line if installation else PLAIN).tarmak_iam("disable")
        note(
            f"this kubeconfig is for {prepared.url}; to use it, run `{disable}` and set authTokenWebhookFile "
            f"to {target}"
        )


_INIT_URL = ServerNames().url(DEFAULT_PORT)
