"""explain, help, version: what the program says about itself: pages of rules, the help of commands, its release."""

from __future__ import annotations

import posixpath
import re
import shutil
import textwrap
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import click

from tarmak_iam.cli.completion import command_words, rules
from tarmak_iam.cli.console import print_json, print_line, print_payload, print_rows
from tarmak_iam.cli.options import format_option
from tarmak_iam.errors import SelectionError
from tarmak_iam.plugins import __version__
from tarmak_iam.text import choose_among

if TYPE_CHECKING:
    from tarmak_iam.lint import Rule

_CODE = re.compile(r"^```(?:\S* ?)(.*)\n((?s:.*?))^```\n", re.MULTILINE)
_LINK = re.compile(r"\[([^]]+)\]\(([^)]+)\)")


@click.command()
@click.argument("name", metavar="[RULE]", required=False, shell_complete=rules)
@format_option("text", "json")
def explain(name: str | None, output: str) -> None:
    from tarmak_iam.lint import all_rules
    from tarmak_iam.lint.rule import page_of

    known = sorted(all_rules(), key=lambda rule: rule.id)
    chosen = known if name is None else [_named(name, known)]
    facts = [(rule.id, rule.name, str(rule.severity), rule.summary) for rule in chosen]
    if output == "json":
        keys = ("id", "name", "severity", "summary", "page")
        print_json([dict(zip(keys, (*fact, page_of(fact[0]) or None), strict=True)) for fact in facts])
    elif name is None:
        print_rows(("RULE", "NAME", "SEVERITY", "CHECKS FOR"), facts)
    else:
        (rule_id, rule_name, severity, summary), *_ = facts
        print_line(f"{' '.join(filter(None, (rule_id, rule_name)))}: {summary}")
        print_line(f"Severity: {severity}")
        print_payload(f"\n{text}\n" if (text := plain_text(page_of(rule_id))) else "")


def _named(name: str, known: Sequence[Rule]) -> Rule:
    """The rule with that ID or name, in any case and without leading zeros. Raises SelectionError."""
    by_name = {text: rule for rule in known for text in (rule.id, rule.name) if text}
    wanted = re.sub(r"\d+\Z", lambda number: number[0].zfill(3), name.lower())
    if (rule := next((rule for text, rule in by_name.items() if text.lower() == wanted), None)) is not None:
        return rule
    doctor = "docs/doctor.md explains the findings of doctor" if wanted.startswith("web") else ""
    raise SelectionError(f"unknown rule '{name}'", remedy=doctor or choose_among(name, by_name))


def plain_text(page: str) -> str:
    """The Markdown of a page for a terminal: headings in capitals, code indented, paragraphs in its width."""
    *parts, rest = _CODE.split(page)
    blocks = []
    for text, filename, code in zip(parts[::3], parts[1::3], parts[2::3], strict=True):
        indented = "\n".join(f"    {line}".rstrip() for line in code.splitlines())
        blocks += [*_paragraphs(text), f"{filename}:\n{indented}" if filename else indented]
    return "\n\n".join([*blocks, *_paragraphs(rest)])


def _paragraphs(text: str) -> Iterator[str]:
    width = min(shutil.get_terminal_size().columns or 80, 100)
    for paragraph in filter(None, re.split(r"\n\n+", _LINK.sub(_linked, text).strip())):
        if paragraph.startswith("## "):
            yield paragraph.removeprefix("## ").upper()
            continue
        items = re.split(r"\n(?=- )", paragraph)
        wrapped = textwrap.TextWrapper(width, break_long_words=False, break_on_hyphens=False)
        wrapped.subsequent_indent = "  " if paragraph.startswith("- ") else ""
        yield "\n".join(wrapped.fill(" ".join(item.split())) for item in items)


def _linked(link: re.Match[str]) -> str:
    """Another rule by its ID, another page with its place in the project."""
    text, target = link.groups()
    place = target if re.match("[a-z]+:", target) else posixpath.normpath(f"docs/rules/{target}")
    return text if target == f"{text}.md" else f"{text} ({place})"


@click.command("help")
@click.argument("words", metavar="[COMMAND]...", nargs=-1, shell_complete=command_words)
@click.pass_context
def help_(context: click.Context, words: tuple[str, ...]) -> None:
    program = context.find_root()
    with program.command.make_context(program.info_name, [*words, "--help"]) as asked:
        program.command.invoke(asked)


@click.command()
def version() -> None:
    print_line(f"tarmak-iam {__version__}")
