// After a bad day: a few events that fail whenever they are tried must not keep the breaker from finding out that it is over.

import type { Verdict } from '../../../src/delivery/verdict.ts'
import { pass, useFakeTime } from '../fake-time.ts'
import { accepted, failed, postOf, type PostOptions } from './post.ts'

useFakeTime()

/** Backoffs that differ, the same ones in each run. */
function spread(): () => number {
  let state = 12_345
  return () => {
    state = (state * 1_103_515_245 + 12_345) % 2 ** 31
    return state / 2 ** 31
  }
}

/** A server that is down until `day.over`, and fails with whatever it is whose name begins with "bad" afterwards. */
function outage(options: PostOptions) {
  const day = { over: false }
  const post = postOf({ slots: 100, random: spread(), request: (events) => (!day.over || events.some(({ name }) => name.startsWith('bad')) ? failed : accepted), ...options })
  return { ...post, day }
}

test.each([['batch', 1], ['batch', 3], ['single', 1], ['single', 3]] as const)('an outage of half an hour, %s: %d events that always fail hold up nobody', async (mode, count) => {
  const post = outage({ mode, answerMs: 200 })
  for (let n = 0; n < 150; n += 1) {
    post.publish(`u${n}`, n < count ? `bad${n}` : `e${n}`)
    if (n % 5 === 4) await pass(10, 5)
  }
  await pass(1_800_000, 500)
  expect([post.delivered(), post.letters, post.breaker.state(performance.now())]).toEqual([[], [], 'open'])
  post.day.over = true
  await pass(600_000, 100)
  expect([post.delivered().length, post.breaker.state(performance.now())]).toEqual([150 - count, 'closed'])
})

test('two that always fail, each in a half of its own: nobody is held up', async () => {
  const post = outage({ mode: 'batch' })
  for (let n = 0; n < 40; n += 1) post.publish(`u${n}`, n === 10 || n === 30 ? `bad${n}` : `e${n}`)
  for (let n = 40; n < 200; n += 1) {
    post.publish(`u${n}`, `e${n}`)
    await pass(2_000, 100)
  }
  post.day.over = true
  await pass(600_000, 100)
  expect([post.delivered().length, post.breaker.state(performance.now())]).toEqual([198, 'closed'])
})

test('a bad day that is told operation by operation: nothing is given up, and the breaker opens', async () => {
  const day: Verdict = { kind: 'unavailable', status: 207, cause: 'every operation failed for now', answered: true }
  let over = false
  const post = postOf({ mode: 'batch', slots: 100, random: spread(), request: () => (over ? accepted : day) })
  for (let n = 0; n < 300; n += 1) {
    post.publish(`u${n}`, `e${n}`)
    if (n % 30 === 29) await pass(30, 5)
  }
  await pass(600_000, 200)
  expect([post.letters, post.breaker.state(performance.now())]).toEqual([[], 'open'])
  over = true
  await pass(120_000, 100)
  expect([post.delivered().length, post.letters, post.pending()]).toEqual([300, [], 0])
})

test('where operations count, what did not fit into the free slots goes as soon as others are free, whoever is still under way', async () => {
  const post = postOf({
    mode: 'batch', unit: 'operation', slots: 10,
    attempt: async ({ name }) => {
      if (name === 'slow') await new Promise((resolve) => { setTimeout(resolve, 60_000) })
      return accepted
    },
  })
  for (let n = 0; n < 5; n += 1) post.publish(`a${n}`, `a${n}`)
  await pass(500)
  post.publish('s', 'slow')
  for (let n = 0; n < 20; n += 1) post.publish(`b${n}`, `b${n}`)
  await pass(10_000, 5)
  expect([post.delivery.ready, post.delivery.inFlight]).toEqual([0, 1])
})
