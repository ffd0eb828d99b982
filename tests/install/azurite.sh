#!/bin/sh
# Installs Azurite, Microsoft's emulator of Azure Storage, from the npm registry into DIR.
# Usage: tests/install/azurite.sh DIR     afterwards: export CHATKEEP_AZURITE_ROOT=DIR
set -eu

root=${1:?usage: azurite.sh DIR}
version=3.37.0
package="$root/node_modules/azurite/package.json"

if [ -f "$package" ] && grep -q "\"version\": \"$version\"" "$package"; then
    exit 0
fi
for program in node npm; do
    command -v "$program" >/dev/null || { echo "azurite.sh: $program is missing" >&2; exit 1; }
done
mkdir -p "$root"
# A package.json of its own: else npm would look for one further up.
echo '{ "private": true }' >"$root/package.json"
npm install --prefix "$root" --no-audit --no-fund --no-save --loglevel=error "azurite@$version"
