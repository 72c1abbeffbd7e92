#!/bin/sh
# Enables IAM login on copies of the two example configurations and generates every artifact, offline.
# Usage: BIN=<directory of tarmak-iam> sh examples/demo.sh <output directory>
set -eu
here=$(cd "$(dirname "$0")" && pwd)
out=${1:?specify an output directory}
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

printf '\nFor each of the three clusters, IAM login is enabled in tarmak.yaml. Created: a mappings file,\n'
printf 'flags, ConfigMap, DaemonSet and kubeconfig, in these files:\n'
find "$out" -type f -path '*/iam/*' -o -name aws-iam-authenticator.yaml -type f | sort
