"""The commands that messages suggest, with the options for the same directory and the same cluster."""

from __future__ import annotations

import shlex
from typing import NamedTuple


class CommandLine(NamedTuple):
    """`directory` is the value for -c, None if the configuration is found without it. `cluster_name` is the value for
    --cluster, which is --current-cluster for Tarmak; None for the current cluster."""

    directory: str | None = None
    cluster_name: str | None = None

    def tarmak_iam(self, words: str, *values: str) -> str:
        """A tarmak-iam command. `words` are used as they are; `values` are quoted for the shell if necessary."""
        return self._line("tarmak-iam", "--cluster", words, values)

    def tarmak(self, words: str, *values: str) -> str:
        """A tarmak command; `words` and `values` as in `tarmak_iam`."""
        return self._line("tarmak", "--current-cluster", words, values)

    def _line(self, program: str, option: str, words: str, values: tuple[str, ...]) -> str:
        directory = () if self.directory is None else ("-c", self.directory)
        cluster = () if self.cluster_name is None else (option, self.cluster_name)
        return " ".join((program, *map(shlex.quote, (*directory, *cluster)), words, *map(shlex.quote, values)))


PLAIN = CommandLine()
"""No options: the default directory and the current cluster."""
