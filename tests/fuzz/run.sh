#!/usr/bin/env bash
# Coverage-guided fuzzing with libFuzzer: every target for SECONDS (default 300), two at a time.
# Fails on a finding, and when a target learned nothing: then coverage was not measured.
#
#   tests/fuzz/run.sh [SECONDS [TARGET...]]
#
# Stable Rust is enough: coverage comes from an LLVM pass, no sanitizer is needed where all code is safe.
# What the fuzzer learns is kept in the cache folder and used again the next time; corpus/ holds the seeds.
set -euo pipefail
cd "$(dirname "$0")"

seconds=${1:-300}
shift || true
all=(eml xml rtf rtf_words html imap directory_csv ldap)
targets=("${@:-${all[@]}}")
[ $# -gt 0 ] || targets=("${all[@]}")
cache=${CHATKEEP_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/chatkeep}/fuzz
host=$(rustc -vV | sed -n 's/^host: //p')
mkdir -p "$cache"

# The product's versions of everything.
cp ../../Cargo.lock Cargo.lock
# --target keeps build scripts and macros free of the pass.
CARGO_TARGET_DIR=${FUZZ_TARGET_DIR:-$cache/target} \
RUSTFLAGS="--cfg fuzzing -Ccodegen-units=1 -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
-Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
-Cllvm-args=-sanitizer-coverage-trace-compares" \
  cargo build --release --quiet --target "$host"
programs=${FUZZ_TARGET_DIR:-$cache/target}/$host/release

fuzz() {
  local target=$1 work=$cache/$1
  mkdir -p "$work/corpus" "$work/findings"
  "$programs/$target" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=1024 -max_len=65536 -close_fd_mask=1 \
    -print_final_stats=1 -artifact_prefix="$work/findings/" "$work/corpus" "corpus/$target" >"$work/log" 2>&1
}

report() {
  local target=$1 status=$2 log=$cache/$1/log first last
  # Lines of libFuzzer: "#12 INITED cov: 34 ft: 56 ..." after the seeds, "#99 DONE cov: ..." at the end.
  first=$(sed -n 's/^#[0-9]*\tINITED cov: \([0-9]*\) .*/\1/p' "$log" | tail -1)
  last=$(sed -n 's/^#[0-9]*\t[A-Za-z]* *cov: \([0-9]*\) .*/\1/p' "$log" | tail -1)
  local executions edges
  executions=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
  edges=$(sed -n 's/^INFO: Loaded .* (\([0-9]*\) inline 8-bit counters).*/\1/p' "$log" | tail -1)
  printf '%-14s %10s executions, %5s of %6s edges seen, %5s of them new in this run, %5s inputs kept\n' "$target" \
    "${executions:-0}" "${last:-0}" "${edges:-0}" "$((${last:-0} - ${first:-0}))" "$(find "$cache/$target/corpus" -type f | wc -l)"
  if [ "$status" -ne 0 ]; then
    tail -40 "$log"
    echo "FINDING in $target: $(ls -t "$cache/$target/findings" | head -1), kept in $cache/$target/findings"
    return 1
  fi
  [ "${last:-0}" -gt 0 ] || { echo "$target: no coverage was measured"; return 1; }
}

failed=0
for ((i = 0; i < ${#targets[@]}; i += 2)); do
  pair=("${targets[@]:i:2}")
  pids=()
  for target in "${pair[@]}"; do
    fuzz "$target" &
    pids+=($!)
  done
  for j in "${!pair[@]}"; do
    status=0
    wait "${pids[$j]}" || status=$?
    report "${pair[$j]}" "$status" || failed=1
  done
done
exit $failed
