"""What a shell is told that asks for completions: a line an offer, its kind, value and help with tabs between.

The scripts in completion.py ask, through an environment variable, with what is typed as arguments. Whatever goes
wrong, nothing is offered, and nothing is said.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import sys
from collections.abc import Callable, Sequence
from typing import NamedTuple

import click
from click.shell_completion import CompletionItem, ShellComplete

from tarmak_iam.cli.completing import VARIABLE
from tarmak_iam.cli.shell_words import Typed, split_line

__all__ = ["answer"]

# What bash takes as it is, in the middle of a word.
_SPECIAL = re.compile(r"[^A-Za-z0-9_@%+=:,./-]")
_ENDS_QUOTE = {"'": "'", '"': '"$`\\'}


class Offer(NamedTuple):
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


def _bash(cli: click.Command, args: Sequence[str]) -> list[Offer]:
    """Of the line up to the cursor, and COMP_WORDBREAKS: readline puts an offer in place of what stands behind the
    last of those characters."""
    line, breaks = args
    typed = split_line(line)
    offers = [each for each in _offers(cli, typed.words[1:], typed.current) if _can_stand(each, typed)]
    head = typed.before_break(breaks)
    return [each._replace(value=_shown(each.value[len(head) :], typed), help="") for each in offers]


def _zsh(cli: click.Command, args: Sequence[str]) -> list[Offer]:
    """Of the words, the last one up to the cursor. The script has what stands before `=` left alone."""
    *words, current = args
    return [_without_option(each, current) for each in _offers(cli, words, current)]


def _fish(cli: click.Command, args: Sequence[str]) -> list[Offer]:
    """Of the words, the last one up to the cursor. The shell's own completion of a file gets what stands before it
    as the help."""
    *words, raw = args
    current = split_line(raw).current
    prefix = _option_before(current)
    return [
        each if each.kind == "plain" else each._replace(value=each.value[len(prefix) :], help=prefix)
        for each in _offers(cli, words, current)
    ]


_SHELLS: dict[str, Callable[[click.Command, Sequence[str]], list[Offer]]] = {"bash": _bash, "zsh": _zsh, "fish": _fish}


def _offers(cli: click.Command, words: Sequence[str], current: str) -> list[Offer]:
    """In place of all of the word that is typed, with an option before `=` too."""
    before = [os.path.expandvars(each) for each in words]
    found = ShellComplete(cli, {}, "tarmak-iam", VARIABLE).get_completions(before, current)
    prefix = _option_before(current)
    return [_offer(each, prefix) for each in found if str(each.value).isprintable()]


def _offer(item: CompletionItem, prefix: str) -> Offer:
    about = " ".join((item.help or "").split())
    return Offer(item.type, f"{prefix}{item.value}", about if about.isprintable() else "")


def _option_before(current: str) -> str:
    """`--role=` of `--role=arn:aws`."""
    name, sign, _ = current.partition("=")
    return f"{name}=" if sign and name.startswith("-") else ""


def _without_option(offer: Offer, current: str) -> Offer:
    return offer._replace(value=offer.value[len(_option_before(current)) :])


def _can_stand(offer: Offer, typed: Typed) -> bool:
    """Whether it can be typed within the quotes that are open."""
    return not any(character in offer.value for character in _ENDS_QUOTE.get(typed.quote, ""))


def _shown(text: str, typed: Typed) -> str:
    """Somebody else's names get into a command line here: nothing in them may mean anything to the shell."""
    return text if typed.quote else _SPECIAL.sub(lambda found: f"\\{found[0]}", text)
