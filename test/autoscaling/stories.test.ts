// What the autoscaler does when something is not as it should be. docs/autoscaling.md tells each of these.

import { simulate, type Outcome, type Signal, type Story } from './simulate.ts'
import { KINDS, SPEC, type WorkerKind } from './stage.ts'

jest.setTimeout(120_000)

const [single, higher] = KINDS as [WorkerKind, WorkerKind]
const HOUR = 3_600
const { campaign } = higher
/** From half an hour before the campaign until its backlog is gone and the autoscaler has come down again. */
const [FROM, TO] = [campaign.at - HOUR / 2, campaign.at + 3 * HOUR]
const play = (story: Omit<Story, 'seed' | 'span'>): Outcome => simulate({ ...story, span: [FROM, TO] })
const replicasAt = ({ minutes }: Outcome, second: number): number | undefined => minutes.find(({ at }) => at + 60 > second)?.replicas
/** Replicas of every minute from one second to another. */
const between = ({ minutes }: Outcome, from: number, to: number): Set<number> => new Set(minutes.filter(({ at }) => at >= from && at < to).map(({ replicas }) => replicas))
const both: Signal[] = ['lag', 'usefulReplicas']

test('a burst: pods come within two and a half minutes, and go ten minutes after they are not useful any more', () => {
  const burst = play({ kind: higher, signal: 'usefulReplicas' })
  expect([replicasAt(burst, campaign.at - 60), replicasAt(burst, campaign.at + 150)]).toEqual([3, 4])
  const useful = burst.minutes.findLastIndex(({ useful }) => useful > SPEC.minReplicas)
  const more = burst.minutes.findLastIndex(({ replicas }) => replicas > SPEC.minReplicas)
  expect(more - useful).toBeGreaterThanOrEqual(9)
  expect(more - useful).toBeLessThanOrEqual(12)
})

test.each(both)('no metric from the start, %s: as many pods as there are, and no fewer', (signal) => {
  expect(between(play({ kind: higher, signal, noMetric: [FROM, TO] }), FROM, TO)).toEqual(new Set([3]))
})

test.each(both)('Prometheus down while pods are needed, %s: none goes until it is back', (signal) => {
  const [from, to] = [campaign.at + 300, campaign.at + 2 * HOUR]
  const blind = play({ kind: higher, signal, noMetric: [from, to] })
  const then = replicasAt(blind, from) as number
  expect(then).toBeGreaterThan(SPEC.minReplicas)
  expect(Math.min(...between(blind, from, to))).toBe(then)
  expect(replicasAt(blind, TO - 60)).toBeLessThan(then)
})

test('no External metric and no CPU metric: nothing changes', () => {
  expect(play({ kind: higher, signal: 'usefulReplicas', noMetric: [FROM, TO], noCpu: [FROM, TO] }).rebalances).toBe(0)
})

test.each(both)('nothing comes in, %s: the least, and no rebalance', (signal) => {
  const idle = play({ kind: { ...single, mean: 0, campaign: { ...campaign, events: 0 } }, signal })
  expect([idle.mostReplicas, idle.rebalances]).toEqual([3, 0])
})

test('all pods at the limit: lag goes to the most, usefulReplicas stays', () => {
  expect(both.map((signal) => play({ kind: single, signal }).mostReplicas)).toEqual([20, 3])
})

test('a poisoned partition: lag grows with what piles up behind it, usefulReplicas does not', () => {
  const quiet = { ...higher, campaign: { ...campaign, events: 0 } }
  const poisoned = { partition: 5, from: FROM + 600 }
  const [byLag, byUse] = both.map((signal) => play({ kind: quiet, signal, poisoned })) as [Outcome, Outcome]
  expect(byUse.mostLag).toBeGreaterThan(50_000)
  expect([byLag.mostReplicas, byUse.mostReplicas]).toEqual([20, 3])
  expect(byUse.lateSeconds).toBe(0)
})

test('and where all else comes to rest, it is one partition with something to do: one pod is useful', () => {
  const kind = { ...higher, mean: 0.01, campaign: { ...campaign, at: FROM + 600, events: 100_000 } }
  const { minutes } = play({ kind, signal: 'usefulReplicas', poisoned: { partition: 5, from: FROM + 600 } })
  expect(minutes.at(-1)).toMatchObject({ useful: 1, replicas: 3 })
  expect(minutes.at(-1)?.lag).toBeGreaterThan(1_000)
})

test('Customer.io away for an hour: lag goes to the most, where pods can do nothing; usefulReplicas only when it is back', () => {
  const outage = [campaign.at, campaign.at + HOUR] as const
  const [byLag, byUse] = both.map((signal) => play({ kind: higher, signal, outage })) as [Outcome, Outcome]
  expect(Math.max(...between(byLag, ...outage))).toBe(20)
  expect(Math.max(...between(byUse, campaign.at + 20 * 60, outage[1]))).toBeLessThanOrEqual(4)
  expect(Math.max(...between(byUse, outage[1], outage[1] + 600))).toBe(4)
})
