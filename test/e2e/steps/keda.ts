import { seconds } from '../../load/lines.ts'
import { drained, scaleDown, scaleUp, scaling, settle } from '../scaling.ts'
import type { Step } from '../step.ts'

export const keda: Step = {
  name: 'keda',
  title: 'KEDA on lag, by its Kafka trigger',
  missing: async ({ cluster: { kubectl } }) =>
    ((await kubectl(['get', 'crd', 'scaledobjects.keda.sh', '--ignore-not-found', '-o', 'name'])) === '' ? 'KEDA is not installed in this cluster' : undefined),
  run: async (stage) => {
    await stage.release.deploy(scaling('keda'))
    await settle(stage)
    const up = await scaleUp(stage)
    const caughtUp = await drained(stage)
    return `${up}; caught up ${seconds(caughtUp)} later; ${await scaleDown(stage)}`
  },
}
