#!/bin/sh
# The main job on copies of the two example configurations: from one switch to every artifact, offline.
# Usage: BIN=<directory of tarmak-iam> sh examples/demo.sh <directory to work in>
set -eu
here=$(cd "$(dirname "$0")" && pwd)
out=${1:?directory to work in}
admin=arn:aws:iam::111122223333:role/KubernetesAdmin

run() {
    printf '\n$ tarmak-iam %s\n' "$*"
    "$BIN/tarmak-iam" "$@"
}

journey() {
    name=$1 cluster=$2
    dir=$out/$name
    printf '\n=== %s: cluster %s ===\n' "$name" "$cluster"
    run -c "$dir" --current-cluster "$cluster" enable
    run -c "$dir" --current-cluster "$cluster" map add "$admin" --username kubernetes-admin --group system:masters
    run -c "$dir" --current-cluster "$cluster" check
    run -c "$dir" --current-cluster "$cluster" whois "$admin"
    run -c "$dir" --current-cluster "$cluster" render --output-dir "$dir/$cluster/iam" --role "$admin"
    run -c "$dir" --current-cluster "$cluster" flags
}

rm -rf "$out"
mkdir -p "$out"
cp -R "$here/single" "$here/multi" "$out/"

journey single dev-cluster
journey multi prod-blue
journey multi prod-green

printf '\nMade, for each of three clusters: the switch in tarmak.yaml, a mappings file,\n'
printf 'flags, ConfigMap, DaemonSet and kubeconfig. They are here:\n'
find "$out" -type f -path '*/iam/*' -o -name aws-iam-authenticator.yaml -type f | sort
