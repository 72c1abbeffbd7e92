"""-v: what the library tells its logger, as lines on stderr."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from tarmak_iam.cli.aside import tell
from tarmak_iam.text import one_line

if TYPE_CHECKING:
    import logging

__all__ = ["LOGGER", "be_quiet", "is_verbose", "tell_more"]

LOGGER = "tarmak_iam"
_TIMES = f"{LOGGER}.verbosity"
_MARK = "* "


def tell_more(context: click.Context, times: int) -> None:
    """Once: what is read from where, what counts and why, what is run and written. Twice: details of it."""
    import logging

    context.meta[_TIMES] = context.meta.get(_TIMES, 0) + times  # which all contexts of a call share
    logger = logging.getLogger(LOGGER)
    logger.setLevel(logging.INFO if context.meta[_TIMES] == 1 else logging.DEBUG)
    if not any(handler.name == _TIMES for handler in logger.handlers):
        logger.addHandler(_lines())


def be_quiet() -> None:
    """The end of what `tell_more` began."""
    if "logging" not in sys.modules:
        return
    import logging

    logger = logging.getLogger(LOGGER)
    for handler in [each for each in logger.handlers if each.name == _TIMES]:
        logger.removeHandler(handler)
        logger.setLevel(logging.NOTSET)


def is_verbose() -> bool:
    context = click.get_current_context(silent=True)
    return bool(context and context.meta.get(_TIMES))


def _lines() -> logging.Handler:
    import logging

    class Lines(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            tell(click.style(f"{_MARK}{one_line(record.getMessage())}", dim=True))

    handler = Lines()
    handler.name = _TIMES
    return handler
