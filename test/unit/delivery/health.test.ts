import * as fc from 'fast-check'
import { Health } from '../../../src/delivery/health.ts'

const [mine, theirs, nobody] = ['0:1', '0:2', '0:3']

test('knows nothing at first', () => {
  const health = new Health()
  expect(health.others(0, mine)).toEqual({ attempts: 0, failed: 0 })
  expect(health.failureRatio(1, 1)).toBe(0)
})

test('the attempts of the event itself do not count, nor what was before them', () => {
  const health = new Health()
  for (const now of [1, 2, 3]) health.record(now, mine, mine, false)
  health.record(4, theirs, theirs, true)
  expect(health.others(5, mine)).toEqual({ attempts: 1, failed: 0 })
  expect(health.others(5, theirs)).toEqual({ attempts: 0, failed: 0 })
  expect(health.others(5, nobody)).toEqual({ attempts: 4, failed: 3 })
})

test('what is more than a minute old does not count', () => {
  const health = new Health()
  health.record(0, theirs, theirs, false)
  health.record(30_000, theirs, theirs, true)
  expect(health.others(60_000, mine)).toEqual({ attempts: 2, failed: 1 })
  expect(health.others(60_001, mine)).toEqual({ attempts: 1, failed: 0 })
})

test('the failure ratio looks at the last attempts only, and says nothing before there are enough', () => {
  const health = new Health()
  for (const ok of [true, true, false, false, false]) health.record(0, theirs, theirs, ok)
  expect([6, 5, 4, 3].map((count) => health.failureRatio(count, 1))).toEqual([0, 0.6, 0.75, 1])
})

test('the failure ratio says nothing while all that failed is of fewer people than asked for', () => {
  const health = new Health()
  for (const n of [1, 2, 3, 4]) health.record(n, `0:${n}`, 'one', false)
  health.record(5, '0:5', 'another', false)
  health.record(6, '0:6', 'a third', true)
  expect([health.failureRatio(5, 2), health.failureRatio(5, 3)]).toEqual([0.8, 0])
})

describe('batches', () => {
  test('the parts of one that fail again and again say nothing of the server, however many; those of three do', () => {
    const health = new Health()
    const fail = (origin: string, count: number) => { for (let n = 0; n < count; n += 1) health.record(0, `${origin}, part ${n}`, origin, false) }
    fail('batch 1', 18)
    fail('batch 2', 2)
    expect(health.failureRatio(20, 3)).toBe(0)
    fail('batch 3', 1)
    expect(health.failureRatio(20, 3)).toBe(1)
  })

  test('that are sent again under the same name are no others of their own; their parts are, from their own first attempt on', () => {
    const health = new Health()
    for (const now of [1, 2]) health.record(now, 'batch 1', 'batch 1', false)
    expect(health.others(3, 'batch 1')).toEqual({ attempts: 0, failed: 0 })
    for (const [half, ok] of [['batch 2', true], ['batch 3', false], ['batch 2', true], ['batch 3', false]] as const) health.record(4, half, 'batch 1', ok)
    expect(health.others(5, 'batch 3')).toEqual({ attempts: 1, failed: 0 })
    expect(health.others(5, 'batch 2')).toEqual({ attempts: 2, failed: 2 })
  })
})

test('the account\'s own call is another\'s attempt, but no attempt of an event', () => {
  const health = new Health()
  for (const ok of [false, false, true, true]) health.record(1, theirs, theirs, ok)
  for (const ok of [true, true, false]) health.recordAccount(2, ok)
  expect([health.others(3, mine), health.others(3, theirs)]).toEqual([{ attempts: 7, failed: 3 }, { attempts: 3, failed: 1 }])
  expect([health.failureRatio(4, 1), health.failureRatio(5, 1)]).toEqual([0.5, 0])
})

test('remembers the last 200 attempts', () => {
  const health = new Health()
  for (let n = 0; n < 1_000; n += 1) health.record(n, theirs, theirs, n >= 900)
  expect(health.others(1_000, mine)).toEqual({ attempts: 200, failed: 100 })
})

test('counts like one who counts by hand', () => {
  const attempt = fc.record({ after: fc.nat(20_000), item: fc.nat(3), ok: fc.boolean() })
  fc.assert(fc.property(fc.array(attempt, { maxLength: 60 }), fc.nat(3), (attempts, self) => {
    const items = ['a', 'b', 'c', 'd']
    const health = new Health()
    let now = 0
    const history = attempts.map(({ after, item, ok }) => {
      now += after
      health.record(now, items[item]!, items[item]!, ok)
      return { at: now, item, ok }
    })
    const since = history.findIndex(({ item }) => item === self) + 1
    const others = history.slice(since).filter(({ at, item }) => now - at <= 60_000 && item !== self)
    expect(health.others(now, items[self]!)).toEqual({ attempts: others.length, failed: others.filter(({ ok }) => !ok).length })
  }))
})
