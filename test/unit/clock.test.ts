import { monotonic, sleep, sleepUntil, wall } from '../../src/clock.ts'
import { pass, useFakeTime } from './fake-time.ts'

useFakeTime()

/** Whether it is over yet. */
function watch(promise: Promise<void>): { over: boolean } {
  const seen = { over: false }
  void promise.then(() => { seen.over = true })
  return seen
}

test('the monotonic clock does not follow a step of the wall clock', () => {
  const [before, dateBefore] = [monotonic(), wall()]
  jest.setSystemTime(dateBefore - 3_600_000)
  expect([monotonic() - before, wall() - dateBefore]).toEqual([0, -3_600_000])
})

test('sleeps as long as asked, and not at all for what is past', async () => {
  const [asked, past] = [watch(sleep(100)), watch(sleepUntil(monotonic() - 5))]
  await pass(99)
  expect([asked.over, past.over]).toEqual([false, true])
  await pass(1)
  expect(asked.over).toBe(true)
})

test('a timer that fires early is no reason to wake up', async () => {
  let now = 0
  const sleeper = watch(sleepUntil(100, () => now))
  await pass(100)
  now = 99.5
  await pass(100)
  expect(sleeper.over).toBe(false)
  now = 100
  await pass(2)
  expect(sleeper.over).toBe(true)
})
