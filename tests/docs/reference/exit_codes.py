"""What the exit codes mean for each command."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from tarmak_iam.cli.exit_codes import ExitCode
from tarmak_iam.document import Document

_MEANINGS = Document.parse(Path(__file__).with_suffix(".yaml").read_bytes()).data


def codes_of(command: Sequence[str]) -> Mapping[ExitCode, str]:
    """By the names of a command and its groups, as `("map", "add")`."""
    name = " ".join(command)
    own = _MEANINGS.get(name, {})
    texts = own if name == "run" else {**_MEANINGS["every"], **own}
    return {ExitCode[name]: text for name, text in texts.items()}
