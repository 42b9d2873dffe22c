import { setTimeout as wait } from 'node:timers/promises'
import { seconds } from '../../load/lines.ts'
import { openAdapter } from '../adapter.ts'
import { drained, MOST, scaleDown, scaleUp, scaling, settle, wanted } from '../scaling.ts'
import type { Step } from '../step.ts'

/** Longer than it takes to scale down, if the autoscaler would. */
const GONE_MS = 45_000

export const hpa: Step = {
  name: 'hpa',
  title: 'HPA on lag, and Prometheus gone',
  run: async (stage) => {
    const { release, monitoring, program } = stage
    const close = await openAdapter(stage.cluster, monitoring.url)
    let isOpen = true
    const closeOnce = async (): Promise<void> => {
      if (isOpen) await close()
      isOpen = false
    }
    program.atEnd(closeOnce)
    try {
      await release.deploy(scaling('hpa'))
      await settle(stage)
      const up = await scaleUp(stage)
      await monitoring.kill()
      const caughtUp = await drained(stage)
      await wait(GONE_MS)
      if (wanted(stage) !== MOST) throw new Error(`without Prometheus it went to ${wanted(stage)} pods`)
      await monitoring.start()
      return `${up}; without Prometheus caught up after ${seconds(caughtUp)}, and still ${MOST} pods ${seconds(GONE_MS)} later; with it ${await scaleDown(stage)}`
    } finally {
      await closeOnce()
    }
  },
}
