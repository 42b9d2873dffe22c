import * as fc from 'fast-check'
import { usefulReplicas, type ReplicaInputs } from '../../src/useful-replicas.ts'

/** A limit of 80 requests a second, one event each, at workers of 250 a second. */
const single: ReplicaInputs = { arrivalPerSecond: 20, backlog: 0, drainSeconds: 300, budgetPerSecond: 80, podPerSecond: 250, partitionsWithLag: 24 }
/** The same limit, where a request can carry 1,500 events. */
const batch: ReplicaInputs = { ...single, budgetPerSecond: 120_000, podPerSecond: 25_000 }

test.each<{ name: string; inputs: ReplicaInputs; useful: number }>([
  { name: 'nothing to do', inputs: { ...single, arrivalPerSecond: 0, partitionsWithLag: 0 }, useful: 1 },
  { name: 'a quiet hour', inputs: single, useful: 1 },
  { name: 'a burst that one worker can take as fast as the limit allows', inputs: { ...single, backlog: 100_000 }, useful: 1 },
  { name: 'a burst in batches: what comes in, and a part of the backlog a second', inputs: { ...batch, arrivalPerSecond: 40_000, backlog: 3_000_000 }, useful: 2 },
  { name: 'as many as the limit can keep busy, however large the burst is', inputs: { ...batch, backlog: 1e9 }, useful: 5 },
  { name: 'a larger limit', inputs: { ...single, budgetPerSecond: 980, backlog: 1e9 }, useful: 4 },
  { name: 'more time to drain', inputs: { ...batch, backlog: 30_000_000, drainSeconds: 3_000 }, useful: 1 },
  { name: 'slow answers: a worker can keep only so many requests in flight', inputs: { ...single, podPerSecond: 10, backlog: 100_000 }, useful: 8 },
  { name: 'no more than there are partitions with something to do', inputs: { ...batch, backlog: 1e9, partitionsWithLag: 3 }, useful: 3 },
  { name: 'a poisoned partition, all others idle', inputs: { ...batch, arrivalPerSecond: 100_000, partitionsWithLag: 1 }, useful: 1 },
  { name: 'a worker that delivers nothing is not divided by', inputs: { ...single, podPerSecond: 0 }, useful: 24 },
])('$name', ({ inputs, useful }) => {
  expect(usefulReplicas(inputs)).toBe(useful)
})

describe('what is not known', () => {
  const busy = { ...batch, arrivalPerSecond: 60_000 }
  test.each(['arrivalPerSecond', 'backlog', 'budgetPerSecond', 'podPerSecond', 'partitionsWithLag'] as const)('without %s there is no answer', (key) => {
    expect(usefulReplicas({ ...busy, [key]: NaN })).toBeNaN()
  })

  test.each<[string, Partial<ReplicaInputs>]>([
    ['nothing is to do', { arrivalPerSecond: NaN, budgetPerSecond: NaN, podPerSecond: NaN, partitionsWithLag: 0 }],
    ['only one partition has something to do', { podPerSecond: NaN, partitionsWithLag: 1 }],
    ['one worker can use up the limit', { ...single, arrivalPerSecond: NaN, backlog: NaN }],
    ['one worker can do all that comes in, whatever the limit is', { ...single, budgetPerSecond: NaN }],
  ])('but it is 1 where %s', (_, inputs) => {
    expect(usefulReplicas({ ...busy, ...inputs })).toBe(1)
  })
})

describe('whatever the inputs are', () => {
  const rate = fc.double({ min: 0, max: 1e6, noNaN: true })
  const some = fc.record({
    arrivalPerSecond: rate, backlog: fc.nat(1e9), drainSeconds: fc.double({ min: 1, max: 86_400, noNaN: true }),
    budgetPerSecond: fc.double({ min: 0.1, max: 1e6, noNaN: true }), podPerSecond: fc.double({ min: 0.1, max: 1e6, noNaN: true }), partitionsWithLag: fc.nat(1_000),
  })
  /** Any of them may be unknown. */
  const maybe = some.chain((inputs) => fc.subarray(Object.keys(inputs).filter((key) => key !== 'drainSeconds')).map((lost) => ({ inputs, partly: { ...inputs, ...Object.fromEntries(lost.map((key) => [key, NaN])) } })))
  const keys = ['arrivalPerSecond', 'backlog', 'budgetPerSecond', 'partitionsWithLag'] as const

  test('a whole number from 1, no more than there are partitions with something to do', () => {
    fc.assert(fc.property(some, (inputs) => {
      const useful = usefulReplicas(inputs)
      expect(Number.isInteger(useful)).toBe(true)
      expect(useful).toBeGreaterThanOrEqual(1)
      expect(useful).toBeLessThanOrEqual(Math.max(1, inputs.partitionsWithLag))
    }))
  })

  test('so many can use up the limit or do the work; one fewer could not, unless partitions are too few', () => {
    fc.assert(fc.property(some, (inputs) => {
      const useful = usefulReplicas(inputs)
      const wanted = Math.min(inputs.arrivalPerSecond + inputs.backlog / inputs.drainSeconds, inputs.budgetPerSecond)
      expect([useful >= inputs.partitionsWithLag || useful * inputs.podPerSecond * (1 + 1e-9) >= wanted, useful === 1 || (useful - 1) * inputs.podPerSecond < wanted]).toEqual([true, true])
    }))
  })

  test('more to do, a larger limit or more partitions never make it fewer, a faster worker never more', () => {
    fc.assert(fc.property(some, fc.constantFrom(...keys), fc.double({ min: 1, max: 100, noNaN: true }), (inputs, key, factor) => {
      expect(usefulReplicas({ ...inputs, [key]: inputs[key] * factor })).toBeGreaterThanOrEqual(usefulReplicas(inputs))
      expect(usefulReplicas({ ...inputs, podPerSecond: inputs.podPerSecond * factor })).toBeLessThanOrEqual(usefulReplicas(inputs))
    }))
  })

  test('without some of them: no answer, or the one that they would have given', () => {
    fc.assert(fc.property(maybe, ({ inputs, partly }) => {
      const useful = usefulReplicas(partly)
      expect([NaN, usefulReplicas(inputs)]).toContainEqual(useful)
    }))
  })
})
