import type { Verdict } from '../../../src/delivery/verdict.ts'
import { seededChoices } from '../../support/random.ts'
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
    expect(post.logged.findLast(({ what }) => what === 'breaker')).toMatchObject({ level: 'info', to: 'closed', lastedMs: expect.any(Number) })
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
    const attempts = () => post.names().filter((name) => name === 'e0').length
    const before = attempts()
    await pass(7 * minute, 20)
    clearInterval(feed)
    // what failed while it was down does not count, so its retries begin anew
    expect([post.letters.map(({ name, reason }) => [name, reason]), attempts() - before >= 5]).toEqual([[['e0', 'exhausted']], true])
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
    for (let waited = 0; waited < 10 && post.letters.length < 2; waited += 1) await pass(30_000, 20)
    expect(post.letters).toHaveLength(2)
    await pass(6 * minute, 20)
    clearInterval(feed)
    expect(post.letters).toHaveLength(5)
    expect(post.logged.flatMap(({ what, level, to }) => (what === 'quota' ? [[level, to]] : [])).slice(0, 2)).toEqual([['warn', 'exhausted'], ['info', 'available']])
    for (const { at } of post.letters) expect(post.letters.filter((letter) => letter.at > at - minute && letter.at <= at).length).toBeLessThanOrEqual(2)
  })
})

describe('the only event around fails', () => {
  test('and the account works: the event is at fault', async () => {
    const post = postOf({ attempt: () => failed })
    post.publish('a', 'a1')
    await pass(20_000, 5)
    expect([post.attempts.length, post.questions.length, post.letters.map(({ reason }) => reason)]).toEqual([5, 20, ['exhausted']])
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

  describe('and are replaced', () => {
    /** Refused with the old credentials; the new ones work. */
    const replacedBy = (post: ReturnType<typeof postOf>): void => {
      post.state.attempt = () => accepted
      post.state.account = () => accepted
      post.delivery.credentialsChanged()
    }

    test('while the account is being waited for: it is asked at once, and everything is delivered', async () => {
      const post = postOf({ attempt: () => refused, account: () => refused })
      publishMany(post, 20)
      await pass(10 * minute, 20)
      const questions = post.questions.length
      replacedBy(post)
      await pass(200)
      expect(post.questions.length).toBe(questions + 1)
      await pass(3_000)
      expect([post.delivered().length, post.letters, post.pending()]).toEqual([20, [], 0])
    })

    test('between an event\'s refusal and its question: that the new ones work is no evidence against the event', async () => {
      const post = postOf({ slots: 1, attempt: () => refused })
      post.publish('a', 'a1')
      await pass(500)
      expect([post.attempts.length, post.questions.length]).toEqual([1, 0])
      replacedBy(post)
      await pass(5_000)
      expect([post.delivered(), post.letters]).toEqual([['a1'], []])
    })

    test('while an event is under way: its refusal is that of the old ones', async () => {
      const post = postOf({ answerMs: 300, attempt: (_event, nth) => (nth === 1 ? refused : accepted) })
      post.publish('a', 'a1')
      await pass(100)
      post.delivery.credentialsChanged()
      await pass(5_000)
      expect([post.delivered(), post.letters, post.questions]).toEqual([['a1'], [], []])
    })

    test('while the question is under way: the refusal of the old ones does not shut out the new ones', async () => {
      const post = postOf({ accountMs: 300, attempt: () => refused, account: () => refused })
      post.publish('a', 'a1')
      await pass(200)
      expect([post.questions.length, post.delivered()]).toEqual([1, []])
      replacedBy(post)
      await pass(1_000)
      expect([post.delivered(), post.letters, post.logged.some(({ to }) => to === 'refused')]).toEqual([['a1'], [], false])
    })
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

  test('for one event among good ones: it is given up after its retries, and the others go on', async () => {
    const post = postOf({ attempt: ({ name }) => (name === 'e3' ? { kind: 'unauthorised', status: 403 } : accepted) })
    publishMany(post, 30)
    await pass(20_000, 5)
    expect([post.delivered().length, post.questions.length, post.pending()]).toEqual([29, 5, 0])
    expect(post.letters.map(({ name, reason, headers }) => [name, reason, headers['cio-dlq-http-status'], headers['cio-dlq-attempts']])).toEqual([['e3', 'forbidden', '403', '5']])
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

/** Publishes an event at each interval, of ever new people, or of a few who come again and again. */
function feeding(post: ReturnType<typeof postOf>, everyMs: number, people = Infinity) {
  let fed = 0
  const timer = setInterval(() => {
    post.publish(`p${fed % people}`, `f${fed}`, { partition: fed % 2 === 0 ? 0 : 1 })
    fed += 1
  }, everyMs)
  return { stop: () => clearInterval(timer), count: () => fed }
}

/** Events whose attempts failed more often than retries are allowed. */
const exhausted = ({ attempts }: ReturnType<typeof postOf>): number => {
  const failures = Map.groupBy(attempts.filter(({ verdict }) => verdict?.kind !== 'accepted'), ({ name }) => name)
  return [...failures.values()].filter(({ length }) => length >= 5).length
}

/** A person's events, in the order in which they were first sent. */
const inOrder = ({ attempts }: ReturnType<typeof postOf>): boolean =>
  [...Map.groupBy(attempts, ({ person }) => person).values()].every((own) => own.every(({ name }, n) => n === 0 || Number(name.slice(1)) >= Number(own[n - 1]!.name.slice(1))))

describe('a part of all requests fails', () => {
  const late: Verdict = { kind: 'unavailable', status: undefined, cause: 'timeout', answered: false }

  test.each([
    ['60 %, on a busy topic', 0.6, 250, 5, failed],
    ['30 %, on a busy topic', 0.3, 100, 5, failed],
    ['half, by timeouts', 0.5, 250, 5, late],
    ['60 %, on a topic with an event a minute', 0.6, 60_000, 240, failed],
    ['30 %, on a topic with an event a minute', 0.3, 60_000, 600, failed],
  ])('%s: no event is given up, and in the end all are delivered in order', async (_name, part, everyMs, minutes, failure) => {
    const random = seededChoices(7)
    const fate = (): Verdict => (random.chance(part) ? failure : accepted)
    const post = postOf({ attempt: fate, account: fate, random: random.next })
    const feed = feeding(post, everyMs, 40)
    await pass(minutes * minute, Math.min(500, everyMs / 5))
    feed.stop()
    const over = exhausted(post)
    post.state.attempt = () => accepted
    await pass(3 * minute, 50)
    expect(over).toBeGreaterThan(0)
    expect([post.letters, post.delivered().length, post.pending(), inOrder(post)]).toEqual([[], feed.count(), 0, true])
  })

  test('again and again for half a minute: what fails at the beginning of each spell is not judged by the good time before it', async () => {
    const random = seededChoices(3)
    const began = performance.now()
    const bad = (): boolean => (performance.now() - began) % minute >= minute / 2
    const post = postOf({ attempt: () => (bad() && random.chance(0.8) ? failed : accepted), random: random.next })
    const feed = feeding(post, 200, 400)
    await pass(15 * minute, 50)
    feed.stop()
    post.state.attempt = () => accepted
    await pass(2 * minute, 50)
    expect(exhausted(post)).toBeGreaterThan(20)
    expect([post.letters, post.pending()]).toEqual([[], 0])
  })

  test('while one event always fails: on a good day it is given up though a twentieth of the others fails, and nobody else is', async () => {
    const random = seededChoices(5)
    const post = postOf({ attempt: ({ name }) => (name === 'bad' || random.chance(0.05) ? failed : accepted), random: random.next })
    const feed = feeding(post, 100, 50)
    await pass(10_000, 20)
    post.publish('bad', 'bad')
    await pass(5 * minute, 20)
    feed.stop()
    await pass(minute, 20)
    expect(post.letters.map(({ name, reason }) => [name, reason])).toEqual([['bad', 'exhausted']])
    expect([new Set(post.delivered()).size, post.pending()]).toEqual([feed.count(), 0])
  })
})

describe('one person\'s events always fail', () => {
  test('others\' are delivered as if nothing was; the person\'s are given up one after the other, each after its retries', async () => {
    const post = postOf({ attempt: ({ person }) => (person === 'bad' ? failed : accepted) })
    const feed = feeding(post, 200)
    for (let n = 0; n < 4; n += 1) post.publish('bad', `f-${n}`)
    await pass(90_000, 20)
    feed.stop()
    await pass(1_000)
    expect(post.letters.map(({ name, headers }) => [name, headers['cio-dlq-attempts']])).toEqual([0, 1, 2, 3].map((n) => [`f-${n}`, '5']))
    expect([post.delivered().length, post.pending(), post.questions]).toEqual([feed.count(), 0, []])
  })

  test('on a quiet topic: nobody else\'s event is given up, though most attempts fail', async () => {
    const post = postOf({ attempt: ({ person }) => (person === 'bad' ? failed : accepted) })
    for (let n = 0; n < 5; n += 1) post.publish('bad', `f-${n}`)
    const feed = feeding(post, 30_000)
    await pass(40 * minute, 200)
    feed.stop()
    await pass(3 * minute, 200)
    expect(post.letters.every(({ name }) => name.startsWith('f-'))).toBe(true)
    expect(post.delivered()).toHaveLength(feed.count())
  })
})

describe('credentials are refused for 20 s', () => {
  test('nothing is given up, hardly anything is sent in that time, and all is delivered after it', async () => {
    const post = postOf()
    const feed = feeding(post, 100)
    await pass(5_000)
    post.state.attempt = () => refused
    post.state.account = () => refused
    const from = performance.now()
    await pass(20_000)
    post.state.attempt = undefined
    post.state.account = undefined
    await pass(minute, 20)
    feed.stop()
    await pass(1_000)
    expect([post.letters, post.delivered().length, post.pending()]).toEqual([[], feed.count(), 0])
    expect(between(post.attempts, from, from + 20_000)).toBeLessThan(10)
    expect(post.logged.flatMap(({ what, level, to }) => (what === 'breaker' ? [[level, to]] : []))).toEqual([['warn', 'refused'], ['info', 'closed']])
  })

  test('and work again before the account could be asked: that it works is no evidence against what was refused', async () => {
    const post = postOf({ slots: 1, attempt: () => refused })
    for (const name of ['f1', 'f2']) post.publish('a', name)
    await pass(500)
    expect([post.attempts.length, post.questions.length]).toEqual([1, 0])
    post.state.attempt = () => accepted
    await pass(20_000, 5)
    expect([post.letters, post.delivered()]).toEqual([[], ['f1', 'f2']])
  })
})
