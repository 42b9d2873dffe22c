{{/* Names, labels, and small conversions. */}}

{{- define "customerio-worker.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{/* At most 46 characters, so that -broadcasts-slots still fits. */}}
{{- define "customerio-worker.fullname" -}}
{{- $name := include "customerio-worker.name" . -}}
{{- $full := ternary .Release.Name (printf "%s-%s" .Release.Name $name) (contains $name .Release.Name) -}}
{{- default $full .Values.fullnameOverride | trunc 46 | trimSuffix "-" -}}
{{- end -}}

{{- define "customerio-worker.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
app.kubernetes.io/name: {{ include "customerio-worker.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end -}}

{{/* What pods are chosen by: never changes for a release. Takes {root, component}. */}}
{{- define "customerio-worker.selector" -}}
app.kubernetes.io/name: {{ include "customerio-worker.name" .root }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component.name }}
{{- end -}}

{{/* Takes {root, component}. */}}
{{- define "customerio-worker.componentLabels" -}}
{{ include "customerio-worker.labels" .root }}
app.kubernetes.io/component: {{ .component.name }}
{{- end -}}

{{- define "customerio-worker.image" -}}
{{- $image := .Values.image -}}
{{- if $image.digest -}}{{ $image.repository }}@{{ $image.digest }}{{- else -}}{{ $image.repository }}:{{ $image.tag | default .Chart.AppVersion }}{{- end -}}
{{- end -}}

{{- define "customerio-worker.secretName" -}}
{{- .Values.secret.existingName | default (include "customerio-worker.fullname" .) -}}
{{- end -}}

{{/* A value as the environment has it: Helm reads every number as a float, and would write a large one as 1.048576e+06. */}}
{{- define "customerio-worker.text" -}}
{{- if and (kindIs "float64" .) (eq (floor .) .) -}}{{ int64 . }}{{- else -}}{{ . }}{{- end -}}
{{- end -}}

{{/* A map of settings as texts. */}}
{{- define "customerio-worker.texts" -}}
{{- $texts := dict -}}
{{- range $key, $value := . -}}
{{- if not (kindIs "invalid" $value) -}}{{- $_ := set $texts $key (include "customerio-worker.text" $value) -}}{{- end -}}
{{- end -}}
{{- toYaml $texts -}}
{{- end -}}
