import { seconds } from '../../load/lines.ts'
import type { Step } from '../step.ts'
import { until } from '../until.ts'

const FIRST_WITHIN_MS = 60_000

export const install: Step = {
  name: 'install',
  title: 'install by the chart',
  run: async ({ release, standIn }) => {
    const from = performance.now()
    const [, first] = await Promise.all([
      release.deploy({}),
      until('something is delivered', FIRST_WITHIN_MS, async () => (await standIn.account()).operations > 0),
    ])
    return `3 pods available after ${seconds(performance.now() - from)}, first delivery after ${seconds(first)}`
  },
}
