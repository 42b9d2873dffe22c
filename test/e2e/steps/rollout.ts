import { seconds } from '../../load/lines.ts'
import { nameOf } from '../release.ts'
import type { Step } from '../step.ts'

export const rollout: Step = {
  name: 'rollout',
  title: 'rolling upgrade under load',
  run: async ({ settings, release, feed, standIn, watch }) => {
    await feed.burst(settings.limit * 20)
    const old = (await release.pods()).map(nameOf)
    const { operations } = await standIn.account()
    const from = performance.now()
    await release.deploy({ podAnnotations: { 'e2e/rollout': '2' } })
    const took = performance.now() - from
    const now = (await release.pods()).map(nameOf)
    if (now.some((name) => old.includes(name))) throw new Error('a pod of before is still there')
    const least = Math.min(...watch.samples.filter(({ at }) => at >= from).map(({ ready }) => ready))
    if (least < old.length) throw new Error(`only ${least} pods were ready for a moment`)
    const rate = ((await standIn.account()).operations - operations) * 1_000 / took
    return `${old.length} pods replaced in ${seconds(took)}, never fewer than ${least} ready, ${rate.toFixed(1)} requests a second meanwhile`
  },
}
