#!/bin/sh
# Builds kube-apiserver and kubectl of one version from their Go modules into DIR/bin: some ten minutes of
# processor time, and 5 GB while it runs. etcd is the distribution's.
# Usage: tests/install/kubernetes.sh DIR     DIR is that of helm.sh
set -eu

root=${1:?usage: kubernetes.sh DIR}
version=1.34.4

if [ -f "$root/kubernetes" ] && [ "$(cat "$root/kubernetes")" = "$version" ]; then
    exit 0
fi
command -v go >/dev/null || { echo "kubernetes.sh: go is missing" >&2; exit 1; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export GOPATH="$work/go" GOCACHE="$work/objects" GOFLAGS=-modcacherw CGO_ENABLED=0
mkdir -p "$root/bin" "$work/module"
cd "$work/module"

# Kubernetes replaces its own modules by folders; in a module of ours they are replaced by what was published.
go mod download "k8s.io/kubernetes@v$version" 2>"$work/log" || { tail -5 "$work/log" >&2; exit 1; }
{
    printf 'module chatkeep.invalid/tools\n\ngo 1.24.0\n\nrequire k8s.io/kubernetes v%s\n\n' "$version"
    sed -nE "s#^\s*(replace )?(k8s.io/[a-z0-9-]+) => ./staging.*#replace \2 => \2 v0.${version#1.}#p" \
        "$GOPATH/pkg/mod/cache/download/k8s.io/kubernetes/@v/v$version.mod"
} >go.mod
cat >tools.go <<END
//go:build tools

package tools

import (
	_ "k8s.io/kubernetes/cmd/kube-apiserver"
	_ "k8s.io/kubernetes/cmd/kubectl"
)
END
go mod tidy 2>"$work/log" || { tail -5 "$work/log" >&2; exit 1; }
numbers="-X k8s.io/component-base/version.gitVersion=v$version -X k8s.io/component-base/version.gitMajor=1"
numbers="$numbers -X k8s.io/component-base/version.gitMinor=$(echo "$version" | cut -d. -f2)"
for program in kube-apiserver kubectl; do
    echo "kubernetes.sh: building $program $version"
    go build -trimpath -ldflags "-s -w $numbers" -o "$root/bin/$program" "k8s.io/kubernetes/cmd/$program" \
        2>"$work/log" || { tail -5 "$work/log" >&2; exit 1; }
done
echo "$version" >"$root/kubernetes"
