#!/bin/sh
# Unpacks Cyrus IMAP from the distribution's packages into DIR, without installing it: the package
# conflicts with Dovecot's. Libraries that the machine lacks are unpacked beside it.
# Usage: tests/install/cyrus.sh DIR       afterwards: export CHATKEEP_CYRUS_ROOT=DIR
set -eu

root=${1:?usage: cyrus.sh DIR}
master="$root/usr/lib/cyrus/bin/master"
imapd="$root/usr/lib/cyrus/bin/imapd"
triplet=$(uname -m)-linux-gnu
libraries="$root/usr/lib/cyrus:$root/usr/lib/$triplet:$root/lib/$triplet"

missing() {
    for program in "$master" "$imapd" "$root/usr/lib/cyrus/bin/ctl_cyrusdb"; do
        LD_LIBRARY_PATH="$libraries" ldd "$program" | awk '/not found/ { print $1 }'
    done | sort -u
}

[ -x "$imapd" ] && [ -z "$(missing)" ] && exit 0

packages=$(mktemp -d)
trap 'rm -rf "$packages"' EXIT
chmod 755 "$packages"
unpack() {
    (cd "$packages" && apt-get download -q "$@" >&2)
    for package in "$packages"/*.deb; do
        dpkg -x "$package" "$root"
        rm "$package"
    done
}

mkdir -p "$root"
unpack cyrus-common cyrus-imapd

# The libraries they depend on, where the machine has none.
absent() {
    apt-cache depends --important cyrus-common cyrus-imapd | awk '/Depends: lib/ { print $2 }' |
        grep -v '^libclamav' | sort -u | while read -r package; do
        dpkg -s "$package" >/dev/null 2>&1 || echo "$package"
    done
}
if [ -n "$(missing)" ]; then
    # Package names have no spaces.
    # shellcheck disable=SC2046
    unpack $(absent)
fi
if [ -n "$(missing)" ]; then
    echo "cyrus.sh: libraries not found: $(missing | tr '\n' ' ')" >&2
    exit 1
fi
