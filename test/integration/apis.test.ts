// Messages and broadcasts, with real workers on a real Kafka: the App API beside the Track API, each under a limit of its own.

import { metrics, until } from '../faults/looks.ts'
import type { Arrival } from '../stand-in/account.ts'
import type { FaultRule } from '../stand-in/faults.ts'
import { generateAppTraffic } from '../support/app-traffic.ts'
import { seededChoices } from '../support/random.ts'
import { openScenario, type Scenario, type ScenarioOptions } from '../support/scenario.ts'
import { generateTraffic, type TrafficItem } from '../support/traffic.ts'
import type { Verdict } from '../support/verdict.ts'

let scenario: Scenario

/** A request that times out on a busy machine would be a dead letter that nobody expects; longer than tests have it otherwise, and short enough for a kill. */
const patient = { REQUEST_TIMEOUT_MS: '2500', LATEST_ARRIVAL_MS: '3000', KAFKA_SESSION_TIMEOUT_MS: '9000', KAFKA_REBALANCE_TIMEOUT_MS: '20000' }

/** @param apis those that the workers deliver by */
const open = async (apis: string, options: ScenarioOptions) => {
  scenario = await openScenario({ unit: 'request', partitions: 6, ...options, env: { ...patient, APIS: apis, DELIVERY_MODE: 'batch', ...options.env } })
}
afterEach(async () => scenario.close())

const TRANSACTIONAL = { limit: 24, windowMs: 1_000 }
const BROADCAST = { limit: 1, windowMs: 2_000 }
/** The default. */
const CONCURRENCY = 10

/** All promises at once; the figures are in the message when one is broken. */
function expectKept(verdict: Verdict): void {
  expect(verdict.failures).toEqual([])
  expect(verdict.delivered + verdict.deadLettered).toBe(verdict.published)
}

/** One list out of several, each in its own order. */
function mixed(seed: number, ...lists: TrafficItem[][]): TrafficItem[] {
  const random = seededChoices(seed)
  return lists.flatMap((list) => {
    let at = 0
    return list.map((item) => ({ item, at: (at += random.next() / list.length) }))
  }).toSorted((a, b) => a.at - b.at).map(({ item }) => item)
}

const undelivered = (items: TrafficItem[]): TrafficItem[] => items.map((item) => ({ ...item, expect: 'dead-letter' }))
const payloadOf = ({ value }: TrafficItem): Record<string, unknown> => (JSON.parse(String(value)) as { payload: Record<string, unknown> }).payload
/** Whether a message is for the userId that it is published with; others name somebody by themselves. */
const isForUser = (item: TrafficItem): boolean => payloadOf(item).identifiers === undefined

/** When nothing is left to do: also of what took effect without an answer. */
async function finished(workers = scenario.workers): Promise<Verdict> {
  await scenario.done(60_000)
  await until('nothing is left to do', async () => (await metrics(workers, 'pending_records')).every((count) => count === 0))
  return scenario.verdict()
}

/** How often each message or broadcast was made, by marker: also those that never got an answer. */
async function sendsOf(): Promise<Map<string, number>> {
  const counts = new Map<string, number>()
  for (const { marker } of await scenario.standIn.sends()) counts.set(marker ?? 'none', (counts.get(marker ?? 'none') ?? 0) + 1)
  return counts
}

async function lettersOf(): Promise<Map<string, string>> {
  const names = ['cio-dlq-reason', 'cio-dlq-attempts', 'cio-dlq-message']
  return new Map((await scenario.letters()).map(({ headers }) => [headers.marker ?? '', names.map((name) => headers[name]).join(' ')]))
}

const arrivalsOf = async (marker: string): Promise<Arrival[]> => (await scenario.standIn.arrivals()).filter((arrival) => arrival.marker === marker)

test('messages and events side by side: each API under its own limit, each message sent once; a broadcast is not for this topic', async () => {
  await open('track,transactional', { limit: 60, apis: { transactional: TRANSACTIONAL } })
  const messages = generateAppTraffic({ sends: 240, people: 60, seed: 1 })
  const broadcasts = undelivered(generateAppTraffic({ sends: 0, broadcasts: 3, people: 1, seed: 2 }))
  await scenario.publishItems(mixed(1, messages, generateTraffic({ events: 600, people: 60, seed: 3 }), broadcasts))
  await Promise.all([scenario.addWorker(), scenario.addWorker()])
  const verdict = await finished()
  const { apis } = await scenario.standIn.account()
  console.log(`track and transactional: ${verdict.delivered} delivered; most in 1 s: ${verdict.mostInWindow} of track (limit 60), `
    + `${verdict.mostOfApis.transactional} of transactional (limit ${TRANSACTIONAL.limit}); letters ${JSON.stringify(verdict.deadLetteredBy)}`)
  expectKept(verdict)
  expect([apis.track.refused, apis.transactional.refused, apis.general.requests, apis.broadcast.requests]).toEqual([0, 0, 0, 0])
  // or it was not put to the test
  expect(verdict.mostOfApis.transactional).toBeGreaterThan(TRANSACTIONAL.limit / 2)
  expect(await sendsOf()).toEqual(new Map(messages.map(({ marker }) => [marker, 1])))
  expect(new Set((await scenario.standIn.sends()).map(({ kind }) => kind))).toEqual(new Set(['email', 'push', 'sms', 'inApp']))
  const letters = await lettersOf()
  for (const { marker } of broadcasts) expect(letters.get(marker)).toMatch(/^type_not_delivered 0 .*broadcast/)
}, 120_000)

test('broadcasts, on a topic with one partition: one at a time, as slowly as the limit wants it; a track event is not for this topic', async () => {
  await open('broadcast', { partitions: 1, apis: { broadcast: BROADCAST } })
  const broadcasts = generateAppTraffic({ sends: 0, broadcasts: 4, people: 1, seed: 5 })
  const others = undelivered([...generateTraffic({ events: 5, people: 1, seed: 6, badShare: 0 }), ...generateAppTraffic({ sends: 3, people: 1, seed: 7 })])
  await scenario.publishItems(mixed(2, broadcasts, others))
  await scenario.addWorker()
  const verdict = await finished()
  const times = (await scenario.standIn.arrivals()).map(({ at }) => at)
  const gaps = times.slice(1).map((at, index) => at - (times[index] as number))
  console.log(`broadcast: ${verdict.delivered} delivered, ${gaps.map((gap) => Math.round(gap)).join(', ')} ms between them (one in ${BROADCAST.windowMs} allowed); `
    + `letters ${JSON.stringify(verdict.deadLetteredBy)}`)
  expectKept(verdict)
  expect(gaps).toHaveLength(3)
  expect(Math.min(...gaps)).toBeGreaterThanOrEqual(BROADCAST.windowMs)
  expect(await sendsOf()).toEqual(new Map(broadcasts.map(({ marker }) => [marker, 1])))
  expect(verdict.deadLetteredBy).toEqual({ type_not_delivered: others.length })
}, 120_000)

describe('a message to which no answer comes', () => {
  const [silent, behindProxy, busy] = ['cus_100001', 'cus_100002', 'cus_100004'] as const
  const messages = generateAppTraffic({ sends: 80, people: 8, seed: 8 })
  const toUser = (person: string) => messages.filter((item) => item.person === person && isForUser(item))

  test('may have been sent: by default a dead letter, and not tried again; an answer that says no is tried again', async () => {
    await open('transactional', {
      apis: {},
      faults: {
        latencyMs: [10, 20],
        rules: [
          { name: 'no answer', match: { person: [silent] }, effect: { hang: true, accept: true } },
          { name: 'proxy', match: { person: [behindProxy] }, effect: { status: 502 } },
          { name: 'busy', match: { person: [busy], firstAttempts: 1 }, effect: { status: 503 } },
        ],
      },
    })
    const unconfirmed = [...toUser(silent), ...toUser(behindProxy)].map(({ marker }) => marker)
    await scenario.publishItems(messages.map((item) => (unconfirmed.includes(item.marker) ? { ...item, expect: 'dead-letter' } : item)))
    await scenario.addWorker()
    const verdict = await finished()
    console.log(`no answer, by default: ${verdict.delivered} delivered, letters ${JSON.stringify(verdict.deadLetteredBy)}, sent again ${verdict.repeatedSends}`)
    expectKept(verdict)
    expect(verdict.deadLetteredBy).toEqual({ unconfirmed: unconfirmed.length })
    const letters = await lettersOf()
    for (const { marker } of toUser(silent)) expect(letters.get(marker)).toBe('unconfirmed 1 timeout: it may have been sent')
    for (const { marker } of toUser(behindProxy)) expect(letters.get(marker)).toBe('unconfirmed 1 status 502: it may have been sent')
    for (const marker of unconfirmed) expect(await arrivalsOf(marker)).toHaveLength(1)
    for (const { marker } of toUser(busy)) expect((await arrivalsOf(marker)).map(({ status }) => status)).toEqual([503, 200])
    // what hung took effect; the proxy's did not
    expect(await sendsOf()).toEqual(new Map(messages.flatMap((item) => (item.person === behindProxy && isForUser(item) ? [] : [[item.marker, 1]]))))
  }, 120_000)

  test('with UNCONFIRMED_SENDS=retry it is tried again, and so sent twice', async () => {
    const rule: FaultRule = { name: 'no answer', match: { person: [silent], firstAttempts: 1 }, effect: { hang: true, accept: true } }
    await open('transactional', { apis: {}, faults: { latencyMs: [10, 20], rules: [rule] }, env: { UNCONFIRMED_SENDS: 'retry' } })
    await scenario.publishItems(messages)
    await scenario.addWorker()
    const verdict = await finished()
    const sends = await sendsOf()
    const twice = [...sends.values()].filter((count) => count > 1).length
    console.log(`no answer, UNCONFIRMED_SENDS=retry: ${verdict.delivered} delivered, ${verdict.deadLettered} letters, sent twice ${twice}`)
    expectKept(verdict)
    expect(verdict.deadLettered).toBe(0)
    expect(sends).toEqual(new Map(messages.map((item) => [item.marker, item.person === silent && isForUser(item) ? 2 : 1])))
  }, 120_000)
})

test('a 429 of the App API closes its gate, not that of the Track API', async () => {
  const messages: NonNullable<FaultRule['match']> = { operation: ['email', 'push', 'sms', 'inApp'] }
  const throttled: FaultRule = { name: 'throttled', match: { ...messages, times: 1 }, effect: { status: 429, headers: { 'retry-after': '3' } } }
  await open('track,transactional', { limit: 120, apis: {}, faults: { latencyMs: [10, 20], rules: [throttled] }, env: { DELIVERY_MODE: 'single' } })
  await scenario.publishItems(mixed(3, generateAppTraffic({ sends: 100, people: 50, seed: 10 }), generateTraffic({ events: 900, people: 200, seed: 11, badShare: 0 })))
  await scenario.addWorker()
  const verdict = await finished()
  const arrivals = await scenario.standIn.arrivals()
  const closedAt = arrivals.find(({ status }) => status === 429)?.answeredAt ?? NaN
  // what was in flight has arrived half a second later
  const meanwhile = arrivals.filter(({ at }) => at > closedAt + 500 && at < closedAt + 2_900)
  const count = (api: string) => meanwhile.filter((arrival) => arrival.api === api).length
  console.log(`429 of the App API, Retry-After 3 s: ${count('transactional')} messages and ${count('track')} events arrived meanwhile`)
  expectKept(verdict)
  expect(verdict.refused429).toBe(1)
  expect(count('transactional')).toBe(0)
  expect(count('track')).toBeGreaterThan(60)
}, 120_000)

const seeds = (process.env.KILL_SEEDS ?? '1').split(',').map(Number)
test.each(seeds)('kill -9 and a restart: no message is lost, and of each person one at most is sent twice (seed %i)', async (seed) => {
  await open('track,transactional', { limit: 60, apis: { transactional: { limit: 48, windowMs: 1_000 } }, faults: { latencyMs: [300, 600] } })
  const messages = generateAppTraffic({ sends: 400, people: 80, seed: 20 + seed })
  await scenario.publishItems(mixed(seed, messages, generateTraffic({ events: 500, people: 80, seed: 30 + seed, badShare: 0 })))
  const [victim] = [await scenario.addWorker(), await scenario.addWorker()]
  await scenario.delivered(150 + seededChoices(seed).below(150))
  // slots come back all at once, and for most of a second nothing may be under way
  await until('messages are under way', async () => Number(/in_flight_requests\{api="transactional"\} (\d+)/.exec(await victim.metrics())?.[1]) >= 4)
  await victim.kill()
  await scenario.addWorker()
  const verdict = await finished(scenario.workers.filter((worker) => worker !== victim))
  const sends = await sendsOf()
  const twice = messages.filter(({ marker }) => (sends.get(marker) ?? 0) > 1)
  console.log(`kill -9 (seed ${seed}): lost ${verdict.lost.count}, messages sent twice ${twice.length} (two answers ${verdict.repeatedSends}), `
    + `repeated events ${verdict.duplicates.received} (uncovered ${verdict.duplicates.uncovered}), inversions ${verdict.inversions.count}; most in 1 s ${verdict.mostInWindow} and ${verdict.mostOfApis.transactional}`)
  expectKept(verdict)
  expect([...sends.keys()].toSorted()).toEqual(messages.map(({ marker }) => marker).toSorted())
  expect(Math.max(...sends.values())).toBeLessThanOrEqual(2)
  // each lane has one message under way, and goes on when that is committed
  expect(new Set(twice.map(({ person }) => person)).size).toBe(twice.length)
  // what was under way had taken effect; what had been answered and not committed yet comes on top
  expect(twice.length).toBeGreaterThan(0)
  expect(twice.length).toBeLessThanOrEqual(2 * CONCURRENCY)
}, 180_000)

test('broadcasts on a topic with twelve partitions: the worker does not start, and says what to change', async () => {
  await open('broadcast', { partitions: 12, apis: {} })
  const { code, logs } = await scenario.runWorker()
  expect(code).toBe(78)
  const told = logs.find(({ msg }) => msg === 'the cluster does not fit the settings')
  expect(told?.cause).toMatch(/^StartupError: RATE_LIMITS_FILE: 1 a window for broadcast .*12 partitions of .*use a topic of its own .* with at most 1 partition/)
}, 60_000)
