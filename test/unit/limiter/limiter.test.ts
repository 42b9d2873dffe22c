import { SlotLimiter, type Send } from '../../../src/limiter/limiter.ts'
import { PartitionShare } from '../../../src/limiter/partitions.ts'
import type { SlotUse } from '../../../src/limiter/slots.ts'
import { mostInWindow } from '../../support/window.ts'
import { pass, useFakeTime } from '../fake-time.ts'
import { shareByHand } from './share-by-hand.ts'

useFakeTime()

const clock = () => performance.now()
const after = (ms: number, run: () => void): void => { setTimeout(run, Math.ceil(ms)) }

function limiterOf(slots: number, given: { concurrency?: number; answerMs?: number; answered?: boolean } = {}) {
  const { concurrency = 100, answerMs = 10, answered = true } = given
  const share = shareByHand(slots)
  const depleted = jest.fn()
  const errors: unknown[] = []
  const limiter = new SlotLimiter({
    share, windowMs: 1_000, latestArrivalMs: 3_000, concurrency, clock, after,
    onDepleted: depleted, onError: (error) => errors.push(error),
  })
  share.set(slots)
  const sent: { at: number }[] = []
  const settled = jest.fn()
  const send = async (): Promise<SlotUse> => {
    const sentAt = clock()
    sent.push({ at: sentAt })
    await new Promise((resolve) => { setTimeout(resolve, answerMs) })
    return { answered, sentAt }
  }
  const take = (count: number) => {
    for (let n = 0; n < count; n += 1) limiter.take(() => send, settled)
  }
  const batch = (slots: number): Send => Object.assign(async () => send(), { slots })
  return { limiter, share, sent, settled, send, take, batch, depleted, errors }
}

test('no slots, no requests; they begin when there are some', async () => {
  const { sent, take, share } = limiterOf(0)
  take(5)
  await pass(5_000)
  expect(sent).toHaveLength(0)
  share.set(2)
  await pass(100)
  expect(sent).toHaveLength(2)
})

test.each([
  ['is free again one window after the response, not after the sending', true, 1_400],
  ['of a request without an answer is free one window after it can\'t arrive any more', false, 4_000],
])('a slot %s', async (_name, answered, distance) => {
  const { sent, take } = limiterOf(1, { answerMs: 400, answered })
  take(2)
  await pass(5_000)
  const [first, second] = sent.map(({ at }) => at) as [number, number]
  expect(second - first).toBeGreaterThanOrEqual(distance)
  expect(second - first).toBeLessThan(distance + 20)
})

test('never more in flight than the concurrency, whatever the slots', async () => {
  const { limiter, sent, take } = limiterOf(50, { concurrency: 3, answerMs: 100 })
  take(20)
  await pass(50)
  expect([sent.length, limiter.stats().running]).toEqual([3, 3])
  await pass(5_000)
  expect(sent).toHaveLength(20)
})

test('a slot that finds nothing to send is free at once, and whoever asked is told', async () => {
  const { limiter, take, sent, settled } = limiterOf(1)
  limiter.take(() => undefined, settled)
  await pass(50)
  expect([settled.mock.calls.length, limiter.stats().free]).toEqual([1, 1])
  take(1)
  await pass(50)
  expect([sent.length, settled.mock.calls.length]).toEqual([1, 2])
})

test('what is sent is chosen when the slot is there, not when it is asked for', async () => {
  const { limiter, take } = limiterOf(1)
  take(1)
  await pass(50)
  const pick = jest.fn(() => undefined)
  limiter.take(pick, () => {})
  await pass(900)
  expect([pick.mock.calls.length, limiter.queued()]).toEqual([0, 1])
  await pass(200)
  expect([pick.mock.calls.length, limiter.queued()]).toEqual([1, 0])
})

test('a share that shrinks takes effect at once, though slots of the larger one are still held', async () => {
  const { sent, take, share } = limiterOf(6)
  take(30)
  await pass(50)
  expect(sent).toHaveLength(6)
  share.set(2)
  await pass(4_000)
  expect(mostInWindow(sent.slice(6), 1_000)).toBe(2)
  expect(sent.length).toBeGreaterThanOrEqual(6 + 2 * 3)
})

test('the share is asked at the last moment, though the limiter was not told of a change', async () => {
  const { sent, take, share } = limiterOf(4)
  take(1)
  await pass(50)
  share.setSilently(1)
  take(3)
  await pass(500)
  expect(sent).toHaveLength(1)
})

test.each([
  ['told', true],
  ['silent', false],
])('what was on its way to a slot when the share shrank (%s) waits, and is served later', async (_name, told) => {
  const { limiter, sent, settled, take, share } = limiterOf(4)
  take(3)
  share[told ? 'set' : 'setSilently'](1)
  await pass(500)
  expect([sent.length, limiter.queued()]).toEqual([1, 2])
  await pass(2_200)
  expect([sent.length, settled.mock.calls.length, limiter.queued()]).toEqual([3, 3, 0])
})

test('a share that lapses while something is picked loses nothing: it is sent, and its slot comes back', async () => {
  const { limiter, share, sent, settled, send, errors } = limiterOf(1)
  limiter.take(() => {
    share.setSilently(0)
    return send
  }, settled)
  await pass(50)
  share.set(1)
  await pass(2_000)
  expect([sent.length, settled.mock.calls.length, limiter.stats().free, errors]).toEqual([1, 1, 1, []])
})

test('a share that was shut and opens without a word is used again', async () => {
  const { limiter, sent, take, share } = limiterOf(4)
  take(4)
  await pass(50)
  share.setSilently(0)
  await pass(2_000)
  share.setSilently(4)
  limiter.usePart(1)
  take(4)
  await pass(50)
  expect(sent).toHaveLength(8)
})

test('uses a part of the slots, rounded down, but never less than one; and all of them again', async () => {
  const { limiter, sent, take } = limiterOf(10)
  const usable = [0.5, 0.25, 0.125, 0.01, 1].map((part) => {
    limiter.usePart(part)
    return limiter.usable()
  })
  expect(usable).toEqual([5, 2, 1, 1, 10])
  limiter.usePart(0.25)
  take(20)
  await pass(500)
  expect(sent).toHaveLength(2)
  limiter.usePart(1)
  await pass(500)
  expect(sent).toHaveLength(10)
})

test('a part of nothing is nothing', () => {
  const { limiter } = limiterOf(0)
  limiter.usePart(0.5)
  expect(limiter.usable()).toBe(0)
})

test('the wall clock may step, back or forth, without effect on sending', async () => {
  const { sent, take } = limiterOf(5)
  for (const step of [-3_600_000, 86_400_000, -1]) {
    jest.setSystemTime(Date.now() + step)
    const before = sent.length
    take(5)
    await pass(1_200)
    expect(sent.length - before).toBe(5)
    expect(mostInWindow(sent, 1_000)).toBe(5)
  }
})

test('tells its state, and when the last free slot was taken', async () => {
  const { limiter, take, depleted, errors } = limiterOf(3, { answerMs: 100 })
  expect(limiter.stats()).toEqual({ share: 'set by hand', owned: 3, held: 0, free: 3, queued: 0, running: 0, done: 0 })
  take(5)
  await pass(50)
  expect(limiter.stats()).toEqual({ share: 'set by hand', owned: 3, held: 3, free: 0, queued: 2, running: 3, done: 0 })
  expect(depleted).toHaveBeenCalledTimes(1)
  await pass(100)
  expect(limiter.stats()).toMatchObject({ held: 3, free: 0, queued: 2, running: 0, done: 3 })
  expect(errors).toEqual([])
})

test('a send that rejects is an error of the limiter, told and not thrown', async () => {
  const { limiter, errors } = limiterOf(1)
  limiter.take(() => async () => { throw new Error('must not happen') }, () => {})
  await pass(50)
  expect(errors).toEqual([new Error('must not happen')])
})

describe('a request that uses more than one slot', () => {
  test('is told how many are free; it holds all that it uses, and gives back all of them', async () => {
    const { limiter, batch, take } = limiterOf(10)
    take(2)
    await pass(50)
    const pick = jest.fn(() => batch(5))
    limiter.take(pick, () => {})
    await pass(50)
    expect([pick.mock.calls, limiter.stats()]).toMatchObject([[[8]], { held: 7, free: 3 }])
    await pass(1_100)
    expect(limiter.stats()).toMatchObject({ held: 0, free: 10 })
  })

  test('may use them all: others wait until it has given them back, and are served then', async () => {
    const { limiter, batch, take, sent, depleted } = limiterOf(4)
    limiter.take((free) => batch(free), () => {})
    take(3)
    await pass(500)
    expect([sent.length, limiter.queued(), depleted.mock.calls.length]).toEqual([1, 3, 1])
    await pass(700)
    expect([sent.length, limiter.queued()]).toEqual([4, 0])
  })

  test.each([0, 3])('must not use %d of 2: that is an error, and nothing is sent', async (count) => {
    const { limiter, batch, sent, errors } = limiterOf(2)
    limiter.take(() => batch(count), () => {})
    await pass(50)
    expect([sent, errors]).toEqual([[], [new RangeError(`${count} slots for a request, of 2`)]])
  })
})

describe('what a share is told of the demand', () => {
  test('nothing was sent: nothing', () => {
    expect(limiterOf(3).share.demand()).toEqual({ held: 0, wanted: 0 })
  })

  test('slots are enough: the most that were held within 10 s, and one more', async () => {
    const { share, take } = limiterOf(10)
    take(4)
    await pass(500)
    expect(share.demand()).toEqual({ held: 4, wanted: 5 })
    await pass(4_000)
    expect(share.demand()).toEqual({ held: 0, wanted: 5 })
    await pass(7_000, 10)
    expect(share.demand()).toEqual({ held: 0, wanted: 0 })
  })

  test('all are held, and more is queued: all that there are', async () => {
    const { share, take } = limiterOf(3)
    take(3)
    await pass(50)
    expect(share.demand()).toEqual({ held: 3, wanted: 4 })
    take(1)
    await pass(50)
    expect(share.demand()).toEqual({ held: 3, wanted: Infinity })
  })

  test('also while a slot that is free is on its way to what will hold it', () => {
    const { share, take } = limiterOf(3)
    take(4)
    expect(share.demand()).toEqual({ held: 0, wanted: Infinity })
  })

  test('Customer.io itself wants fewer requests: no more than are held', async () => {
    const { limiter, share, take } = limiterOf(4)
    limiter.usePart(0.5)
    take(3)
    await pass(50)
    expect(share.demand()).toEqual({ held: 2, wanted: 2 })
  })

  test('the queue waits for the concurrency, not for slots: no more than it can use', async () => {
    const { share, take } = limiterOf(10, { concurrency: 2, answerMs: 100 })
    take(5)
    await pass(50)
    expect(share.demand()).toEqual({ held: 2, wanted: 3 })
    share.set(2)
    expect(share.demand()).toEqual({ held: 2, wanted: 3 })
  })
})

describe('quiet', () => {
  const quietAfter = async (limiter: SlotLimiter): Promise<{ at: number | undefined }> => {
    const seen: { at: number | undefined } = { at: undefined }
    void limiter.quiet().then(() => { seen.at = clock() })
    await pass(0)
    return seen
  }

  test('at once if nothing is under way', async () => {
    const { limiter, take } = limiterOf(1)
    expect((await quietAfter(limiter)).at).toBe(clock())
    take(1)
    await pass(100)
    expect((await quietAfter(limiter)).at).toBe(clock())
  })

  test('when the last answer is there, long before the slots are free', async () => {
    const { limiter, take, sent } = limiterOf(3, { answerMs: 400 })
    take(3)
    await pass(100)
    const quiet = await quietAfter(limiter)
    await pass(500)
    expect(quiet.at).toBeGreaterThanOrEqual(Math.max(...sent.map(({ at }) => at)) + 400)
    expect(limiter.stats().free).toBe(0)
  })

  test('without an answer only when the request can\'t arrive any more', async () => {
    const { limiter, take, sent } = limiterOf(1, { answerMs: 400, answered: false })
    take(1)
    await pass(1_000)
    const quiet = await quietAfter(limiter)
    await pass(1_900)
    expect(quiet.at).toBeUndefined()
    await pass(500)
    expect(quiet.at).toBe((sent[0] as { at: number }).at + 3_000)
  })
})

describe('handing over partitions whose requests were not answered', () => {
  /** The first owner's requests all arrive at the last moment, those of the second at once, as soon as it has its share. */
  async function handOver(waitUntilQuiet: boolean): Promise<number> {
    const [limit, windowMs, latestArrivalMs] = [10, 1_000, 1_500]
    const arrivals: { at: number }[] = []
    const owner = (arrivesAfterMs: number) => {
      const share = new PartitionShare({ limit: () => limit, windowMs, clock, after, fenced: () => false })
      const limiter = new SlotLimiter({ share, windowMs, latestArrivalMs, concurrency: limit, clock, after })
      const send = async (): Promise<SlotUse> => {
        const sentAt = clock()
        setTimeout(() => arrivals.push({ at: clock() }), arrivesAfterMs)
        await new Promise((resolve) => { setTimeout(resolve, 100) })
        return { answered: false, sentAt }
      }
      share.assigned({ limit, slots: limit })
      for (let n = 0; n < limit; n += 1) limiter.take(() => send, () => {})
      return { share, limiter }
    }
    const first = owner(latestArrivalMs - 1)
    await pass(windowMs + 200)
    first.share.revoked()
    if (waitUntilQuiet) {
      const quiet = first.limiter.quiet()
      await pass(latestArrivalMs)
      await quiet
    }
    owner(1)
    await pass(4_000)
    expect(arrivals).toHaveLength(2 * limit)
    return mostInWindow(arrivals, windowMs)
  }

  test('after a drain no window holds more than the limit', async () => {
    expect(await handOver(true)).toBe(10)
  })

  test('without the drain one would', async () => {
    expect(await handOver(false)).toBeGreaterThan(10)
  })
})
