{{/* Refuses values that would not work together, all of them at once, a sentence each. */}}
{{- define "customerio-worker.check" -}}
{{- $faults := list -}}
{{- range tuple "settings" "secrets" "autoscaling" "rollout-and-topics" "components" "upgrade" -}}
{{- range splitList "\n" (include (printf "customerio-worker.check-%s" .) $) -}}
{{- with trim . -}}{{- $faults = append $faults . -}}{{- end -}}
{{- end -}}
{{- end -}}
{{- with $faults -}}{{- fail (printf "\n\n- %s\n" (join "\n- " .)) -}}{{- end -}}
{{- end -}}

{{- define "customerio-worker.check-settings" -}}
{{- $v := .Values -}}
{{- range tuple "KAFKA_BROKERS" "CUSTOMERIO_REGION" }}
{{- if not (get $v.settings .) }}
settings.{{ . }} is missing: it has no default.
{{- end }}
{{- end }}
{{- $elsewhere := dict "RATE_LIMIT_SHARE" "share.source" "RATE_LIMITS_FILE" "limits" "POD_NAME" "nothing: the chart sets it" "POD_NAMESPACE" "nothing: the chart sets it" "KUBECONFIG" "nothing: a pod has a service account" "HTTP_HOST" "nothing: the probes ask from outside" -}}
{{- $secrets := list "KAFKA_SASL_PASSWORD" "KAFKA_SASL_OAUTH_CLIENT_SECRET" "CUSTOMERIO_API_KEY" "CUSTOMERIO_APP_API_KEY" -}}
{{- range $where, $settings := dict "settings" $v.settings "broadcasts.settings" $v.broadcasts.settings }}
{{- range $key, $value := $settings }}
{{- if kindIs "invalid" $value }}
{{- else if has $key $secrets }}
{{ $where }}.{{ $key }} is a secret, and settings are in a ConfigMap for all to read: give it by secret.values or secret.existingName.
{{- else if hasKey $elsewhere $key }}
{{ $where }}.{{ $key }} is not for settings; use {{ get $elsewhere $key }}.
{{- end }}
{{- end }}
{{- end }}
{{- end -}}

{{- define "customerio-worker.check-secrets" -}}
{{- $v := .Values -}}
{{- $keys := include "customerio-worker.secretKeys" . | fromYamlArray -}}
{{- if and $v.secret.create $v.secret.existingName }}
secret.create and secret.existingName are both given: choose one.
{{- else if not (or $v.secret.create $v.secret.existingName) }}
There is no secret with the keys of Customer.io: name one with secret.existingName, or have one made with secret.create=true and secret.values.
{{- else }}
{{- range tuple "CUSTOMERIO_SITE_ID" "CUSTOMERIO_API_KEY" }}
{{- if not (or (has . $keys) (and (eq . "CUSTOMERIO_SITE_ID") (get $v.settings .))) }}
{{ ternary "secret.values" "secret.keys" $v.secret.create }} is without {{ . }}, which every worker needs.
{{- end }}
{{- end }}
{{- range include "customerio-worker.components" . | fromYamlArray }}
{{- if and (not (has "CUSTOMERIO_APP_API_KEY" $keys)) (without .apis "track") }}
{{ ternary "secret.values" "secret.keys" $v.secret.create }} is without CUSTOMERIO_APP_API_KEY, which APIS={{ join "," .apis }} of {{ .fullname }} needs.
{{- end }}
{{- end }}
{{- end }}
{{- end -}}

{{- define "customerio-worker.check-autoscaling" -}}
{{- $v := .Values -}}
{{- with $v.autoscaling }}
{{- if ne .kind "none" }}
{{- if gt (int .minReplicas) (int .maxReplicas) }}
autoscaling.minReplicas ({{ .minReplicas }}) is above autoscaling.maxReplicas ({{ .maxReplicas }}).
{{- end }}
{{- end }}
{{- if eq .kind "keda" }}
{{- if and (eq .keda.trigger "prometheus") (not .keda.prometheusAddress) }}
autoscaling.keda.prometheusAddress is missing: the trigger prometheus asks a Prometheus.
{{- end }}
{{- if and (eq .keda.trigger "kafka") (eq .signal "usefulReplicas") }}
autoscaling.signal=usefulReplicas needs autoscaling.keda.trigger=prometheus: the trigger kafka knows the lag only.
{{- end }}
{{- end }}
{{- end }}
{{- if and $v.podMonitor.enabled $v.serviceMonitor.enabled }}
podMonitor and serviceMonitor are both enabled: each pod would be scraped twice, and every sum would be double. Choose one.
{{- end }}
{{- if and $v.networkPolicy.enabled (or $v.podMonitor.enabled $v.serviceMonitor.enabled) (not $v.networkPolicy.metricsFrom) }}
networkPolicy.metricsFrom is empty though a monitor is enabled: say from where Prometheus asks, or it can't.
{{- end }}
{{- if and $v.serviceMonitor.enabled (not $v.service.enabled) }}
serviceMonitor.enabled needs service.enabled.
{{- end }}
{{- end -}}

{{- define "customerio-worker.check-rollout-and-topics" -}}
{{- with .Values.strategy }}
{{- if and (eq .type "RollingUpdate") (eq (add .maxSurge .maxUnavailable) 0) }}
strategy.maxSurge and strategy.maxUnavailable are both 0: no worker could be replaced.
{{- end }}
{{- end }}
{{- with .Values.topics }}
{{- if and .create (gt (int .minInsyncReplicas) (int .replicationFactor)) }}
topics.minInsyncReplicas ({{ .minInsyncReplicas }}) is above topics.replicationFactor ({{ .replicationFactor }}): nothing could be written.
{{- end }}
{{- end }}
{{- end -}}

{{/* Replicas against partitions, pods against slots, the grace period; for each Deployment. */}}
{{- define "customerio-worker.check-components" -}}
{{- $v := .Values -}}
{{- $components := include "customerio-worker.components" . | fromYamlArray -}}
{{- range $component := $components }}
{{- $autoscaled := .autoscaled -}}
{{- $is := ternary "autoscaling.maxReplicas" (ternary "replicaCount" "broadcasts.replicaCount" (eq .name "worker")) $autoscaled -}}
{{- $has := ternary "topic.partitions" "broadcasts.partitions" (eq .name "worker") -}}
{{- $most := int .mostReplicas -}}
{{- $partitions := int .partitions -}}
{{- /* with one partition one worker sends at a time, and the others stand by on purpose */ -}}
{{- if and (gt $most $partitions) (gt $partitions 1) }}
{{ $is }} ({{ $most }}) is above {{ $has }} ({{ $partitions }}): a partition has one worker, so the others would be idle.
{{- end }}
{{- $surge := ternary (int $v.strategy.maxSurge) 0 (eq $v.strategy.type "RollingUpdate") -}}
{{- $terminating := ternary (add $v.strategy.maxSurge $v.strategy.maxUnavailable) 0 (eq $v.strategy.type "RollingUpdate") -}}
{{- $pods := add $most $surge $terminating -}}
{{- $count := printf "%s (%d) with %d of a rollout and %d that terminate are %d pods at once" $is $most $surge (int $terminating) (int $pods) -}}
{{- $divisor := include "customerio-worker.number" (list .settings "RATE_LIMIT_DIVISOR" 1) | int -}}
{{- $fixed := eq $v.share.source "fixed" -}}
{{- if and $fixed (gt (int $pods) $divisor) }}
{{ $count }}, more than RATE_LIMIT_DIVISOR ({{ $divisor }}): they would go over the limit.
{{- end }}
{{- range $api := .apis }}
{{- $slots := include "customerio-worker.slots" (list $component $api) | int -}}
{{- if $fixed }}
{{- if gt $divisor $slots }}
RATE_LIMIT_DIVISOR ({{ $divisor }}) is above the limit of {{ $api }} ({{ $slots }} a window, its reserve taken off): no worker could send.
{{- end }}
{{- else if gt $partitions $slots }}
{{ $has }} ({{ $partitions }}) is above the limit of {{ $api }} ({{ $slots }} a window, its reserve taken off): every partition must be able to have a slot, so the worker would not start.
{{- else if and (gt $partitions 1) (gt (int $pods) $slots) }}
{{ $count }}, more than the limit of {{ $api }} ({{ $slots }} a window, its reserve taken off): some would have no slot.
{{- end }}
{{- end }}
{{- $grace := $v.terminationGracePeriodSeconds -}}
{{- $least := include "customerio-worker.leastGrace" . | int -}}
{{- if and (not (kindIs "invalid" $grace)) (lt (int $grace) $least) }}
terminationGracePeriodSeconds ({{ $grace }}) is too short for {{ .fullname }}: SHUTDOWN_DEADLINE_MS, REQUEST_TIMEOUT_MS and COMMIT_INTERVAL_MS are {{ $least }} s together.
{{- end }}
{{- end }}
{{- if and $v.broadcasts.enabled (has "broadcast" (first $components).apis) }}
settings.APIS names broadcast, and so does broadcasts.enabled: two Deployments would each use the whole limit.
{{- end }}
{{- end -}}

{{/*
What only the cluster can tell. `lookup` finds nothing without one (helm template, a dry run of the client).
*/}}
{{- define "customerio-worker.check-upgrade" -}}
{{- $v := .Values -}}
{{- $namespace := .Release.Namespace -}}
{{- $full := include "customerio-worker.fullname" . -}}
{{- range include "customerio-worker.components" . | fromYamlArray }}
{{- $live := lookup "apps/v1" "Deployment" $namespace .fullname -}}
{{- $before := dig "metadata" "annotations" "customerio-worker/counting" "" (default dict $live) -}}
{{- $after := include "customerio-worker.counting" (dict "root" $ "component" .) -}}
{{- if and $before (ne $before $after) (ne $v.strategy.type "Recreate") (gt (int (dig "spec" "replicas" 0 $live)) 0) }}
{{ .fullname }} counts requests by "{{ $before }}" and would by "{{ $after }}". Old and new workers side by side would go over the limit: upgrade with strategy.type=Recreate, once.
{{- end }}
{{- end }}
{{- if ne $v.autoscaling.kind "none" }}
{{- range (lookup "autoscaling/v2" "HorizontalPodAutoscaler" $namespace "").items }}
{{- $target := dig "spec" "scaleTargetRef" "name" "" . -}}
{{- if and (eq $target $full) (not (has .metadata.name (list $full (printf "keda-hpa-%s" $full)))) }}
The HorizontalPodAutoscaler {{ .metadata.name }} scales {{ $full }} already, and two autoscalers work against each other: delete it, or set autoscaling.kind=none.
{{- end }}
{{- end }}
{{- end }}
{{- end -}}
