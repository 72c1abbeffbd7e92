"""whois: who an IAM caller becomes."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import click

from tarmak_iam.cli.completion import callers
from tarmak_iam.cli.console import note, print_json, print_line
from tarmak_iam.cli.exit_codes import ExitCode
from tarmak_iam.cli.options import daemon_version_option, format_option
from tarmak_iam.cli.parsing import cluster_suggested
from tarmak_iam.cli.session import Session, pass_session
from tarmak_iam.document.files import read_file
from tarmak_iam.errors import ConfigError, Place, place_json
from tarmak_iam.identity import Answer, Authenticator, Identity
from tarmak_iam.identity.caller import identity_of
from tarmak_iam.identity.releases import RECORDED_RELEASE, DaemonVersion
from tarmak_iam.text import one_line


@click.command(
    epilog="\b\nExamples:\n"
    "  tarmak-iam whois arn:aws:iam::111122223333:role/Admin\n"
    "  kubectl -n kube-system get configmap aws-auth -o yaml > aws-auth.yaml\n"
    "  tarmak-iam whois arn:aws:iam::111122223333:role/Admin \\\n"
    "      --config config.yaml --file aws-auth.yaml \\\n"
    "      --daemon-arg=--backend-mode=MountedFile,EKSConfigMap"
)
@click.argument("arn", metavar="ARN", shell_complete=callers)
@click.option(
    "--session",
    "session_name",
    default="SESSION",
    metavar="NAME",
    show_default=True,
    help="Role session name, where the ARN has none.",
)
@click.option("--user-id", metavar="ID", default="", help="Unique id of the principal, as in AIDA... or AROA...")
@click.option("--access-key-id", metavar="ID", default="", help="Access key id that the caller signs with.")
@click.option(
    "--config",
    "config_path",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="An authenticator's own configuration to ask, instead of the current cluster's; no tarmak.yaml is needed.",
)
@click.option(
    "--file",
    "file_paths",
    type=click.Path(path_type=Path),
    multiple=True,
    metavar="FILE",
    help="With --config: what the authenticator reads besides, as the dynamic file, or objects of the cluster (the "
    "ConfigMap aws-auth, IAMIdentityMapping objects, as kubectl get -o yaml prints them). The dynamic file is found by "
    "its name. May be given several times.",
)
@click.option(
    "--daemon-arg",
    "daemon_args",
    multiple=True,
    metavar="ARG",
    help="With --config: a flag of the authenticator, as in --daemon-arg=--backend-mode=EKSConfigMap.",
)
@daemon_version_option
@click.option("--exit-code", is_flag=True, help="Exit with 1 where the caller becomes nobody.")
@format_option("text", "json")
@pass_session
def whois(
    session: Session,
    arn: str,
    session_name: str,
    user_id: str,
    access_key_id: str,
    config_path: Path | None,
    file_paths: tuple[Path, ...],
    daemon_args: tuple[str, ...],
    daemon_version: str | None,
    exit_code: bool,
    output: str,
) -> None:
    """Who the caller with this ARN becomes in the current cluster, by which entry, or why nobody.

    The answer is the one that the authenticator of the settings' version would give (with --config: of
    --daemon-version, else of the newest release whose answers were recorded from the daemon). A role's ARN stands for a
    session of that role. Exits with 2 where the authenticator would not start, and with --exit-code with 1 for nobody.
    """
    if config_path is None and (file_paths or daemon_args):
        raise click.UsageError("--file and --daemon-arg are for --config")
    with cluster_suggested(arn, "ARN"):
        identity = identity_of(arn, session_name, user_id, access_key_id)
    if config_path is not None:
        authenticator = _of_file(config_path, file_paths, daemon_args, daemon_version, _instance(identity))
    else:
        authenticator = _of_cluster(session, daemon_version, _instance(identity))
    answer = authenticator.whois(identity)
    if output == "json":
        print_json(_as_json(answer, knows_caller=bool(user_id)))
    else:
        _print_text(answer)
    if not answer.started:
        click.get_current_context().exit(ExitCode.ERROR)
    if exit_code and not answer.authenticated:
        click.get_current_context().exit(ExitCode.FINDINGS)


def _instance(identity: Identity) -> dict[str, str]:
    """What EC2 would say of a session that may be an instance: here only that it would be asked."""
    name = identity.user_id.rpartition(":")[2]
    return {name: f"<private DNS name of {name}>"} if name.startswith("i-") else {}


def _of_cluster(session: Session, daemon_version: str | None, names: dict[str, str]) -> Authenticator:
    installation = session.installation({"daemonVersion": daemon_version})
    if installation.mappings is None:
        raise ConfigError(
            f"{installation.cluster_id} has no mappings, so nobody becomes anybody",
            remedy=f"map someone first: {installation.map_command}",
        )
    if daemon_version is None and installation.release_conflict:
        note(f"warning: {installation.release_conflict}; the answer is that of {installation.daemon_version}")
    return installation.authenticator(private_dns_names=names)


def _of_file(
    path: Path, file_paths: Iterable[Path], args: Iterable[str], version: str | None, names: dict[str, str]
) -> Authenticator:
    files = {each.name: _text(each) for each in file_paths}
    text = _text(path)
    chosen = DaemonVersion.parse(version) if version else RECORDED_RELEASE
    return Authenticator.load(
        text, version=str(chosen), args=args, files=files, filename=str(path), private_dns_names=names
    )


def _text(path: Path) -> str:
    try:
        return read_file(path).decode()
    except UnicodeDecodeError as error:
        what = f"byte {error.start + 1} is no UTF-8"
        raise ConfigError(what, remedy="save the file as UTF-8", place=Place(str(path))) from None


def _print_text(answer: Answer) -> None:
    where = f" ({answer.place})" if answer.place else ""
    if answer.authenticated:
        _row("username", answer.username or "")
        _row("groups", ", ".join(answer.groups or ()) or "-")
        _row("because", f"{answer.reason}{where}")
    elif answer.started:
        _row("nobody", f"{answer.reason}{where}")
    else:
        _row("nobody", f"the authenticator would not start: {answer.reason}{where}")
    for other in answer.alternatives:
        who = f"{other.username}, groups {', '.join(other.groups or ()) or '-'}" if other.authenticated else "nobody"
        _row("or", f"{who}: {other.reason}")
    for text in answer.notes:
        _row("note", text)


def _row(name: str, text: str) -> None:
    """On one line, whatever somebody wrote into a file."""
    print_line(f"{name + ':':<10}{one_line(text)}")


def _as_json(answer: Answer, *, knows_caller: bool) -> dict[str, object]:
    """Without --user-id the uid and the extra values would be made up, so they are left out."""
    known: dict[str, object] = {"uid": answer.uid, "extra": answer.extra or {}} if knows_caller else {}
    return {
        "started": answer.started,
        "authenticated": answer.authenticated,
        "username": answer.username,
        "groups": answer.groups or [],
        **known,
        "reason": answer.reason,
        **place_json(answer.place),
        "alternatives": [_as_json(other, knows_caller=knows_caller) for other in answer.alternatives],
        "notes": list(answer.notes),
    }
