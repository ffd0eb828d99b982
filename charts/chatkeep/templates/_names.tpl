{{/* Names and labels. Each template takes a dict: root, and for one service its component (control, mailbox-import). */}}

{{- define "chatkeep.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{/* Short enough for "-mailbox-import", and for the hashes that Kubernetes adds to names of pods. */}}
{{- define "chatkeep.fullname" -}}
{{- $name := default .Chart.Name .Values.nameOverride -}}
{{- $full := printf "%s-%s" .Release.Name $name -}}
{{- if .Values.fullnameOverride -}}
{{- $full = .Values.fullnameOverride -}}
{{- else if contains $name .Release.Name -}}
{{- $full = .Release.Name -}}
{{- end -}}
{{- $full | trunc 38 | trimSuffix "-" -}}
{{- end -}}

{{- define "chatkeep.component.name" -}}
{{ include "chatkeep.fullname" .root }}-{{ .component }}
{{- end -}}

{{/* What objects are selected by: never changes, or an upgrade is refused. */}}
{{- define "chatkeep.selector" -}}
app.kubernetes.io/name: {{ include "chatkeep.name" .root }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
{{- with .component }}
app.kubernetes.io/component: {{ . }}
{{- end }}
{{- end -}}

{{- define "chatkeep.labels" -}}
{{ include "chatkeep.selector" . }}
app.kubernetes.io/version: {{ include "chatkeep.version" .root | quote }}
app.kubernetes.io/part-of: chatkeep
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version | replace "+" "_" }}
{{- with .root.Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* Without versions: a chart that changes nothing of a pod does not restart it. */}}
{{- define "chatkeep.pod.labels" -}}
{{ include "chatkeep.selector" . }}
app.kubernetes.io/part-of: chatkeep
{{- with .root.Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* Metadata of an object: name, labels, and annotations if there are any. */}}
{{- define "chatkeep.metadata" -}}
name: {{ .name | default (include "chatkeep.component.name" .) }}
namespace: {{ .root.Release.Namespace }}
labels:
  {{- include "chatkeep.labels" . | nindent 2 }}
  {{- with .labels }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- with merge (dict) (.annotations | default dict) .root.Values.commonAnnotations }}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{/* A label's value: a digest is none. */}}
{{- define "chatkeep.version" -}}
{{- .Values.image.tag | default .Chart.AppVersion | trunc 63 -}}
{{- end -}}

{{/* The image of one component: control's is REPOSITORY-control; the one program, which is the command line too, has REPOSITORY itself. */}}
{{- define "chatkeep.image" -}}
{{- $image := .root.Values.image -}}
{{- $program := ternary "chatkeep" .component (has .component (list "all-in-one" "test")) -}}
{{- with .root.Values.global.imageRegistry -}}{{ . }}/{{- end -}}
{{ $image.repository }}{{ if ne $program "chatkeep" }}-{{ $program }}{{ end }}
{{- with get $image.digests $program -}}@{{ . }}{{- else -}}:{{ $image.tag | default .root.Chart.AppVersion }}{{- end -}}
{{- end -}}

{{- define "chatkeep.account" -}}
{{- if .pod.serviceAccount.name -}}
{{ .pod.serviceAccount.name }}
{{- else if .pod.serviceAccount.create -}}
{{ include "chatkeep.component.name" . }}
{{- else -}}
default
{{- end -}}
{{- end -}}

{{/* Where one service serves gRPC. Takes root, component. */}}
{{- define "chatkeep.grpc.url" -}}
{{ ternary "http" "https" .root.Values.grpc.plaintext }}://{{ include "chatkeep.component.name" . }}:50051
{{- end -}}

{{- define "chatkeep.control.url" -}}
{{ include "chatkeep.grpc.url" (dict "root" . "component" "control") }}
{{- end -}}
