"""What tarmak says of its failure: the message in its log, without what a log has around it.

Tarmak logs with logrus, whose text form outside of a terminal is key=value, quoted as Go does; a failure is the last
line of level error or fatal (logrus's formatter, and pkg/tarmak/utils/context.go).
"""

from __future__ import annotations

import json
import re

from tarmak_iam.hook.processes import Completed

__all__ = ["failure_of"]

_LINE = re.compile(r'^(?:time=(?:"[^"]*"|\S+) )?level=(\w+) msg=("(?:[^"\\]|\\.)*"|[^"\s]\S*)')
_FAILING = ("error", "fatal", "panic")
_PANIC = "panic: "
_NO_ANSWER = "error connecting to cluster: "
"""A warning of pkg/tarmak/kubectl."""
# go-multierror: "2 errors occurred:\n\t* one\n\t* other\n\n"
_ERRORS_OCCURRED = re.compile(r"\d+ errors? occurred:\s*\* ")
_ITEM = re.compile(r"\n\s*\* ")
# What the AWS SDK tells its programmers behind every such error.
_DEPRECATED = re.compile(r"\. Deprecated\.\s+For verbose messaging see aws\.Config\.CredentialsChainVerboseErrors")
_HEX = re.compile(r"\\x([0-9a-f]{2})")


def failure_of(done: Completed) -> str:
    """In one line. Where nothing in its output is an error of Tarmak's, its last line."""
    lines = done.err.splitlines()
    logged = [(match[1], _plain(_unquoted(match[2]))) for match in map(_LINE.match, lines) if match]
    failures = [text for level, text in logged if level in _FAILING]
    if failures:
        # A cluster that does not answer makes Tarmak ask AWS for another way to it, and then it is that which fails.
        before = [text for _, text in logged if text.startswith(_NO_ANSWER)]
        return f"{failures[-1]}; before that: {before[-1]}" if before else failures[-1]
    panics = [line for line in lines if line.startswith(_PANIC)]
    return panics[0] if panics else done.reason


def _unquoted(text: str) -> str:
    """A string of Go's; whatever is not one stays as it is."""
    if not text.startswith('"'):
        return text
    try:
        return str(json.loads(_HEX.sub(r"\\u00\1", text), strict=False))
    except ValueError:
        return text


def _plain(text: str) -> str:
    """Errors in a list on a line of their own each become one sentence."""
    head = _ERRORS_OCCURRED.sub("", _DEPRECATED.sub("", text))
    return " ".join(_ITEM.sub("; ", head.strip()).split())
