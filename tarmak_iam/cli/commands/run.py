"""run, hook: tarmak, with steps before and after its apply and the commands that rewrite tarmak.yaml; and a shell
function that runs every tarmak command so."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import click

from tarmak_iam.cli.console import ExitCode, error_sentences, note, print_payload
from tarmak_iam.cli.options import access_options, option
from tarmak_iam.cli.session import CLUSTER_VARIABLE, Session, pass_session
from tarmak_iam.errors import ConfigError, TarmakIamError
from tarmak_iam.hook.tarmak.arguments import TarmakCall
from tarmak_iam.hook.tarmak.passthrough import ProgramNotStarted, pass_through


@click.command(context_settings={"allow_interspersed_args": False}, options_metavar="[OPTIONS] --")
@option("--no-check")
@option("--rollback-on-failure")
@option("--rollback-unless-verified")
@access_options
@click.argument("command", metavar="tarmak ARGS...", nargs=-1, required=True, type=click.UNPROCESSED)
@pass_session
@click.pass_context
def run(context: click.Context, session: Session, /, command: tuple[str, ...], **flags: bool) -> None:
    name = Path(command[0]).name
    if not name.startswith("tarmak") or name.startswith("tarmak-iam"):
        raise click.UsageError(
            f"the command after `--` must be tarmak, not '{command[0]}': `tarmak-iam run -- tarmak clusters apply`; "
            "put a wrapper such as aws-vault before tarmak-iam"
        )
    call = TarmakCall.parse(command[1:])
    try:
        environment = _environment(session, call)
        # Imported late, so that passing a command through stays fast.
        if call.rewrites:
            from tarmak_iam.cli.run_hooks import run_rewriting

            code = run_rewriting(command, call.directory(environment) / "tarmak.yaml", environment)
        elif call.applies:
            from tarmak_iam.cli.run_hooks import run_apply

            code = run_apply(command, call, environment, session, flags)
        else:
            before_apply = command[1 : command.index("apply")] if "apply" in command else ()
            if not call.command and before_apply and not TarmakCall.parse(before_apply).command:
                note("warning: write flags of `clusters apply` after it: this run is not checked or verified")
            code = pass_through(command, environment).code
    except ProgramNotStarted as error:
        note(*error_sentences(error))
        code = ExitCode.NOT_FOUND if error.is_missing else ExitCode.CANNOT_BE_RUN
    except TarmakIamError as error:
        note(*error_sentences(error, then="tarmak was not started"))
        code = ExitCode.ERROR
    context.exit(code)


def _environment(session: Session, call: TarmakCall) -> Mapping[str, str]:
    """That of tarmak. Raises ConfigError if -c or --current-cluster contradicts tarmak's arguments, which win."""

    def contradiction(option: str, ours: str, theirs: str) -> ConfigError:
        what = f"{option} is {ours}, but tarmak's arguments select {theirs}"
        flag = "--current-cluster" if option == CLUSTER_VARIABLE else option
        return ConfigError(what, remedy=f"pass {flag} to tarmak, after its name")

    environment = dict(os.environ)
    if session.directory is not None:
        given = session.directory.expanduser()
        given = given.parent if given.is_file() else given
        if "config-directory" not in call.flags:
            environment["TARMAK_CONFIG"] = str(given)
        elif os.path.realpath(given) != os.path.realpath(call.directory(environment)):
            raise contradiction("-c", str(session.directory), call.flags["config-directory"])
    # tarmak itself does not read the variable; its own option takes precedence.
    default = session.default if call.applies and not call.cluster_name else None
    if (name := session.cluster_name or default) is not None:
        chosen = Session(call.directory(environment), None, "chosen by tarmak")
        theirs = call.cluster_name or chosen.config().current_cluster.cluster_name
        if theirs != name:
            raise contradiction("--current-cluster" if session.cluster_name else CLUSTER_VARIABLE, name, theirs)
    return environment


# `function`, because the shell would expand an alias of that name in `tarmak () {`. `command` starts a program, which
# looks for tarmak on the PATH, so the function never calls itself. Its status is that of the last command.
_FUNCTION = """\
function tarmak {
  command tarmak-iam run -- tarmak "$@"
}
"""


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh"]), expose_value=False)
def hook() -> None:
    print_payload(_FUNCTION)
