"""Arguments that may begin with a dash: negative numbers as they are, and everything else after `--`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import click

from tarmak_iam.cli.parsing import option_remedy, typed_words
from tarmak_iam.patterns import compiled

ACCEPTS_DASHES = {"ignore_unknown_options": True}
"""The `context_settings` of a command with such arguments. All its arguments need `refuse_options`."""

_NUMBER = compiled(r"-(\.?[0-9].*|\.inf)\Z")


def refuse_options(context: click.Context, _: click.Parameter, values: Any) -> Any:
    """The callback of an argument: raises click.UsageError for a word that begins with a dash, but is neither a number
    nor after `--`."""
    given: Sequence[str] = (values,) if isinstance(values, str) else values or ()
    words = typed_words(context)
    literal = words[words.index("--") :] if "--" in words else ()
    for value in given:
        if len(value) > 1 and value.startswith("-") and value not in literal and not _NUMBER.match(value):
            name = value.partition("=")[0]
            if name.startswith("--") and option_remedy(name, context):
                raise click.NoSuchOption(name, ctx=context)
            remedy = "to use it as a value, write -- before the first PATH"
            raise click.UsageError(f"unknown option {value}; {remedy}", context)
    return values
