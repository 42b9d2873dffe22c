import { seconds } from '../../load/lines.ts'
import type { Step } from '../step.ts'
import { until } from '../until.ts'

const BURST_SECONDS = 15
const WITHIN_MS = 90_000
/** Records that are on their way. */
export const CAUGHT_UP = 30

export const backlog: Step = {
  name: 'backlog',
  title: 'a backlog is delivered',
  run: async ({ settings, feed, progress, standIn }) => {
    const events = settings.limit * BURST_SECONDS
    await feed.burst(events)
    const before = await standIn.account()
    const took = await until('the group has caught up', WITHIN_MS, async () => (await progress.lag()) <= CAUGHT_UP)
    const { operations } = await standIn.account()
    return `${events} events: caught up after ${seconds(took)}, ${((operations - before.operations) * 1_000 / took).toFixed(1)} requests a second`
  },
}
