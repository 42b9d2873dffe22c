import * as fc from 'fast-check'
import { mostInWindow } from '../../support/window.ts'
import type { Verdict } from '../../../src/delivery/verdict.ts'
import { pass, useFakeTime } from '../fake-time.ts'
import { accepted, failed, postOf, rejected, throttled } from './post.ts'

useFakeTime()

/** Waits of the attempts of one event: from the answer to the next attempt (an answer takes 20 ms). */
const waitsOf = (post: ReturnType<typeof postOf>, name: string): number[] => {
  const times = post.attempts.filter((attempt) => attempt.name === name).map(({ at }) => at)
  return times.slice(1).map((at, n) => at - (times[n] as number) - 20)
}
/** Within the time that the limiter needs to start something. */
const about = (ms: number) => ({ asymmetricMatch: (got: unknown) => typeof got === 'number' && got >= ms && got < ms + 25, toString: () => `about ${ms}` })

describe('order', () => {
  test('a person\'s events go one after the other, people side by side', async () => {
    const post = postOf()
    for (const name of ['a1', 'a2', 'b1', 'a3', 'b2']) post.publish(name.charAt(0), name)
    await pass(400)
    expect(post.delivered().toSorted()).toEqual(['a1', 'a2', 'a3', 'b1', 'b2'])
    const at = (name: string) => post.attempts.find((attempt) => attempt.name === name)?.at ?? NaN
    expect(at('a2') - at('a1')).toBeGreaterThanOrEqual(20)
    expect(at('a3') - at('a2')).toBeGreaterThanOrEqual(20)
    expect(at('b1')).toBeLessThan(at('a1') + 20)
  })

  test('what follows a failed event waits for it, through all its retries; others do not', async () => {
    const post = postOf({ attempt: ({ name }, nth) => (name === 'a1' && nth <= 2 ? failed : accepted) })
    for (const name of ['a1', 'a2', 'b1', 'b2']) post.publish(name.charAt(0), name)
    await pass(900)
    expect([post.delivered(), post.names()]).toEqual([['b1', 'b2'], ['a1', 'b1', 'b2']])
    await pass(4_000)
    expect(post.names()).toEqual(['a1', 'b1', 'b2', 'a1', 'a1', 'a2'])
    expect(waitsOf(post, 'a1')).toEqual([about(1_000), about(2_000)])
  })

  test('after a suppress the person\'s next event waits for the commit', async () => {
    const post = postOf()
    post.publish('a', 'gone', { value: { type: 'suppress', userId: 'a' } })
    const commits = jest.spyOn(post.works[0], 'commitDone').mockImplementation(() => {})
    post.publish('a', 'a2')
    await pass(1_000)
    expect([post.attempts.length, commits.mock.calls.length]).toEqual([1, 1])
    commits.mockRestore()
    post.works[0].commitDone(post.works[0].progress()!)
    await pass(100)
    expect(post.delivered()).toEqual(['', 'a2'])
  })

  test('partitions take turns', async () => {
    const post = postOf({ slots: 1 })
    for (const name of ['a1', 'b1', 'c1']) post.publish(name, name)
    for (const name of ['x1', 'y1']) post.publish(name, name, { partition: 1 })
    await pass(5_500)
    expect(post.names()).toEqual(['a1', 'x1', 'b1', 'y1', 'c1'])
  })
})

describe('limits', () => {
  test('no more than the slots in a window, retries included', async () => {
    const post = postOf({ slots: 5, attempt: (_event, nth) => (nth === 1 ? failed : accepted) })
    for (let n = 0; n < 12; n += 1) post.publish(`u${n}`, `e${n}`)
    await pass(12_000)
    expect(post.delivered()).toHaveLength(12)
    expect(mostInWindow(post.attempts, 1_000)).toBe(5)
  })

  test('no more in flight than the concurrency', async () => {
    const post = postOf({ concurrency: 3, answerMs: 200 })
    for (let n = 0; n < 9; n += 1) post.publish(`u${n}`, `e${n}`)
    await pass(100)
    expect([post.attempts.length, post.delivery.inFlight]).toEqual([3, 3])
    await pass(2_000)
    expect(post.delivered()).toHaveLength(9)
  })

  test('behind the fence nothing begins; when it opens, all goes on', async () => {
    const post = postOf()
    post.state.maySend = false
    post.publish('a', 'a1')
    await pass(30_000, 20)
    expect([post.attempts.length, post.limiter.queued()]).toEqual([0, 0])
    post.state.maySend = true
    post.delivery.pump()
    await pass(100)
    expect(post.delivered()).toEqual(['a1'])
  })

  test('what waits for a slot when the fence shuts is not sent', async () => {
    const post = postOf({ slots: 1 })
    for (const name of ['a1', 'b1']) post.publish(name, name)
    await pass(500)
    expect([post.names(), post.limiter.queued()]).toEqual([['a1'], 1])
    post.state.maySend = false
    await pass(5_000)
    expect(post.names()).toEqual(['a1'])
    post.state.maySend = true
    post.delivery.pump()
    await pass(100)
    expect(post.delivered()).toEqual(['a1', 'b1'])
  })
})

describe('a 429', () => {
  test('closes the gate for everybody until the Retry-After', async () => {
    const post = postOf({ attempt: ({ name }, nth) => (name === 'a1' && nth === 1 ? throttled('3') : accepted) })
    post.publish('a', 'a1')
    await pass(100)
    expect(post.gate.closedFor(performance.now())).toBeGreaterThan(2_800)
    for (const name of ['b1', 'c1']) post.publish(name, name)
    await pass(2_800)
    expect(post.names()).toEqual(['a1'])
    await pass(300)
    expect(post.delivered().toSorted()).toEqual(['a1', 'b1', 'c1'])
    expect(waitsOf(post, 'a1')).toEqual([about(3_000)])
  })

  test('closes it for what waits for a slot, too', async () => {
    const post = postOf({ slots: 2, attempt: ({ name }, nth) => (name === 'a1' && nth === 1 ? throttled('30') : accepted) })
    for (const name of ['a1', 'b1', 'c1']) post.publish(name, name)
    await pass(29_000, 5)
    expect(post.names()).toEqual(['a1', 'b1'])
    await pass(3_000)
    expect(post.delivered().toSorted()).toEqual(['a1', 'b1', 'c1'])
  })

  test('is no attempt of the event: it is delivered in the end, however often it comes', async () => {
    const post = postOf({ attempt: (_event, nth) => (nth <= 12 ? throttled('1') : accepted) })
    post.publish('a', 'a1')
    await pass(30_000, 5)
    expect([post.delivered(), post.letters]).toEqual([['a1'], []])
    expect(post.attempts).toHaveLength(13)
  })

  test('again and again uses fewer slots, and is told', async () => {
    const post = postOf({ slots: 16, attempt: (_event, nth) => (nth <= 3 ? throttled('1') : accepted) })
    post.publish('a', 'a1')
    await pass(2_500)
    expect(post.limiter.usable()).toBe(4)
    await pass(30_000, 20)
    post.delivery.pump()
    expect(post.limiter.usable()).toBe(16)
    expect((await post.metrics.throttled.get()).values[0]?.value).toBe(3)
    expect(post.logged.flatMap(({ what, level, to, lastedMs, partOfSlots }) => (what === 'gate' ? [[level, to, lastedMs, partOfSlots]] : []))).toEqual([
      ['warn', 'closed', undefined, 1], ['info', 'open', about(1_000), undefined], ['warn', 'closed', undefined, 0.5], ['info', 'open', expect.any(Number), undefined],
    ])
  })
})

describe('a dead letter', () => {
  test('for what the server rejects: at once, with its words, and the lane goes on', async () => {
    const post = postOf({ attempt: ({ name }) => (name === 'a1' ? rejected : accepted) })
    for (const name of ['a1', 'a2']) post.publish('a', name)
    await pass(200)
    expect(post.names()).toEqual(['a1', 'a2'])
    expect(post.letters).toHaveLength(1)
    expect(post.letters[0]).toMatchObject({
      name: 'a1', reason: 'rejected',
      headers: { 'cio-dlq-message': 'no such attribute', 'cio-dlq-http-status': '400', 'cio-dlq-attempts': '1', 'cio-dlq-offset': '0', 'cio-dlq-worker-version': '1.2.3' },
    })
    expect(post.pending()).toBe(0)
  })

  test('for an invalid record: without an attempt', async () => {
    const post = postOf()
    post.publish('a', 'a1', { value: { type: 'nonsense', userId: 'a' } })
    await pass(100)
    expect([post.attempts.length, post.letters.map(({ reason }) => reason)]).toEqual([0, ['unknown_type']])
    expect(post.letters[0]?.headers).toMatchObject({ 'cio-dlq-attempts': '0', 'cio-dlq-http-status': '', 'cio-dlq-first-failure': '' })
  })

  test('for an event whose retries ran out while others succeed', async () => {
    const post = postOf({ attempt: ({ name }) => (name === 'bad' ? failed : accepted) })
    const began = Date.now()
    post.publish('a', 'bad')
    post.publish('a', 'a2')
    for (let n = 0; n < 30; n += 1) post.publish(`u${n}`, `e${n}`)
    await pass(20_000, 5)
    expect(waitsOf(post, 'bad')).toEqual([about(1_000), about(2_000), about(4_000), about(8_000)])
    expect([post.delivered().length, post.letters.length, post.questions.length]).toEqual([31, 1, 0])
    const { name, reason, headers } = post.letters[0] as typeof post.letters[0]
    expect([name, reason, headers['cio-dlq-attempts'], headers['cio-dlq-http-status'], headers['cio-dlq-message']]).toEqual(['bad', 'exhausted', '5', '500', 'status 500'])
    const [first, last] = [headers['cio-dlq-first-failure'], headers['cio-dlq-last-failure']].map((time) => Date.parse(time ?? '') - began)
    expect([first, last]).toEqual([expect.closeTo(30, -2), expect.closeTo(15_100, -3)])
  })

  test('waits for its acknowledgement before the lane goes on', async () => {
    const post = postOf({ attempt: ({ name }) => (name === 'a1' ? rejected : accepted) })
    for (const name of ['a1', 'a2']) post.publish('a', name)
    await pass(200)
    expect(post.attempts[1]?.at).toBeGreaterThanOrEqual(post.letters[0]?.at ?? NaN)
  })

  test('that the broker does not take is tried again, and its lane waits; others go on', async () => {
    let broken = true
    const post = postOf({ takesLetter: () => !broken, attempt: ({ name }) => (name === 'a1' ? rejected : accepted) })
    for (const name of ['a1', 'a2', 'b1']) post.publish(name.charAt(0), name)
    await pass(10_000, 5)
    expect([post.names(), post.pending()]).toEqual([['a1', 'b1'], 2])
    broken = false
    await pass(20_000, 5)
    expect([post.names(), post.letters.length, post.pending()]).toEqual([['a1', 'b1', 'a2'], 1, 0])
  })

  test('that the broker does not take is given up with its partition: nothing is done', async () => {
    const post = postOf({ takesLetter: () => false, attempt: () => rejected })
    post.publish('a', 'a1')
    await pass(300)
    post.delivery.hold()
    const idle = post.delivery.idle()
    await pass(1_000)
    await idle
    expect([post.pending(), post.works[0].done]).toEqual([1, 0])
  })
})

describe('hold', () => {
  test('begins nothing more; what is in flight ends, and then it is idle', async () => {
    const slow = async ({ name }: { name: string }) => {
      await new Promise((resolve) => { setTimeout(resolve, name === 'e0' ? 300 : 600) })
      return accepted
    }
    const post = postOf({ concurrency: 2, attempt: slow })
    for (let n = 0; n < 5; n += 1) post.publish(`u${n}`, `e${n}`)
    await pass(100)
    const idle = jest.fn()
    void post.delivery.idle().then(idle)
    post.delivery.hold()
    expect(post.delivery.inFlight).toBe(2)
    await pass(300)
    expect([idle.mock.calls.length, post.delivery.inFlight]).toEqual([0, 1])
    await pass(5_000)
    expect([idle.mock.calls.length, post.delivered().length, post.attempts.length]).toEqual([1, 2, 2])
    // the next assignment brings the others again, by itself
    post.delivery.start()
    await pass(1_000)
    expect(post.attempts).toHaveLength(2)
  })

  test('forgets what waits, and is idle at once', async () => {
    const post = postOf({ attempt: () => failed })
    for (const name of ['a1', 'b1']) post.publish(name, name)
    await pass(100)
    expect(post.delivery.waiting).toBe(2)
    post.delivery.hold()
    expect(post.delivery.waiting).toBe(0)
    await post.delivery.idle()
    await pass(10_000, 5)
    expect(post.attempts).toHaveLength(2)
  })

  test('the attempts so far and the time of the next are remembered for the next assignment', async () => {
    const before = postOf({ attempt: () => failed })
    before.publish('a', 'a1')
    await pass(4_000)
    before.delivery.hold()
    expect(before.attempts).toHaveLength(3)
    const after = postOf({ attempt: () => failed, memory: before.works[0].memory() })
    after.publish('a', 'a1')
    await pass(2_000)
    expect([after.attempts.length, after.delivery.waiting]).toEqual([0, 1])
    await pass(3_000)
    expect(after.attempts).toHaveLength(1)
    await pass(9_000, 5)
    expect(after.letters[0]?.headers).toMatchObject({ 'cio-dlq-attempts': '5', 'cio-dlq-reason': 'exhausted' })
  })

  test.each([
    ['a dead letter', { attempt: () => rejected, letterMs: 20_000 }],
    ['a dead letter that the broker does not take', { attempt: () => rejected, letterMs: 20_000, takesLetter: () => false }],
    ['an answer', { answerMs: 20_000 }],
    ['a failure', { answerMs: 20_000, attempt: () => failed }],
    ['an answer of the account', { attempt: (): Verdict => ({ kind: 'unauthorised', status: 403 }), account: () => accepted, accountMs: 20_000 }],
  ])('%s that comes only in the next assignment settles nothing: the event and those behind it are somebody else\'s by then', async (_name, given) => {
    const post = postOf(given)
    for (const name of ['a1', 'a2']) post.publish('a', name)
    await pass(1_000)
    post.delivery.hold()
    await pass(15_000, 20)
    post.delivery.start()
    await pass(60_000, 20)
    expect([post.names(), post.pending(), post.delivery.waiting]).toEqual([['a1'], 2, 0])
    expect(post.letters.length).toBeLessThanOrEqual(1)
    await post.delivery.idle()
  })

  test('an event is forgotten that comes while held; start takes new ones', async () => {
    const post = postOf()
    post.delivery.hold()
    post.publish('a', 'a1')
    post.delivery.start()
    post.publish('b', 'b1')
    await pass(200)
    expect(post.names()).toEqual(['b1'])
  })
})

test('outcomes, attempts and retries are counted', async () => {
  const post = postOf({ attempt: ({ name }, nth) => (name === 'bad' ? rejected : nth === 1 ? failed : accepted) })
  for (const name of ['a1', 'bad']) post.publish(name, name)
  await pass(2_000)
  const counts = async (metric: { get(): Promise<{ values: { labels: object; value: number }[] }> }) => (await metric.get()).values.map(({ labels, value }) => [...Object.values(labels), value])
  expect((await counts(post.metrics.events)).toSorted()).toEqual([['track', 'dead_letter', 1], ['track', 'delivered', 1]])
  expect(await counts(post.metrics.deadLetters)).toEqual([['rejected', 1]])
  const ages = (await post.metrics.eventAge.get()).values.filter(({ metricName }) => metricName?.endsWith('_count'))
  expect(ages.map(({ labels, value }) => [labels.outcome, value]).toSorted()).toEqual([['dead_letter', 1], ['delivered', 1]])
  expect(await counts(post.metrics.retries)).toEqual([['track', 'status_500', 1]])
  expect((await counts(post.metrics.attempts)).toSorted()).toEqual([['track', '200', 1], ['track', '400', 1], ['track', '500', 1]])
})

test('whatever the answers: every event ends exactly once, a person\'s events in their order', async () => {
  const answers = fc.array(fc.constantFrom('failed', 'throttled', 'timeout', 'rejected'), { maxLength: 4 })
  const events = fc.array(fc.record({ person: fc.integer({ min: 0, max: 3 }), partition: fc.constantFrom(0 as const, 1 as const), answers }), { minLength: 1, maxLength: 15 })
  await fc.assert(fc.asyncProperty(events, fc.integer({ min: 1, max: 5 }), async (list, concurrency) => {
    const post = postOf({
      concurrency, slots: 20,
      attempt: ({ name }, nth) => {
        switch (list[Number(name)]?.answers[nth - 1]) {
          case 'failed': return failed
          case 'throttled': return throttled('1')
          case 'timeout': return { kind: 'unavailable', status: undefined, cause: 'timeout', answered: false }
          case 'rejected': return rejected
          default: return accepted
        }
      },
    })
    for (const [n, { person, partition }] of list.entries()) post.publish(`u${partition}-${person}`, String(n), { partition })
    await pass(60_000, 20)
    const rejects = list.flatMap((event, n) => (event.answers.includes('rejected') ? [String(n)] : []))
    const good = list.map((_, n) => String(n)).filter((name) => !rejects.includes(name))
    expect(post.letters.map(({ name }) => name).toSorted()).toEqual(rejects.toSorted())
    expect(post.delivered().toSorted()).toEqual(good.toSorted())
    expect(post.pending()).toBe(0)
    for (const person of new Set(post.attempts.map((attempt) => attempt.person))) {
      const order = post.attempts.filter((attempt) => attempt.person === person).map(({ name }) => Number(name))
      expect(order).toEqual(order.toSorted((a, b) => a - b))
    }
    post.delivery.hold()
    jest.clearAllTimers()
  }), { numRuns: 30 })
}, 60_000)
