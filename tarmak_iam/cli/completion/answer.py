"""The answer to a shell that asks for completions: the words of its line, what is offered, and how that is quoted.

The scripts of commands/completion.py ask through an environment variable, with the typed words as arguments. If
anything fails, nothing is offered and nothing is printed.
"""

from __future__ import annotations

import contextlib
import io
import os
import sys
from collections.abc import Callable, Sequence
from typing import NamedTuple

import click
from click.shell_completion import CompletionItem, ShellComplete

from tarmak_iam.cli.completion import COMPLETION_VARIABLE
from tarmak_iam.late_dataclass import dataclass
from tarmak_iam.patterns import compiled

_ASSIGNMENT = compiled(r"[A-Za-z_][A-Za-z0-9_]*=")


@dataclass(frozen=True, slots=True)
class TypedLine:
    """`words` are complete, without assignments before the command; `current` is the word at the end of the line,
    perhaps empty. `quote` is the quotation mark that is open in it, else empty; `unquoted` says for each character of
    `current` whether it is outside of quotes and not escaped."""

    words: tuple[str, ...]
    current: str
    quote: str
    unquoted: tuple[bool, ...]
    before_quote: int
    """How many characters of `current` come before the open quote."""

    def before_break(self, breaks: str) -> str:
        """The part of `current` that readline keeps: up to the open quote, or the last unquoted character of
        `breaks`."""
        if self.quote:
            return self.current[: self.before_quote]
        last = max(
            (i for i, is_unquoted in enumerate(self.unquoted) if is_unquoted and self.current[i] in breaks), default=-1
        )
        return self.current[: last + 1]


def split_line(line: str) -> TypedLine:
    """Quotes and backslashes as in a shell; a quote may be open at the end."""
    words: list[str] = []
    current, unquoted = "", list[bool]()
    quote, before_quote, is_word, is_escaped = "", 0, False, False
    for character in line:
        if is_escaped:
            if quote == '"' and character not in '"\\$`':
                current, unquoted = f"{current}\\", [*unquoted, False]
            current, unquoted, is_escaped = current + character, [*unquoted, False], False
        elif character == "\\" and quote != "'":
            is_escaped, is_word = True, True
        elif quote and character == quote:
            quote = ""
        elif not quote and character in "'\"":
            quote, before_quote, is_word = character, len(current), True
        elif not quote and character.isspace():
            if is_word:
                words.append(current)
            current, unquoted, is_word = "", [], False
        else:
            current, unquoted, is_word = current + character, [*unquoted, not quote], True
    while words and _ASSIGNMENT.match(words[0]):
        words.pop(0)
    return TypedLine(tuple(words), current, quote, tuple(unquoted), before_quote)


# All other characters need no quotes in the middle of a word in bash.
_SPECIAL = compiled(r"[^A-Za-z0-9_@%+=:,./-]")

_ENDS_QUOTE = {"'": "'", '"': '"$`\\'}


class ShellOffer(NamedTuple):
    kind: str
    value: str
    help: str


def answer(cli: click.Command, shell: str, args: Sequence[str]) -> int:
    """Writes it to stdout, and returns 0."""
    out = io.StringIO()
    with contextlib.suppress(Exception, SystemExit, KeyboardInterrupt):
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            offers = _SHELLS[shell](cli, args)
        out.write("".join(f"{each.kind}\t{each.value}\t{each.help}\n" for each in offers))
        sys.stdout.buffer.write(out.getvalue().encode("utf-8", "surrogateescape"))
        sys.stdout.flush()
    return 0


def _bash(cli: click.Command, args: Sequence[str]) -> list[ShellOffer]:
    """The arguments are the line up to the cursor, and COMP_WORDBREAKS: readline replaces what comes after the last of
    those characters."""
    line, breaks = args
    typed = split_line(line)
    offers = [each for each in _shell_offers(cli, typed.words[1:], typed.current) if _fits_quotes(each, typed)]
    head = typed.before_break(breaks)
    return [each._replace(value=_quoted(each.value[len(head) :], typed), help="") for each in offers]


def _zsh(cli: click.Command, args: Sequence[str]) -> list[ShellOffer]:
    """The arguments are the words, the last one up to the cursor. The script keeps what comes before `=`."""
    *words, current = args
    return [_without_option(each, current) for each in _shell_offers(cli, words, current)]


def _fish(cli: click.Command, args: Sequence[str]) -> list[ShellOffer]:
    """The arguments are the words, the last one up to the cursor. For the shell's own completion of files, the help is
    what comes before the file name."""
    *words, raw = args
    current = split_line(raw).current
    prefix = _option_before(current)
    return [
        each if each.kind == "plain" else each._replace(value=each.value[len(prefix) :], help=prefix)
        for each in _shell_offers(cli, words, current)
    ]


_SHELLS: dict[str, Callable[[click.Command, Sequence[str]], list[ShellOffer]]] = {
    "bash": _bash,
    "zsh": _zsh,
    "fish": _fish,
}


def _shell_offers(cli: click.Command, words: Sequence[str], current: str) -> list[ShellOffer]:
    """Offers that replace the whole typed word, with an option before `=` too."""
    before = [os.path.expandvars(each) for each in words]
    found = ShellComplete(cli, {}, "tarmak-iam", COMPLETION_VARIABLE).get_completions(before, current)
    prefix = _option_before(current)
    return [_shell_offer(each, prefix) for each in found if str(each.value).isprintable()]


def _shell_offer(item: CompletionItem, prefix: str) -> ShellOffer:
    about = " ".join((item.help or "").split())
    return ShellOffer(item.type, f"{prefix}{item.value}", about if about.isprintable() else "")


def _option_before(current: str) -> str:
    """`--role=` of `--role=arn:aws`."""
    name, sign, _ = current.partition("=")
    return f"{name}=" if sign and name.startswith("-") else ""


def _without_option(offer: ShellOffer, current: str) -> ShellOffer:
    return offer._replace(value=offer.value[len(_option_before(current)) :])


def _fits_quotes(offer: ShellOffer, typed: TypedLine) -> bool:
    """Whether it can be inserted within the open quotes."""
    return not any(character in offer.value for character in _ENDS_QUOTE.get(typed.quote, ""))


def _quoted(text: str, typed: TypedLine) -> str:
    """Names from files get into a command line here: no character in them may be special to the shell."""
    return text if typed.quote else _SPECIAL.sub(lambda found: f"\\{found[0]}", text)
