// Delivery in batch mode: what shares a request, and how what is wrong in one is found.

import * as fc from 'fast-check'
import type { CustomerEvent } from '../../../src/event.ts'
import type { Verdict } from '../../../src/delivery/verdict.ts'
import { mostInWindow } from '../../support/window.ts'
import { pass, useFakeTime } from '../fake-time.ts'
import { accepted, failed, postOf, rejected, throttled, type PostOptions } from './post.ts'

useFakeTime()

const batches = (options: PostOptions = {}) => postOf({ mode: 'batch', ...options })
const namesOf = (events: readonly CustomerEvent[]): string[] => events.map(({ name }) => name)
const isBad = (name: string): boolean => name.startsWith('bad')
const partly = (events: readonly CustomerEvent[], is: (name: string) => boolean, passing = false, status = 207): Verdict => {
  const found = events.flatMap(({ name }, index) => (is(name) ? [[index, { message: `${name} is wrong`, passing }] as const] : []))
  return found.length === 0 ? accepted : { kind: 'partly', status, failed: new Map(found) }
}
const tooLarge: Verdict = { kind: 'rejected', status: 413, message: 'too large' }
/** So many events of as many people, those of `bad` among them. */
function publish(post: ReturnType<typeof postOf>, count: number, bad: readonly number[] = []): void {
  for (let n = 0; n < count; n += 1) post.publish(`u${n}`, bad.includes(n) ? `bad${n}` : `e${n}`)
}
const lettersOf = (post: ReturnType<typeof postOf>): string[][] => post.letters.map(({ name, reason }) => [name, reason]).toSorted()

describe('what shares a request', () => {
  test('whatever has waited for the slot; a single event leaves at once', async () => {
    const post = batches({ slots: 1 })
    post.publish('u0', 'first')
    await pass(20)
    publish(post, 30)
    await pass(1_200)
    expect(post.requests().map(({ length }) => length)).toEqual([1, 30])
    expect(post.delivered()).toHaveLength(31)
  })

  test('never two events of one person, be it of two partitions', async () => {
    const post = batches({ slots: 1 })
    for (const name of ['a1', 'a2', 'b1']) post.publish(name.charAt(0), name)
    post.publish('b', 'b2', { partition: 1 })
    await pass(5_000)
    expect(post.delivered().toSorted()).toEqual(['a1', 'a2', 'b1', 'b2'])
    expect(post.requests().every((names) => new Set(names.map((name) => name.charAt(0))).size === names.length)).toBe(true)
    expect(post.names().indexOf('a1')).toBeLessThan(post.names().indexOf('a2'))
  })

  test('no more bytes than Customer.io takes', async () => {
    const post = batches({ slots: 1 })
    for (let n = 0; n < 40; n += 1) post.publish(`u${n}`, `e${n}`, { value: { type: 'track', userId: `u${n}`, payload: { event: `e${n}`, properties: { note: 'x'.repeat(25_000) } } } })
    await pass(5_000)
    const sizes = post.requests().map(({ length }) => length)
    expect([sizes.reduce((sum, size) => sum + size, 0), sizes.length, Math.max(...sizes) * 25_100]).toEqual([40, 3, expect.any(Number)])
    expect(Math.max(...sizes) * 25_000).toBeLessThan(480_000)
  })

  test('people of one segment and direction; what batches don\'t carry goes alone', async () => {
    const post = batches({ slots: 1 })
    post.publish('u', 'first')
    await pass(20)
    const segment = (type: string, person: string, segmentId: number) => post.publish(person, person, { value: { type, userId: person, payload: { segmentId } } })
    for (const person of ['p1', 'p2', 'p3']) segment('addToSegment', person, 7)
    segment('addToSegment', 'p4', 8)
    segment('removeFromSegment', 'p5', 7)
    for (const name of ['n1', 'n2']) post.publish(name, name, { value: { type: 'trackAnonymous', anonymousId: name, payload: { event: name } } })
    await pass(8_000)
    const carriers = [...Map.groupBy(post.attempts, ({ request }) => request).values()].map((events) => [events[0]?.carrier, events.length])
    expect(carriers).toEqual([['batch', 1], ['segment:add:7:id', 3], ['segment:add:8:id', 1], ['segment:remove:7:id', 1], ['alone', 1], ['alone', 1]])
    expect(post.pending()).toBe(0)
  })

  test('a slot for each operation, where these count: no more of them in a window than slots', async () => {
    const post = batches({ slots: 7, unit: 'operation' })
    publish(post, 40)
    await pass(8_000)
    expect(post.delivered()).toHaveLength(40)
    expect(Math.max(...post.requests().map(({ length }) => length))).toBe(7)
    expect(mostInWindow(post.attempts, 1_000)).toBe(7)
  })
})

describe('a batch of which some failed', () => {
  test('the others are delivered, each of these has its own dead letter with the server\'s words', async () => {
    const post = batches({ slots: 1, request: (events) => partly(events, isBad) })
    publish(post, 50, [3, 17])
    await pass(1_000)
    expect([post.requests().length, post.delivered().length]).toEqual([1, 48])
    expect(lettersOf(post)).toEqual([['bad17', 'rejected'], ['bad3', 'rejected']])
    expect(post.letters[0]?.headers).toMatchObject({ 'cio-dlq-message': expect.stringMatching(/^bad\d+ is wrong$/), 'cio-dlq-attempts': '1' })
  })

  test('what may work later is tried again, apart from others, and given up like any other', async () => {
    let passes = false
    const post = batches({ request: (events) => (passes ? accepted : partly(events, isBad, true)) })
    publish(post, 30, [3])
    post.publish('u3', 'after')
    await pass(3_500)
    expect(post.requests().slice(1)).toEqual([['bad3'], ['bad3']])
    passes = true
    await pass(6_000)
    expect([post.delivered().length, post.letters, post.names().slice(-2)]).toEqual([31, [], ['bad3', 'after']])
  })
})

describe('a batch that is rejected as a whole', () => {
  test.each([['400', rejected], ['413', tooLarge]])('%s: halves, until what is wrong is found; everything else is delivered', async (_status, verdict) => {
    const bad = [11, 12, 400]
    const post = batches({ slots: 200, request: (events, carrier) => (events.some(({ name }) => isBad(name)) && carrier === 'batch' ? verdict : carrier === 'alone' ? rejected : accepted) })
    publish(post, 500, bad)
    await pass(5_000)
    expect(lettersOf(post)).toEqual([['bad11', 'rejected'], ['bad12', 'rejected'], ['bad400', 'rejected']])
    expect([post.delivered().length, post.pending()]).toEqual([497, 0])
    // each of them costs two requests a level at most
    expect(post.requests().length).toBeLessThanOrEqual(1 + 2 * 3 * Math.ceil(Math.log2(500)) + 3)
  })

  test('halves meet no others, who would be rejected with them', async () => {
    const post = batches({ slots: 200, request: (events) => (events.some(({ name }) => isBad(name)) ? rejected : accepted) })
    publish(post, 64, [5])
    await pass(10)
    for (let n = 100; n < 160; n += 1) {
      post.publish(`u${n}`, `e${n}`)
      await pass(5)
    }
    await pass(2_000)
    const before = new Set(Array.from({ length: 64 }, (_, n) => `u${n}`))
    const mixed = [...Map.groupBy(post.attempts, ({ request }) => request).values()].filter((events) => new Set(events.map(({ person }) => before.has(person))).size > 1)
    expect([mixed.length, lettersOf(post), post.pending()]).toEqual([0, [['bad5', 'rejected']], 0])
  })

  test('each half takes a slot', async () => {
    const post = batches({ slots: 4, request: (events) => (events.some(({ name }) => isBad(name)) ? rejected : accepted) })
    publish(post, 100, [5, 60])
    await pass(30_000, 5)
    expect([post.letters.length, post.pending()]).toEqual([2, 0])
    const firsts = [...Map.groupBy(post.attempts, ({ request }) => request).values()].map(([first]) => first!)
    expect(mostInWindow(firsts, 1_000)).toBe(4)
  })

  test('one operation that is too large for a batch goes by the single call', async () => {
    const post = batches({ request: (_events, carrier) => (carrier === 'batch' ? tooLarge : accepted) })
    post.publish('u1', 'e1')
    await pass(300)
    expect(post.attempts.map(({ carrier }) => carrier)).toEqual(['batch', 'alone'])
    expect([post.letters, post.pending()]).toEqual([[], 0])
  })
})

describe('a batch that fails', () => {
  test('by chance: it is sent again as it is', async () => {
    let requests = 0
    const post = batches({ slots: 1, request: () => (requests++ === 0 ? failed : accepted) })
    publish(post, 20)
    await pass(4_000)
    expect(post.requests().map(({ length }) => length)).toEqual([20, 20])
    expect([post.letters, post.pending()]).toEqual([[], 0])
  })

  test('because of one event in it: that one is found, nobody else is harmed, and nothing else is given up', async () => {
    const post = batches({ slots: 100, request: (events) => (events.some(({ name }) => isBad(name)) ? failed : accepted) })
    publish(post, 64, [21])
    // others, by whose success the fault can be told
    for (let n = 100; n < 1_100; n += 1) {
      post.publish(`u${n}`, `e${n}`)
      await pass(100)
    }
    await pass(60_000, 20)
    expect([lettersOf(post), post.pending()]).toEqual([[['bad21', 'exhausted']], 0])
    expect(post.delivered()).toHaveLength(1_063)
  }, 60_000)

  test('on a bad day: nothing is halved, nothing is given up, all is delivered afterwards', async () => {
    let down = true
    const post = batches({ slots: 100, request: () => (down ? failed : accepted) })
    publish(post, 30)
    for (let n = 100; n < 160; n += 1) {
      post.publish(`u${n}`, `e${n}`)
      await pass(1_000, 20)
    }
    expect([post.delivered(), post.letters]).toEqual([[], []])
    down = false
    await pass(120_000, 50)
    expect([post.delivered().length, post.letters, post.pending()]).toEqual([90, [], 0])
  }, 60_000)

  test('with a 429: its events wait with all others for the gate, and are not to blame', async () => {
    let requests = 0
    const post = batches({ slots: 5, request: () => (requests++ === 0 ? throttled('2') : accepted) })
    publish(post, 10)
    await pass(500)
    for (let n = 10; n < 20; n += 1) post.publish(`u${n}`, `e${n}`)
    await pass(3_000)
    expect(post.requests().map(({ length }) => length)).toEqual([10, 20])
    expect((await post.metrics.halved.get()).values).toEqual([])
  })
})

test('a message that may have been sent, though no answer came, is not sent again: it is a dead letter with a reason of its own', async () => {
  const timeout: Verdict = { kind: 'unavailable', status: undefined, cause: 'timeout', answered: false }
  const post = postOf({ unconfirmed: 'dead-letter', attempt: ({ name }) => (name === 'a1' ? timeout : accepted) })
  for (const name of ['a1', 'a2']) post.publish('a', name)
  await pass(500)
  expect([lettersOf(post), post.names()]).toEqual([[['a1', 'unconfirmed']], ['a1', 'a2']])
  const failing = postOf({ unconfirmed: 'dead-letter', attempt: (_event, nth) => (nth === 1 ? failed : accepted) })
  failing.publish('a', 'a1')
  await pass(3_000)
  expect([failing.letters, failing.names()]).toEqual([[], ['a1', 'a1']])
})

test('whatever the answers: every event ends exactly once, a person\'s events in their order, never two in a request', async () => {
  const kinds = fc.constantFrom('accepted', 'failed', 'throttled', 'timeout', 'rejected', 'partly', 'too large', 'cut')
  const events = fc.array(fc.record({ person: fc.integer({ min: 0, max: 9 }), partition: fc.constantFrom(0 as const, 1 as const), bad: fc.boolean() }), { minLength: 1, maxLength: 40 })
  await fc.assert(fc.asyncProperty(events, fc.array(kinds, { maxLength: 12 }), fc.integer({ min: 1, max: 4 }), async (list, answers, concurrency) => {
    let requests = 0
    const bad = new Set(list.flatMap((event, n) => (event.bad ? [String(n)] : [])))
    const post = batches({
      concurrency, slots: 20,
      request: (sent) => {
        const names = namesOf(sent)
        const answer = answers[requests++]
        const isGood = names.every((name) => !bad.has(name))
        switch (answer) {
          case 'failed': return failed
          case 'cut': return { kind: 'unavailable', status: 200, cause: 'status 200, but the answer was cut short', answered: true }
          case 'throttled': return throttled('1')
          case 'timeout': return { kind: 'unavailable', status: undefined, cause: 'timeout', answered: false }
          case 'rejected': return isGood ? accepted : rejected
          case 'too large': return names.length > 1 ? tooLarge : partly(sent, (name) => bad.has(name))
          default: return partly(sent, (name) => bad.has(name))
        }
      },
    })
    for (const [n, { person, partition }] of list.entries()) post.publish(`u${partition}-${person}`, String(n), { partition })
    await pass(300_000, 50)
    expect(post.letters.map(({ name }) => name).toSorted()).toEqual([...bad].toSorted())
    expect(post.pending()).toBe(0)
    for (const names of post.requests()) {
      const people = names.map((name) => `${list[Number(name)]?.partition}-${list[Number(name)]?.person}`)
      expect(new Set(people).size).toBe(people.length)
    }
    for (const person of new Set(post.attempts.map((attempt) => attempt.person))) {
      const order = post.attempts.filter((attempt) => attempt.person === person).map(({ name }) => Number(name))
      expect(order).toEqual(order.toSorted((a, b) => a - b))
    }
    post.delivery.hold()
    jest.clearAllTimers()
  }), { numRuns: 40 })
}, 120_000)
