{{/* "true" for the five programs: they have an admin port, and peers that the values name. */}}
{{- define "chatkeep.is.program" -}}
{{- if not (has .component (list "all-in-one" "test")) }}true{{ end -}}
{{- end -}}

{{- define "chatkeep.is.stage" -}}
{{- if and (include "chatkeep.is.program" .) (ne .component "control") }}true{{ end -}}
{{- end -}}

{{/* Who may call one service. */}}
{{- define "chatkeep.ingress" -}}
{{- $policy := .root.Values.networkPolicy -}}
{{- if eq .component "control" }}
- from:
    - podSelector:
        matchLabels:
          {{- include "chatkeep.selector" (dict "root" .root) | nindent 10 }}
    {{- with $policy.grpcFrom }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  ports: [{ protocol: TCP, port: 50051 }]
{{- end }}
{{- if and (include "chatkeep.is.stage" .) (include "chatkeep.has.console" .root) }}
- from:
    - podSelector:
        matchLabels:
          {{- include "chatkeep.selector" (dict "root" .root "component" "control") | nindent 10 }}
    {{- if .root.Values.tests.enabled }}
    - podSelector:
        matchLabels:
          {{- include "chatkeep.selector" (dict "root" .root "component" "test") | nindent 10 }}
    {{- end }}
  ports: [{ protocol: TCP, port: 50051 }]
{{- end }}
{{- if and (has .component (list "control" "all-in-one")) (include "chatkeep.has.console" .root) $policy.consoleFrom }}
- from:
    {{- toYaml $policy.consoleFrom | nindent 4 }}
  ports: [{ protocol: TCP, port: 8080 }]
{{- end }}
{{- if and $policy.monitoringFrom (include "chatkeep.is.program" .) }}
- from:
    {{- toYaml $policy.monitoringFrom | nindent 4 }}
  ports: [{ protocol: TCP, port: 9090 }]
{{- end }}
{{- if and (include "chatkeep.is.program" .) .root.Values.tests.enabled }}
- from:
    - podSelector:
        matchLabels:
          {{- include "chatkeep.selector" (dict "root" .root "component" "test") | nindent 10 }}
  ports: [{ protocol: TCP, port: 9090 }]
{{- end }}
{{- end -}}

{{/* Whom one service may call. */}}
{{- define "chatkeep.egress" -}}
{{- $values := .root.Values -}}
{{- $policy := $values.networkPolicy -}}
- to:
    {{- toYaml $policy.dnsTo | nindent 4 }}
  ports: [{ protocol: UDP, port: 53 }, { protocol: TCP, port: 53 }]
{{- if eq .component "test" }}
- to:
    - podSelector:
        matchLabels:
          {{- include "chatkeep.selector" (dict "root" .root) | nindent 10 }}
  ports: [{ protocol: TCP, port: 50051 }, { protocol: TCP, port: 9090 }]
{{- else if not (has .component (list "control" "all-in-one")) }}
- to:
    - podSelector:
        matchLabels:
          {{- include "chatkeep.selector" (dict "root" .root "component" "control") | nindent 10 }}
  ports: [{ protocol: TCP, port: 50051 }]
{{- end }}
{{- if and (eq .component "control") (include "chatkeep.has.console" .root) }}
# The console asks the stages.
- to:
    - podSelector:
        matchLabels:
          {{- include "chatkeep.selector" (dict "root" .root) | nindent 10 }}
  ports: [{ protocol: TCP, port: 50051 }]
{{- end }}
{{- with include "chatkeep.egress.ports" . | fromJsonArray }}
- to:
    {{- toYaml $policy.egressTo | nindent 4 }}
  ports:
    {{- range . }}
    - { protocol: TCP, port: {{ . }} }
    {{- end }}
{{- end }}
{{- if and (include "chatkeep.is.program" .) (eq $values.staging.kind "azure") (eq $values.staging.azure.credential "managed-identity") }}
# Where the machine's identity gets its tokens.
- to: [{ ipBlock: { cidr: 169.254.169.254/32 } }]
  ports: [{ protocol: TCP, port: 80 }]
{{- end }}
{{- with $policy.extraEgress }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* Ports that it calls outside of the release, each once, as JSON. */}}
{{- define "chatkeep.egress.ports" -}}
{{- $values := .root.Values -}}
{{- $urls := list -}}
{{- if include "chatkeep.is.program" . -}}
{{- $urls = append $urls (include "chatkeep.queue.url" .root) -}}
{{- with $values.telemetry.otlp }}{{ $urls = append $urls . }}{{ end -}}
{{- if eq .component "control" }}{{ $urls = append $urls $values.ledger.url }}{{ end -}}
{{- if eq $values.staging.kind "azure" -}}
{{- $urls = append $urls $values.staging.azure.url -}}
{{- /* Tokens of Entra ID. */ -}}
{{- if ne $values.staging.azure.credential "sas" }}{{ $urls = append $urls "https://login" }}{{ end -}}
{{- end -}}
{{- end -}}
{{- if has .component (list "control" "all-in-one") -}}
{{- with $values.console.issuer }}{{ $urls = append $urls . }}{{ end -}}
{{- end -}}
{{- $ports := list -}}
{{- range .pod.egressPorts }}{{ $ports = append $ports (int .) }}{{ end -}}
{{- range $urls }}{{ $ports = append $ports (include "chatkeep.port" . | int) }}{{ end -}}
{{- if and (has .component (list "control" "all-in-one")) $values.smtp.host -}}
{{- $ports = append $ports (include "chatkeep.smtp.port" .root | int) -}}
{{- end -}}
{{- $ports | uniq | toJson -}}
{{- end -}}
