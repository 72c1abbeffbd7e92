"""run: tarmak as it is, with what belongs around its apply and around the commands that rewrite tarmak.yaml."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import click

from tarmak_iam.cli.console import error_line, note
from tarmak_iam.cli.exit_codes import ExitCode
from tarmak_iam.cli.session import Session, pass_session
from tarmak_iam.errors import ConfigError, TarmakIamError
from tarmak_iam.hook.tarmak.arguments import TarmakCall
from tarmak_iam.hook.tarmak.passthrough import ProgramNotStarted, pass_through


@click.command(
    context_settings={"allow_interspersed_args": False},
    options_metavar="[OPTIONS] --",
    short_help="tarmak, with what belongs around its apply.",
    epilog="\b\nExamples:\n"
    "  tarmak-iam run -- tarmak clusters apply\n"
    "  tarmak-iam run --rollback-on-failure -- \\\n"
    "      tarmak -c ~/.tarmak clusters apply --configuration-only",
)
@click.option("--no-check", is_flag=True, help="Start tarmak whatever `check` finds, and whoever is locked out.")
@click.option("--rollback-on-failure", is_flag=True, help="Restore the objects if apply or the login fails.")
@click.option(
    "--rollback-unless-verified",
    is_flag=True,
    help="Restore them also if nobody whom a mapping names has logged in.",
)
@click.option(
    "--kubeconfig",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="For kubectl, instead of `tarmak clusters kubeconfig`.",
)
@click.option("--context", "kube_context", metavar="NAME", help="Context of the kubeconfig.")
@click.argument("command", metavar="tarmak ARGS...", nargs=-1, required=True, type=click.UNPROCESSED)
@pass_session
@click.pass_context
def run(
    context: click.Context,
    session: Session,
    no_check: bool,
    rollback_on_failure: bool,
    rollback_unless_verified: bool,
    kubeconfig: Path | None,
    kube_context: str | None,
    command: tuple[str, ...],
) -> None:
    """Run any tarmak command: it has its arguments, the terminal and its exit code as without us.

    Around `clusters apply` of a cluster whose switch is on, `check` comes before and stops it for errors or where
    everyone would be locked out; after a success the objects are applied, and verified by a login. Around the commands
    that rewrite tarmak.yaml its comments are kept.

    The directory and the cluster are those of tarmak's own arguments. Exit codes of our own: 1 for findings and for a
    login that failed, 2 where something cannot be read or applied, 4 where it is applied and nobody who is mapped has
    logged in, 127 where there is no tarmak.
    """
    _check_program(command[0])
    call = TarmakCall.parse(command[1:])
    try:
        environment = _environment(session, call)
        # Imported where they are used: a command that is only passed through costs next to nothing.
        if call.rewrites:
            from tarmak_iam.cli.run_hooks import run_rewriting

            code = run_rewriting(command, call.directory(environment) / "tarmak.yaml", environment)
        elif call.applies:
            from tarmak_iam.cli.run_hooks import RunOptions, run_apply

            wishes = RunOptions(
                no_check,
                rollback_on_failure=rollback_on_failure,
                rollback_unless_verified=rollback_unless_verified,
                kubeconfig=kubeconfig,
                context=kube_context,
                follow_links=session.follow_links,
            )
            code = run_apply(command, call, environment, wishes)
        else:
            code = pass_through(command, environment).code
    except ProgramNotStarted as error:
        note(error_line(error))
        code = ExitCode.NOT_FOUND if error.is_missing else ExitCode.CANNOT_BE_RUN
    except TarmakIamError as error:
        note(error_line(error, then="tarmak was not started"))
        code = ExitCode.ERROR
    context.exit(code)


def _check_program(word: str) -> None:
    name = Path(word).name
    if not name.startswith("tarmak") or name.startswith("tarmak-iam"):
        raise click.UsageError(
            f"the command after `--` must be tarmak, not '{word}': `tarmak-iam run -- tarmak clusters apply`; put a "
            "wrapper such as aws-vault before tarmak-iam"
        )


def _environment(session: Session, call: TarmakCall) -> Mapping[str, str]:
    """What tarmak runs with. Raises ConfigError where our own -c or --current-cluster says something else than
    tarmak's arguments, which are not touched."""
    environment = dict(os.environ)
    if session.directory is not None:
        given = session.directory.expanduser()
        given = given.parent if given.is_file() else given
        if "config-directory" not in call.flags:
            environment["TARMAK_CONFIG"] = str(given)
        elif os.path.realpath(given) != os.path.realpath(call.directory(environment)):
            raise _contradiction("-c", str(session.directory), call.flags["config-directory"])
    if session.cluster_name is not None:
        theirs = call.cluster_name or _current_cluster(call, environment)
        if theirs != session.cluster_name:
            raise _contradiction("--current-cluster", session.cluster_name, theirs)
    return environment


def _current_cluster(call: TarmakCall, environment: Mapping[str, str]) -> str:
    return Session(call.directory(environment), None, "as tarmak has it").config().current_cluster.cluster_name


def _contradiction(option: str, ours: str, theirs: str) -> ConfigError:
    return ConfigError(
        f"{option} is {ours}, but tarmak would work on {theirs}",
        remedy=f"give {option} to tarmak, behind its name",
    )
