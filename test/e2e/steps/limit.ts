import { setTimeout as wait } from 'node:timers/promises'
import { seconds } from '../../load/lines.ts'
import { within } from '../../load/acts.ts'
import { mergePatch } from '../../support/kubernetes/client.ts'
import { mostInWindow } from '../../support/window.ts'
import { WINDOW_MS } from '../outside.ts'
import { NAME, restartsOf } from '../release.ts'
import type { Stage } from '../stage.ts'
import type { Step } from '../step.ts'
import { until } from '../until.ts'

const SEEN_WITHIN_MS = 150_000
const STEADY_MS = 10_000

/** What the pods say they use, by Prometheus. */
async function limitsInUse({ monitoring, cluster: { namespace } }: Stage): Promise<number[]> {
  const query = `customerio_worker_rate_limit{namespace="${namespace}",api="track"}`
  const { data } = await (await fetch(`${monitoring.url}/api/v1/query?query=${encodeURIComponent(query)}`)).json() as { data: { result: { value: [number, string] }[] } }
  return data.result.map(({ value: [, value] }) => Number(value))
}

const FILE = 'limits.json'
const NAME_OF_MAP = `${NAME}-limits`

/** @returns what the ConfigMap held before */
async function put(text: string, { cluster: { admin, namespace } }: Stage): Promise<string> {
  const { data } = await admin.core.readNamespacedConfigMap({ name: NAME_OF_MAP, namespace })
  await admin.core.patchNamespacedConfigMap({ name: NAME_OF_MAP, namespace, body: { data: { [FILE]: text } } }, mergePatch)
  return data![FILE]!
}

const seenByAll = async (limit: number, stage: Stage): Promise<number> =>
  until(`all pods use the limit ${limit}`, SEEN_WITHIN_MS, async () => {
    const limits = await limitsInUse(stage)
    return limits.length >= (await stage.release.pods()).length && limits.every((found) => found === limit)
  })

export const limitChanged: Step = {
  name: 'limit',
  title: 'limit changed by the ConfigMap',
  run: async (stage) => {
    const { settings: { limit }, clock, feed, standIn, release } = stage
    const lowered = Math.floor(limit / 2)
    const restarts = restartsOf(await release.pods())
    const before = await put(JSON.stringify({ track: { limit: lowered, reserve: 0 } }), stage)
    const seen = await seenByAll(lowered, stage)
    // a backlog, so that it is the limit that bounds them
    await feed.burst(limit * 10)
    await wait(WINDOW_MS)
    const from = clock.now()
    await wait(STEADY_MS)
    const steady = within(await standIn.arrivals(), { from, to: clock.now() })
    const most = mostInWindow(steady, WINDOW_MS)
    // to the letter as it was: Helm's next upgrade refuses to write over what somebody else has changed
    await put(before, stage)
    const raised = await seenByAll(limit, stage)
    if (most > lowered) throw new Error(`${most} requests in one second at a limit of ${lowered}`)
    if (restartsOf(await release.pods()) !== restarts) throw new Error('a pod was started again')
    return `${limit} to ${lowered} in all pods after ${seconds(seen)}, then at most ${most} in any second (${(steady.length * 1_000 / STEADY_MS).toFixed(1)} on average); raised again after ${seconds(raised)}`
  },
}
