import * as fc from 'fast-check'
import { Bottlenecks, bottlenecksFor } from '../../../src/limiter/bottlenecks.ts'
import { SlotLimiter, type Send } from '../../../src/limiter/limiter.ts'
import { mostInWindow } from '../../support/window.ts'
import { pass, useFakeTime } from '../fake-time.ts'
import { shareByHand } from './share-by-hand.ts'

useFakeTime()
jest.setTimeout(60_000)

const clock = () => performance.now()
const after = (ms: number, run: () => void): void => { setTimeout(run, Math.ceil(ms)) }

test.each([[0, 1], [1, 1], [125, 1], [126, 2], [500, 4], [1_000, 8], [1_000_000, 8]])('for %d a second: %d', (perSecond, count) => {
  expect(bottlenecksFor(perSecond)).toBe(count)
})

describe.each([['one', 1], ['several', 500]])('%s', (_name, mostPerSecond) => {
  const errors = jest.fn()
  const bottlenecksOf = (capacity: number) => {
    const bottlenecks = new Bottlenecks({ mostPerSecond, onError: errors })
    bottlenecks.resize(capacity)
    const begun: (() => void)[] = []
    const run = (count: number): void => {
      for (let n = 0; n < count; n += 1) bottlenecks.run(async (giveBack) => { begun.push(giveBack) })
    }
    return { bottlenecks, begun, run }
  }

  // the limiter hands over no more than that; here more are, to see what Bottleneck itself lets through
  test('no more begin than the capacity; one more for each that gives back', async () => {
    const { begun, run } = bottlenecksOf(6)
    run(14)
    await pass(50)
    expect(begun).toHaveLength(6)
    for (const giveBack of begun.slice(0, 6)) giveBack()
    await pass(50)
    expect(begun).toHaveLength(12)
  })

  test('what shrinks is not given again, what grows is', async () => {
    const { bottlenecks, begun, run } = bottlenecksOf(12)
    run(10)
    await pass(50)
    bottlenecks.resize(4)
    for (const giveBack of begun.slice(0, 10)) giveBack()
    run(20)
    await pass(50)
    expect(begun).toHaveLength(10 + 4)
    bottlenecks.resize(9)
    await pass(50)
    expect(begun).toHaveLength(10 + 9)
  })

  test('what was handed over before it shrank still begins, whatever the others hold', async () => {
    const { bottlenecks, begun, run } = bottlenecksOf(12)
    run(8)
    await pass(50)
    run(4)
    bottlenecks.resize(1)
    await pass(50)
    expect(begun).toHaveLength(12)
  })

  test('a job that rejects is told', async () => {
    const { bottlenecks } = bottlenecksOf(1)
    bottlenecks.run(async () => { throw new Error('must not happen') })
    await pass(50)
    expect(errors.mock.calls).toEqual([[new Error('must not happen')]])
  })
})

interface Story {
  perSecond: number
  concurrency: number
  slots: number
  asked: { atMs: number; slots: number; answerMs: number; arrivesMs: number; answered: boolean; nothing: boolean }[]
  changes: { atMs: number; slots: number; silently: boolean; part: number }[]
}

describe('a limiter over one Bottleneck or several, with requests of one slot or more, while the share shrinks and grows', () => {
  const [windowMs, latestArrivalMs] = [300, 200]
  const untilMs = 1_500
  const at = fc.nat(untilMs)
  const stories: fc.Arbitrary<Story> = fc.record({
    perSecond: fc.constantFrom(1, 500, 2_000),
    concurrency: fc.integer({ min: 1, max: 12 }),
    slots: fc.integer({ min: 1, max: 24 }),
    asked: fc.array(fc.record({
      atMs: at, slots: fc.constantFrom(1, 1, 1, 2, 4, 6), answerMs: fc.integer({ min: 1, max: 200 }),
      arrivesMs: fc.nat(latestArrivalMs - 1), answered: fc.constantFrom(true, true, true, false),
      nothing: fc.constantFrom(false, false, false, true),
    }), { minLength: 10, maxLength: 60 }),
    changes: fc.array(fc.record({
      atMs: at, slots: fc.nat(24), silently: fc.boolean(), part: fc.constantFrom(1, 1, 0.5),
    }), { maxLength: 8 }),
  })

  async function play({ perSecond, concurrency, slots, asked, changes }: Story) {
    const share = shareByHand(slots)
    const errors: unknown[] = []
    const limiter = new SlotLimiter({
      share, windowMs, latestArrivalMs, concurrency, mostPerSecond: perSecond, clock, after, onError: (error) => errors.push(error),
    })
    share.set(slots)
    const requests: { slots: number; freeAt: number }[] = []
    const seen = { settled: 0, begun: 0, inFlight: 0, mostInFlight: 0, overSlots: 0, stuckMs: 0, longestStuckMs: 0 }
    const arrivals: { at: number }[] = []
    const sending = (count: number, { answerMs, arrivesMs, answered }: Story['asked'][number]): Send => Object.assign(async () => {
      const sentAt = clock()
      const request = { slots: count, freeAt: Infinity }
      requests.push(request)
      const held = requests.filter(({ freeAt }) => freeAt > sentAt).reduce((sum, other) => sum + other.slots, 0)
      seen.overSlots = Math.max(seen.overSlots, held - limiter.usable())
      seen.inFlight += 1
      seen.mostInFlight = Math.max(seen.mostInFlight, seen.inFlight)
      const arrive = (): void => { arrivals.push(...Array.from({ length: count }, () => ({ at: clock() }))) }
      after(answered ? Math.min(answerMs, arrivesMs) : arrivesMs, arrive)
      await new Promise((resolve) => { setTimeout(resolve, answerMs) })
      seen.inFlight -= 1
      request.freeAt = (answered ? clock() : Math.max(clock(), sentAt + latestArrivalMs)) + windowMs
      return { answered, sentAt }
    }, { slots: count })
    const take = (one: Story['asked'][number]) => {
      limiter.take((free) => {
        seen.begun += 1
        return one.nothing ? undefined : sending(Math.min(free, one.slots), one)
      }, () => { seen.settled += 1 })
    }

    let [noticed, most] = [true, slots]
    for (let ms = 0; ms <= untilMs; ms += 1) {
      for (const change of changes.filter(({ atMs }) => atMs === ms)) {
        most = Math.max(most, change.slots)
        if (change.silently) share.setSilently(change.slots)
        else {
          limiter.usePart(change.part)
          share.set(change.slots)
        }
        noticed = !change.silently
      }
      for (const one of asked.filter(({ atMs }) => atMs === ms)) take(one)
      await step(noticed)
    }
    limiter.usePart(1)
    share.set(slots)
    for (let ms = 0; limiter.stats().held + limiter.queued() > 0 && ms < 60_000; ms += 1) await step(true)
    const ended = limiter.stats()
    // whether Bottleneck, too, has them all again
    const fast = { atMs: 0, slots: 1, answerMs: 1, arrivesMs: 0, answered: true, nothing: false }
    for (let n = 0; n < slots; n += 1) take(fast)
    await pass(windowMs - 1)
    return { seen, errors, arrivals, most, ended, heldAtTheEnd: limiter.stats().held }

    /** A millisecond. To wait although slots are free is fine while something begins all the time: Bottleneck takes some ms for each. */
    async function step(noticed: boolean): Promise<void> {
      const before = seen.begun
      await pass(1)
      const { free, queued, running } = limiter.stats()
      const stuck = noticed && free > 0 && queued > 0 && running < concurrency && seen.begun === before
      seen.stuckMs = stuck ? seen.stuckMs + 1 : 0
      seen.longestStuckMs = Math.max(seen.longestStuckMs, seen.stuckMs)
    }
  }

  test('never more in any window than slots, nor more in flight than the concurrency; everything is served; no slot is lost', async () => {
    await fc.assert(fc.asyncProperty(stories, async (story) => {
      const { seen, errors, arrivals, most, ended, heldAtTheEnd } = await play(story)
      expect(errors).toEqual([])
      expect(seen.overSlots).toBe(0)
      expect(mostInWindow(arrivals, windowMs)).toBeLessThanOrEqual(most)
      expect(seen.mostInFlight).toBeLessThanOrEqual(story.concurrency)
      expect(seen.longestStuckMs).toBeLessThan(15)
      expect(seen.settled).toBeGreaterThanOrEqual(story.asked.length)
      expect(ended).toMatchObject({ held: 0, free: story.slots, queued: 0, running: 0 })
      expect(heldAtTheEnd).toBe(story.slots)
    }), { numRuns: 60, interruptAfterTimeLimit: 30_000 })
  })
})
