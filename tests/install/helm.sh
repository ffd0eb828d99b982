#!/bin/sh
# Installs into DIR what the chart is tested with: bin/ from the Go module proxy (helm, helm-unittest,
# kubeconform, kube-linter), schemas/ of Kubernetes from PyPI and of operators' resources from Go modules.
# Usage: tests/install/helm.sh DIR     afterwards: export CHATKEEP_HELM_ROOT=DIR
set -eu

root=${1:?usage: helm.sh DIR}
here=$(cd "$(dirname "$0")" && pwd)
helm=v4.2.4
unittest=v1.1.2
kubeconform=v0.7.0
linter=v0.8.3
kubernetes=1.37.0
versions='1.31.0 1.34.0 1.37.0'
crds='github.com/kedacore/keda/v2@v2.21.0 github.com/prometheus-operator/prometheus-operator@v0.85.0
sigs.k8s.io/gateway-api@v1.4.0 github.com/rabbitmq/cluster-operator/v2@v2.20.0'
stamp="$helm $unittest $kubeconform $linter $kubernetes $versions $crds $(cksum <"$here/../chart/schemas.py")"

if [ -f "$root/installed" ] && [ "$(cat "$root/installed")" = "$stamp" ]; then
    exit 0
fi
for program in go /usr/bin/python3; do
    command -v "$program" >/dev/null || { echo "helm.sh: $program is missing; Go must be 1.26 or later" >&2; exit 1; }
done
# The distribution's: it has the package yaml.
python() { /usr/bin/python3 "$@"; }
python -c 'import yaml' || { echo "helm.sh: Python's package yaml is missing" >&2; exit 1; }

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# Modules and objects are of no use afterwards, and large.
export GOPATH="$work/go" GOCACHE="$work/objects" GOBIN="$root/bin" GOFLAGS=-modcacherw CGO_ENABLED=0
mkdir -p "$root/bin"
build() {
    echo "helm.sh: building $1"
    go install -trimpath -ldflags '-s -w' "$1" 2>"$work/log" || { tail -5 "$work/log" >&2; exit 1; }
}
build "helm.sh/helm/v4/cmd/helm@$helm"
build "github.com/yannh/kubeconform/cmd/kubeconform@$kubeconform"

# A module of our own may replace modules, which `go install` of a version refuses.
#   replacing PROGRAM PACKAGE MODULE VERSION REPLACED REPLACEMENT
replacing() {
    echo "helm.sh: building $1@$4"
    mkdir "$work/$1"
    cd "$work/$1"
    cat >go.mod <<END
module chatkeep.invalid/tools
go 1.26
tool $2
require $3 $4
replace $5 => $6
END
    { go mod tidy && go build -trimpath -ldflags '-s -w' -o "$root/bin/$1" "$2"; } 2>"$work/log" ||
        { tail -5 "$work/log" >&2; exit 1; }
}
# What its own go.mod replaces.
replacing helm-unittest github.com/helm-unittest/helm-unittest/cmd/helm-unittest \
    github.com/helm-unittest/helm-unittest "$unittest" \
    'github.com/vmware-labs/yaml-jsonpath v0.3.2' 'github.com/helm-unittest/yaml-jsonpath v0.4.0'
# Not every module proxy has it by its own name.
replacing kube-linter golang.stackrox.io/kube-linter/cmd/kube-linter golang.stackrox.io/kube-linter "$linter" \
    golang.stackrox.io/kube-linter "github.com/stackrox/kube-linter $linter"

echo "helm.sh: schemas"
rm -rf "$root/schemas"
python -m pip download --quiet --disable-pip-version-check --no-deps --dest "$work" "kubernetes-validate==$kubernetes"
python -m zipfile -e "$work"/kubernetes_validate-*.whl "$work/schemas"
for version in $versions; do
    definitions="$work/schemas/kubernetes_validate/kubernetes-json-schema/v$version-local-strict/_definitions.json"
    python "$here/../chart/schemas.py" kubernetes "$definitions" "$root/schemas/v$version"
done
mkdir -p "$root/schemas/definitions"
for module in $crds; do
    go mod download "$module" 2>"$work/log" || { tail -5 "$work/log" >&2; exit 1; }
    find "$GOPATH/pkg/mod/$module" -path '*crd*' -name '*.yaml' ! -path '*patches*' ! -path '*experimental*' \
        ! -path '*crd-full*' -exec grep -q '^kind: CustomResourceDefinition' {} \; -exec cp {} "$root/schemas/definitions/" \;
done
chmod -R u+w "$root/schemas"
python "$here/../chart/schemas.py" crds "$root/schemas/operators" "$root"/schemas/definitions/*.yaml
echo "$stamp" >"$root/installed"
