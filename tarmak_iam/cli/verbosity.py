"""-v: what the library tells its logger, and the command line adds to that, as lines on stderr."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING

import click

from tarmak_iam._version import __version__
from tarmak_iam.cli import colour
from tarmak_iam.cli.console import aside, note, tell
from tarmak_iam.text import one_line

if TYPE_CHECKING:
    import logging

__all__ = ["LOGGER", "be_quiet", "is_verbose", "log", "log_variables", "show_warnings", "tell_more"]

LOGGER = "tarmak_iam"
_TIMES = f"{LOGGER}.verbosity"
_WARNINGS = f"{LOGGER}.warnings"
_MARK = "* "
_ONCE = (f"{LOGGER}.plugins", f"{LOGGER}.document")
"""How often a plugin was looked up or a file read is worth no line each, unlike the runs of a program."""

# The values of these say nothing that a colleague may not see; of all others only the name is told.
_HARMLESS = {
    *colour.VARIABLES,
    "AWS_CONFIG_FILE",
    "AWS_DEFAULT_REGION",
    "AWS_PROFILE",
    "AWS_REGION",
    "AWS_SHARED_CREDENTIALS_FILE",
    "DEFAULT_ROLE",
    "KUBECONFIG",
    "KUBERNETES_AWS_AUTHENTICATOR_CLUSTER_ID",
    "TARMAK_CONFIG",
    "TARMAK_IAM_FOLLOW_LINKS",
}


def tell_more(context: click.Context, times: int) -> None:
    """Once: what is read from where, what counts and why, what is run and written. Twice: details of it."""
    import logging
    from importlib.metadata import version

    context.meta[_TIMES] = context.meta.get(_TIMES, 0) + times  # which all contexts of a call share
    logger = logging.getLogger(LOGGER)
    logger.setLevel(logging.INFO if context.meta[_TIMES] == 1 else logging.DEBUG)
    if not any(handler.name == _TIMES for handler in logger.handlers):
        logger.addHandler(_lines())
        log_variables("NO_COLOR", "FORCE_COLOR", "CLICOLOR_FORCE", "TARMAK_CONFIG", "TARMAK_IAM_FOLLOW_LINKS")
    if context.meta[_TIMES] > 1:
        logger.debug("tarmak-iam %s, Python %s on %s", __version__, platform.python_version(), sys.platform)
        logger.debug(", ".join(f"{name} {version(name)}" for name in ("click", "pydantic", "ruamel.yaml")))


def show_warnings(context: click.Context) -> None:
    """From now on, what the library warns of is a line on stderr: marked as ours where another program has it too."""
    import logging

    show = aside if context.invoked_subcommand == "run" else note

    class Warnings(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            show(record.getMessage())

    handler = Warnings(logging.WARNING)
    handler.name = _WARNINGS
    logging.getLogger(LOGGER).addHandler(handler)


def be_quiet() -> None:
    """The end of what `show_warnings` and `tell_more` began."""
    if "logging" not in sys.modules:
        return
    import logging

    logger = logging.getLogger(LOGGER)
    for handler in [each for each in logger.handlers if each.name in (_TIMES, _WARNINGS)]:
        logger.removeHandler(handler)
        logger.setLevel(logging.NOTSET)


def is_verbose() -> bool:
    context = click.get_current_context(silent=True)
    return bool(context and context.meta.get(_TIMES))


def log(text: str, *args: object) -> None:
    """As logging's own `info`; without -v next to nothing."""
    if is_verbose():
        import logging

        logging.getLogger(f"{LOGGER}.cli").info(text, *args)


def log_variables(*names: str, prefixes: Iterable[str] = ()) -> None:
    """Which of these environment variables are set and not empty, their values only where those are harmless."""
    if not is_verbose():
        return
    found = [name for name in sorted(os.environ) if name in names or name.startswith(tuple(prefixes))]
    for name in found:
        if os.environ[name]:
            log("environment: %s", f"{name}={os.environ[name]}" if name in _HARMLESS else f"{name} is set")


def _lines() -> logging.Handler:
    import logging

    told: set[str] = set()

    class Lines(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if record.levelno >= logging.WARNING:  # which is shown in any case
                return
            line = f"{_MARK}{one_line(record.getMessage())}"
            if line not in told or not record.name.startswith(_ONCE):
                told.add(line)
                tell(click.style(line, dim=True))

    handler = Lines()
    handler.name = _TIMES
    return handler
