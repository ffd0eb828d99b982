#!/bin/sh
# Installs what drives Debian's Chromium in tests, and what checks pages for accessibility, from the npm
# registry into DIR.
# Usage: tests/install/chromium.sh DIR     afterwards: export CHATKEEP_CHROMIUM_ROOT=DIR
set -eu

root=${1:?usage: chromium.sh DIR}
driver=1.65.1
checker=4.14.1

has() { grep -q "\"version\": \"$2\"" "$root/node_modules/$1/package.json" 2>/dev/null; }
if has playwright-core "$driver" && has axe-core "$checker"; then
    exit 0
fi
for program in node npm; do
    command -v "$program" >/dev/null || { echo "chromium.sh: $program is missing" >&2; exit 1; }
done
mkdir -p "$root"
# A package.json of its own: else npm would look for one further up.
echo '{ "private": true }' >"$root/package.json"
npm install --prefix "$root" --no-audit --no-fund --no-save --loglevel=error "playwright-core@$driver" "axe-core@$checker"
