"""The help of every command: what it does, an example that works, and a word about each option."""

from __future__ import annotations

import contextlib
import re
import shlex

import click
import pytest

from tarmak_iam.cli.console import end_log
from tarmak_iam.cli.main import cli
from tests.support import Shell
from tests.support.commands import COMMANDS, CONTEXTS, context_of

COMMON = ["-c", "--config-directory", "--current-cluster", "--cluster", "--color", "-v", "--verbose"]


def examples(epilog: str) -> list[list[str]]:
    """The arguments of every tarmak-iam in it, whatever stands around it."""
    joined = re.sub(r"\\\n\s*", "", epilog)
    found = []
    for line in joined.splitlines():
        if "tarmak-iam" not in line:
            continue
        command = re.sub(r'"\$\((tarmak-iam.*?)\)"', r"\1", re.sub(r"^Example[^:]*: ", "", line))
        lexer = shlex.shlex(command, posix=True, punctuation_chars="|&;<>")
        lexer.whitespace_split = True
        words = list(lexer)
        while "tarmak-iam" in words:
            words = words[words.index("tarmak-iam") + 1 :]
            end = next((at for at, word in enumerate(words) if set(word) <= set("|&;<>") or word == "tarmak-iam"), None)
            found.append(words[:end])
    return found


def parse(args: list[str]) -> None:
    """As far as the command itself. Raises click.UsageError."""
    context = cli.make_context("tarmak-iam", args)
    while isinstance(context.command, click.Group):
        known = vars(context)  # the property of the name is deprecated
        rest = [*(known.get("_protected_args") or known.get("protected_args", ())), *context.args]
        if not rest:
            return
        name, command, rest = context.command.resolve_command(context, rest)
        assert command is not None
        context = command.make_context(name, rest, parent=context)


@COMMANDS
def test_it_has_a_text_and_an_example_that_can_be_parsed(context: click.Context) -> None:
    assert (context.command.help or "").strip()
    epilog = context.command.epilog or ""
    assert re.search(r"^Examples?[:,]", epilog, re.MULTILINE), epilog
    found = examples(epilog)
    assert any(set(context.command_path.split()[1:]) <= set(words) for words in found), found
    for args in found:
        with pytest.raises(click.exceptions.Exit) if "--help" in args else contextlib.nullcontext():
            parse(args)
        end_log()  # -v counts as soon as it is read


@COMMANDS
def test_every_option_is_explained_on_a_terminal_of_80_columns(context: click.Context) -> None:
    for each in context.command.params:
        if isinstance(each, click.Option):
            assert each.help, each.opts
            assert each.is_flag or each.count or each.metavar or isinstance(each.type, click.Choice), each.opts
            assert not each.hidden
        else:
            assert each.metavar or isinstance(each.type, click.Choice), each.name
    narrow = context_of(context.command, context.info_name, context.parent, terminal_width=80)
    text = context.command.get_help(narrow)
    assert [line for line in text.splitlines() if len(line) > 80] == []
    names = [name for each in context.command.get_params(context) for name in (*each.opts, *each.secondary_opts)]
    assert [names.count(name) for name in COMMON] == [1] * len(COMMON)
    if context.parent:  # one line about the common options is enough
        assert text.count("Common options: see tarmak-iam --help.") == 1
        assert "--current-cluster ENV-NAME" not in text


def test_the_main_help_groups_the_commands(shell: Shell) -> None:
    text = shell.run("--help").out
    headings = re.findall(r"^(\S.*):$", text, re.MULTILINE)
    assert headings == [
        "Options",
        "Edit tarmak.yaml and settings",
        "Manage mappings",
        "Check and review",
        "Generate files",
        "Live cluster",
        "Tools",
        "Advanced",
    ]
    listed = re.findall(r"^  ([a-z]+)  ", text, re.MULTILINE)
    assert sorted(listed) == sorted(cli.list_commands(CONTEXTS[0]))


def test_help_at_a_pipe_has_no_escapes(shell: Shell) -> None:
    text = shell.run("map", "--help").out
    assert text.startswith("Usage: tarmak-iam map [OPTIONS] COMMAND [ARGS]...\n")
    assert "\x1b" not in text
