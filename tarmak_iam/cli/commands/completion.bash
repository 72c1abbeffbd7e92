_tarmak_iam() {
  local kind value help
  COMPREPLY=()
  while IFS=$'\t' read -r kind value help; do
    case $kind in
      plain) COMPREPLY+=("$value") ;;
      file) compopt -o default 2>/dev/null ;;
      dir) compopt -o dirnames 2>/dev/null ;;
    esac
  done < <(VARIABLE=bash "${1/#\~/$HOME}" "${COMP_LINE:0:COMP_POINT}" "$COMP_WORDBREAKS" 2>/dev/null)
}
complete -o nosort -F _tarmak_iam tarmak-iam 2>/dev/null || complete -F _tarmak_iam tarmak-iam
