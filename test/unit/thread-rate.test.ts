import { ThreadRate } from '../../src/thread-rate.ts'

/** A thread that is looked at every 5 s: `perSecond` events, of `msEach`, and `overhead` (a part of the time) beside them. */
function threadOf() {
  const rate = new ThreadRate()
  let [now, events, busyMs] = [50_000, 0, 700]
  rate.look({ events, busyMs }, now)
  return {
    rate,
    run: (seconds: number, { perSecond, msEach, overhead = 0.02 }: { perSecond: number; msEach: number; overhead?: number }): number => {
      for (let at = 0; at < seconds; at += 5) {
        now += 5_000
        events += perSecond * 5
        busyMs += Math.min(5_000, perSecond * 5 * msEach + overhead * 5_000)
        rate.look({ events, busyMs }, now)
      }
      return rate.perSecond
    },
  }
}

test('nothing is known before the thread has worked', () => {
  expect(threadOf().rate.perSecond).toBeNaN()
})

test('a thread that is full: what it delivers', () => {
  expect(threadOf().run(60, { perSecond: 1_000, msEach: 1 })).toBeCloseTo(1_000)
})

test('a thread that is held for most of the time: what it could deliver', () => {
  expect(threadOf().run(60, { perSecond: 250, msEach: 1, overhead: 0 })).toBeCloseTo(1_000)
})

test('what it does beside events makes it a little too low', () => {
  const told = threadOf().run(60, { perSecond: 250, msEach: 1, overhead: 0.02 })
  expect(told).toBeLessThan(1_000)
  expect(told).toBeGreaterThan(900)
})

test('a thread that is mostly idle tells nothing, though it delivers', () => {
  expect(threadOf().run(600, { perSecond: 27, msEach: 1 })).toBeNaN()
})

test('nor do a few events, though the thread is busy with something else', () => {
  expect(threadOf().run(600, { perSecond: 1, msEach: 1, overhead: 0.5 })).toBeNaN()
})

test('but slow events do, when enough of them have come together', () => {
  expect(threadOf().run(60, { perSecond: 4, msEach: 100, overhead: 0 })).toBeCloseTo(10)
})

test('what was known stays known in a quiet time', () => {
  const { run } = threadOf()
  run(60, { perSecond: 20_000, msEach: 0.04 })
  expect(run(3_600, { perSecond: 5, msEach: 1 })).toBeGreaterThan(20_000)
})

test('a slow start does not stay, though the thread is mostly idle from then on', () => {
  const { run } = threadOf()
  expect(run(5, { perSecond: 25, msEach: 20 })).toBeLessThan(50)
  expect(run(600, { perSecond: 27, msEach: 1 })).toBeGreaterThan(500)
})

test('one look under load is enough to put it right', () => {
  const { run } = threadOf()
  // few events a request: each is dear
  expect(run(60, { perSecond: 200, msEach: 0.9 })).toBeLessThan(1_100)
  expect(run(5, { perSecond: 25_000, msEach: 0.04 })).toBeGreaterThan(15_000)
  expect(run(15, { perSecond: 25_000, msEach: 0.04 })).toBeGreaterThan(23_000)
})
