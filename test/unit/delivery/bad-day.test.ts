import type { Verdict } from '../../../src/delivery/verdict.ts'
import { pass, useFakeTime } from '../fake-time.ts'
import { accepted, failed, postOf, refused, type Attempt } from './post.ts'

useFakeTime()
jest.setTimeout(60_000)

const down: Verdict = { kind: 'unavailable', status: undefined, cause: 'timeout', answered: true }
const publishMany = (post: ReturnType<typeof postOf>, count: number) => {
  for (let n = 0; n < count; n += 1) post.publish(`u${n}`, `e${n}`, { partition: n % 2 === 0 ? 0 : 1 })
}
const minute = 60_000

describe('the endpoint is down', () => {
  test('for half an hour, though the account works: nothing is given up, and the server is not hammered', async () => {
    const post = postOf({ attempt: () => failed })
    publishMany(post, 200)
    await pass(minute, 20)
    const inFirstMinute = post.attempts.length
    await pass(29 * minute, 20)
    expect([post.letters, post.pending()]).toEqual([[], 200])
    expect(inFirstMinute).toBeLessThan(40)
    expect(post.attempts.length - inFirstMinute).toBeLessThan(60)
    expect(post.attempts.length - inFirstMinute).toBeGreaterThan(20)
  })

  test('what waits for a slot when the breaker opens is not sent', async () => {
    const post = postOf({ slots: 20, concurrency: 30, attempt: () => failed })
    publishMany(post, 60)
    await pass(200)
    expect([post.attempts.length, post.limiter.queued() > 0]).toEqual([20, true])
    await pass(1_200)
    expect(post.attempts.length).toBeLessThanOrEqual(21)
  })

  test('and works again: everything is delivered, soon, in order', async () => {
    const post = postOf({ attempt: () => failed })
    publishMany(post, 40)
    for (let n = 0; n < 5; n += 1) post.publish('u0', `u0-${n}`)
    await pass(10 * minute, 20)
    post.state.attempt = () => accepted
    await pass(minute + 5_000, 20)
    expect([post.delivered().length, post.letters, post.pending()]).toEqual([45, [], 0])
    expect(post.delivered().filter((name) => name.startsWith('u0-'))).toEqual([0, 1, 2, 3, 4].map((n) => `u0-${n}`))
    expect(post.logged.findLast(({ msg }) => msg === 'breaker')).toMatchObject({ level: 'info', to: 'closed' })
  })

  test('on a quiet topic, just after others were delivered: what succeeded before the failure is no evidence, the account is asked', async () => {
    const post = postOf({ account: () => failed })
    publishMany(post, 2)
    await pass(1_000)
    post.state.attempt = () => failed
    post.publish('late', 'late')
    await pass(2 * minute, 20)
    expect([post.delivered(), post.letters, post.pending(), post.questions.length > 0]).toEqual([['e0', 'e1'], [], 1, true])
  })

  test('and works again but for one event: only that one is given up', async () => {
    const post = postOf({ attempt: () => failed })
    publishMany(post, 40)
    await pass(10 * minute, 20)
    post.state.attempt = ({ name }) => (name === 'e0' ? failed : accepted)
    let fed = 0
    const feed = setInterval(() => post.publish('other', `more${fed += 1}`), 500)
    await pass(5 * minute, 20)
    clearInterval(feed)
    expect(post.letters.map(({ name, reason }) => [name, reason])).toEqual([['e0', 'exhausted']])
    expect(post.delivered().length).toBeGreaterThan(39 + fed - 5)
    expect(new Set(post.delivered()).size).toBe(post.delivered().length)
  })

  test('for most events: they keep their place, as fewer than nine in ten of the others succeed', async () => {
    const post = postOf({ slots: 100, attempt: ({ name }) => (Number(name.slice(1)) % 2 === 0 ? failed : accepted) })
    publishMany(post, 60)
    const feed = setInterval(() => {
      for (const name of ['x1', 'x2']) post.publish(`${name}-${performance.now()}`, name)
    }, 200)
    await pass(3 * minute, 20)
    clearInterval(feed)
    expect(post.letters).toEqual([])
  })

  test('for more events than the quota allows to give up in a minute: the others keep waiting', async () => {
    const post = postOf({ slots: 200, concurrency: 50, quota: 2, attempt: ({ name }) => (name.startsWith('bad') ? failed : accepted) })
    for (let n = 0; n < 5; n += 1) post.publish(`bad${n}`, `bad${n}`)
    let fed = 0
    const feed = setInterval(() => {
      for (let n = 0; n < 5; n += 1) post.publish(`good${fed += 1}`, 'good')
    }, 250)
    await pass(30_000, 10)
    expect(post.letters).toHaveLength(2)
    await pass(2 * minute, 20)
    clearInterval(feed)
    expect(post.letters).toHaveLength(5)
    for (const { at } of post.letters) expect(post.letters.filter((letter) => letter.at > at - minute && letter.at <= at).length).toBeLessThanOrEqual(2)
  })
})

describe('the only event around fails', () => {
  test('and the account works: the event is at fault', async () => {
    const post = postOf({ attempt: () => failed })
    post.publish('a', 'a1')
    await pass(20_000, 5)
    expect([post.attempts.length, post.questions.length, post.letters.map(({ reason }) => reason)]).toEqual([5, 1, ['exhausted']])
    expect(post.letters[0]?.headers).toMatchObject({ 'cio-dlq-attempts': '5', 'cio-dlq-http-status': '500' })
  })

  test('and the account does not answer either: it waits at the longest backoff, and is delivered in the end', async () => {
    const post = postOf({ attempt: () => down, account: () => down })
    post.publish('a', 'a1')
    await pass(10 * minute, 20)
    expect([post.letters, post.pending()]).toEqual([[], 1])
    expect(post.attempts.length).toBeLessThan(17)
    post.state.attempt = () => accepted
    await pass(minute + 1_000, 20)
    expect(post.delivered()).toEqual(['a1'])
  })
})

/** Attempts that were begun in a span. */
const between = (attempts: readonly Pick<Attempt, 'at'>[], from: number, to: number) => attempts.filter(({ at }) => at >= from && at < to).length

describe('credentials are refused', () => {
  test('for everything: the account is asked, nothing is given up or counted, no event is sent any more', async () => {
    const post = postOf({ attempt: () => refused, account: () => refused })
    publishMany(post, 100)
    await pass(5_000)
    const sent = post.attempts.length
    expect(sent).toBeLessThan(25)
    await pass(15 * minute, 20)
    expect([post.attempts.length, post.letters, post.pending()]).toEqual([sent, [], 100])
    expect(post.questions.length).toBeGreaterThan(10)
    expect(post.questions.length).toBeLessThan(40)
    expect(post.logged.filter(({ msg, to }) => String(msg).startsWith('breaker') && to === 'refused')).toHaveLength(1)
  })

  test('until they work again: then everything is delivered, with no attempt lost', async () => {
    const post = postOf({ attempt: () => refused, account: () => refused })
    publishMany(post, 100)
    await pass(10 * minute, 20)
    post.state.attempt = () => accepted
    post.state.account = () => accepted
    await pass(minute + 5_000, 20)
    expect([post.delivered().length, post.letters, post.pending()]).toEqual([100, [], 0])
  })

  test('and then the account itself is down: it is asked at longer and longer intervals, not at every free slot', async () => {
    const post = postOf({ attempt: () => refused, account: () => refused })
    publishMany(post, 5)
    await pass(10_000)
    post.state.account = () => failed
    const from = performance.now()
    await pass(5 * minute, 20)
    expect(between(post.questions, from, from + 5 * minute)).toBeLessThan(15)
    expect(between(post.questions, from, from + 5 * minute)).toBeGreaterThan(3)
    post.state.attempt = () => accepted
    post.state.account = () => accepted
    await pass(minute + 5_000, 20)
    expect([post.delivered().length, post.letters]).toEqual([5, []])
  })

  test('for one event among good ones: it is given up, and the others go on', async () => {
    const post = postOf({ attempt: ({ name }) => (name === 'e3' ? { kind: 'unauthorised', status: 403 } : accepted) })
    publishMany(post, 30)
    await pass(3_000)
    expect([post.delivered().length, post.questions.length, post.pending()]).toEqual([29, 1, 0])
    expect(post.letters.map(({ name, reason, headers }) => [name, reason, headers['cio-dlq-http-status'], headers['cio-dlq-attempts']])).toEqual([['e3', 'forbidden', '403', '1']])
  })
})

test('a question that waits for a slot is forgotten by a hold, and not asked in the next assignment', async () => {
  const post = postOf({ attempt: () => refused, slots: 1 })
  post.publish('a', 'a1')
  await pass(500)
  expect([post.attempts.length, post.questions.length]).toEqual([1, 0])
  post.delivery.hold()
  post.delivery.start()
  await pass(5_000)
  expect([post.questions.length, post.letters, post.delivery.waiting]).toEqual([0, [], 0])
})
