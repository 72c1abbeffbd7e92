"""completion: the scripts with which shells complete command lines of tarmak-iam."""

from __future__ import annotations

import click

from tarmak_iam.cli.completion import COMPLETION_VARIABLE
from tarmak_iam.cli.console import print_payload

# Not click's scripts: those of zsh and fish lose quotes or cut a value at a comma, and call the installed name. These
# call the program as it was typed. Bash replaces only the part of a word after the last `:` or `=`, which are in
# COMP_WORDBREAKS; the answer accounts for that. Bash before 4.0, as on macOS, has no compopt: no files are offered.
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
  set -e words[1]
  for line in (VARIABLE=fish $program $words (commandline -ct) 2>/dev/null)
    set -l offer (string split -m 2 \\t -- $line)
    switch $offer[1]
      case plain
        echo $offer[2]\\t$offer[3]
      case file
        printf '%s\\n' $offer[3](__fish_complete_path $offer[2])
      case dir
        printf '%s\\n' $offer[3](__fish_complete_directories $offer[2] '')
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
