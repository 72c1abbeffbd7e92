"""completion: the scripts with which shells complete command lines of tarmak-iam, and what answers them."""

from __future__ import annotations

import contextlib
import io
import os
import re
import shlex
import sys
from collections.abc import Sequence

import click
from click.shell_completion import CompletionItem, ShellComplete

from tarmak_iam.cli.completion import COMPLETION_VARIABLE
from tarmak_iam.cli.console import print_payload

# Not click's scripts: those of zsh and fish lose quotes or cut a value at a comma, and call the installed name; that of
# bash lets the shell run commands that a value contains. These call the program as it was typed; its arguments are the
# typed words. Bash before 4.0, as on macOS, has no compopt: no files are offered.
_BASH = """\
_tarmak_iam() {
  local kind value help
  COMPREPLY=()
  while IFS=$'\\t' read -r kind value help; do
    case $kind in
      plain) COMPREPLY+=("$value") ;;
      file) compopt -o default 2>/dev/null ;;
      dir) compopt -o dirnames 2>/dev/null ;;
    esac
  done < <(VARIABLE=bash "${1/#\\~/$HOME}" "${COMP_LINE:0:COMP_POINT}" "$COMP_WORDBREAKS" 2>/dev/null)
}
complete -o nosort -F _tarmak_iam tarmak-iam 2>/dev/null || complete -F _tarmak_iam tarmak-iam
"""
# A colon in a value would begin its description; a backslash escapes it.
_ZSH = """\
#compdef tarmak-iam

_tarmak_iam() {
  local line kind value help where program=${~words[1]}
  local -a answer offers
  answer=("${(@f)$(VARIABLE=zsh $program "${(@Q)words[2,CURRENT-1]}" "${(Q)PREFIX}" 2>/dev/null)}")
  [[ $PREFIX == -*=* ]] && compset -P '[^=]#='
  for line in "${answer[@]}"; do
    IFS=$'\\t' read -r kind value help <<<"$line"
    case $kind in
      plain)
        value=${value//\\\\/\\\\\\\\}
        offers+=("${value//:/\\\\:}${help:+:$help}")
        ;;
      file) where=-f ;;
      dir) where=-/ ;;
    esac
  done
  if [[ -n $where ]]; then
    _path_files $where
  elif (( $#offers )); then
    _describe -V tarmak-iam offers
  fi
}

if [[ $zsh_eval_context[-1] == loadautofunc ]]; then
  _tarmak_iam "$@"
else
  compdef _tarmak_iam tarmak-iam
fi
"""
_FISH = """\
function __tarmak_iam
  set -l words (commandline -opc)
  set -l program (string replace -r '^~' $HOME -- $words[1])
  set -l option (string match -r -- '^-[^=]*=' (commandline -ct))
  set -e words[1]
  for line in (VARIABLE=fish $program $words (commandline -ct) 2>/dev/null)
    set -l offer (string split -m 2 \\t -- $line)
    switch $offer[1]
      case plain
        echo "$option$offer[2]"\\t$offer[3]
      case file
        printf '%s\\n' "$option"(__fish_complete_path $offer[2])
      case dir
        printf '%s\\n' "$option"(__fish_complete_directories $offer[2] '')
    end
  end
end
complete -e -c tarmak-iam
complete -k -f -c tarmak-iam -a '(__tarmak_iam)'
"""
_SCRIPTS = {"bash": _BASH, "zsh": _ZSH, "fish": _FISH}


@click.command(
    epilog='\b\nExamples:\n  eval "$(tarmak-iam completion bash)"    # in ~/.bashrc\n'
    '  eval "$(tarmak-iam completion zsh)"     # in ~/.zshrc, after compinit\n'
    "  tarmak-iam completion fish > ~/.config/fish/completions/tarmak-iam.fish"
)
@click.argument("shell", type=click.Choice(list(_SCRIPTS)))
def completion(shell: str) -> None:
    """Print a script for completion of tarmak-iam in bash, zsh or fish.

    It completes commands, options and their values. Cluster names, mapped ARNs, and keys of sections and settings are
    read from the files selected by -c, --cluster and TARMAK_CONFIG. Completion writes nothing and connects to nothing.
    """
    print_payload(_SCRIPTS[shell].replace("VARIABLE", COMPLETION_VARIABLE))


# All other characters need no quotes in the middle of a word in bash.
_SPECIAL = r"[^A-Za-z0-9_@%+=:,./-]"


class _Answer(ShellComplete):
    """What the scripts ask: words as arguments, the last one up to the cursor. Of bash, whose words end at colons, the
    line up to the cursor and COMP_WORDBREAKS: readline replaces what comes after the last of those characters."""

    def __init__(self, cli: click.Command, shell: str, args: Sequence[str]) -> None:
        super().__init__(cli, {}, "tarmak-iam", COMPLETION_VARIABLE)
        self._is_bash = shell == "bash"
        if self._is_bash:
            line, self._breaks = args
            *words, current = shlex.split(f"{line}.")  # raises ValueError for a quote that is not closed
            if {"'", '"'} & set(line[len(line) - len(current) + 1 :]):
                raise ValueError("the word has quotes")
            while "=" in words[0]:  # an assignment before the command
                words.pop(0)
            args = [*words[1:], current[:-1]]
        self._words = args

    def get_completion_args(self) -> tuple[list[str], str]:
        *before, current = self._words
        return [os.path.expandvars(word) for word in before], current

    def get_completions(self, args: list[str], incomplete: str) -> list[CompletionItem]:
        return [item for item in super().get_completions(args, incomplete) if str(item.value).isprintable()]

    def format_completion(self, item: CompletionItem) -> str:
        value, about = str(item.value), " ".join((item.help or "").split())
        if self._is_bash:
            current, about = self._words[-1], ""
            is_option = current.startswith("-") and "=" in current
            value = f"{current.partition('=')[0]}={value}" if is_option else value
            kept = max(current.rfind(character) for character in self._breaks) + 1 if self._breaks else 0
            # Names from files get into a command line here: no character in them may be special to the shell.
            value = re.sub(_SPECIAL, lambda special: f"\\{special[0]}", value[kept:])
        return f"{item.type}\t{value}\t{about if about.isprintable() else ''}"


def answer(cli: click.Command, shell: str, args: Sequence[str]) -> int:
    """Writes the offers to stdout, and returns 0. If anything fails, nothing is offered and nothing is printed."""
    with contextlib.suppress(Exception, SystemExit, KeyboardInterrupt):
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            offers = _Answer(cli, shell, args).complete() if shell in _SCRIPTS else ""
        sys.stdout.buffer.write(f"{offers}\n".encode("utf-8", "surrogateescape") if offers else b"")
        sys.stdout.flush()
    return 0
