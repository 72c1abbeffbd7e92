"""Click's errors in our form: what is wrong; what to do."""

from __future__ import annotations

import re

import click

from tarmak_iam.cli.cluster_argument import typed_words, unexpected
from tarmak_iam.near import LIKELY, did_you_mean

__all__ = ["usage_message"]

# Click says these in the message only.
_EXTRA = re.compile(r"Got unexpected extra arguments? \((?P<words>.*)\)\Z", re.DOTALL)
_NOT_ONE_OF = re.compile(r"(['\"])(?P<value>.*)\1 is not one of ")


def usage_message(error: click.ClickException) -> str:
    """On one line, without the word error, and with where the help is."""
    context = error.ctx if isinstance(error, click.UsageError) else None
    hint = f" (see {context.command_path} --help)" if context else ""
    return f"{_message(error, context)}{hint}"


def _message(error: click.ClickException, context: click.Context | None) -> str:
    if isinstance(error, click.NoSuchOption) and context is not None:
        return _no_such_option(error.option_name, context)
    extra = _EXTRA.match(error.message)
    if extra and context is not None and (answer := unexpected(context, extra["words"].split(" "))):
        return answer
    message = error.format_message().removesuffix(".")
    remedy = _choice_meant(error) if isinstance(error, click.BadParameter) else ""
    return f"{message}; {remedy}" if remedy else message


def _no_such_option(name: str, context: click.Context) -> str:
    from tarmak_iam.cli.option_suggestions import option_remedy

    if name.startswith("--"):
        remedy = option_remedy(name, context)
    else:  # -role is read as the letters r, o, l and e
        word = next((each for each in typed_words(context) if each.startswith(name) and len(each) > 3), "")
        remedy = option_remedy(f"-{word.partition('=')[0]}", context) if word else ""
        name = word if remedy else name
    if not remedy and context.parent is None:
        remedy = "the options of a command stand behind its name"
    return f"unknown option {name}{f'; {remedy}' if remedy else ''}"


def _choice_meant(error: click.BadParameter) -> str:
    kind = error.param.type if error.param else None
    found = _NOT_ONE_OF.match(error.message)
    if not isinstance(kind, click.Choice) or found is None:
        return ""
    return did_you_mean(found["value"], [str(each) for each in kind.choices], cutoff=LIKELY)
