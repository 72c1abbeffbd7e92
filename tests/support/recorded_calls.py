"""A tarmak-iam that completes words, and writes down what else it is called with: a line of JSON in the file RECORD."""

from __future__ import annotations

import json
import os

from tarmak_iam.cli.completion import COMPLETION_VARIABLE
from tarmak_iam.cli.main import main as command_line


def main(arguments: list[str]) -> int:
    if os.environ.get(COMPLETION_VARIABLE) or arguments[:1] == ["completion"]:
        return command_line(arguments)
    with open(os.environ["RECORD"], "a", encoding="utf-8") as file:
        file.write(json.dumps(arguments) + "\n")
    return 0
