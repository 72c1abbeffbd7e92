#compdef tarmak-iam

_tarmak_iam() {
  local line kind value help where program=${~words[1]}
  local -a answer offers
  answer=("${(@f)$(VARIABLE=zsh $program "${(@Q)words[2,CURRENT-1]}" "${(Q)PREFIX}" 2>/dev/null)}")
  [[ $PREFIX == -*=* ]] && compset -P '[^=]#='
  for line in "${answer[@]}"; do
    IFS=$'\t' read -r kind value help <<<"$line"
    case $kind in
      plain)
        value=${value//\\/\\\\}
        offers+=("${value//:/\\:}${help:+:$help}")
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
