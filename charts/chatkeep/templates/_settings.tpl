{{/* The settings file of one service: what the chart knows, under what the values set by section and key. */}}
{{- define "chatkeep.settings" -}}
{{- $made := include "chatkeep.settings.made" . | fromYaml -}}
{{- $all := include "chatkeep.over" (list $made .root.Values.settings) | fromYaml -}}
{{- $own := include "chatkeep.over" (list $all .pod.settings) | fromYaml -}}
{{- include "chatkeep.toml" (dict "path" "" "table" $own) | trim -}}
{{- end -}}

{{- define "chatkeep.settings.made" -}}
{{- $values := .root.Values -}}
grpc:
  {{- if $values.grpc.plaintext }}
  plaintext: true
  {{- else }}
  certificate: /run/secrets/grpc/tls.crt
  key: /run/secrets/grpc/tls.key
  ca: /run/secrets/grpc/ca.crt
  {{- end }}
queue:
  url: {{ include "chatkeep.queue.url" .root | quote }}
  prefix: {{ $values.queue.prefix | quote }}
  user: file:/run/secrets/queue/{{ $values.queue.userKey }}
  password: file:/run/secrets/queue/{{ $values.queue.passwordKey }}
  {{- include "chatkeep.settings.ca" (list "queue-ca" $values.queue.ca) | nindent 2 }}
staging:
  kind: {{ $values.staging.kind }}
  {{- if eq $values.staging.kind "folder" }}
  path: /staging
  {{- else }}
  {{- include "chatkeep.settings.azure" $values.staging.azure | nindent 2 }}
  {{- end }}
telemetry:
  {{- omit $values.telemetry "otlp" | toYaml | nindent 2 }}
  {{- with $values.telemetry.otlp }}
  otlp: {{ . | quote }}
  {{- end }}
lifecycle:
  grace: {{ .pod.termination.graceSeconds }}s
{{- if eq .component "control" }}
# Stays empty: ledger and seals are elsewhere.
data:
  path: /tmp/data
control:
  postgres:
    url: {{ $values.ledger.url | quote }}
    user: file:/run/secrets/ledger/{{ $values.ledger.userKey }}
    password: file:/run/secrets/ledger/{{ $values.ledger.passwordKey }}
    connections: {{ $values.ledger.connections }}
    {{- include "chatkeep.settings.ca" (list "ledger-ca" $values.ledger.ca) | nindent 4 }}
  {{- include "chatkeep.settings.control" .root | nindent 2 }}
{{- if include "chatkeep.has.console" .root }}
{{ include "chatkeep.settings.console" .root }}
  address: 0.0.0.0:8080
  {{- if $values.console.mappings.existingClaim }}
  mappings: /mappings
  {{- end }}
services:
  {{- range $component := list "ingestion" "conversion" "mapping" "mailbox-import" }}
  {{ snakecase $component }}: {{ include "chatkeep.grpc.url" (dict "root" $.root "component" $component) }}
  {{- end }}
{{- end }}
{{- else }}
control:
  url: {{ include "chatkeep.control.url" .root | quote }}
{{- end }}
{{- end -}}

{{/* What the console is told in both forms. */}}
{{- define "chatkeep.settings.console" -}}
{{- $console := .Values.console -}}
console:
  issuer: {{ $console.issuer | quote }}
  client_id: {{ $console.clientId | quote }}
  {{- if $console.existingSecret }}
  client_secret: file:/run/secrets/console/{{ $console.secretKey }}
  {{- end }}
  public_url: {{ include "chatkeep.console.url" . | quote }}
  roles_claim: {{ $console.rolesClaim | quote }}
  {{- with $console.trustedProxies }}
  trusted_proxies: {{ toJson . }}
  proxy_header: {{ $console.proxyHeader }}
  {{- end }}
  {{- with $console.traces }}
  traces: {{ . | quote }}
  {{- end }}
{{- end -}}

{{/* What control is told in both forms: of the server of reports, and of what connector files may name. */}}
{{- define "chatkeep.settings.control" -}}
{{ include "chatkeep.settings.smtp" . }}
{{- if .Values.console.issuer }}
references: {{ include "chatkeep.references" . }}
{{- end }}
{{- end -}}

{{/* The Secrets that are mounted for connector files: not those that a program's own settings name. */}}
{{- define "chatkeep.references" -}}
{{- $names := list -}}
{{- $settings := toJson .Values.settings -}}
{{- range $pod := include "chatkeep.services" . | fromYaml -}}
{{- $names = concat $names (keys $pod.secretFiles) -}}
{{- $settings = print $settings (toJson $pod.settings) (toJson $pod.extraEnv) -}}
{{- end -}}
{{- $references := list -}}
{{- range $name := $names | uniq | sortAlpha -}}
{{- if not (contains (printf "/run/secrets/%s/" $name) $settings) -}}
{{- $references = append $references (printf "file:/run/secrets/%s/*" $name) -}}
{{- end -}}
{{- end -}}
{{- toJson $references -}}
{{- end -}}

{{/* The server of reports; empty where there is none. */}}
{{- define "chatkeep.settings.smtp" -}}
{{- $smtp := .Values.smtp -}}
{{- if $smtp.host -}}
smtp:
  host: {{ $smtp.host | quote }}
  {{- with $smtp.port }}
  port: {{ . }}
  {{- end }}
  tls: {{ $smtp.tls }}
  from: {{ $smtp.from | quote }}
  {{- if $smtp.existingSecret }}
  user: file:/run/secrets/smtp/{{ $smtp.userKey }}
  password: file:/run/secrets/smtp/{{ $smtp.passwordKey }}
  {{- end }}
  {{- include "chatkeep.settings.ca" (list "smtp-ca" $smtp.ca) | nindent 2 }}
{{- end -}}
{{- end -}}

{{- define "chatkeep.smtp.port" -}}
{{- .Values.smtp.port | default (get (dict "starttls" 587 "implicit" 465 "none" 25) .Values.smtp.tls) -}}
{{- end -}}

{{- define "chatkeep.console.url" -}}
{{- $hosts := ternary .Values.ingress.hosts .Values.httpRoute.hostnames .Values.ingress.enabled -}}
{{- .Values.console.publicUrl | default (printf "https://%s" (first $hosts | default "")) -}}
{{- end -}}

{{- define "chatkeep.settings.ca" -}}
{{- $ca := index . 1 -}}
{{- if or $ca.secret $ca.configMap -}}
ca: /run/secrets/{{ index . 0 }}/{{ $ca.key }}
{{- end -}}
{{- end -}}

{{- define "chatkeep.settings.azure" -}}
url: {{ .url | quote }}
credential:
  type: {{ .credential }}
  {{- if and .client (has .credential (list "managed-identity" "client-secret")) }}
  client: {{ .client | quote }}
  {{- end }}
  {{- if eq .credential "client-secret" }}
  tenant: {{ .tenant | quote }}
  secret: file:/run/secrets/staging/{{ .secretKey }}
  {{- else if eq .credential "sas" }}
  token: file:/run/secrets/staging/{{ .secretKey }}
  {{- end }}
{{ include "chatkeep.settings.ca" (list "staging-ca" .ca) }}
{{- end -}}

{{/* TOML, sorted. Helm's own toToml writes whole numbers as 4.0, which no program takes for a count. */}}
{{- define "chatkeep.toml" -}}
{{- $path := .path -}}
{{- $table := .table -}}
{{- range $key := keys $table | sortAlpha -}}
{{- $value := get $table $key -}}
{{- if not (or (kindIs "map" $value) (kindIs "invalid" $value)) }}
{{ $key }} = {{ $value | toJson }}
{{- end -}}
{{- end -}}
{{- range $key := keys $table | sortAlpha -}}
{{- $value := get $table $key -}}
{{- if kindIs "map" $value -}}
{{- $below := printf "%s%s" (ternary "" (printf "%s." $path) (eq $path "")) $key }}

[{{ $below }}]
{{- include "chatkeep.toml" (dict "path" $below "table" $value) }}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* The same as variables, for a program that reads no file. */}}
{{- define "chatkeep.variables" -}}
{{- $path := .path -}}
{{- range $key := keys .table | sortAlpha -}}
{{- $value := get $.table $key -}}
{{- $variable := printf "%s__%s" $path (upper $key) -}}
{{- if kindIs "map" $value }}
{{- include "chatkeep.variables" (dict "path" $variable "table" $value) }}
{{- else if not (kindIs "invalid" $value) }}
{{ $variable }}: {{ ternary $value (toJson $value) (kindIs "string" $value) | quote }}
{{- end -}}
{{- end -}}
{{- end -}}
