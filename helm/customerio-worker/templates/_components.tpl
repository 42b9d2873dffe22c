{{/*
The Deployments of a release: `worker`, and `broadcasts` where that is enabled. Each has its own ConfigMaps, service account, Role, ledger of slots.
A list of {name, fullname, serviceAccount, settings, limits, apis, partitions, replicas, mostReplicas, autoscaled, resources}.
*/}}
{{- define "customerio-worker.components" -}}
{{- $v := .Values -}}
{{- $full := include "customerio-worker.fullname" . -}}
{{- $autoscaled := ne $v.autoscaling.kind "none" -}}
{{- $settings := include "customerio-worker.texts" $v.settings | fromYaml -}}
{{- $account := ternary (default $full $v.serviceAccount.name) (default "default" $v.serviceAccount.name) $v.serviceAccount.create -}}
{{- $worker := dict "name" "worker" "fullname" $full "serviceAccount" $account "settings" $settings "limits" $v.limits
  "partitions" $v.topic.partitions "replicas" $v.replicaCount "mostReplicas" (ternary $v.autoscaling.maxReplicas $v.replicaCount $autoscaled)
  "autoscaled" $autoscaled "resources" $v.resources -}}
{{- $list := list $worker -}}
{{- with $v.broadcasts -}}
{{- if .enabled -}}
{{- $own := dict "APIS" "broadcast" "KAFKA_TOPIC" .topic "KAFKA_GROUP_ID" .groupId -}}
{{- $merged := mergeOverwrite (deepCopy $settings) $own (include "customerio-worker.texts" .settings | fromYaml) -}}
{{- $account := ternary (printf "%s-broadcasts" $account) $account $v.serviceAccount.create -}}
{{- $list = append $list (dict "name" "broadcasts" "fullname" (printf "%s-broadcasts" $full) "serviceAccount" $account "settings" $merged "limits" .limits
  "partitions" .partitions "replicas" .replicaCount "mostReplicas" .replicaCount "autoscaled" false "resources" .resources) -}}
{{- end -}}
{{- end -}}
{{- range $list -}}
{{- $_ := set . "apis" (splitList "," (nospace (default "track" (get .settings "APIS")))) -}}
{{- end -}}
{{- toYaml $list -}}
{{- end -}}

{{/* A setting as a whole number. Takes (list SETTINGS KEY DEFAULT). */}}
{{- define "customerio-worker.number" -}}
{{- $value := get (index . 0) (index . 1) -}}
{{- int64 (default (index . 2) $value) -}}
{{- end -}}

{{/* Requests a window that may be used of an API: its limit less its reserve, by limits or else settings. Takes (list COMPONENT API). */}}
{{- define "customerio-worker.slots" -}}
{{- $component := index . 0 -}}
{{- $api := index . 1 -}}
{{- $limit := get (dict "track" 100 "transactional" 100 "broadcast" 1) $api | default 1 -}}
{{- $reserve := 0 -}}
{{- if eq $api "track" -}}
{{- $limit = include "customerio-worker.number" (list $component.settings "RATE_LIMIT" 100) -}}
{{- $reserve = include "customerio-worker.number" (list $component.settings "RATE_LIMIT_RESERVE" 20) -}}
{{- end -}}
{{- $given := get $component.limits $api | default dict -}}
{{- if hasKey $given "limit" -}}{{- $limit = $given.limit -}}{{- end -}}
{{- if hasKey $given "reserve" -}}{{- $reserve = $given.reserve -}}{{- end -}}
{{- sub (int64 $limit) (int64 $reserve) -}}
{{- end -}}

{{/* What must not change while workers run: the way of sharing, and what of each API is counted in which window. Takes {root, component}. */}}
{{- define "customerio-worker.counting" -}}
{{- $component := .component -}}
{{- $parts := list .root.Values.share.source -}}
{{- range $component.apis -}}
{{- $window := get (dict "broadcast" 10000) . | default 1000 -}}
{{- $unit := "request" -}}
{{- if eq . "track" -}}
{{- $window = include "customerio-worker.number" (list $component.settings "RATE_LIMIT_WINDOW_MS" 1000) -}}
{{- $unit = get $component.settings "RATE_LIMIT_UNIT" | default "request" -}}
{{- end -}}
{{- $given := get $component.limits . | default dict -}}
{{- $parts = append $parts (printf "%s:%s/%dms" . (default $unit $given.unit) (int64 (default $window $given.windowMs))) -}}
{{- end -}}
{{- join " " $parts -}}
{{- end -}}

{{/* Least time between SIGTERM and SIGKILL, s: what is in flight, a request's time-out, a commit. Takes a component. */}}
{{- define "customerio-worker.leastGrace" -}}
{{- $ms := add (include "customerio-worker.number" (list .settings "SHUTDOWN_DEADLINE_MS" 25000))
  (include "customerio-worker.number" (list .settings "REQUEST_TIMEOUT_MS" 10000)) (include "customerio-worker.number" (list .settings "COMMIT_INTERVAL_MS" 500)) -}}
{{- div (add $ms 999) 1000 -}}
{{- end -}}

{{/*
Most time that a start may take, s. A ledger that was made anew opens only when those of an older one must have stopped: a restart before that would
only begin the waiting anew. Takes {root, component}.
*/}}
{{- define "customerio-worker.startSeconds" -}}
{{- $s := .component.settings -}}
{{- if eq .root.Values.share.source "kubernetes" -}}
{{- $ms := add (include "customerio-worker.number" (list $s "RATE_LIMIT_OUTAGE_MS" 600000)) (include "customerio-worker.number" (list $s "RATE_LIMIT_LEASE_MS" 15000))
  (include "customerio-worker.number" (list $s "LATEST_ARRIVAL_MS" 15000)) (include "customerio-worker.number" (list $s "LONGEST_PAUSE_MS" 5000)) -}}
{{- add (div $ms 1000) 125 -}}
{{- else -}}
180
{{- end -}}
{{- end -}}
