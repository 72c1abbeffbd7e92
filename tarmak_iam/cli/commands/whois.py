"""whois: who an IAM caller becomes."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import click

from tarmak_iam.cli.all_clusters import clusters_of, finish_all, for_each, noting, with_mappings
from tarmak_iam.cli.completion import callers
from tarmak_iam.cli.console import ExitCode, note, print_json, print_line, print_rows, working
from tarmak_iam.cli.options import all_clusters_option, daemon_version_option, format_option, option
from tarmak_iam.cli.session import Session, pass_session
from tarmak_iam.config import Cluster
from tarmak_iam.errors import ConfigError, Place, SelectionError, place_json
from tarmak_iam.files.read import read_file
from tarmak_iam.identity import Answer, Authenticator, Identity
from tarmak_iam.identity.caller import identity_of, private_names_of, typed_caller, typed_session
from tarmak_iam.identity.releases import DEFAULT_RELEASE, DaemonVersion
from tarmak_iam.installation.installation import Installation


@click.command()
@click.argument("arn", metavar="ARN", shell_complete=callers)
@option("--session NAME", "session_name", default="SESSION")
@option("--user-id ID", default="")
@option("--access-key-id ID", default="")
@option("--config FILE", "config_path", type=click.Path(path_type=Path))
@option("--file FILE", "file_paths", type=click.Path(path_type=Path), multiple=True)
@option("--daemon-arg ARG", "daemon_args", multiple=True)
@option(
    "--model MODEL FILE", nargs=2, type=(click.Choice(["access-entries", "authentication-config"]), str), default=None
)
@daemon_version_option
@all_clusters_option
@option("--exit-code")
@format_option("text", "json")
@pass_session
def whois(
    session: Session, /, arn: str, config_path: Path | None, daemon_version: str | None, output: str, **more: Any
) -> None:
    file_paths, daemon_args, user_id = more["file_paths"], more["daemon_args"], more["user_id"]
    _check_sources(config_path, daemon_version, **more)
    identity = identity_of(typed_caller(arn), typed_session(more["session_name"]), user_id, more["access_key_id"])
    if more["model"] is not None:
        _whois_by_model(more["model"], identity, output, exits=more["exit_code"])
        return
    if more["all_clusters"]:
        _whois_all(session, identity, daemon_version, output, knows_caller=bool(user_id), fails=more["exit_code"])
        return
    with working("evaluating the mappings"):
        if config_path is not None:
            authenticator = Authenticator.load(
                _text(config_path),
                version=str(DaemonVersion.parse(daemon_version) if daemon_version else DEFAULT_RELEASE),
                args=daemon_args,
                files={path.name: _text(path) for path in file_paths},
                filename=str(config_path),
                private_dns_names=private_names_of(identity),
            )
            answer = authenticator.whois(identity)
        else:
            installation = session.installation({"daemonVersion": daemon_version})
            if installation.mappings is None:
                what = f"{installation.cluster_id} has no mappings, so every caller is denied"
                command = installation.command("map add ARN --username NAME --group GROUP")
                raise ConfigError(what, remedy=f"add a mapping first: {command}")
            answer = _answer_of(installation, identity, daemon_version, note)
    if output == "json":
        print_json(_as_json(answer, knows_caller=bool(user_id)))
    else:
        _print_text(answer)
    if not answer.started:
        click.get_current_context().exit(ExitCode.ERROR)
    if more["exit_code"] and not answer.authenticated:
        click.get_current_context().exit(ExitCode.FINDINGS)


def _check_sources(
    config_path: Path | None, daemon_version: str | None, *, model: object, all_clusters: bool, **more: Any
) -> None:
    """Raises UsageError for options that contradict each other."""
    if config_path is None and (more["file_paths"] or more["daemon_args"]):
        raise click.UsageError("--file and --daemon-arg require --config")
    if config_path is not None and all_clusters:
        raise click.UsageError("--config replaces the mappings of a cluster: use it without --all-clusters")
    if model is not None and (config_path or daemon_version or all_clusters):
        what = "--model reads one file: use it without --config, --daemon-version and --all-clusters"
        raise click.UsageError(what)


def _answer_of(
    installation: Installation, identity: Identity, daemon_version: str | None, tell: Callable[[str], None]
) -> Answer:
    if daemon_version is None and (conflict := installation.release_conflict):
        tell(f"warning: {conflict}; this answer is for {installation.daemon_version}")
    return installation.authenticator(private_dns_names=private_names_of(identity)).whois(identity)


def _whois_all(
    session: Session, identity: Identity, daemon_version: str | None, output: str, *, knows_caller: bool, fails: bool
) -> None:
    """One table. With `fails`, a denial in one of the clusters is a failure."""
    config, denied, stopped = session.config(), "denied", "not started"

    def answer(cluster: Cluster, _: object) -> Answer | None:
        installation = session.installation_of(config, cluster, {"daemonVersion": daemon_version})
        is_mapped = installation.mappings is not None
        return _answer_of(installation, identity, daemon_version, noting(cluster)) if is_mapped else None

    outcomes = [*with_mappings(config, for_each(clusters_of(config, session.environment), answer, "evaluating"))]
    if not outcomes:
        command = session.command("map add ARN --username NAME --group GROUP --all-clusters")
        what, place = "no cluster has a mappings file, so every caller is denied", Place(str(config.path))
        raise SelectionError(what, remedy=f"add a mapping first: {command}", place=place)
    answers = [(outcome, outcome.value) for outcome in outcomes if not outcome.error]
    if output == "text":
        rows = [(outcome.name, *_row(part)) for outcome, given in answers for part in (given, *given.alternatives)]
        print_rows(("CLUSTER", "USERNAME", "GROUPS", "ENTRY"), rows)
        for outcome, given in answers:
            for text in given.notes:
                noting(outcome.cluster)(f"note: {text}")

    def word(given: Answer) -> str:
        return "can log in" if given.authenticated else denied if given.started else stopped

    codes = {stopped: ExitCode.ERROR, **({denied: ExitCode.FINDINGS} if fails else {})}
    finish_all(outcomes, partial(_as_json, knows_caller=knows_caller), output, word, "", codes)


def _row(answer: Answer) -> tuple[str, ...]:
    why = answer.reason if answer.started else f"the authenticator does not start: {answer.reason}"
    entry = str(answer.place or answer.reason) if answer.authenticated else f"denied: {why}"
    return answer.username or "", ",".join(answer.groups or ()), entry


def _whois_by_model(given: tuple[str, str], identity: Identity, output: str, *, exits: bool) -> None:
    (model, file), policies = given, None
    if model == "access-entries":
        from tarmak_iam.cli.eks import whois_on_eks

        answer, policies = whois_on_eks(file, identity)
    else:
        from tarmak_iam.cli.edits import read_given
        from tarmak_iam.mappings.authentication_config import whois as whois_by_token

        answer = whois_by_token(*read_given(file), identity)
    if output == "json":
        eks = {} if policies is None else {"accessPolicies": policies}
        print_json({**_as_json(answer, knows_caller=False), **eks})
    else:
        shown = () if policies is None or not answer.authenticated else (("policies", "; ".join(policies) or "-"),)
        _print_text(answer, shown)
    if exits and not answer.authenticated:
        click.get_current_context().exit(ExitCode.FINDINGS)


def _text(path: Path) -> str:
    try:
        return read_file(path).decode()
    except UnicodeDecodeError as error:
        what = f"byte {error.start + 1} is not valid UTF-8"
        raise ConfigError(what, remedy="save the file as UTF-8", place=Place(str(path))) from None


def _print_text(answer: Answer, more: tuple[tuple[str, str], ...] = ()) -> None:
    where = f" ({answer.place})" if answer.place else ""
    if answer.authenticated:
        groups = ", ".join(answer.groups or ()) or "-"
        rows = [("username", answer.username or ""), ("groups", groups), ("reason", f"{answer.reason}{where}")]
    else:
        why = answer.reason if answer.started else f"the authenticator does not start: {answer.reason}"
        rows = [("denied", f"{why}{where}")]
    for other in answer.alternatives:
        who = f"{other.username}, groups {', '.join(other.groups or ()) or '-'}" if other.authenticated else "denied"
        rows.append(("or", f"{who}: {other.reason}"))
    for name, text in (*rows, *more, *(("note", text) for text in answer.notes)):
        print_line(f"{name + ':':<10}{text}")  # on one line: texts from files may contain line breaks


def _as_json(answer: Answer, *, knows_caller: bool) -> dict[str, object]:
    """Without --user-id, uid and extra are omitted: they would be invented."""
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
