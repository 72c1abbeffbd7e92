"""Entry point: the table of commands, the common options, and errors as one line and an exit code."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Callable, Sequence

import click

from tarmak_iam.cli import console
from tarmak_iam.cli.completion import COMPLETION_VARIABLE
from tarmak_iam.cli.console import ExitCode, code_of_signal, discard_output, done_so_far, error_sentences, note
from tarmak_iam.cli.parsing import LazyGroup, usage_message
from tarmak_iam.cli.session import session_of
from tarmak_iam.errors import TarmakIamError
from tarmak_iam.plugins import __version__

_MODULES = {
    "section": "enable disable show",
    "config": "config",
    "settings": "settings",
    "map": "map",
    "whois": "whois",
    "check": "check",
    "webhook": "webhook doctor",
    "trust": "trust",
    "report": "report",
    "render": "flags manifests kubeconfig render",
    "apply": "diff apply rollback",
    "verify": "verify",
    "run": "run hook",
    "token": "token",
    "schema": "schema",
    "completion": "completion",
    "explain": "explain help version",
}
"""Module in `commands` -> its commands. The page tarmak-iam.txt in the folder `help` lists them."""


@click.group(
    cls=LazyGroup,
    modules=_MODULES,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="These options can also be given after the command. Directory: -c, else TARMAK_CONFIG, else ~/.tarmak, as "
    "for Tarmak itself. Cluster: --cluster, else TARMAK_IAM_CLUSTER, else currentCluster.\n\n"
    "\b\nExamples:\n  tarmak-iam enable --dry-run\n"
    "  tarmak-iam check --cluster dev-cluster -v\n  tarmak-iam map add --help",
)
@click.version_option(__version__, message="%(prog)s %(version)s")
@click.pass_context
def cli(context: click.Context) -> None:
    context.obj = session_of(context)
    if context.invoked_subcommand == "run":
        context.meta[console.MARK] = console.PREFIX
    console.show_log(context)


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command line and returns its exit code. Raises nothing, and prints no traceback."""
    args = list(sys.argv[1:] if argv is None else argv)
    if shell := os.environ.get(COMPLETION_VARIABLE):
        from tarmak_iam.cli.commands.completion import answer

        return answer(cli, shell, args)

    def parse_and_run() -> int:
        with cli.make_context("tarmak-iam", args) as context:  # errors are printed inside it, with its colours
            return _ended(lambda: _run(context))

    try:
        return _ended(parse_and_run)
    finally:
        console.end_log()


def _run(context: click.Context) -> int:
    code = 0
    try:
        cli.invoke(context)
    except click.exceptions.Exit as stop:
        code = stop.exit_code
    if sys.stdout is not None:
        sys.stdout.flush()
    return code


def _ended(call: Callable[[], int]) -> int:
    """The exit code of a call, or of the error that ends it, which is printed."""
    try:
        return call()
    except click.exceptions.Exit as stop:
        return stop.exit_code
    except (click.ClickException, TarmakIamError) as error:
        _print_error(error)
    except (EOFError, KeyboardInterrupt, click.Abort) as stop:
        if not isinstance(stop, click.Abort):
            note("", plain=True)  # ends the line on which the terminal shows ^C
        _note_end("interrupted")
        return code_of_signal(stop.__cause__ or stop)
    except (BrokenPipeError, SystemExit):
        discard_output(sys.stdout)
        if done_so_far():
            _note_end("the reader of the output closed the pipe")
        return ExitCode.BROKEN_PIPE
    except OSError as error:
        reason = error.strerror or str(error)
        if error.filename is not None:
            note(f"{error.filename}: error: {reason}", plain=True)
        else:
            discard_output(sys.stdout)
            _note_end(f"the output cannot be written: {reason}")
    except Exception as error:
        _note_end(f"this is a bug in tarmak-iam; please report it: {type(error).__name__}: {error}")
        return ExitCode.BUG
    return ExitCode.ERROR


def _print_error(error: click.ClickException | TarmakIamError) -> None:
    if isinstance(error, TarmakIamError):
        from tarmak_iam.cli.formats import print_excerpt_of_error

        note(*error_sentences(error), plain=True)
        print_excerpt_of_error(error.place)
        if done := done_so_far():
            note(f"note: before the error it {done}", plain=True)
    elif isinstance(error, click.exceptions.NoArgsIsHelpError):
        error.show()
    else:
        note(f"error: {usage_message(error)}", plain=True)


def _note_end(why: str) -> None:
    """Why the command ended, after the changes that it had made and does not undo."""
    done = done_so_far()
    note(f"error: {done}, but {why}" if done else f"error: {why}", plain=True)


def run() -> None:
    """The console script."""
    if isinstance(sys.stdout, io.TextIOWrapper):  # a character that is not in the locale becomes an escape
        sys.stdout.reconfigure(errors="backslashreplace")
    sys.exit(main())
