import { seconds } from '../../load/lines.ts'
import { within } from '../../load/acts.ts'
import { run as runCommand } from '../../support/command.ts'
import { nameOf, restartsOf } from '../release.ts'
import type { Step } from '../step.ts'
import { until } from '../until.ts'

const BACK_WITHIN_MS = 60_000

export const apiRestart: Step = {
  name: 'api-restart',
  title: 'API server ended and started again',
  missing: async ({ settings }) => (settings.restartApi === undefined ? 'E2E_RESTART_API names no command for it' : undefined),
  run: async ({ settings, cluster: { admin }, clock, feed, release, standIn }) => {
    await feed.burst(settings.limit * 15)
    const before = await release.pods()
    const from = clock.now()
    await runCommand('sh', ['-c', settings.restartApi!])
    const away = clock.now()
    await until('the API server answers', BACK_WITHIN_MS, async () => (await admin.core.listNode()).items.length > 0)
    const sent = within(await standIn.arrivals(), { from, to: away }).length
    if (sent === 0) throw new Error('nothing was delivered meanwhile')
    const after = await release.pods()
    if (after.map(nameOf).join() !== before.map(nameOf).join() || restartsOf(after) !== restartsOf(before)) throw new Error('a pod was started again')
    return `${seconds(away - from)}, ${(sent * 1_000 / (away - from)).toFixed(1)} requests a second meanwhile; no pod was started again`
  },
}
