import { goalsOf, medianOf, ratioOf, type Run } from './throughput-table.ts'

const run = (contestant: string, round: number, eventsPerSecond: number, cpuPerThousand: number): Run =>
  ({ contestant, round, events: 1_000, requests: 10, eventsPerSecond, cpuPerThousand, cpuPerThousandWithStart: cpuPerThousand, peakRssMiB: 100 })

/** Rounds in which the machine was slower and slower. */
const runs = [
  run('batches', 1, 100_000, 0.006), run('worker-batch', 1, 70_000, 0.010),
  run('batches', 2, 50_000, 0.012), run('worker-batch', 2, 40_000, 0.018),
  run('batches', 3, 20_000, 0.030), run('worker-batch', 3, 10_000, 0.054),
]

test('a ratio is that of two runs of one round, and the median of these', () => {
  expect(medianOf(runs, 'worker-batch', 'eventsPerSecond')).toBe(40_000)
  expect(ratioOf(runs, 'worker-batch', 'batches', 'eventsPerSecond')).toBe(0.7)
})

test('without its floor there is no ratio', () => {
  expect(ratioOf(runs, 'worker-batch', 'customerio', 'eventsPerSecond')).toBeNaN()
  expect(ratioOf(runs, 'worker-batch', undefined, 'eventsPerSecond')).toBeNaN()
})

test('goals are those of the contestants that took part', () => {
  expect(goalsOf(runs).map(({ figure, met }) => [figure, met])).toEqual([['40,000', false], ['0.0180', false], ['0.70', true]])
  expect(goalsOf([run('customerio', 1, 3_000, 0.25), run('worker-single', 1, 2_500, 0.2875)]).map(({ figure, met }) => [figure, met])).toEqual([['1.15', true]])
  expect(goalsOf([run('batches', 1, 100_000, 0.006)])).toEqual([])
})
