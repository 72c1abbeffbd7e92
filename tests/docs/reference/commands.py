"""docs/reference/commands.md: every command as its --help has it."""

from __future__ import annotations

import inspect
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import click

from tarmak_iam.cli.console import ExitCode
from tarmak_iam.document import Document
from tests.docs.reference.markdown import fenced, prose, slug, table
from tests.support.commands import every_command

__all__ = ["commands"]

_HEAD = """\
# Commands

Written from the program itself: what `tarmak-iam COMMAND --help` says.
"""
_AS_IT_IS = "\b"
_MEANINGS = Document.parse(Path(__file__).with_name("exit_codes.yaml").read_bytes()).data


def commands() -> str:
    found = list(every_command())
    names = [(context.command_path, context.command) for context in found[1:]]
    listed = table(
        ("command", "does"),
        [(f"[`{path.partition(' ')[2]}`](#{slug(path)})", prose(_summary(command))) for path, command in names],
    )
    parts = [_HEAD, listed, *(_section(context) for context in found)]
    return "\n\n".join(part.strip() for part in parts) + "\n"


def _summary(command: click.Command) -> str:
    """Its first sentence, up to a colon."""
    first = next(iter(_paragraphs(command.help)), "")
    return re.split(r"[.:](?:\s|$)", " ".join(first.split()))[0]


def _section(context: click.Context) -> str:
    command = context.command
    usage = " ".join((context.command_path, *command.collect_usage_pieces(context)))
    parts = [f"## {context.command_path}", fenced(usage), *map(_paragraph, _paragraphs(command.help))]
    options = [each for each in command.get_params(context) if isinstance(each, click.Option)]
    rows = [record for each in options if (record := each.get_help_record(context))]
    if rows:
        parts.append(table(("option", "meaning"), [(f"`{option}`", prose(text) or " ") for option, text in rows]))
    parts += [_paragraph(each) for each in _paragraphs(command.epilog)]
    codes = codes_of(context.command_path.split()[1:])
    parts.append(table(("exit code", "when"), [(str(code), prose(when)) for code, when in sorted(codes.items())]))
    return "\n\n".join(parts)


def _paragraphs(text: str | None) -> list[str]:
    cleaned = inspect.cleandoc(text or "").partition("\f")[0]
    return [each for each in re.split(r"\n\s*\n", cleaned) if each.strip()]


def _paragraph(text: str) -> str:
    """Lines that help keeps as they are become a block; their first one says what they are."""
    if not text.startswith(_AS_IT_IS):
        return prose(text)
    first, *lines = text.removeprefix(_AS_IT_IS).strip("\n").splitlines()
    title, colon, rest = first.partition(": ")
    if not lines:
        return f"{prose(title)}:\n\n{fenced(rest)}" if colon else prose(first)
    return f"{prose(first)}\n\n{fenced(inspect.cleandoc(chr(10).join(lines)))}"


def codes_of(command: Sequence[str]) -> Mapping[ExitCode, str]:
    """What the exit codes mean, by the names of a command and its groups, as `("map", "add")`."""
    name = " ".join(command)
    own = _MEANINGS.get(name, {})
    texts = own if name == "run" else {**_MEANINGS["every"], **own}
    return {ExitCode[name]: text for name, text in texts.items()}
