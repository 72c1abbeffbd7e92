"""`python -m tarmak_iam`, and the console script."""

from __future__ import annotations

import gc
import sys


def main() -> None:
    """Runs the command line and exits. Ctrl-C while it is still loading prints no traceback either."""
    gc.disable()  # nothing that is made while the program is loaded becomes garbage
    try:
        from tarmak_iam.cli.main import run
    except KeyboardInterrupt:
        sys.stderr.write("error: interrupted\n")
        sys.exit(130)
    gc.freeze()
    # Documents and findings form no cycles: searching the nodes of a large file for some takes longer than most rules.
    gc.set_threshold(1_000_000)
    gc.enable()
    run()


if __name__ == "__main__":
    main()
