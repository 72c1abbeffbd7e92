function __tarmak_iam
  set -l words (commandline -opc)
  set -l program (string replace -r '^~' $HOME -- $words[1])
  set -l option (string match -r -- '^-[^=]*=' (commandline -ct))
  set -e words[1]
  for line in (VARIABLE=fish $program $words (commandline -ct) 2>/dev/null)
    set -l offer (string split -m 2 \t -- $line)
    switch $offer[1]
      case plain
        echo "$option$offer[2]"\t$offer[3]
      case file
        printf '%s\n' "$option"(__fish_complete_path $offer[2])
      case dir
        printf '%s\n' "$option"(__fish_complete_directories $offer[2] '')
    end
  end
end
complete -e -c tarmak-iam
complete -k -f -c tarmak-iam -a '(__tarmak_iam)'
