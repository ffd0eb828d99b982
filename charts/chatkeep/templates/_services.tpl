{{/* The services of the chosen form, as a YAML map from component to what its pod is made of. */}}
{{- define "chatkeep.services" -}}
{{- $services := dict -}}
{{- if eq .Values.form "all-in-one" -}}
{{- $_ := set $services "all-in-one" (include "chatkeep.over" (list .Values.defaults .Values.allInOne.pod) | fromYaml) -}}
{{- else -}}
{{- range $name, $service := .Values.services -}}
{{- $_ := set $services (kebabcase $name) (include "chatkeep.over" (list $.Values.defaults $service) | fromYaml) -}}
{{- end -}}
{{- end -}}
{{- toYaml $services -}}
{{- end -}}

{{/* The second map over the first, key by key. Sprig's own merge would not let `false` win over `true`. */}}
{{- define "chatkeep.over" -}}
{{- $result := deepCopy (index . 0) -}}
{{- range $key, $value := index . 1 -}}
{{- $below := get $result $key -}}
{{- if and (kindIs "map" $value) (kindIs "map" $below) -}}
{{- $value = include "chatkeep.over" (list $below $value) | fromYaml -}}
{{- end -}}
{{- $_ := set $result $key $value -}}
{{- end -}}
{{- toYaml $result -}}
{{- end -}}

{{/* "true" where a service has more than one pod at any time. */}}
{{- define "chatkeep.is.many" -}}
{{- if eq .pod.autoscaling.type "none" -}}
{{- if gt (int .pod.replicas) 1 }}true{{ end -}}
{{- else if gt (int .pod.autoscaling.minReplicas) 1 -}}
true
{{- end -}}
{{- end -}}

{{/* "true" where a service has a pod at any time: a scaler may let a stage sleep. */}}
{{- define "chatkeep.is.awake" -}}
{{- if or (eq .pod.autoscaling.type "none") (gt (int .pod.autoscaling.minReplicas) 0) }}true{{ end -}}
{{- end -}}

{{/* The most pods that a service may have. */}}
{{- define "chatkeep.most" -}}
{{- ternary .replicas .autoscaling.maxReplicas (eq .autoscaling.type "none") -}}
{{- end -}}

{{/* Port of a URL, or of its scheme. */}}
{{- define "chatkeep.port" -}}
{{- $url := urlParse . -}}
{{- $ports := dict "https" 443 "http" 80 "amqps" 5671 "amqp" 5672 "postgres" 5432 "postgresql" 5432 -}}
{{- regexFind "[0-9]+$" (regexFind ":[0-9]+$" $url.host) | default (get $ports $url.scheme) -}}
{{- end -}}

{{/* RabbitMQ: where it is, and the Secret with its user. */}}
{{- define "chatkeep.rabbitmq" -}}{{ include "chatkeep.fullname" . }}-rabbitmq{{- end -}}

{{- define "chatkeep.queue.url" -}}
{{- $queue := .Values.queue -}}
{{- if $queue.url -}}
{{ $queue.url }}
{{- else -}}
{{- $scheme := ternary "amqps" "amqp" (ne $queue.operator.tlsSecret "") -}}
{{ $scheme }}://{{ include "chatkeep.rabbitmq" . }}:{{ ternary 5671 5672 (eq $scheme "amqps") }}/%2f
{{- end -}}
{{- end -}}

{{- define "chatkeep.queue.secret" -}}
{{- .Values.queue.existingSecret | default (printf "%s-default-user" (include "chatkeep.rabbitmq" .)) -}}
{{- end -}}

{{- define "chatkeep.management.url" -}}
{{- .Values.queue.management.url | default (printf "http://%s:15672" (include "chatkeep.rabbitmq" .)) -}}
{{- end -}}

{{/* The virtual host of the queue's URL, decoded. */}}
{{- define "chatkeep.vhost" -}}
{{- $path := regexReplaceAll "^amqps?://[^/]*/?" (include "chatkeep.queue.url" .) "" -}}
{{- regexReplaceAll "(?i)%2f" $path "/" | default "/" -}}
{{- end -}}
