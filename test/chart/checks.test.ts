// What the chart refuses: a sentence each, and the nearest values that it takes.

import { faultsOf, helm, LEAST, merged, render, schemaFaults, withHelm, type Values } from './chart.ts'
import { CHART } from '../../scripts/chart-files.ts'

interface Case {
  what: string
  values: Values
  says: string
  /** On top of `values`: how to mend it. */
  mend: Values
}

const hpa = (over: Values = {}): Values => ({ autoscaling: { kind: 'hpa', ...over } })

const CASES: Case[] = [
  { what: 'no brokers', values: { settings: { KAFKA_BROKERS: null } }, says: 'settings.KAFKA_BROKERS is missing: it has no default.', mend: { settings: { KAFKA_BROKERS: 'k:1' } } },
  { what: 'no region', values: { settings: { CUSTOMERIO_REGION: null } }, says: 'settings.CUSTOMERIO_REGION is missing: it has no default.', mend: { settings: { CUSTOMERIO_REGION: 'us' } } },
  {
    what: 'a secret in the settings', values: { settings: { CUSTOMERIO_API_KEY: 'key' } },
    says: 'settings.CUSTOMERIO_API_KEY is a secret, and settings are in a ConfigMap for all to read: give it by secret.values or secret.existingName.',
    mend: { settings: { CUSTOMERIO_API_KEY: null } },
  },
  {
    what: 'a secret in the settings of broadcasts', values: { broadcasts: { settings: { KAFKA_SASL_PASSWORD: 'p' } } },
    says: 'broadcasts.settings.KAFKA_SASL_PASSWORD is a secret, and settings are in a ConfigMap for all to read: give it by secret.values or secret.existingName.',
    mend: { broadcasts: { settings: { KAFKA_SASL_PASSWORD: null } } },
  },
  {
    what: 'a setting that has a value of its own', values: { settings: { RATE_LIMIT_SHARE: 'partitions' } }, says: 'settings.RATE_LIMIT_SHARE is not for settings; use share.source.',
    mend: { settings: { RATE_LIMIT_SHARE: null }, share: { source: 'partitions' } },
  },
  {
    what: 'no secret', values: { secret: { existingName: '' } },
    says: 'There is no secret with the keys of Customer.io: name one with secret.existingName, or have one made with secret.create=true and secret.values.',
    mend: { secret: { existingName: 'customerio' } },
  },
  {
    what: 'two secrets', values: { secret: { create: true, values: { CUSTOMERIO_SITE_ID: 's', CUSTOMERIO_API_KEY: 'k' } } },
    says: 'secret.create and secret.existingName are both given: choose one.', mend: { secret: { existingName: '' } },
  },
  {
    what: 'a secret without the key', values: { secret: { create: true, existingName: '', values: { CUSTOMERIO_SITE_ID: 's' } } },
    says: 'secret.values is without CUSTOMERIO_API_KEY, which every worker needs.', mend: { secret: { values: { CUSTOMERIO_API_KEY: 'k' } } },
  },
  {
    what: 'messages without their key', values: { settings: { APIS: 'track,transactional' } },
    says: 'secret.keys is without CUSTOMERIO_APP_API_KEY, which APIS=track,transactional of customerio-worker needs.',
    mend: { secret: { keys: ['CUSTOMERIO_SITE_ID', 'CUSTOMERIO_API_KEY', 'CUSTOMERIO_APP_API_KEY'] } },
  },
  {
    what: 'more replicas than partitions', values: { replicaCount: 25 },
    says: 'replicaCount (25) is above topic.partitions (24): a partition has one worker, so the others would be idle.', mend: { replicaCount: 24 },
  },
  {
    what: 'an autoscaler that goes beyond the partitions', values: { ...hpa(), topic: { partitions: 12 } },
    says: 'autoscaling.maxReplicas (20) is above topic.partitions (12): a partition has one worker, so the others would be idle.', mend: hpa({ maxReplicas: 12 }),
  },
  {
    what: 'more partitions than the limit', values: { limits: { track: { limit: 23, reserve: 0 } } },
    says: 'topic.partitions (24) is above the limit of track (23 a window, its reserve taken off): every partition must be able to have a slot, so the worker would not start.',
    mend: { limits: { track: { limit: 24 } } },
  },
  {
    what: 'the same by the settings', values: { settings: { RATE_LIMIT: 40 } },
    says: 'topic.partitions (24) is above the limit of track (20 a window, its reserve taken off): every partition must be able to have a slot, so the worker would not start.',
    mend: { settings: { RATE_LIMIT_RESERVE: 16 } },
  },
  {
    what: 'more pods at once than the limit', values: { replicaCount: 23, limits: { track: { limit: 24, reserve: 0 } } },
    says: 'replicaCount (23) with 1 of a rollout and 1 that terminate are 25 pods at once, more than the limit of track (24 a window, its reserve taken off): some would have no slot.',
    mend: { replicaCount: 22 },
  },
  {
    what: 'more pods at once than the divisor', values: { share: { source: 'fixed' }, settings: { RATE_LIMIT_DIVISOR: 4 } },
    says: 'replicaCount (3) with 1 of a rollout and 1 that terminate are 5 pods at once, more than RATE_LIMIT_DIVISOR (4): they would go over the limit.',
    mend: { settings: { RATE_LIMIT_DIVISOR: 5 } },
  },
  {
    what: 'a divisor above the limit', values: { share: { source: 'fixed' }, settings: { RATE_LIMIT_DIVISOR: 81 } },
    says: 'RATE_LIMIT_DIVISOR (81) is above the limit of track (80 a window, its reserve taken off): no worker could send.', mend: { settings: { RATE_LIMIT_DIVISOR: 80 } },
  },
  {
    what: 'a grace period that is too short', values: { terminationGracePeriodSeconds: 35 },
    says: 'terminationGracePeriodSeconds (35) is too short for customerio-worker: SHUTDOWN_DEADLINE_MS, REQUEST_TIMEOUT_MS and COMMIT_INTERVAL_MS are 36 s together.',
    mend: { terminationGracePeriodSeconds: 36 },
  },
  {
    what: 'a grace period that is too short for the settings', values: { terminationGracePeriodSeconds: 45, settings: { SHUTDOWN_DEADLINE_MS: 60_000 } },
    says: 'terminationGracePeriodSeconds (45) is too short for customerio-worker: SHUTDOWN_DEADLINE_MS, REQUEST_TIMEOUT_MS and COMMIT_INTERVAL_MS are 71 s together.',
    mend: { terminationGracePeriodSeconds: null },
  },
  { what: 'a minimum above the maximum', values: hpa({ minReplicas: 5, maxReplicas: 4 }), says: 'autoscaling.minReplicas (5) is above autoscaling.maxReplicas (4).', mend: hpa({ minReplicas: 4, maxReplicas: 4 }) },
  {
    what: 'a trigger without its Prometheus', values: { autoscaling: { kind: 'keda' } },
    says: 'autoscaling.keda.prometheusAddress is missing: the trigger prometheus asks a Prometheus.', mend: { autoscaling: { keda: { prometheusAddress: 'http://prometheus:9090' } } },
  },
  {
    what: 'useful replicas from Kafka', values: { autoscaling: { kind: 'keda', keda: { trigger: 'kafka' } } },
    says: 'autoscaling.signal=usefulReplicas needs autoscaling.keda.trigger=prometheus: the trigger kafka knows the lag only.', mend: { autoscaling: { signal: 'lag' } },
  },
  {
    what: 'a monitor that a NetworkPolicy shuts out', values: { podMonitor: { enabled: true }, networkPolicy: { enabled: true } },
    says: 'networkPolicy.metricsFrom is empty though a monitor is enabled: say from where Prometheus asks, or it can\'t.', mend: { networkPolicy: { metricsFrom: [{ podSelector: {} }] } },
  },
  {
    what: 'two monitors', values: { podMonitor: { enabled: true }, serviceMonitor: { enabled: true } },
    says: 'podMonitor and serviceMonitor are both enabled: each pod would be scraped twice, and every sum would be double. Choose one.', mend: { serviceMonitor: { enabled: false } },
  },
  { what: 'a ServiceMonitor without a Service', values: { serviceMonitor: { enabled: true }, service: { enabled: false } }, says: 'serviceMonitor.enabled needs service.enabled.', mend: { service: { enabled: true } } },
  { what: 'a rollout that could not begin', values: { strategy: { maxSurge: 0 } }, says: 'strategy.maxSurge and strategy.maxUnavailable are both 0: no worker could be replaced.', mend: { strategy: { maxUnavailable: 1 } } },
  {
    what: 'topics that nothing could be written to', values: { topics: { create: true, replicationFactor: 1 } },
    says: 'topics.minInsyncReplicas (2) is above topics.replicationFactor (1): nothing could be written.', mend: { topics: { minInsyncReplicas: 1 } },
  },
  {
    what: 'broadcasts twice',
    values: { settings: { APIS: 'broadcast' }, topic: { partitions: 1 }, broadcasts: { enabled: true }, secret: { keys: ['CUSTOMERIO_SITE_ID', 'CUSTOMERIO_API_KEY', 'CUSTOMERIO_APP_API_KEY'] } },
    says: 'settings.APIS names broadcast, and so does broadcasts.enabled: two Deployments would each use the whole limit.', mend: { settings: { APIS: 'track' } },
  },
  {
    what: 'broadcasts in more partitions than their limit', values: { broadcasts: { enabled: true, partitions: 2 }, secret: { keys: ['CUSTOMERIO_SITE_ID', 'CUSTOMERIO_API_KEY', 'CUSTOMERIO_APP_API_KEY'] } },
    says: 'broadcasts.partitions (2) is above the limit of broadcast (1 a window, its reserve taken off): every partition must be able to have a slot, so the worker would not start.',
    mend: { broadcasts: { partitions: 1 } },
  },
]

withHelm('the chart refuses', () => {
  test.each(CASES)('$what', ({ values, says, mend }) => {
    expect(faultsOf(values)).toEqual([says])
    expect(render(merged(values, mend)).length).toBeGreaterThan(0)
  })

  test('all faults at once', () => {
    expect(faultsOf({ settings: { KAFKA_BROKERS: null, CUSTOMERIO_REGION: null }, secret: { existingName: '' }, replicaCount: 30 })).toHaveLength(4)
  })
})

withHelm('the schema refuses, and names the value', () => {
  test.each<[string, Values, string]>([
    ['an unknown setting', { settings: { CONCURENCY: 5 } }, 'CONCURENCY'],
    ['an unknown value', { replicas: 3 }, 'replicas'],
    ['a source that does not exist', { share: { source: 'redis' } }, 'share.source'],
    ['two autoscalers', { autoscaling: { kind: ['hpa', 'keda'] } }, 'autoscaling.kind'],
    ['a text for a number', { replicaCount: 'three' }, 'replicaCount'],
    ['a limit above what Customer.io has', { limits: { track: { limit: 1_001 } } }, 'limits.track.limit'],
    ['a field of the limits that does not exist', { limits: { track: { burst: 1 } } }, 'burst'],
    ['a key of the secret that is none', { secret: { keys: ['API_KEY'] } }, 'secret.keys.0'],
    ['a digest that is none', { image: { digest: 'latest' } }, 'image.digest'],
    ['an objective above 1', { prometheusRule: { objective: 99.9 } }, 'prometheusRule.objective'],
  ])('%s', (_, values, names) => {
    // Helm 3 writes a path with dots, Helm 4 with slashes
    expect(schemaFaults(values).replaceAll('/', '.')).toContain(names)
  })
})

withHelm('helm lint', () => {
  test('has nothing against the least', () => {
    expect(helm(['lint', '--strict', CHART, '-f', '-'], LEAST)).toMatchObject({ status: 0 })
  })
})
