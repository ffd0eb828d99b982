{{/* The pod of one service. Takes root, component, pod (its values). */}}
{{- define "chatkeep.pod" -}}
{{- $pod := .pod -}}
{{- $embedded := eq .component "all-in-one" -}}
metadata:
  labels:
    {{- include "chatkeep.pod.labels" . | nindent 4 }}
    {{- if $pod.workloadIdentity.enabled }}
    azure.workload.identity/use: "true"
    {{- end }}
    {{- with $pod.podLabels }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  {{- $annotations := merge (dict) $pod.podAnnotations .root.Values.commonAnnotations }}
  {{- if not $embedded }}
  # New settings are a new pod: programs read them once.
  {{- $_ := set $annotations "checksum/settings" (include "chatkeep.settings" . | sha256sum) }}
  {{- end }}
  {{- with $annotations }}
  annotations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
spec:
  serviceAccountName: {{ include "chatkeep.account" . }}
  automountServiceAccountToken: false
  # Variables of other Services could be taken for settings.
  enableServiceLinks: false
  terminationGracePeriodSeconds: {{ add $pod.termination.preStopSeconds $pod.termination.graceSeconds 10 }}
  securityContext:
    {{- toYaml $pod.podSecurityContext | nindent 4 }}
  {{- with .root.Values.global.imagePullSecrets }}
  imagePullSecrets:
    {{- range . }}
    - name: {{ . }}
    {{- end }}
  {{- end }}
  {{- with $pod.initContainers }}
  initContainers:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  containers:
    - {{ include "chatkeep.container" . | nindent 6 | trim }}
    {{- with $pod.sidecars }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  volumes:
    {{- include "chatkeep.volumes" . | trim | nindent 4 }}
  {{- if and $pod.topologySpread.enabled (not $embedded) }}
  topologySpreadConstraints:
    {{- range list "topology.kubernetes.io/zone" "kubernetes.io/hostname" }}
    - maxSkew: 1
      topologyKey: {{ . }}
      whenUnsatisfiable: {{ $pod.topologySpread.whenUnsatisfiable }}
      labelSelector:
        matchLabels:
          {{- include "chatkeep.selector" $ | nindent 10 }}
      matchLabelKeys: [pod-template-hash]
    {{- end }}
  {{- end }}
  {{- range $key := list "nodeSelector" "tolerations" "affinity" "hostAliases" "dnsConfig" "priorityClassName" "runtimeClassName" }}
  {{- with get $pod $key }}
  {{ $key }}:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- end }}
{{- end -}}

{{- define "chatkeep.container" -}}
{{- $pod := .pod -}}
{{- $embedded := eq .component "all-in-one" -}}
name: {{ .component }}
image: {{ include "chatkeep.image" . | quote }}
imagePullPolicy: {{ .root.Values.image.pullPolicy }}
{{- if $embedded }}
command: [chatkeep]
args: [--data-dir, /data, --log, {{ .root.Values.telemetry.log | quote }}, serve, --listen, "{{ ternary "0.0.0.0" "127.0.0.1" (ne .root.Values.console.issuer "") }}:8080"]
{{- else }}
command: [{{ .component }}]
args: [--config, /etc/chatkeep/settings.toml]
{{- end }}
securityContext:
  {{- toYaml $pod.securityContext | nindent 2 }}
{{- with include "chatkeep.environment" . | trim }}
env:
  {{- . | nindent 2 }}
{{- end }}
{{- with $pod.extraEnvFrom }}
envFrom:
  {{- toYaml . | nindent 2 }}
{{- end }}
ports:
  {{- if $embedded }}
  - { name: console, containerPort: 8080 }
  {{- else }}
  - { name: grpc, containerPort: 50051 }
  - { name: admin, containerPort: 9090 }
  {{- if and (eq .component "control") (include "chatkeep.has.console" .root) }}
  - { name: console, containerPort: 8080 }
  {{- end }}
  {{- end }}
{{- range $probe, $path := dict "startup" "/livez" "liveness" "/livez" "readiness" "/readyz" }}
{{ $probe }}Probe:
  {{- if and $embedded $.root.Values.console.issuer }}
  # The one program has no admin port.
  tcpSocket: { port: console }
  {{- else if $embedded }}
  # Where nobody signs users in it listens for those alone who are in the pod.
  exec: { command: [chatkeep, selfcheck, --console, "http://127.0.0.1:8080"] }
  timeoutSeconds: 3
  {{- else }}
  httpGet: { path: {{ $path }}, port: admin }
  # What /readyz asks may take 2 s.
  timeoutSeconds: 3
  {{- end }}
  {{- toYaml (get $pod.probes $probe) | nindent 2 }}
{{- end }}
{{- if $pod.termination.preStopSeconds }}
lifecycle:
  preStop:
    sleep: { seconds: {{ $pod.termination.preStopSeconds }} }
{{- end }}
resources:
  {{- toYaml $pod.resources | nindent 2 }}
volumeMounts:
  - { name: scratch, mountPath: /tmp }
  {{- if $embedded }}
  - { name: data, mountPath: /data }
  {{- else }}
  - { name: settings, mountPath: /etc/chatkeep, readOnly: true }
  {{- end }}
  {{- range $name, $_ := include "chatkeep.files" . | fromYaml }}
  - { name: {{ $name }}, mountPath: /run/secrets/{{ trimPrefix "secret-" $name }}, readOnly: true }
  {{- end }}
  {{- if and (eq .root.Values.staging.kind "folder") (not $embedded) }}
  - { name: staging-folder, mountPath: /staging }
  {{- end }}
  {{- if include "chatkeep.has.mappings" . }}
  - { name: mappings, mountPath: /mappings{{ if ne .component "control" }}, readOnly: true{{ end }} }
  {{- end }}
  {{- with $pod.extraVolumeMounts }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- end -}}

{{- define "chatkeep.environment" -}}
{{- $variables := dict -}}
{{- if eq .component "all-in-one" -}}
{{- $made := dict -}}
{{- if .root.Values.console.issuer }}{{ $made = include "chatkeep.settings.console" .root | fromYaml }}{{ end -}}
{{- with include "chatkeep.settings.control" .root | trim }}{{ $_ := set $made "control" (fromYaml .) }}{{ end -}}
{{- $all := include "chatkeep.over" (list $made .root.Values.settings) | fromYaml -}}
{{- $settings := include "chatkeep.over" (list $all .pod.settings) | fromYaml -}}
{{- $variables = include "chatkeep.variables" (dict "path" "CHATKEEP" "table" $settings) | fromYaml -}}
{{- else if eq .component "control" -}}
{{- /* So that the command line can be called in its pod. */ -}}
{{- $variables = include "chatkeep.command.line" .root | fromYaml -}}
{{- end -}}
{{- range $name, $value := merge (dict) .pod.extraEnv $variables }}
- name: {{ $name }}
  {{- if kindIs "map" $value }}
  {{- toYaml $value | nindent 2 }}
  {{- else }}
  value: {{ $value | quote }}
  {{- end }}
{{- end }}
{{- end -}}

{{/* Variables by which the command line finds control, where the Secret with certificates is mounted. */}}
{{- define "chatkeep.command.line" -}}
CHATKEEP_CONTROL: {{ include "chatkeep.control.url" . | quote }}
{{- if .Values.grpc.plaintext }}
CHATKEEP_PLAINTEXT: "true"
{{- else }}
CHATKEEP_CA: /run/secrets/grpc/ca.crt
CHATKEEP_CERTIFICATE: /run/secrets/grpc/tls.crt
CHATKEEP_KEY: /run/secrets/grpc/tls.key
{{- end }}
{{- end -}}

{{- define "chatkeep.has.console" -}}
{{- if or .Values.console.issuer (eq .Values.form "all-in-one") }}true{{ end -}}
{{- end -}}

{{/* "true" for the services that share the custom mappings which are entered in pages. */}}
{{- define "chatkeep.has.mappings" -}}
{{- if and (has .component (list "control" "mapping")) (include "chatkeep.has.console" .root) .root.Values.console.mappings.existingClaim }}true{{ end -}}
{{- end -}}
