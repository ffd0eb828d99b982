#!/usr/bin/env bash
# Benchmarks: release builds, then the harness; its options are handed on.
#
#   tests/bench/run.sh [--runs N] [--quick] [--record] [--million] [--only SECTION...]
set -euo pipefail
cd "$(dirname "$0")/../.."

# Corpora and stores must lie on a real disk, in folders a mail server may enter.
export TMPDIR=${TMPDIR:-/var/tmp}
cargo build --release --quiet -p chatkeep -p chatkeep-bench
programs=${CARGO_TARGET_DIR:-target}/release
exec "$programs/chatkeep-bench" --chatkeep "$programs/chatkeep" "$@"
