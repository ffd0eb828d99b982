#!/bin/sh
# Installs Schemathesis, which tries an API by its OpenAPI document, from PyPI into an environment of its own
# in DIR.
# Usage: tests/install/schemathesis.sh DIR     afterwards: export CHATKEEP_SCHEMATHESIS_ROOT=DIR
set -eu

root=${1:?usage: schemathesis.sh DIR}
here=$(cd "$(dirname "$0")" && pwd)
list="$here/schemathesis.txt"

if [ -x "$root/bin/schemathesis" ] && cmp -s "$list" "$root/installed.txt"; then
    exit 0
fi
command -v python3 >/dev/null || { echo "schemathesis.sh: python3 is missing" >&2; exit 1; }
rm -rf "$root"
python3 -m venv "$root"
"$root/bin/pip" install --quiet --disable-pip-version-check --no-deps --requirement "$list" || {
    echo "schemathesis.sh: cannot install Schemathesis: pip reaches no package index, or it lacks a version" >&2
    exit 1
}
cp "$list" "$root/installed.txt"
