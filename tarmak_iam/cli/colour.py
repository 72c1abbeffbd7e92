"""When lines are coloured: the option --color, else the environment, else whether the stream is a terminal."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping

import click

__all__ = ["CHOICES", "SEVERITIES", "VARIABLES", "marked", "of_choice", "of_context"]

CHOICES = ("auto", "always", "never")
VARIABLES = ("NO_COLOR", "FORCE_COLOR", "CLICOLOR_FORCE", "TERM")

_OF_CHOICE = {"always": True, "never": False}
SEVERITIES = {"error": "red", "warning": "yellow"}
_SEVERITY = re.compile(rf"(?:\A|(?<=: ))({'|'.join(SEVERITIES)})(?=: )")


def of_choice(choice: str | None, environ: Mapping[str, str]) -> bool | None:
    """Whether to colour; None: where a stream is a terminal, which each of them is asked for itself."""
    return _OF_CHOICE[choice] if choice in _OF_CHOICE else _of_environment(environ)


def of_context() -> bool | None:
    """As the command that runs has it, else the environment."""
    context = click.get_current_context(silent=True)
    return context.color if context else _of_environment(os.environ)


def marked(line: str) -> str:
    """A line such as `file:1:2: error: what is wrong`, its severity in the colour of it."""
    return _SEVERITY.sub(lambda found: click.style(found[0], fg=SEVERITIES[found[0]]), line, count=1)


def _of_environment(environ: Mapping[str, str]) -> bool | None:
    """In the order of Python's own tools. Any value of NO_COLOR counts, but an empty one (no-color.org); 0 forces
    nothing, as CLICOLOR_FORCE has it from the beginning."""
    if environ.get("NO_COLOR"):
        return False
    if any(environ.get(name) not in (None, "", "0") for name in ("FORCE_COLOR", "CLICOLOR_FORCE")):
        return True
    return False if environ.get("TERM") == "dumb" else None
