"""Runs the commands and programs on pages, and prints where a page differs from the actual output."""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from tests.docs.pages import Page, PageError, pages
from tests.docs.running import run_page, updated
from tests.support import ROOT


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.docs", description=__doc__)
    parser.add_argument("--update", action="store_true", help="write the actual output to the pages")
    parser.add_argument("page", nargs="*", type=Path)
    given = parser.parse_args(arguments)
    found = False
    for page in [Page.read(path) for path in given.page] or pages():
        with tempfile.TemporaryDirectory(prefix="page-") as root:
            try:
                mismatches = run_page(page, Path(root))
            except PageError as error:
                sys.stderr.write(f"{error}\n")
                return 2
        for each in mismatches:
            sys.stdout.write(f"{each.text}\n\n")
        found = found or bool(mismatches)
        if given.update and mismatches:
            (ROOT / page.name).write_text(updated(page, mismatches), encoding="utf-8")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
