import { seconds } from '../../load/lines.ts'
import { nameOf } from '../release.ts'
import type { Step } from '../step.ts'

const READY_WITHIN_MS = 90_000

export const forceDelete: Step = {
  name: 'force-delete',
  title: 'pod deleted by force',
  run: async ({ cluster: { admin, namespace }, release }) => {
    const pods = await release.pods()
    await admin.core.deleteNamespacedPod({ name: nameOf(pods[0]!), namespace, gracePeriodSeconds: 0 })
    return `${pods.length} ready again after ${seconds(await release.ready(pods.length, READY_WITHIN_MS))}`
  },
}
