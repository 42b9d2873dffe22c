import { createStatus } from '../../src/status.ts'
import type { GroupStatus } from '../../src/status.ts'
import { accepted, failed, postOf, refused, rejected, throttled } from './delivery/post.ts'
import { pass, useFakeTime } from './fake-time.ts'

useFakeTime()

function statusOf(options: Parameters<typeof postOf>[0] = {}) {
  const post = postOf({ slots: 8, ...options })
  const group: { -readonly [K in keyof GroupStatus]: GroupStatus[K] } = { stopping: false, joined: true, generation: 7, assigned: 7, fenced: false }
  const intake = { partitions: () => [1, 0], get pending() { return { records: post.pending(), bytes: 10 * post.pending() } }, pausedPartitions: 0 }
  const { delivery, deadLetters, limiter, breaker, gate, quota, announcer } = post
  const status = createStatus({ group: () => group, intake, channels: [{ api: 'track', delivery, limiter, breaker, gate }], deadLetters, quota, source: { ledger: () => undefined },
    lag: () => 12, concurrency: 10, announcer, clock: () => performance.now() })
  const of = (what: string) => post.logged.filter((line) => line.what === what).map(({ level, to, lastedMs }) => [level, to, ...(lastedMs === undefined ? [] : [lastedMs])])
  /** What is told of the Track API. */
  const track = () => (status.report() as { apis: { track: { sending: { state: string; nextTryMs: number }; lastError: { agoMs: number } } } }).apis.track
  return { ...post, group, status, of, track }
}

test('with nothing to do', async () => {
  const { status } = statusOf()
  await pass(1_000)
  status.look()
  await pass(500)
  expect(status.report()).toEqual({
    group: { joined: true, generation: 7, partitions: [0, 1], fence: 'open' },
    apis: {
      track: {
        sending: { state: 'idle', sinceMs: 500, nextTryMs: null },
        breaker: { state: 'closed', nextAttemptMs: 0 },
        gate: { closedForMs: 0, partOfSlots: 1 },
        slots: { share: 'test', owned: 8, usable: 8, free: 8, inUse: 0 },
        events: { inFlight: 0, ready: 0, waiting: 0 },
        lastError: null,
      },
    },
    ledger: null,
    pending: { records: 0, bytes: 0 },
    pausedPartitions: 0,
    deadLetters: { quotaLeft: 60, partitionsHeldUp: [] },
    lagRecords: 12,
  })
})

test('while an event waits for its next attempt: until when, and what went wrong, without a body', async () => {
  const { publish, status, track } = statusOf({ attempt: () => ({ kind: 'unavailable', status: undefined, cause: 'timeout', answered: false }) })
  publish('u1', 'e1')
  await pass(220)
  expect(status.report()).toMatchObject({ pending: { records: 1, bytes: 10 } })
  expect(track()).toMatchObject({
    sending: { state: 'backoff', nextTryMs: expect.any(Number) }, events: { waiting: 1 }, lastError: { what: 'timeout', agoMs: expect.any(Number) },
  })
  const { sending: { nextTryMs }, lastError: { agoMs } } = track()
  expect([nextTryMs > 700 && nextTryMs < 900, agoMs > 150 && agoMs < 220]).toEqual([true, true])
})

test('of several that wait, the first one tells until when', async () => {
  const { publish, track } = statusOf({ attempt: () => failed })
  publish('u1', 'e1')
  await pass(500)
  publish('u2', 'e2')
  await pass(100)
  const { sending } = track()
  expect(sending.nextTryMs).toBeLessThan(500)
})

test.each([
  ['a refused event, never its message', rejected, 'status 400'],
  ['a 429', throttled('9'), 'status 429'],
  ['a 401', refused, 'status 401'],
  ['a 5xx', failed, 'status 500'],
])('the last error: %s', async (_name, verdict, what) => {
  const { publish, status, track } = statusOf({ attempt: () => verdict, account: () => refused })
  publish('u1', 'e1')
  await pass(25)
  expect(track()).toMatchObject({ lastError: { what } })
  expect(JSON.stringify(status.report())).not.toMatch(/u1|e1|attribute/)
})

test('a closed gate, an open breaker, refused credentials: which one, and when it is tried again', async () => {
  const { publish, track, state } = statusOf({ slots: 100, concurrency: 40, attempt: () => throttled('9') })
  publish('u0', 'e0')
  await pass(1_000)
  expect(track()).toMatchObject({ sending: { state: 'gate_closed' }, gate: { closedForMs: expect.any(Number), partOfSlots: 1 }, events: { ready: 1 } })
  state.attempt = () => failed
  for (let n = 1; n < 30; n += 1) publish(`u${n}`, `e${n}`)
  await pass(9_000)
  expect(track()).toMatchObject({ sending: { state: 'breaker_open' }, breaker: { state: 'open', nextAttemptMs: expect.any(Number) } })
  state.attempt = () => refused
  state.account = () => refused
  await pass(2_000)
  const { sending } = track()
  expect([sending.state, sending.nextTryMs > 0 && sending.nextTryMs <= 1_000]).toEqual(['credentials_refused', true])
})

test('partitions that the dead-letter topic holds up', async () => {
  let takes = false
  const { publish, status, of, track } = statusOf({ attempt: () => rejected, takesLetter: () => takes })
  publish('u1', 'e1', { partition: 1 })
  await pass(300)
  expect([track().sending.state, status.report()]).toMatchObject(['dead_letter_topic', { deadLetters: { partitionsHeldUp: [1] } }])
  takes = true
  await pass(1_000)
  expect([track().sending.state, status.report()]).toMatchObject(['idle', { deadLetters: { partitionsHeldUp: [] } }])
  expect(of('dead_letter_topic').map(([level, to]) => [level, to])).toEqual([['warn', 'failing'], ['info', 'taking']])
})

test('where the process stands in its group comes first', () => {
  const { status, group, track } = statusOf()
  const told = (given: Partial<GroupStatus>) => {
    Object.assign(group, { stopping: false, joined: true, generation: 7, assigned: 7, fenced: false }, given)
    const { group: shown } = status.report() as { group: { generation: number | null; fence: string } }
    return [status.hold('track'), track().sending.state, shown.generation, shown.fence]
  }
  expect(told({ joined: false, generation: undefined })).toEqual(['not_joined', 'not_joined', null, 'open'])
  expect(told({ generation: undefined })).toEqual(['rebalancing', 'rebalancing', null, 'open'])
  expect(told({ fenced: true })).toEqual(['fenced', 'fenced', 7, 'shut'])
  expect(told({ fenced: true, stopping: true })).toEqual(['stopping', 'stopping', 7, 'shut'])
})

test('the fence: told when it shuts while partitions are owned or given up, and when it is open again, even in a later generation; not at the beginning of each', async () => {
  const { status, group, of } = statusOf()
  const look = async (given: Partial<GroupStatus>) => {
    Object.assign(group, given)
    status.look()
    await pass(100)
  }
  await look({ fenced: true })
  await look({ fenced: false })
  await look({ generation: 8, assigned: 8, fenced: true })
  await look({ fenced: false })
  expect(of('fence')).toEqual([])
  await look({ generation: undefined })
  await look({ fenced: true })
  await look({ assigned: undefined, fenced: false })
  await look({ generation: 9, assigned: 9, fenced: true })
  await look({ fenced: false })
  expect(of('fence')).toEqual([['warn', 'shut'], ['info', 'open', 300]])
})

test('what time alone changes is noticed: the gate opens, the quota is there again, though there is nothing to send', async () => {
  const { publish, status, state, of } = statusOf({ slots: 20, quota: 1, attempt: () => throttled('1') })
  publish('u1', 'e1')
  await pass(100)
  state.attempt = () => accepted
  expect(of('gate')).toEqual([['warn', 'closed']])
  await pass(2_000)
  state.attempt = () => failed
  publish('u2', 'e2')
  await pass(20_000, 5)
  expect(of('quota')).toEqual([['warn', 'exhausted']])
  await pass(60_000, 20)
  status.look()
  expect([of('gate').at(-1), of('quota').at(-1)]).toEqual([['info', 'open', expect.any(Number)], ['info', 'available', expect.any(Number)]])
})
