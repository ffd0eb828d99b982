#!/bin/sh
# Builds Tempo from its sources, which hold all they need, into DIR. Many minutes and 1 GB the first time.
# Usage: tests/install/tempo.sh DIR
#
# CHATKEEP_TEMPO_SOURCE  repository to clone, for machines that do not reach the public one
set -eu

root=${1:?usage: tempo.sh DIR}
# That of deploy/compose.telemetry.yaml.
version=2.10.8
source=${CHATKEEP_TEMPO_SOURCE:-https://github.com/grafana/tempo}

[ -x "$root/tempo-$version" ] && exit 0
command -v go >/dev/null || { echo "tempo.sh: go is missing" >&2; exit 1; }
mkdir -p "$root"
root=$(cd "$root" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
git clone --quiet --depth 1 --branch "v$version" "$source" "$work/tempo" 2>/dev/null ||
  { echo "tempo.sh: cannot clone v$version of $source" >&2; exit 1; }
cd "$work/tempo"
GOTOOLCHAIN=local go build -mod=vendor -trimpath -ldflags '-s -w' -o "$root/tempo-$version" ./cmd/tempo
