// The worker on the cluster: a release of the chart, and its pods.

import type { V1Pod } from '@kubernetes/client-node'
import { credentials } from '../support/stage.ts'
import type { Cluster } from './cluster.ts'
import type { Outside } from './outside.ts'
import { until } from './until.ts'

export const NAME = 'customerio-worker'
export const CONTAINER = 'worker'
const CHART = 'helm/customerio-worker'
const SELECTOR = `app.kubernetes.io/name=${NAME},app.kubernetes.io/instance=${NAME}`
const DEPLOYED_WITHIN = '5m'
const GONE_WITHIN_MS = 60_000

export type Values = Record<string, unknown>

export interface Release {
  /** With these values on top of those that it has; resolves when all its pods are available. */
  deploy(values: Values): Promise<void>
  /** Those that are not going down, the oldest first. */
  pods(): Promise<V1Pod[]>
  /** Resolves when so many pods are ready, and no other one is there. How long it took, ms. */
  ready(replicas: number, withinMs: number): Promise<number>
  remove(): Promise<void>
}

/**
 * All else is as in production. The times are shorter, so that the end of a pod that was killed shows within a step; the pods ask for little, so
 * that several have room on a small machine; and it is one event a request, so that the limit is what holds a backlog.
 */
export function valuesOf({ image, limit, partitions, outside }: { image: string; limit: number; partitions: number; outside: Outside }): Values {
  const colon = image.lastIndexOf(':')
  const hasTag = colon > image.lastIndexOf('/')
  return {
    image: { repository: hasTag ? image.slice(0, colon) : image, ...(hasTag && { tag: image.slice(colon + 1) }) },
    replicaCount: 3,
    minReadySeconds: 8,
    resources: { requests: { cpu: '100m', memory: '160Mi' }, limits: { cpu: '1', memory: '512Mi' } },
    topic: { partitions },
    limits: { track: { limit, reserve: 0 } },
    secret: { create: true, values: { CUSTOMERIO_SITE_ID: credentials.siteId, CUSTOMERIO_API_KEY: credentials.apiKey } },
    probes: { startup: { periodSeconds: 1 }, readiness: { periodSeconds: 2 } },
    settings: {
      KAFKA_BROKERS: outside.brokersOfPods, KAFKA_TOPIC: outside.topic, KAFKA_DLQ_TOPIC: outside.letterTopic, KAFKA_GROUP_ID: outside.group,
      CUSTOMERIO_REGION: 'us', CUSTOMERIO_URL: outside.urlOfPods, DELIVERY_MODE: 'single',
      KAFKA_SESSION_TIMEOUT_MS: '15000', REQUEST_TIMEOUT_MS: '2000', LATEST_ARRIVAL_MS: '4000', LONGEST_PAUSE_MS: '2000',
      // slots of a pod that was killed come back within the run
      RATE_LIMIT_OUTAGE_MS: '60000', LAG_INTERVAL_MS: '1000',
    },
  }
}

export function openRelease({ admin, namespace, helm, kubectl }: Cluster, base: Values): Release {
  const pods = async (): Promise<V1Pod[]> => {
    const { items } = await admin.core.listNamespacedPod({ namespace, labelSelector: SELECTOR })
    return items.filter(({ metadata }) => metadata!.deletionTimestamp === undefined).toSorted((a, b) =>
      Number(a.metadata!.creationTimestamp) - Number(b.metadata!.creationTimestamp))
  }
  let values = base
  let isThere = false
  return {
    deploy: async (more) => {
      values = { ...values, ...more }
      const flags = ['--install', '--wait', '--timeout', DEPLOYED_WITHIN, '--values', '-']
      isThere = true
      await helm(['upgrade', NAME, CHART, ...flags], JSON.stringify(values))
    },
    pods,
    ready: async (replicas, withinMs) => until(`${replicas} pods are ready`, withinMs, async () => {
      const { items } = await admin.core.listNamespacedPod({ namespace, labelSelector: SELECTOR })
      return items.length === replicas && items.every((pod) => isReady(pod) && pod.metadata!.deletionTimestamp === undefined)
    }),
    remove: async () => {
      if (!isThere) return
      isThere = false
      await helm(['uninstall', NAME, '--wait', '--timeout', '2m'])
      await kubectl(['delete', 'lease', `${NAME}-slots`, '--namespace', namespace, '--ignore-not-found'])
      await until('the pods are gone', GONE_WITHIN_MS, async () => (await pods()).length === 0)
    },
  }
}

export const nameOf = ({ metadata }: V1Pod): string => metadata!.name!

export const isReady = ({ status }: V1Pod): boolean => status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True') ?? false

/** Of all pods together. */
export const restartsOf = (pods: readonly V1Pod[]): number => pods.reduce((sum, { status }) => sum + (status?.containerStatuses?.[0]?.restartCount ?? 0), 0)
