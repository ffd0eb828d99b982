{{/* What the schema cannot say, or not so that one understands it. All of it at once. */}}
{{- define "chatkeep.checks" -}}
{{- $wrong := list -}}
{{- if not .Values.image.repository -}}
{{- $wrong = append $wrong "image.repository: name what the names of the images begin with that you made by deploy/Dockerfile, REGISTRY/chatkeep" -}}
{{- end -}}
{{- $wrong = concat $wrong (include "chatkeep.checks.console" . | fromJsonArray) (include "chatkeep.checks.smtp" . | fromJsonArray) -}}
{{- if eq .Values.form "distributed" -}}
{{- $wrong = concat $wrong (include "chatkeep.checks.peers" . | fromJsonArray) (include "chatkeep.checks.staging" . | fromJsonArray) -}}
{{- $wrong = concat $wrong (include "chatkeep.checks.scaling" . | fromJsonArray) (include "chatkeep.checks.throttle" . | fromJsonArray) -}}
{{- else if .Values.monitoring.podMonitor.enabled -}}
{{- $wrong = append $wrong "monitoring.podMonitor.enabled: the form all-in-one has no admin port with metrics" -}}
{{- end -}}
{{- $wrong = concat $wrong (include "chatkeep.checks.pods" . | fromJsonArray) -}}
{{- if $wrong -}}
{{- fail (printf "\n\nthese values cannot be used:\n  * %s\n" (join "\n  * " $wrong)) -}}
{{- end -}}
{{- end -}}

{{- define "chatkeep.checks.peers" -}}
{{- $wrong := list -}}
{{- $queue := .Values.queue -}}
{{- if and (not .Values.grpc.plaintext) (not .Values.grpc.existingSecret) -}}
{{- $wrong = append $wrong "grpc.existingSecret: name a Secret with tls.crt, tls.key and ca.crt, or set grpc.plaintext where a service mesh encrypts" -}}
{{- else if and .Values.grpc.plaintext .Values.grpc.existingSecret -}}
{{- $wrong = append $wrong "grpc: certificates (existingSecret) and plaintext exclude each other" -}}
{{- end -}}
{{- if $queue.operator.enabled -}}
{{- if or $queue.url $queue.existingSecret -}}
{{- $wrong = append $wrong "queue: operator.enabled makes a RabbitMQ of its own; remove queue.url and queue.existingSecret" -}}
{{- end -}}
{{- else -}}
{{- if not $queue.url -}}
{{- $wrong = append $wrong "queue.url: say where RabbitMQ is, amqps://HOST:PORT/VHOST, or set queue.operator.enabled" -}}
{{- end -}}
{{- if not $queue.existingSecret -}}
{{- $wrong = append $wrong "queue.existingSecret: name a Secret with the user of RabbitMQ" -}}
{{- end -}}
{{- end -}}
{{- if not .Values.ledger.url -}}
{{- $wrong = append $wrong "ledger.url: say where PostgreSQL is, postgres://HOST:5432/DATABASE" -}}
{{- end -}}
{{- if not .Values.ledger.existingSecret -}}
{{- $wrong = append $wrong "ledger.existingSecret: name a Secret with the owner of the database" -}}
{{- end -}}
{{- $podMonitor := .Values.monitoring.podMonitor.enabled -}}
{{- if and $podMonitor .Values.networkPolicy.enabled (not .Values.networkPolicy.monitoringFrom) -}}
{{- $wrong = append $wrong "networkPolicy.monitoringFrom: say where Prometheus runs, or monitoring.podMonitor reads nothing" -}}
{{- end -}}
{{- range $name, $ca := dict "queue.ca" $queue.ca "ledger.ca" .Values.ledger.ca "staging.azure.ca" .Values.staging.azure.ca -}}
{{- if and $ca.secret $ca.configMap -}}
{{- $wrong = append $wrong (printf "%s: secret and configMap exclude each other" $name) -}}
{{- end -}}
{{- end -}}
{{- toJson $wrong -}}
{{- end -}}

{{- define "chatkeep.checks.smtp" -}}
{{- $wrong := list -}}
{{- $smtp := .Values.smtp -}}
{{- if and $smtp.host (not $smtp.from) -}}
{{- $wrong = append $wrong "smtp.from: give the sender's address of reports" -}}
{{- end -}}
{{- if and $smtp.from (not $smtp.host) -}}
{{- $wrong = append $wrong "smtp.host: name the server that takes reports" -}}
{{- end -}}
{{- if and $smtp.existingSecret (eq $smtp.tls "none") -}}
{{- $wrong = append $wrong "smtp.tls: must not be none with a password, which could be read on the way" -}}
{{- end -}}
{{- if and $smtp.ca.secret $smtp.ca.configMap -}}
{{- $wrong = append $wrong "smtp.ca: secret and configMap exclude each other" -}}
{{- end -}}
{{- toJson $wrong -}}
{{- end -}}

{{- define "chatkeep.checks.staging" -}}
{{- $wrong := list -}}
{{- $azure := .Values.staging.azure -}}
{{- if eq .Values.staging.kind "folder" -}}
{{- if not .Values.staging.folder.existingClaim -}}
{{- $wrong = append $wrong "staging.folder.existingClaim: name a claim that all pods can mount (ReadWriteMany)" -}}
{{- end -}}
{{- else -}}
{{- if not $azure.url -}}
{{- $wrong = append $wrong "staging.azure.url: say which container, https://ACCOUNT.blob.core.windows.net/CONTAINER" -}}
{{- end -}}
{{- if and (has $azure.credential (list "client-secret" "sas")) (not $azure.existingSecret) -}}
{{- $wrong = append $wrong (printf "staging.azure.existingSecret: name a Secret with the %s" $azure.credential) -}}
{{- end -}}
{{- if and (eq $azure.credential "client-secret") (or (not $azure.client) (not $azure.tenant)) -}}
{{- $wrong = append $wrong "staging.azure: client-secret needs client and tenant" -}}
{{- end -}}
{{- $without := list -}}
{{- range $component, $pod := include "chatkeep.services" . | fromYaml -}}
{{- if not $pod.workloadIdentity.enabled }}{{ $without = append $without $component }}{{ end -}}
{{- end -}}
{{- if and $without (eq $azure.credential "workload-identity") -}}
{{- $wrong = append $wrong (printf "workloadIdentity.enabled: staging.azure.credential is workload-identity, and %s cannot use it; enable it in defaults, or choose another credential" (join ", " $without)) -}}
{{- end -}}
{{- end -}}
{{- toJson $wrong -}}
{{- end -}}

{{- define "chatkeep.checks.scaling" -}}
{{- $wrong := list -}}
{{- range $component, $pod := include "chatkeep.services" . | fromYaml -}}
{{- $scaling := $pod.autoscaling -}}
{{- $own := get $.Values.services (camelcase $component | untitle) | default dict -}}
{{- if and (ne $scaling.type "none") (hasKey $own "replicas") (ne $component "control") -}}
{{- $wrong = append $wrong (printf "services: %s has both replicas and autoscaling; keep one" $component) -}}
{{- end -}}
{{- if gt (int $scaling.minReplicas) (int $scaling.maxReplicas) -}}
{{- $wrong = append $wrong (printf "autoscaling of %s: minReplicas is above maxReplicas" $component) -}}
{{- end -}}
{{- if and (eq $scaling.type "hpa") (lt (int $scaling.minReplicas) 1) -}}
{{- $wrong = append $wrong (printf "autoscaling of %s: hpa needs minReplicas of at least 1; keda can go to 0" $component) -}}
{{- end -}}
{{- if eq $scaling.type "keda" -}}
{{- if eq $component "control" -}}
{{- $wrong = append $wrong "autoscaling of control: it has no queue; choose none or hpa" -}}
{{- else if not (or $.Values.queue.management.url $.Values.queue.operator.enabled) -}}
{{- $wrong = append $wrong (printf "queue.management.url: %s scales with keda, which asks RabbitMQ's management plugin; say where it is, http://HOST:15672" $component) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- toJson $wrong -}}
{{- end -}}

{{/* More importers than the mail server's budget only make it refuse. */}}
{{- define "chatkeep.checks.throttle" -}}
{{- $wrong := list -}}
{{- $pod := index (include "chatkeep.services" . | fromYaml) "mailbox-import" -}}
{{- $connections := dig "mailbox_import" "connections" 8 $pod.settings | int -}}
{{- $pods := include "chatkeep.most" $pod | int -}}
{{- if gt (mul $pods $connections) (int .Values.throttle.connections) -}}
{{- $wrong = append $wrong (printf "services.mailboxImport: %d pods with %d connections each are more than throttle.connections, %d" $pods $connections (int .Values.throttle.connections)) -}}
{{- end -}}
{{- toJson $wrong -}}
{{- end -}}

{{- define "chatkeep.checks.pods" -}}
{{- $wrong := list -}}
{{- $reserved := list "grpc" "queue" "queue-ca" "ledger" "ledger-ca" "staging" "staging-ca" "console" "smtp" "smtp-ca" -}}
{{- range $component, $pod := include "chatkeep.services" . | fromYaml -}}
{{- if and $pod.workloadIdentity.enabled $pod.serviceAccount.create (not $pod.workloadIdentity.clientId) -}}
{{- $wrong = append $wrong (printf "workloadIdentity.clientId of %s: name the identity whose federated credential names the service account" $component) -}}
{{- end -}}
{{- range $name, $_ := $pod.secretFiles -}}
{{- if has $name $reserved -}}
{{- $wrong = append $wrong (printf "secretFiles of %s: %s is reserved; give the Secret another name" $component $name) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- toJson $wrong -}}
{{- end -}}

{{- define "chatkeep.checks.console" -}}
{{- $wrong := list -}}
{{- $console := .Values.console -}}
{{- $is_routed := or .Values.ingress.enabled .Values.httpRoute.enabled -}}
{{- if and $is_routed (not $console.issuer) -}}
{{- $wrong = append $wrong "console.issuer: say who signs users in, or ingress and httpRoute lead to nobody" -}}
{{- end -}}
{{- if and $console.issuer (not $console.clientId) -}}
{{- $wrong = append $wrong "console.clientId: give the id that the issuer knows the console by" -}}
{{- end -}}
{{- if and $console.issuer (not $console.publicUrl) (not .Values.ingress.hosts) (not .Values.httpRoute.hostnames) -}}
{{- $wrong = append $wrong "console.publicUrl: say what stands in browsers' address bars, https://HOST" -}}
{{- end -}}
{{- if and $console.mappings.existingClaim (eq .Values.form "all-in-one") -}}
{{- $wrong = append $wrong "console.mappings.existingClaim: the form all-in-one keeps mappings on its volume" -}}
{{- end -}}
{{- if and .Values.ingress.enabled (not .Values.ingress.hosts) -}}
{{- $wrong = append $wrong "ingress.hosts: name at least one host" -}}
{{- end -}}
{{- if and .Values.httpRoute.enabled (not .Values.httpRoute.parentRefs) -}}
{{- $wrong = append $wrong "httpRoute.parentRefs: name at least one gateway" -}}
{{- end -}}
{{- if and .Values.ingress.enabled .Values.httpRoute.enabled -}}
{{- $wrong = append $wrong "ingress and httpRoute exclude each other" -}}
{{- end -}}
{{- if and $is_routed .Values.networkPolicy.enabled (not .Values.networkPolicy.consoleFrom) -}}
{{- $wrong = append $wrong "networkPolicy.consoleFrom: say where the ingress controller or gateway runs, or it does not reach the console" -}}
{{- end -}}
{{- toJson $wrong -}}
{{- end -}}
