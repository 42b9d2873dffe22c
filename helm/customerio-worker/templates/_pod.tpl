{{/* The pod of a Deployment. Takes {root, component}. */}}
{{- define "customerio-worker.podSpec" -}}
{{- $root := .root -}}
{{- $v := .root.Values -}}
{{- $component := .component -}}
{{- $kubernetes := eq $v.share.source "kubernetes" -}}
{{- $fileKeys := include "customerio-worker.secretFileKeys" $root | fromYamlArray -}}
{{- $selector := include "customerio-worker.selector" . -}}
serviceAccountName: {{ $component.serviceAccount }}
# only the ledger of slots asks the Kubernetes API
automountServiceAccountToken: {{ $kubernetes }}
enableServiceLinks: false
terminationGracePeriodSeconds: {{ $v.terminationGracePeriodSeconds | default (add (include "customerio-worker.leastGrace" $component) 5) }}
{{- with $v.imagePullSecrets }}
imagePullSecrets: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $v.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- if $v.hostNetwork }}
hostNetwork: true
dnsPolicy: ClusterFirstWithHostNet
{{- end }}
{{- with $v.hostAliases }}
hostAliases: {{- toYaml . | nindent 2 }}
{{- end }}
securityContext: {{- toYaml $v.podSecurityContext | nindent 2 }}
containers:
  - name: worker
    image: {{ include "customerio-worker.image" $root }}
    imagePullPolicy: {{ $v.image.pullPolicy }}
    {{- with $v.command }}
    command: {{- toYaml . | nindent 6 }}
    {{- end }}
    {{- with $v.args }}
    args: {{- toYaml . | nindent 6 }}
    {{- end }}
    envFrom:
      - configMapRef: {name: {{ $component.fullname }}-settings}
    env:
      - {name: RATE_LIMIT_SHARE, value: {{ $v.share.source }}}
      - {name: RATE_LIMITS_FILE, value: /etc/customerio-worker/limits/limits.json}
      {{- if $kubernetes }}
      - name: POD_NAME
        valueFrom: {fieldRef: {fieldPath: metadata.name}}
      - name: POD_NAMESPACE
        valueFrom: {fieldRef: {fieldPath: metadata.namespace}}
      {{- end }}
      {{- range include "customerio-worker.secretEnvKeys" $root | fromYamlArray }}
      - name: {{ . }}
        valueFrom: {secretKeyRef: {name: {{ include "customerio-worker.secretName" $root }}, key: {{ . }}}}
      {{- end }}
      {{- range $fileKeys }}
      - {name: {{ . }}_FILE, value: /etc/customerio-worker/secrets/{{ . }}}
      {{- end }}
      {{- with $v.extraEnv }}
      {{- toYaml . | nindent 6 }}
      {{- end }}
    ports:
      - {name: http, containerPort: {{ include "customerio-worker.number" (list $component.settings "HTTP_PORT" 8080) }}, protocol: TCP}
    {{- with $v.probes }}
    startupProbe:
      httpGet: {path: /startupz, port: http}
      periodSeconds: {{ .startup.periodSeconds }}
      timeoutSeconds: {{ .startup.timeoutSeconds }}
      failureThreshold: {{ .startup.failureThreshold | default (div (include "customerio-worker.startSeconds" $) .startup.periodSeconds) }}
    readinessProbe:
      httpGet: {path: /readyz, port: http}
      periodSeconds: {{ .readiness.periodSeconds }}
      timeoutSeconds: {{ .readiness.timeoutSeconds }}
      failureThreshold: {{ .readiness.failureThreshold }}
    livenessProbe:
      httpGet: {path: /healthz, port: http}
      periodSeconds: {{ .liveness.periodSeconds }}
      timeoutSeconds: {{ .liveness.timeoutSeconds }}
      failureThreshold: {{ .liveness.failureThreshold }}
    {{- end }}
    resources: {{- toYaml $component.resources | nindent 6 }}
    securityContext: {{- toYaml $v.securityContext | nindent 6 }}
    volumeMounts:
      - {name: limits, mountPath: /etc/customerio-worker/limits, readOnly: true}
      {{- if $fileKeys }}
      - {name: secrets, mountPath: /etc/customerio-worker/secrets, readOnly: true}
      {{- end }}
      - {name: tmp, mountPath: /tmp}
      {{- with $v.extraVolumeMounts }}
      {{- toYaml . | nindent 6 }}
      {{- end }}
volumes:
  # whole folders, never subPath: the kubelet renews only these
  - name: limits
    configMap: {name: {{ $component.fullname }}-limits}
  {{- with $fileKeys }}
  - name: secrets
    secret:
      secretName: {{ include "customerio-worker.secretName" $root }}
      # 0440
      defaultMode: 288
      items:
        {{- range . }}
        - {key: {{ . }}, path: {{ . }}}
        {{- end }}
  {{- end }}
  - name: tmp
    emptyDir: {sizeLimit: 64Mi}
  {{- with $v.extraVolumes }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
topologySpreadConstraints:
  - maxSkew: 1
    topologyKey: kubernetes.io/hostname
    whenUnsatisfiable: {{ $v.topologySpread.hostname }}
    # each rollout is spread for itself
    matchLabelKeys: [pod-template-hash]
    labelSelector:
      matchLabels: {{- $selector | nindent 8 }}
  - maxSkew: 1
    topologyKey: topology.kubernetes.io/zone
    whenUnsatisfiable: {{ $v.topologySpread.zone }}
    matchLabelKeys: [pod-template-hash]
    labelSelector:
      matchLabels: {{- $selector | nindent 8 }}
{{- with $v.nodeSelector }}
nodeSelector: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $v.affinity }}
affinity: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $v.tolerations }}
tolerations: {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}
