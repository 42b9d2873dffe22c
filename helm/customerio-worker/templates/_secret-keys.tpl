{{/*
Keys of the Secret that are used: those that are mounted as files, which the worker reads anew, and those that it takes from the environment only.
Of the latter, what the settings say goes first.
*/}}

{{- define "customerio-worker.isEnvironment" -}}
{{- if has . (list "CUSTOMERIO_SITE_ID" "KAFKA_SASL_USERNAME" "KAFKA_SASL_OAUTH_CLIENT_ID") -}}yes{{- end -}}
{{- end -}}

{{- define "customerio-worker.secretKeys" -}}
{{- $keys := list -}}
{{- if .Values.secret.create -}}
{{- range $key, $value := .Values.secret.values -}}{{- if $value -}}{{- $keys = append $keys $key -}}{{- end -}}{{- end -}}
{{- else -}}
{{- range .Values.secret.keys -}}{{- if not (and (get $.Values.settings .) (include "customerio-worker.isEnvironment" .)) -}}{{- $keys = append $keys . -}}{{- end -}}{{- end -}}
{{- end -}}
{{- toYaml (sortAlpha $keys) -}}
{{- end -}}

{{- define "customerio-worker.secretEnvKeys" -}}
{{- $keys := list -}}
{{- range include "customerio-worker.secretKeys" . | fromYamlArray -}}
{{- if include "customerio-worker.isEnvironment" . -}}{{- $keys = append $keys . -}}{{- end -}}
{{- end -}}
{{- toYaml $keys -}}
{{- end -}}

{{- define "customerio-worker.secretFileKeys" -}}
{{- $env := include "customerio-worker.secretEnvKeys" . | fromYamlArray -}}
{{- $keys := list -}}
{{- range include "customerio-worker.secretKeys" . | fromYamlArray -}}{{- if not (has . $env) -}}{{- $keys = append $keys . -}}{{- end -}}{{- end -}}
{{- toYaml $keys -}}
{{- end -}}
