{{- define "chatkeep.volumes" -}}
- name: scratch
  emptyDir:
    sizeLimit: {{ .pod.scratch.sizeLimit }}
    {{- with .pod.scratch.medium }}
    medium: {{ . }}
    {{- end }}
{{- $persistence := .root.Values.allInOne.persistence }}
{{- if ne .component "all-in-one" }}
- name: settings
  configMap: { name: {{ include "chatkeep.component.name" . }} }
{{- else if $persistence.existingClaim }}
- name: data
  persistentVolumeClaim: { claimName: {{ $persistence.existingClaim }} }
{{- end }}
{{- range $name, $source := include "chatkeep.files" . | fromYaml }}
- name: {{ $name }}
  {{- toYaml $source | nindent 2 }}
{{- end }}
{{- if and (eq .root.Values.staging.kind "folder") (ne .component "all-in-one") }}
- name: staging-folder
  persistentVolumeClaim: { claimName: {{ .root.Values.staging.folder.existingClaim }} }
{{- end }}
{{- if include "chatkeep.has.mappings" . }}
- name: mappings
  persistentVolumeClaim: { claimName: {{ .root.Values.console.mappings.existingClaim }} }
{{- end }}
{{- with .pod.extraVolumes }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* Volumes that are mounted below /run/secrets: a YAML map from the volume's name to its source. */}}
{{- define "chatkeep.files" -}}
{{- $values := .root.Values -}}
{{- $files := dict -}}
{{- if ne .component "all-in-one" -}}
{{- if not $values.grpc.plaintext -}}
{{- $_ := set $files "grpc" $values.grpc.existingSecret -}}
{{- end -}}
{{- $_ := set $files "queue" (include "chatkeep.queue.secret" .root) -}}
{{- if eq .component "control" -}}
{{- $_ := set $files "ledger" $values.ledger.existingSecret -}}
{{- end -}}
{{- if and (eq $values.staging.kind "azure") (has $values.staging.azure.credential (list "client-secret" "sas")) -}}
{{- $_ := set $files "staging" $values.staging.azure.existingSecret -}}
{{- end -}}
{{- end -}}
{{- if and (has .component (list "control" "all-in-one")) $values.console.issuer $values.console.existingSecret -}}
{{- $_ := set $files "console" $values.console.existingSecret -}}
{{- end -}}
{{- if and (has .component (list "control" "all-in-one")) $values.smtp.host $values.smtp.existingSecret -}}
{{- $_ := set $files "smtp" $values.smtp.existingSecret -}}
{{- end -}}
{{- range $name, $secret := .pod.secretFiles -}}
{{- $_ := set $files (printf "secret-%s" $name) $secret -}}
{{- end -}}
{{- /* 288 is 0440: the pod's group reads them. */ -}}
{{- range $name, $secret := $files }}
{{ $name }}:
  secret: { secretName: {{ $secret }}, defaultMode: 288 }
{{- end }}
{{- if and (has .component (list "control" "all-in-one")) $values.smtp.host }}
{{- include "chatkeep.files.ca" (list "smtp-ca" $values.smtp.ca) }}
{{- end }}
{{- if ne .component "all-in-one" }}
{{- include "chatkeep.files.ca" (list "queue-ca" $values.queue.ca) }}
{{- if eq .component "control" }}
{{- include "chatkeep.files.ca" (list "ledger-ca" $values.ledger.ca) }}
{{- end }}
{{- if eq $values.staging.kind "azure" }}
{{- include "chatkeep.files.ca" (list "staging-ca" $values.staging.azure.ca) }}
{{- end }}
{{- end }}
{{- end -}}

{{- define "chatkeep.files.ca" -}}
{{- $name := index . 0 -}}
{{- $ca := index . 1 -}}
{{- if $ca.secret }}
{{ $name }}:
  secret: { secretName: {{ $ca.secret }}, defaultMode: 288 }
{{- else if $ca.configMap }}
{{ $name }}:
  configMap: { name: {{ $ca.configMap }} }
{{- end }}
{{- end -}}
