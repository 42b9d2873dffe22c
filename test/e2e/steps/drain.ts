import type { V1Pod } from '@kubernetes/client-node'
import { seconds } from '../../load/lines.ts'
import { isStatus, mergePatch } from '../../support/kubernetes/client.ts'
import type { Cluster } from '../cluster.ts'
import { nameOf } from '../release.ts'
import type { Step } from '../step.ts'

const READY_WITHIN_MS = 90_000
const TOO_MANY_REQUESTS = 429

const cordon = async ({ admin }: Cluster, node: string, unschedulable: boolean): Promise<unknown> =>
  admin.core.patchNode({ name: node, body: { spec: { unschedulable } } }, mergePatch)

/** As `kubectl drain` asks for it. @returns false if the disruption budget does not allow it */
async function evict({ admin, namespace }: Cluster, pod: V1Pod): Promise<boolean> {
  const metadata = { name: nameOf(pod), namespace }
  try {
    await admin.core.createNamespacedPodEviction({ name: nameOf(pod), namespace, body: { metadata } })
    return true
  } catch (error) {
    if (isStatus(error, TOO_MANY_REQUESTS)) return false
    throw error
  }
}

export const drain: Step = {
  name: 'drain',
  title: 'node drained, with the disruption budget',
  run: async ({ cluster, release, program }) => {
    const [first, second] = await release.pods() as [V1Pod, V1Pod]
    const replicas = (await release.pods()).length
    const node = first.spec!.nodeName!
    // also if the run is broken off meanwhile
    program.atEnd(async () => cordon(cluster, node, false))
    await cordon(cluster, node, true)
    const from = performance.now()
    try {
      if (!(await evict(cluster, first))) throw new Error('the first eviction was refused')
      if (await evict(cluster, second)) throw new Error('a second pod was evicted while the first was missing')
    } finally {
      await cordon(cluster, node, false)
    }
    const back = await release.ready(replicas, READY_WITHIN_MS)
    if (!(await evict(cluster, second))) throw new Error('with all pods ready again the second eviction was refused')
    await release.ready(replicas, READY_WITHIN_MS)
    return `second eviction refused while one was missing; all ready ${seconds(back)} after, then the second went, too: ${seconds(performance.now() - from)}`
  },
}
