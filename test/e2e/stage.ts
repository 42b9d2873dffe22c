// What every step takes place on, set up once: the cluster with a release of the chart, Kafka, the stand-in, a trickle of events, Prometheus.

import { mkdtemp, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Program } from '../load/program.ts'
import { readServerClock, type ServerClock } from '../load/server-clock.ts'
import type { StandInProcess } from '../support/stand-in.ts'
import { openCluster, type Cluster } from './cluster.ts'
import { openFeed, type Feed } from './feed.ts'
import { openMonitoring, type Monitoring } from './monitoring.ts'
import { openOutside, type Outside } from './outside.ts'
import { openProgress, type Progress } from './progress.ts'
import { openRelease, valuesOf, type Release } from './release.ts'
import type { Settings } from './settings.ts'
import { watch, type Watch } from './watch.ts'

export interface Stage {
  settings: Settings
  program: Program
  cluster: Cluster
  outside: Outside
  standIn: StandInProcess
  clock: ServerClock
  release: Release
  feed: Feed
  progress: Progress
  watch: Watch
  monitoring: Monitoring
  /** Of all requests, and of what pods said last, for tracing what went wrong. */
  keepEvidence(files: Record<string, string>): Promise<string>
}

const PARTITIONS = 12
/** A third of the limit, so that there is room to catch up. */
const TRICKLE = 1 / 3

export async function openStage(settings: Settings, program: Program): Promise<Stage> {
  const { image, limit } = settings
  const cluster = await openCluster(settings, program)
  const outside = await openOutside({ host: cluster.host, limit, partitions: PARTITIONS }, program)
  const { brokers, topic, standIn } = outside
  const release = openRelease(cluster, valuesOf({ image, limit, partitions: PARTITIONS, outside }))
  program.atEnd(release.remove)
  const monitoring = await openMonitoring(settings, cluster, release, program)
  const progress = await openProgress(brokers, outside)
  program.atEnd(progress.close)
  const watching = watch(cluster, progress)
  program.atEnd(watching.stop)
  const feed = openFeed({ brokers, topic, perSecond: Math.floor(limit * TRICKLE), signal: program.signal })
  program.atEnd(feed.stop)
  return {
    settings, program, cluster, outside, standIn, release, monitoring, progress, watch: watching, feed,
    clock: await readServerClock(standIn),
    keepEvidence: async (files) => {
      const folder = await mkdtemp(join(tmpdir(), 'customerio-e2e-'))
      await Promise.all(Object.entries(files).map(async ([name, content]) => writeFile(join(folder, name), content)))
      return folder
    },
  }
}
