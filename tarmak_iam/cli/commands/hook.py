"""hook: prints a shell function that runs every tarmak command with `run`."""

from __future__ import annotations

import click

from tarmak_iam.cli.console import print_payload

# `function`, because the shell would expand an alias of that name in `tarmak () {`. `command` starts a program, which
# looks for tarmak on the PATH, so the function never calls itself. Its status is that of the last command.
_FUNCTION = """\
function tarmak {
  command tarmak-iam run -- tarmak "$@"
}
"""
_FUNCTIONS = {"bash": _FUNCTION, "zsh": _FUNCTION}


@click.command(epilog='\b\nExample, in ~/.bashrc:\n  eval "$(tarmak-iam hook bash)"')
@click.argument("shell", type=click.Choice(list(_FUNCTIONS)))
def hook(shell: str) -> None:
    """Print a shell function `tarmak` that calls `tarmak-iam run -- tarmak`.

    `command tarmak` still starts tarmak directly. Completion and aliases of tarmak still work.
    """
    print_payload(_FUNCTIONS[shell])
