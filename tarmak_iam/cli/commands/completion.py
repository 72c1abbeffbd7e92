"""completion: the scripts with which shells complete command lines of tarmak-iam, and what answers them."""

from __future__ import annotations

import contextlib
import io
import os
import re
import shlex
import sys
from collections.abc import Sequence

import click
from click.shell_completion import CompletionItem, ShellComplete

from tarmak_iam.cli.completion import COMPLETION_VARIABLE
from tarmak_iam.cli.console import print_payload

# Not click's scripts: those of zsh and fish lose quotes or cut a value at a comma, and call the installed name; that of
# bash lets the shell run commands that a value contains. Ours, completion.bash and so on, call the program as it was
# typed; its arguments are the typed words. Bash before 4.0, as on macOS, has no compopt: no files are offered.
_SHELLS = ("bash", "zsh", "fish")


@click.command()
@click.argument("shell", type=click.Choice(_SHELLS))
def completion(shell: str) -> None:
    from importlib.resources import files

    script = files(__package__).joinpath(f"completion.{shell}").read_text("utf-8")
    print_payload(script.replace("VARIABLE", COMPLETION_VARIABLE))


# All other characters need no quotes in the middle of a word in bash.
_SPECIAL = r"[^A-Za-z0-9_@%+=:,./-]"


class _Answer(ShellComplete):
    """Words as arguments, up to the cursor. Of bash the line and COMP_WORDBREAKS: readline replaces the rest."""

    def __init__(self, cli: click.Command, shell: str, args: Sequence[str]) -> None:
        super().__init__(cli, {}, "tarmak-iam", COMPLETION_VARIABLE)
        self._is_bash = shell == "bash"
        if self._is_bash:
            line, self._breaks = args
            *words, current = shlex.split(f"{line}.")  # raises ValueError for a quote that is not closed
            if {"'", '"'} & set(line[len(line) - len(current) + 1 :]):
                raise ValueError("the word has quotes")
            while "=" in words[0]:  # an assignment before the command
                words.pop(0)
            args = [*words[1:], current[:-1]]
        self._words = args

    def get_completion_args(self) -> tuple[list[str], str]:
        *before, current = self._words
        return [os.path.expandvars(word) for word in before], current

    def get_completions(self, args: list[str], incomplete: str) -> list[CompletionItem]:
        return [item for item in super().get_completions(args, incomplete) if str(item.value).isprintable()]

    def format_completion(self, item: CompletionItem) -> str:
        value, about = str(item.value), " ".join((item.help or "").split())
        if self._is_bash:
            current, about = self._words[-1], ""
            is_option = current.startswith("-") and "=" in current
            value = f"{current.partition('=')[0]}={value}" if is_option else value
            kept = max(current.rfind(character) for character in self._breaks) + 1 if self._breaks else 0
            # Names from files get into a command line here: no character in them may be special to the shell.
            value = re.sub(_SPECIAL, lambda special: f"\\{special[0]}", value[kept:])
        return f"{item.type}\t{value}\t{about if about.isprintable() else ''}"


def answer(cli: click.Command, shell: str, args: Sequence[str]) -> int:
    """Writes the offers to stdout, and returns 0. If anything fails, nothing is offered and nothing is printed."""
    with contextlib.suppress(Exception, SystemExit, KeyboardInterrupt):
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            offers = _Answer(cli, shell, args).complete() if shell in _SHELLS else ""
        sys.stdout.buffer.write(f"{offers}\n".encode("utf-8", "surrogateescape") if offers else b"")
        sys.stdout.flush()
    return 0
