import * as fc from 'fast-check'
import { Life } from './partition-life.ts'

const step = fc.oneof(
  { weight: 6, arbitrary: fc.record({ verb: fc.constant('take' as const), choice: fc.nat() }) },
  { weight: 6, arbitrary: fc.record({ verb: fc.constant('settle' as const), choice: fc.nat() }) },
  { weight: 2, arbitrary: fc.record({ verb: fc.constant('fail' as const), choice: fc.nat() }) },
  { weight: 4, arbitrary: fc.record({ verb: fc.constant('commit' as const), choice: fc.nat() }) },
  { weight: 1, arbitrary: fc.record({ verb: fc.constant('rebalance' as const), choice: fc.nat() }) },
  { weight: 1, arbitrary: fc.record({ verb: fc.constant('crash' as const), choice: fc.nat() }) },
)
const life = fc.record({
  topic: fc.array(fc.record({ person: fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f'), type: fc.constantFrom('track', 'track', 'track', 'suppress', 'destroy', 'bad'), gap: fc.nat(2) }), { maxLength: 60 }),
  most: fc.record({ records: fc.integer({ min: 1, max: 12 }), bytes: fc.constantFrom(1, 200, 1_000_000), metadata: fc.constantFrom(25, 28, 32, 4_096) }),
  steps: fc.array(step, { maxLength: 250 }),
})

test('a random life of a partition keeps the promises after each step, and everything is done in the end', () => {
  fc.assert(fc.property(life, ({ topic, most, steps }) => {
    const run = new Life(topic, most)
    for (const { verb, choice } of steps) {
      run[verb](choice)
      expect(run.brokenPromises()).toEqual([])
    }
    run.finish()
    expect(run.brokenPromises()).toEqual([])
    expect(run.left()).toEqual({ notDone: 0, pending: 0, bytes: 0, uncommitted: 0, toCommit: undefined })
  }), { numRuns: 500 })
})
