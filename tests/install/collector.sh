#!/bin/sh
# Builds the OpenTelemetry collector and Jaeger from their Go modules into DIR: no containers, no downloads of
# binaries. The first time takes many minutes and 3 GB of Go's caches.
# Usage: tests/install/collector.sh DIR     afterwards: export CHATKEEP_TELEMETRY_ROOT=DIR
set -eu

root=${1:?usage: collector.sh DIR}
collector=0.159.0
providers=1.65.0
# The last with a valid module path; Jaeger 2.13.
jaeger=1.76.0

[ -x "$root/otelcol-$collector" ] && [ -x "$root/jaeger-$jaeger" ] && exit 0
command -v go >/dev/null || { echo "collector.sh: go is missing" >&2; exit 1; }
mkdir -p "$root"
root=$(cd "$root" && pwd)
source=$(mktemp -d)
trap 'rm -rf "$source"' EXIT

cat >"$source/collector.yaml" <<YAML
dist:
  name: otelcol
  version: $collector
  output_path: $source/collector
receivers:
  - gomod: go.opentelemetry.io/collector/receiver/otlpreceiver v$collector
processors:
  - gomod: go.opentelemetry.io/collector/processor/batchprocessor v$collector
  - gomod: go.opentelemetry.io/collector/processor/memorylimiterprocessor v$collector
exporters:
  - gomod: go.opentelemetry.io/collector/exporter/otlpexporter v$collector
providers:
  - gomod: go.opentelemetry.io/collector/confmap/provider/envprovider v$providers
  - gomod: go.opentelemetry.io/collector/confmap/provider/fileprovider v$providers
telemetry:
  gomod: go.opentelemetry.io/collector/service v$collector
  import: go.opentelemetry.io/collector/service/telemetry/otelconftelemetry
YAML
go run "go.opentelemetry.io/collector/cmd/builder@v$collector" --config "$source/collector.yaml"
mv "$source/collector/otelcol" "$root/otelcol-$collector"

mkdir "$source/jaeger"
cd "$source/jaeger"
go mod init jaeger-program >/dev/null 2>&1
# Its own go.mod replaces a module that the program does not use: as a dependency it builds, by itself it would not.
go get "github.com/jaegertracing/jaeger/cmd/jaeger@v$jaeger" >/dev/null 2>&1
go build -trimpath -ldflags '-s -w' -o "$root/jaeger-$jaeger" github.com/jaegertracing/jaeger/cmd/jaeger
