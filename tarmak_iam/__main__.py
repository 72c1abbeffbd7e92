"""`python -m tarmak_iam`, and the console script."""

from __future__ import annotations

import sys


def main() -> None:
    """Runs the command line and exits. Ctrl-C while it is still loading prints no traceback either."""
    try:
        from tarmak_iam.cli.main import run
    except KeyboardInterrupt:
        sys.stderr.write("error: interrupted\n")
        sys.exit(130)
    run()


if __name__ == "__main__":
    main()
