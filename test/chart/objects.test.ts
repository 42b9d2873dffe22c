// What the chart makes: held against the worker, its documentation, and what Kubernetes has to be told.

import { readFileSync } from 'node:fs'
import { parse } from 'yaml'
import { CHART } from '../../scripts/chart-files.ts'
import { parseLimits } from '../../src/api-limits.ts'
import { readConfig } from '../../src/config.ts'
import { chartRules } from '../support/kubernetes/role.ts'
import { KAFKA_VERSION } from '../support/kafka/settings.ts'
import { casesOf, environmentOf, LEAST, merged, only, podOf, render, renderAll, valuesOf, withHelm, type Manifest, type Values } from './chart.ts'

interface Rule { apiGroups: string[]; resources: string[]; resourceNames?: string[]; verbs: string[] }

/** What a list of rules allows, a word each. */
const allowed = (rules: readonly Rule[]): string[] => rules.flatMap(({ apiGroups, resources, resourceNames = ['*'], verbs }) =>
  apiGroups.flatMap((group) => resources.flatMap((resource) => resourceNames.flatMap((name) => verbs.map((verb) => `${verb} ${group}/${resource}/${name}`))))).toSorted()

const deployments = (objects: readonly Manifest[]): Manifest[] => objects.filter(({ kind }) => kind === 'Deployment')
const podsOf = (objects: readonly Manifest[]) => objects.flatMap((object) => {
  if (object.kind === 'Pod') return [object.spec]
  return object.kind === 'Deployment' || object.kind === 'Job' ? [object.spec.template.spec] : []
})

/** The environment that the worker of a Deployment finds, as Kubernetes puts it together. */
const environmentInPod = (objects: readonly Manifest[], deployment: string): Record<string, string> => {
  const [container] = podOf(objects, deployment).spec.containers
  const settings = container.envFrom.flatMap(({ configMapRef }: { configMapRef: { name: string } }) => Object.entries(only(objects, 'ConfigMap', configMapRef.name).data))
  const fields: Record<string, string> = { 'metadata.name': 'customerio-worker-abc', 'metadata.namespace': 'shop' }
  return Object.fromEntries([...settings, ...container.env.map(({ name, value, valueFrom }: { name: string; value?: string; valueFrom?: { fieldRef?: { fieldPath: string } } }) =>
    [name, value ?? fields[valueFrom?.fieldRef?.fieldPath ?? ''] ?? 'of the secret'])])
}

withHelm.each(casesOf())('%s', (file) => {
  let objects: Manifest[]
  beforeAll(() => { objects = renderAll(valuesOf(file)) })

  test('every object has a name of its own and the usual labels', () => {
    const names = objects.map(({ kind, metadata }) => `${kind} ${metadata.name}`)
    expect(new Set(names).size).toBe(names.length)
    for (const { metadata } of objects.filter(({ metadata }) => metadata.name !== 'customerio-worker-extra')) {
      expect(metadata.labels).toMatchObject({
        'app.kubernetes.io/name': 'customerio-worker', 'app.kubernetes.io/instance': 'customerio-worker', 'app.kubernetes.io/managed-by': 'Helm',
        'app.kubernetes.io/version': '0.1.0', 'helm.sh/chart': 'customerio-worker-0.1.0',
      })
    }
  })

  test('what a worker finds in its pod is enough to start, and is what was meant', () => {
    for (const { metadata: { name } } of deployments(objects)) {
      const limits = only(objects, 'ConfigMap', `${name}-limits`).data['limits.json'] as string
      const config = readConfig(environmentInPod(objects, name), (path) => (path.endsWith('/limits.json') ? limits : 'content'))
      expect(config).toMatchObject({ RATE_LIMIT_SHARE: (valuesOf(file).share as Values | undefined)?.source ?? 'kubernetes' })
      expect(parseLimits(limits, config.limits)).toMatchObject({ kind: 'good' })
    }
  })

  test('no secret is in a ConfigMap or in the environment', () => {
    const { values = {} } = valuesOf(file).secret as { values?: Record<string, string> }
    const open = JSON.stringify(objects.filter(({ kind }) => kind !== 'Secret'))
    expect(Object.keys(values).filter((key) => key !== 'CUSTOMERIO_SITE_ID' && open.includes(values[key]!))).toEqual([])
  })

  test('every pod is as restricted as Pod Security knows it', () => {
    for (const pod of podsOf(objects)) {
      expect(pod.securityContext).toMatchObject({ runAsNonRoot: true, runAsUser: 1000, seccompProfile: { type: 'RuntimeDefault' } })
      for (const { securityContext, resources } of pod.containers) {
        expect(securityContext).toEqual({ allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: { drop: ['ALL'] } })
        expect(resources).toMatchObject({ requests: { cpu: expect.any(String), memory: expect.any(String) }, limits: { memory: expect.any(String) } })
      }
      expect(pod.hostNetwork ?? false).toBe(false)
    }
  })
})

withHelm('the Deployment', () => {
  let [objects, spec, pod, container]: [Manifest[], Manifest, Manifest, Manifest] = [] as never
  beforeAll(() => {
    objects = render()
    spec = only(objects, 'Deployment').spec
    pod = spec.template.spec
    ;[container] = pod.containers
  })

  test('is of the size that was asked for', () => {
    expect(spec.replicas).toBe(3)
    expect(container.resources).toMatchObject({ requests: { cpu: '500m', memory: '256Mi' }, limits: { cpu: '1', memory: '512Mi' } })
    expect(only(objects, 'ConfigMap', 'customerio-worker-settings').data.CONCURRENCY).toBe('10')
  })

  test('rolls without a worker less, and waits for the rebalance', () => {
    expect(spec).toMatchObject({ strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } }, minReadySeconds: 20, progressDeadlineSeconds: 900 })
    expect(spec.minReadySeconds * 1000).toBeGreaterThan(readConfig(environmentInPod(objects, 'customerio-worker'), () => '{}').LATEST_ARRIVAL_MS)
  })

  test('has the time that the settings need between SIGTERM and SIGKILL', () => {
    const grace = (settings: Values) => podOf(render({ settings })).spec.terminationGracePeriodSeconds as number
    expect([grace({}), grace({ SHUTDOWN_DEADLINE_MS: 60_000 }), grace({ REQUEST_TIMEOUT_MS: '2000', COMMIT_INTERVAL_MS: 1_500 })]).toEqual([41, 76, 34])
  })

  test('asks each probe on its own path, and gives a start the time of a ledger made anew', () => {
    expect(['startupProbe', 'readinessProbe', 'livenessProbe'].map((probe) => container[probe].httpGet)).toEqual(
      ['/startupz', '/readyz', '/healthz'].map((path) => ({ path, port: 'http' })))
    const { periodSeconds, failureThreshold } = container.startupProbe
    // docs/limiter.md: 10 min and 23 s
    expect(periodSeconds * failureThreshold).toBeGreaterThan(623)
    expect(periodSeconds * failureThreshold).toBeLessThan(spec.progressDeadlineSeconds)
    expect(podOf(render({ share: { source: 'partitions' } })).spec.containers[0].startupProbe.failureThreshold).toBe(36)
  })

  test('the port is that of the settings', () => {
    expect(container.ports).toEqual([{ name: 'http', containerPort: 8080, protocol: 'TCP' }])
    expect(podOf(render({ settings: { HTTP_PORT: 9000 } })).spec.containers[0].ports[0].containerPort).toBe(9000)
  })

  test('runs the image\'s own command, whose heap leaves room in the container', () => {
    expect(container).not.toHaveProperty('command')
    const [, heap] = /--max-old-space-size=(\d+)/.exec(readFileSync('Dockerfile', 'utf8')) ?? []
    const { PREFETCH_BYTES, INFLATE_LIMIT_BYTES } = readConfig(environmentInPod(objects, 'customerio-worker'), () => '{}')
    // beside the heap: records, a batch while it inflates, three semi-spaces, and Node itself
    const outside = (PREFETCH_BYTES + INFLATE_LIMIT_BYTES) / 2 ** 20 + 3 * 16 + 45
    expect(Number(heap) + outside).toBeLessThan(512)
    expect(podOf(render({ command: ['node'], args: ['src/main.ts'] })).spec.containers[0]).toMatchObject({ command: ['node'], args: ['src/main.ts'] })
  })

  test('writes nowhere but to /tmp, and mounts whole folders', () => {
    expect(container.volumeMounts).toEqual([
      { name: 'limits', mountPath: '/etc/customerio-worker/limits', readOnly: true },
      { name: 'secrets', mountPath: '/etc/customerio-worker/secrets', readOnly: true },
      { name: 'tmp', mountPath: '/tmp' },
    ])
    expect(pod.volumes.find(({ name }: { name: string }) => name === 'secrets').secret).toMatchObject({ secretName: 'customerio', defaultMode: 0o440 })
  })

  test('has secrets as files, and in the environment only what the worker does not read from a file', () => {
    const keys = ['CUSTOMERIO_SITE_ID', 'CUSTOMERIO_API_KEY', 'KAFKA_SASL_USERNAME', 'KAFKA_SASL_PASSWORD', 'KAFKA_TLS_CA']
    const environment = environmentOf(render({ secret: { keys } }))
    const files = Object.entries(environment).filter(([, { value }]) => value?.startsWith('/etc/customerio-worker/secrets/')).map(([name]) => name)
    expect(files.toSorted()).toEqual(['CUSTOMERIO_API_KEY_FILE', 'KAFKA_SASL_PASSWORD_FILE', 'KAFKA_TLS_CA_FILE'])
    const fromSecret = Object.entries(environment).filter(([, { valueFrom }]) => valueFrom && 'secretKeyRef' in (valueFrom as object)).map(([name]) => name)
    expect(fromSecret.toSorted()).toEqual(['CUSTOMERIO_SITE_ID', 'KAFKA_SASL_USERNAME'])
  })

  test('is spread over nodes and zones, each version for itself', () => {
    expect(pod.topologySpreadConstraints.map(({ topologyKey, matchLabelKeys, whenUnsatisfiable }: Record<string, unknown>) => [topologyKey, matchLabelKeys, whenUnsatisfiable]))
      .toEqual(['kubernetes.io/hostname', 'topology.kubernetes.io/zone'].map((key) => [key, ['pod-template-hash'], 'ScheduleAnyway']))
  })

  test('chooses pods by what never changes', () => {
    const selectors = [render({ image: { tag: '9.9.9' }, podLabels: { team: 'growth' } }), render({ share: { source: 'partitions' } })].map((all) => only(all, 'Deployment').spec.selector)
    for (const selector of selectors) expect(selector).toEqual(spec.selector)
    expect(Object.keys(spec.selector.matchLabels)).toEqual(['app.kubernetes.io/name', 'app.kubernetes.io/instance', 'app.kubernetes.io/component'])
    expect(only(objects, 'Service').spec.selector).toEqual(spec.selector.matchLabels)
  })

  test('restarts for settings, and not for limits', () => {
    const template = (over: Values) => JSON.stringify(podOf(render(over)))
    expect(template({ limits: { track: { limit: 90 } } })).toBe(template({}))
    expect(template({ settings: { CONCURRENCY: 11 } })).not.toBe(template({}))
    // what must not change while workers run needs new ones
    expect(template({ limits: { track: { unit: 'operation' } } })).not.toBe(template({}))
    const siteId = (id: string) => template({ secret: { create: true, existingName: '', values: { CUSTOMERIO_SITE_ID: id, CUSTOMERIO_API_KEY: 'k' } } })
    expect(siteId('one')).not.toBe(siteId('two'))
  })

  test('large numbers are whole', () => {
    expect(only(render({ settings: { PREFETCH_BYTES: 1_073_741_824, RETRY_JITTER: 0.5 } }), 'ConfigMap', 'customerio-worker-settings').data)
      .toMatchObject({ PREFETCH_BYTES: '1073741824', RETRY_JITTER: '0.5' })
  })

  test('another release has names of its own', () => {
    expect(only(render({}, 'second'), 'Deployment').metadata.name).toBe('second-customerio-worker')
    expect(only(render({ fullnameOverride: 'shop' }), 'Role').rules.at(-1).resourceNames).toEqual(['shop-slots'])
  })

  test('what a laboratory needs can be set', () => {
    const changed = podOf(render({ hostNetwork: true, extraEnv: [{ name: 'KUBERNETES_SERVICE_HOST', value: '10.0.0.1' }], hostAliases: [{ ip: '10.0.0.2', hostnames: ['kafka'] }] })).spec
    expect(changed).toMatchObject({ hostNetwork: true, dnsPolicy: 'ClusterFirstWithHostNet', hostAliases: [{ ip: '10.0.0.2' }] })
    expect(changed.containers[0].env.at(-1)).toEqual({ name: 'KUBERNETES_SERVICE_HOST', value: '10.0.0.1' })
  })
})

withHelm('the share of the limit', () => {
  test('kubernetes: exactly the rules of docs/limiter.md, a token, and the pod\'s name', () => {
    const objects = render()
    const { rules } = only(objects, 'Role')
    const [, documented] = /```yaml\n(rules:\n.*?)```/s.exec(readFileSync('docs/limiter.md', 'utf8')) ?? []
    expect(allowed(rules)).toEqual(allowed((parse(documented!.replaceAll('<deployment>', 'customerio-worker')) as { rules: Rule[] }).rules))
    expect(allowed(rules)).toEqual(allowed(chartRules('customerio-worker') as Rule[]))
    expect(only(objects, 'RoleBinding')).toMatchObject({ roleRef: { name: 'customerio-worker' }, subjects: [{ kind: 'ServiceAccount', name: 'customerio-worker', namespace: 'shop' }] })
    expect(podOf(objects).spec).toMatchObject({ serviceAccountName: 'customerio-worker', automountServiceAccountToken: true })
    expect(environmentOf(objects).POD_NAME).toEqual({ name: 'POD_NAME', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } })
  })

  test.each(['partitions', 'fixed'])('%s: no rights, no token', (source) => {
    const objects = render({ share: { source }, settings: { RATE_LIMIT_DIVISOR: 5 } })
    expect(objects.filter(({ kind }) => kind.startsWith('Role'))).toEqual([])
    expect(podOf(objects).spec.automountServiceAccountToken).toBe(false)
    expect(environmentOf(objects)).toMatchObject({ RATE_LIMIT_SHARE: { value: source } })
    expect(environmentOf(objects).POD_NAME).toBeUndefined()
  })

  test('a service account\'s token is in no pod but the workers\'', () => {
    const objects = renderAll(valuesOf(`${CHART}/ci/everything-on-values.yaml`))
    expect(objects.filter(({ kind }) => kind === 'ServiceAccount').every((account) => account.automountServiceAccountToken === false)).toBe(true)
    for (const pod of [only(objects, 'Job').spec.template.spec, only(objects, 'Pod').spec]) expect(pod.automountServiceAccountToken).toBe(false)
  })
})

withHelm('autoscaling', () => {
  const BEHAVIOUR = {
    scaleUp: { stabilizationWindowSeconds: 30, policies: [{ type: 'Pods', value: 2, periodSeconds: 60 }] },
    scaleDown: { stabilizationWindowSeconds: 600, policies: [{ type: 'Pods', value: 1, periodSeconds: 120 }] },
  }

  test.each(['hpa', 'keda'])('%s: the Deployment does not say how many', (kind) => {
    expect(only(render({ autoscaling: { kind, keda: { prometheusAddress: 'http://p:9090' } } }), 'Deployment').spec).not.toHaveProperty('replicas')
  })

  test('hpa: CPU and the lag, as an average', () => {
    const { spec } = only(render({ autoscaling: { kind: 'hpa', signal: 'lag' } }), 'HorizontalPodAutoscaler')
    expect(spec).toMatchObject({ minReplicas: 3, maxReplicas: 20, scaleTargetRef: { kind: 'Deployment', name: 'customerio-worker' }, behavior: BEHAVIOUR })
    expect(spec.metrics).toEqual([
      { type: 'Resource', resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: 70 } } },
      {
        type: 'External',
        external: {
          metric: { name: 'customerio_worker_group_lag_records', selector: { matchLabels: { job: 'customerio-worker' } } }, target: { type: 'AverageValue', averageValue: '1000' },
        },
      },
    ])
  })

  test('hpa: useful replicas are the number itself', () => {
    const { spec } = only(render({ autoscaling: { kind: 'hpa', cpuUtilisation: null, metricSelector: { group: 'a' } } }), 'HorizontalPodAutoscaler')
    expect(spec.metrics).toEqual([{
      type: 'External', external: { metric: { name: 'customerio_worker_useful_replicas', selector: { matchLabels: { group: 'a' } } }, target: { type: 'AverageValue', averageValue: '1' } },
    }])
  })

  test('its external metrics are those of the adapter\'s rules', () => {
    const { externalRules } = parse(readFileSync(`${CHART}/files/adapter-rules.yaml`, 'utf8')) as { externalRules: { name: { as: string } }[] }
    const asked = ['lag', 'usefulReplicas'].map((signal) => only(render({ autoscaling: { kind: 'hpa', signal } }), 'HorizontalPodAutoscaler').spec.metrics.at(-1).external.metric.name)
    expect(externalRules.map(({ name }) => name.as)).toEqual(expect.arrayContaining(asked))
  })

  test('keda: Kafka\'s own lag, with the worker\'s login', () => {
    const objects = renderAll(valuesOf(`${CHART}/ci/keda-kafka-values.yaml`))
    const { spec } = only(objects, 'ScaledObject')
    expect(spec).toMatchObject({ minReplicaCount: 3, maxReplicaCount: 20, advanced: { horizontalPodAutoscalerConfig: { behavior: BEHAVIOUR } } })
    expect(spec.triggers).toEqual([
      { type: 'cpu', metricType: 'Utilization', metadata: { value: '70' } },
      {
        type: 'kafka', metricType: 'AverageValue', authenticationRef: { name: 'customerio-worker-kafka' },
        metadata: {
          bootstrapServers: 'kafka:9093', consumerGroup: 'customerio-workers', topic: 'customerio-events', lagThreshold: '1000', offsetResetPolicy: 'earliest',
          sasl: 'scram_sha256', tls: 'enable',
        },
      },
    ])
    expect(only(objects, 'TriggerAuthentication').spec).toEqual({
      secretTargetRef: [{ parameter: 'password', name: 'customerio', key: 'KAFKA_SASL_PASSWORD' }],
      configMapTargetRef: [{ parameter: 'username', name: 'customerio-worker-settings', key: 'KAFKA_SASL_USERNAME' }],
    })
  })

  test('keda: Prometheus, where no answer is no zero', () => {
    const trigger = (over: Values) => only(render({ autoscaling: merged({ kind: 'keda', keda: { prometheusAddress: 'http://p:9090' } }, over) }), 'ScaledObject').spec.triggers[1]
    expect(trigger({ signal: 'lag' }).metadata).toEqual({
      serverAddress: 'http://p:9090', query: 'sum(max by (partition) (customerio_worker_partition_lag_records{namespace="shop",job="customerio-worker"}))', threshold: '1000', ignoreNullValues: 'false',
    })
    expect(trigger({}).metadata).toMatchObject({ query: 'max(customerio_worker_useful_replicas{namespace="shop",job="customerio-worker"})', threshold: '1' })
    expect(trigger({ keda: { prometheusQuery: 'vector(1)', authenticationRef: 'mine' } })).toMatchObject({ metadata: { query: 'vector(1)' }, authenticationRef: { name: 'mine' } })
    expect(trigger({})).not.toHaveProperty('authenticationRef')
  })
})

withHelm('beside the workers', () => {
  test('a drain takes one worker at a time, and does not wait for one that is ill', () => {
    expect(only(render(), 'PodDisruptionBudget').spec).toMatchObject({ maxUnavailable: 1, unhealthyPodEvictionPolicy: 'AlwaysAllow' })
  })

  test('the NetworkPolicy opens what the settings name', () => {
    const { spec } = only(render({ settings: { KAFKA_BROKERS: 'a:9092,b:9094' }, networkPolicy: { enabled: true } }), 'NetworkPolicy')
    const test = { podSelector: { matchLabels: { 'app.kubernetes.io/name': 'customerio-worker', 'app.kubernetes.io/instance': 'customerio-worker', 'app.kubernetes.io/component': 'test' } } }
    const http = [{ port: 'http', protocol: 'TCP' }]
    expect(spec).toMatchObject({ policyTypes: ['Ingress', 'Egress'], ingress: [{ from: [test], ports: http }] })
    expect(only(render(), 'Pod').metadata.labels).toMatchObject(test.podSelector.matchLabels)
    const ports = (spec.egress as { ports: { port: number }[] }[]).flatMap(({ ports }) => ports.map(({ port }) => port))
    expect(ports).toEqual([53, 53, 9092, 9094, 443, 6443])
    const without = only(render({ share: { source: 'partitions' }, networkPolicy: { enabled: true, metricsFrom: [{ podSelector: {} }] } }), 'NetworkPolicy').spec
    expect(without.ingress).toEqual([{ from: [test, { podSelector: {} }], ports: http }])
    expect(JSON.stringify(without.egress)).not.toContain('6443')
    const closed = only(render({ networkPolicy: { enabled: true, kafkaPorts: [], customerioPorts: [], kubernetesPorts: [] } }), 'NetworkPolicy').spec
    expect(closed.egress).toEqual([{ ports: [{ port: 53, protocol: 'UDP' }, { port: 53, protocol: 'TCP' }] }])
  })

  test('the label job is the name of the Deployment: rules, dashboard and autoscaler count on it', () => {
    const monitors = renderAll(merged(valuesOf(`${CHART}/ci/broadcasts-values.yaml`), { podMonitor: { enabled: true, labels: { release: 'prometheus' } } })).filter(({ kind }) => kind === 'PodMonitor')
    expect(monitors.map(({ spec }) => spec.podMetricsEndpoints[0].relabelings)).toEqual(
      ['customerio-worker', 'customerio-worker-broadcasts'].map((replacement) => [{ action: 'replace', targetLabel: 'job', replacement }]))
    expect(monitors[0]!.metadata.labels.release).toBe('prometheus')
    // of a ServiceMonitor it is the name of the Service
    expect(only(render({ serviceMonitor: { enabled: true } }), 'Service').metadata.name).toBe('customerio-worker')
  })

  test('the alerts are those of the file, with the objective and the runbooks of the values', () => {
    const rulesOf = (over: Values) => only(render({ prometheusRule: { enabled: true, ...over } }), 'PrometheusRule').spec
    const text = readFileSync(`${CHART}/files/rules.yaml`, 'utf8')
    expect(rulesOf({ runbookBase: 'RUNBOOK_BASE' })).toEqual(parse(text))
    const changed = JSON.stringify(rulesOf({ runbookBase: 'https://runbooks.example', objective: 0.995, withinSeconds: 900 }))
    expect(changed).toContain('https://runbooks.example/')
    expect(changed).toContain('0.995')
    expect(changed).toContain('900|900.0')
    for (const token of ['RUNBOOK_BASE', '0.999', '300']) expect(changed).not.toContain(token)
  })

  test('the dashboard is that of the file, with the objective and the runbooks of the values', () => {
    const { data, metadata } = only(render({ dashboards: { enabled: true }, prometheusRule: { objective: 0.995 } }), 'ConfigMap', 'customerio-worker-dashboard')
    const text = readFileSync(`${CHART}/files/dashboard.json`, 'utf8')
    expect(data['customerio-worker.json']).toBe(text.replaceAll('RUNBOOK_BASE', 'docs/runbooks').replaceAll('0.999', '0.995'))
    expect(metadata.labels.grafana_dashboard).toBe('1')
  })

  test('topics are made before the workers, the dead-letter topic with 64 KiB more', () => {
    const job = only(render({ topics: { create: true, clientPropertiesSecret: 'kafka-admin' }, topic: { partitions: 24 } }), 'Job')
    expect(job.metadata.annotations).toMatchObject({ 'helm.sh/hook': 'pre-install,pre-upgrade' })
    const [{ args: [script], image, volumeMounts }] = job.spec.template.spec.containers
    expect(image).toBe(`apache/kafka:${KAFKA_VERSION}`)
    expect(script.split('\n').filter((line: string) => line.includes('--create'))).toEqual([
      'topics --create --if-not-exists --topic customerio-events --partitions 24 --replication-factor 3 --config min.insync.replicas=2 --config retention.ms=604800000 --config max.message.bytes=1048588',
      'topics --create --if-not-exists --topic customerio-events-dlq --partitions 3 --replication-factor 3 --config min.insync.replicas=2 --config retention.ms=2592000000 --config max.message.bytes=1114124',
    ])
    expect(script).toContain('--command-config /etc/kafka-client/client.properties')
    expect(volumeMounts).toContainEqual({ name: 'client', mountPath: '/etc/kafka-client', readOnly: true })
  })

  test('broadcasts have a Deployment, rights, settings and limits of their own', () => {
    const objects = renderAll(valuesOf(`${CHART}/ci/broadcasts-values.yaml`))
    const name = 'customerio-worker-broadcasts'
    expect(only(objects, 'ConfigMap', `${name}-settings`).data).toMatchObject({
      KAFKA_BROKERS: 'kafka:9092', APIS: 'broadcast', KAFKA_TOPIC: 'customerio-broadcasts', KAFKA_GROUP_ID: 'customerio-broadcasts',
    })
    expect(only(objects, 'ConfigMap', 'customerio-worker-settings').data).toMatchObject({ APIS: 'track,transactional' })
    expect(allowed(only(objects, 'Role', name).rules)).toEqual(allowed(chartRules(name) as Rule[]))
    expect(podOf(objects, name).spec.serviceAccountName).toBe(name)
    const selectors = deployments(objects).map(({ spec }) => spec.selector.matchLabels['app.kubernetes.io/component'])
    expect(selectors).toEqual(['worker', 'broadcasts'])
    // the autoscaler is the workers' only
    expect(only(renderAll(merged(valuesOf(`${CHART}/ci/broadcasts-values.yaml`), { autoscaling: { kind: 'hpa' } })), 'Deployment', name).spec.replicas).toBe(2)
  })

  test('extra objects may use the chart\'s language', () => {
    const extra = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: '{{ .Release.Name }}-mine' } }
    expect(only(render({ extraObjects: [extra] }), 'ConfigMap', 'customerio-worker-mine')).toBeDefined()
  })

  test('helm test asks a worker by the Service', () => {
    const pod = only(render(), 'Pod')
    expect(pod.metadata.annotations).toMatchObject({ 'helm.sh/hook': 'test' })
    expect(pod.spec.containers[0].env).toEqual([{ name: 'WORKER_URL', value: 'http://customerio-worker:8080' }])
    expect(render({ service: { enabled: false } }).filter(({ kind }) => kind === 'Pod')).toEqual([])
  })

  test('the least is all that is needed', () => {
    expect(Object.keys(LEAST)).toEqual(['settings', 'secret'])
    expect(render().map(({ kind }) => kind).toSorted()).toEqual(
      ['ConfigMap', 'ConfigMap', 'Deployment', 'Pod', 'PodDisruptionBudget', 'Role', 'RoleBinding', 'Service', 'ServiceAccount'])
  })
})
