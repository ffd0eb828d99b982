#!/usr/bin/env bash
# Benchmarks: release builds, then the harness; its options are handed on.
#
#   tests/bench/run.sh [--runs N] [--quick] [--record] [--million] [--only SECTION...]
set -euo pipefail
cd "$(dirname "$0")/../.."

# Corpora and stores must lie on a real disk, in folders a mail server may enter.
export TMPDIR=${TMPDIR:-/var/tmp}
services=(control ingestion conversion mapping mailbox-import)
packages=(-p chatkeep -p chatkeep-bench "${services[@]/#/-pchatkeep-}")
features=chatkeep/cluster,chatkeep/mssql,chatkeep/microsoft365$(printf ',chatkeep-%s/cluster' "${services[@]}")
# As released: all features.
cargo build --release --quiet "${packages[@]}" --bins --features "$features"
programs=${CARGO_TARGET_DIR:-target}/release
exec "$programs/chatkeep-bench" --chatkeep "$programs/chatkeep" "$@"
