import * as fc from 'fast-check'
import { SlotLimiter, type Send } from '../../../src/limiter/limiter.ts'
import { Reservoir } from '../../../src/limiter/reservoir.ts'
import { mostInWindow } from '../../support/window.ts'
import { pass, useFakeTime } from '../fake-time.ts'
import { shareByHand } from './share-by-hand.ts'

useFakeTime()
jest.setTimeout(60_000)

const clock = () => performance.now()
const after = (ms: number, run: () => void): void => { setTimeout(run, Math.ceil(ms)) }

describe('the reservoir', () => {
  const errors = jest.fn()
  const reservoirOf = (capacity: number) => {
    const reservoir = new Reservoir(errors)
    reservoir.resize(capacity)
    const begun: number[] = []
    const start = (...weights: number[]): void => {
      for (const weight of weights) reservoir.start(weight, () => begun.push(weight))
    }
    return { reservoir, begun, start }
  }

  // the limiter hands over no more than that; here more are, to see what Bottleneck itself lets through
  test('no more begin than the capacity; more for what is given back', async () => {
    const { reservoir, begun, start } = reservoirOf(6)
    start(4, 2, 3, 3)
    await pass(50)
    expect(begun).toEqual([4, 2])
    reservoir.giveBack(6)
    start(1)
    await pass(50)
    expect(begun).toEqual([4, 2, 3, 3])
  })

  test('what shrinks is not given again, what grows is', async () => {
    const { reservoir, begun, start } = reservoirOf(12)
    start(10)
    await pass(50)
    reservoir.resize(4)
    reservoir.giveBack(10)
    start(4, 1)
    await pass(50)
    expect(begun).toEqual([10, 4])
    reservoir.resize(6)
    start(1)
    await pass(50)
    expect(begun).toEqual([10, 4, 1, 1])
  })

  test('a group that throws is told', async () => {
    const { reservoir } = reservoirOf(1)
    reservoir.start(1, () => { throw new Error('must not happen') })
    await pass(50)
    expect(errors.mock.calls).toEqual([[new Error('must not happen')]])
  })
})

interface Story {
  concurrency: number
  slots: number
  asked: { atMs: number; slots: number; answerMs: number; arrivesMs: number; answered: boolean; nothing: boolean }[]
  changes: { atMs: number; slots: number; silently: boolean; part: number }[]
}

describe('a limiter over Bottleneck, with requests of one slot or more, while the share shrinks and grows', () => {
  const [windowMs, latestArrivalMs] = [300, 200]
  const untilMs = 1_500
  const at = fc.nat(untilMs)
  const stories: fc.Arbitrary<Story> = fc.record({
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

  async function play({ concurrency, slots, asked, changes }: Story) {
    const share = shareByHand(slots)
    const errors: unknown[] = []
    const limiter = new SlotLimiter({
      share, windowMs, latestArrivalMs, concurrency, clock, after, onError: (error) => errors.push(error),
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
