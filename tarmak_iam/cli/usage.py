"""Click's errors in our form: what is wrong; what to do."""

from __future__ import annotations

import re

import click

from tarmak_iam.near import LIKELY, did_you_mean

__all__ = ["usage_message"]

# Click says the value in the message only.
_NOT_ONE_OF = re.compile(r"(['\"])(?P<value>.*)\1 is not one of ")


def usage_message(error: click.ClickException) -> str:
    """On one line, without the word error, and with where the help is."""
    context = error.ctx if isinstance(error, click.UsageError) else None
    hint = f" (see {context.command_path} --help)" if context else ""
    return f"{_message(error, context)}{hint}"


def _message(error: click.ClickException, context: click.Context | None) -> str:
    if isinstance(error, click.NoSuchOption) and context is not None:
        return _no_such_option(error.option_name, context)
    message = error.format_message().removesuffix(".")
    remedy = _choice_meant(error) if isinstance(error, click.BadParameter) else ""
    return f"{message}; {remedy}" if remedy else message


def _no_such_option(name: str, context: click.Context) -> str:
    known = [each for option in context.command.get_params(context) for each in (*option.opts, *option.secondary_opts)]
    remedy = did_you_mean(name, [each for each in known if each.startswith("--")]) if name.startswith("--") else ""
    if not remedy and context.parent is None:
        remedy = "the options of a command stand behind its name"
    return f"there is no option {name}{f'; {remedy}' if remedy else ''}"


def _choice_meant(error: click.BadParameter) -> str:
    kind = error.param.type if error.param else None
    found = _NOT_ONE_OF.match(error.message)
    if not isinstance(kind, click.Choice) or found is None:
        return ""
    return did_you_mean(found["value"], [str(each) for each in kind.choices], cutoff=LIKELY)
