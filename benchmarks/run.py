"""Prints the tables of docs/comparison.md in Markdown, all or the specified ones; `--write FILE` writes them to a page.

Run by `make bench` and `make comparison`. A ratio within one run says the same on a slow machine as on a fast one;
nothing is asserted. Tools that are not installed have no numbers: tools.py installs them.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from artifacts import MANIFESTS, MERGES
from batches import BATCHES
from clusters import CLUSTERS
from edits import EDITS, FURTHER
from fidelity import FIDELITY
from kubeconfigs import KUBECONFIGS
from map_add import MAP_ADD
from reviews import REVIEWS
from starts import STARTS
from tables import Table, markdown, put_into

TABLES: tuple[Table, ...] = (
    FIDELITY,
    EDITS,
    FURTHER,
    BATCHES,
    KUBECONFIGS,
    MERGES,
    STARTS,
    REVIEWS,
    MAP_ADD,
    MANIFESTS,
    CLUSTERS,
)


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python benchmarks/run.py")
    parser.add_argument("--write", type=Path, metavar="FILE")
    parser.add_argument("names", nargs="*", metavar="TABLE", help=", ".join(table.name for table in TABLES))
    asked = parser.parse_args(argv)
    for table in TABLES:
        if asked.names and table.name not in asked.names:
            continue
        text = markdown(table, table.measure())
        print(f"{table.title} ({table.name})\n\n{text}", flush=True)
        if asked.write:
            asked.write.write_text(
                put_into(asked.write.read_text(encoding="utf-8"), table.name, text), encoding="utf-8"
            )
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
