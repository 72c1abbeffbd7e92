#!/bin/sh
# One cluster gets IAM login, offline: a mistake that is found, a lock-out that is refused, a colleague, and the report.
# Usage: BIN=<directory of tarmak-iam> sh examples/demo.sh <output directory>
set -eu
here=$(cd "$(dirname "$0")" && pwd)
bin=$(cd "${BIN:?specify the directory of tarmak-iam}" && pwd)
out=${1:?specify an output directory}
role=arn:aws:iam::111122223333:role
[ ! -t 1 ] || export FORCE_COLOR=1

# run CODE LINES ARGUMENTS: runs tarmak-iam and shows the last lines of its output. An exit code other than CODE ends the
# demo.
run() {
    expected=$1 shown=$2 code=0
    shift 2
    printf '$ tarmak-iam %s\n' "$*"
    output=$("$bin/tarmak-iam" "$@" 2>&1) || code=$?
    [ "$(printf '%s\n' "$output" | wc -l)" -le "$shown" ] || echo '...'
    printf '%s\n' "$output" | tail -n "$shown"
    [ "$code" -eq "$expected" ] || exit 1
}

rm -rf "$out"
mkdir -p "$out"
cp -R "$here/single" "$out/cluster"
cd "$out"
export TARMAK_CONFIG=cluster

echo '1. Enable IAM login: one edit of tarmak.yaml, and no other byte changes.'
run 0 6 enable
echo
echo '2. Map an admin, with a typo in the group. check finds it, and fixes it.'
run 0 2 map add $role/KubernetesAdmin --username admin --group system:master
run 0 9 check --fix --unsafe-fixes
echo
echo '3. Remove the only admin? That would be a lock-out.'
run 2 9 map remove $role/KubernetesAdmin
echo
echo '4. A new colleague: a role for developers, and the name of the session as username.'
run 0 6 map add $role/Developer --username 'dev:{{SessionName}}' --group developers
echo
echo '5. Who is who, as the authenticator answers:'
run 0 3 whois arn:aws:sts::111122223333:assumed-role/Developer/alice
run 0 3 whois $role/Auditor
echo
echo '6. What the cluster and its users get, as files:'
run 0 9 render --output-dir rendered --role $role/KubernetesAdmin
echo
echo '7. Who can log in, for the next audit:'
printf '$ tarmak-iam report -o html > report.html\n'
"$bin/tarmak-iam" report -o html >report.html
printf 'Open %s/report.html in a browser; all files are in that directory.\n' "$(pwd)"
