"""The checkout's own tarmak-iam, whatever is installed."""

from __future__ import annotations

from tarmak_iam.__main__ import main as run


def main(_: list[str]) -> None:
    """Takes its arguments from sys.argv, and exits."""
    run()


if __name__ == "__main__":
    run()
