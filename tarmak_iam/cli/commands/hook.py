"""hook: a shell function for people who want `run` around every tarmak that they type."""

from __future__ import annotations

import click

from tarmak_iam.cli.console import print_payload

# `function`, since an alias of the name would be put in place of the first word of `tarmak () {`. It calls a program
# that looks for tarmak among programs, so it never calls itself; its status is the last command's.
_FUNCTION = """\
function tarmak {
  command tarmak-iam run -- tarmak "$@"
}
"""
_FUNCTIONS = {"bash": _FUNCTION, "zsh": _FUNCTION}


@click.command(
    short_help="A shell function that has `run` around every tarmak.",
    epilog='\b\nExample, in ~/.bashrc:\n  eval "$(tarmak-iam hook bash)"',
)
@click.argument("shell", type=click.Choice(list(_FUNCTIONS)))
def hook(shell: str) -> None:
    """Print a function `tarmak` that calls `tarmak-iam run -- tarmak`; `command tarmak` is then tarmak without us.

    Completion and aliases of tarmak go on working.
    """
    print_payload(_FUNCTIONS[shell])
