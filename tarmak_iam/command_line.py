"""The commands that messages suggest, as somebody types them: for the same directory and the same cluster."""

from __future__ import annotations

import shlex
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class CommandLine:
    """`directory` is what -c must say, None where the configuration is found without it; `cluster_name` what
    --current-cluster must say, None for the current cluster. Tarmak spells both options the same way."""

    directory: str | None = None
    cluster_name: str | None = None

    def tarmak_iam(self, words: str, *values: str) -> str:
        """A command of ours. `words` go in as they are, `values` are quoted for the shell where they need it."""
        return self._line("tarmak-iam", words, values)

    def tarmak(self, words: str, *values: str) -> str:
        """A command of Tarmak's, as `tarmak_iam`."""
        return self._line("tarmak", words, values)

    def _line(self, program: str, words: str, values: tuple[str, ...]) -> str:
        directory = () if self.directory is None else ("-c", self.directory)
        cluster = () if self.cluster_name is None else ("--current-cluster", self.cluster_name)
        return " ".join((program, *map(shlex.quote, (*directory, *cluster)), words, *map(shlex.quote, values)))


PLAIN = CommandLine()
"""Without options: for the directory and the cluster that are taken then."""
