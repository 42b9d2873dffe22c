// A Prometheus of the run's own: it scrapes the pods through the API server, which works wherever the cluster is, and evaluates the chart's rules.

import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as wait } from 'node:timers/promises'
import type { Program } from '../load/program.ts'
import { freePorts } from '../support/kafka/ports.ts'
import { prometheusServes, startPrometheus } from '../support/prometheus/process.ts'
import type { Cluster } from './cluster.ts'
import { isReady, NAME, nameOf, type Release } from './release.ts'
import type { Settings } from './settings.ts'

export interface Monitoring {
  url: string
  start(): Promise<void>
  /** As when its machine is lost; what it has stored stays. */
  kill(): Promise<void>
}

const RULES = 'helm/customerio-worker/files/rules.yaml'
const HTTP_PORT = 8080
const SECOND = '2s'
const LOOK_MS = 1_000

export async function openMonitoring(settings: Settings, cluster: Cluster, release: Release, { atEnd, signal }: Program): Promise<Monitoring> {
  const folder = await mkdtemp(join(tmpdir(), 'customerio-prometheus-'))
  atEnd(async () => rm(folder, { recursive: true, force: true }))
  const proxy = await startProxy(settings.kubectl, cluster.kubeconfig)
  atEnd(async () => end(proxy.child))
  const targets = join(folder, 'targets.json')
  // the rules' own interval is for months; here an autoscaler waits for them
  await writeFile(join(folder, 'rules.yaml'), (await readFile(RULES, 'utf8')).replaceAll(/^( *interval:) .+$/gm, `$1 ${SECOND}`))
  const config = {
    global: { scrape_interval: SECOND, scrape_timeout: SECOND, evaluation_interval: SECOND },
    rule_files: ['rules.yaml'],
    scrape_configs: [{ job_name: NAME, file_sd_configs: [{ files: ['targets.json'], refresh_interval: SECOND }] }],
  }
  const following = followPods(targets, proxy.address, cluster.namespace, release, signal)

  const [port = 0] = await freePorts(1)
  const url = `http://127.0.0.1:${port}`
  let child: ChildProcess | undefined
  const monitoring: Monitoring = {
    url,
    start: async () => {
      child = await startPrometheus({ binary: settings.prometheus, folder, port, config })
      await prometheusServes(child, port)
    },
    kill: async () => child && end(child),
  }
  atEnd(async () => {
    await monitoring.kill()
    await following.catch(() => undefined)
  })
  await monitoring.start()
  return monitoring
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const closed = once(child, 'close')
  child.kill('SIGKILL')
  await closed
}

/** kubectl's own proxy: whatever the kubeconfig logs in by, Prometheus need not know. */
async function startProxy(kubectl: string, kubeconfig: string): Promise<{ child: ChildProcess; address: string }> {
  const child = spawn(kubectl, ['proxy', '--port=0'], { stdio: ['ignore', 'pipe', 'ignore'], env: { ...process.env, KUBECONFIG: kubeconfig } })
  const [line] = await once(createInterface({ input: child.stdout }), 'line') as [string]
  const address = /127\.0\.0\.1:\d+/.exec(line)?.[0]
  if (address === undefined) throw new Error(`kubectl proxy said "${line}"`)
  return { child, address }
}

/** Writes the pods that are ready into the file that Prometheus reads, until the run is over. */
async function followPods(file: string, address: string, namespace: string, release: Release, signal: AbortSignal): Promise<void> {
  let last = ''
  while (!signal.aborted) {
    const pods = await release.pods().catch(() => undefined)
    const groups = pods?.filter(isReady).map(nameOf).map((pod) => ({
      targets: [address],
      labels: { namespace, pod, instance: pod, __metrics_path__: `/api/v1/namespaces/${namespace}/pods/${pod}:${HTTP_PORT}/proxy/metrics` },
    }))
    const next = groups === undefined ? last : JSON.stringify(groups)
    if (next !== last) {
      last = next
      await writeFile(`${file}.next`, next)
      await rename(`${file}.next`, file)
    }
    await wait(LOOK_MS, undefined, { signal }).catch(() => undefined)
  }
}
