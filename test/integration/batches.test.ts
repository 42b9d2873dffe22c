// Batch mode, with real workers on a real Kafka, judged by what arrived at the stand-in and by the two topics.

import { metric, until } from '../faults/looks.ts'
import { playBatchRun } from '../load/batch-run.ts'
import type { Arrival } from '../stand-in/account.ts'
import type { FaultPlan, FaultRule } from '../stand-in/faults.ts'
import { isAccepted } from '../support/matching.ts'
import { openScenario, type Scenario, type ScenarioOptions } from '../support/scenario.ts'
import { generateTraffic, trackOf, type TrafficItem } from '../support/traffic.ts'
import type { Verdict } from '../support/verdict.ts'

/** As in production: nothing here waits for the end of a session, and on a busy machine a request must not time out that was not meant to. */
const patient = {
  KAFKA_SESSION_TIMEOUT_MS: '30000', KAFKA_REBALANCE_TIMEOUT_MS: '60000', REQUEST_TIMEOUT_MS: '10000', LATEST_ARRIVAL_MS: '15000', LONGEST_PAUSE_MS: '5000',
}
const inBatches = { unit: 'request', env: { ...patient, DELIVERY_MODE: 'batch' } } satisfies ScenarioOptions
const oneByOne = { unit: 'request', env: { ...patient, DELIVERY_MODE: 'single' } } satisfies ScenarioOptions

let scenarios: Scenario[] = []
const open = async (options: ScenarioOptions): Promise<Scenario> => {
  const scenario = await openScenario(options)
  scenarios.push(scenario)
  return scenario
}
afterEach(async () => {
  const opened = scenarios.toReversed()
  scenarios = []
  // all of them, whatever comes of one
  const ends = await Promise.allSettled(opened.map(async (scenario) => scenario.close()))
  for (const end of ends) if (end.status === 'rejected') throw end.reason
})

/** All promises at once; the figures are in the message when one is broken. */
function expectKept(verdict: Verdict): void {
  expect(verdict.failures).toEqual([])
  expect(verdict.delivered + verdict.deadLettered).toBe(verdict.published)
}

describe('the same events in both modes', () => {
  /** Every call of the Track API; those of the App API go one by one in either mode. */
  const OPERATIONS = [
    'addDevice', 'addRelationships', 'addToSegment', 'deleteDevice', 'deleteObject', 'deleteRelationships', 'destroy', 'formSubmit', 'identify', 'identifyObject', 'merge',
    'page', 'removeFromSegment', 'reportMetric', 'screen', 'suppress', 'track', 'trackAnonymous', 'unsubscribe', 'unsuppress',
  ]
  const USUAL = { seeds: [4, 5], events: 800 }
  const seeds = process.env.SEEDS?.split(',').map(Number) ?? USUAL.seeds
  const trafficOf = (seed: number, events: number) => generateTraffic({ events, people: 30, seed, operations: 'all' })
  const kindsOf = (items: readonly TrafficItem[]) => [...new Set(items.filter(({ expect: end }) => end === 'delivered').map(({ type }) => type))].toSorted()
  const goodDay: FaultPlan = { latencyMs: [5, 15] }
  const badDay: FaultPlan = {
    ...goodDay,
    rules: [
      { name: 'unavailable', match: { ratio: 0.05 }, effect: { status: 503 } },
      { name: 'partly', effect: { partial: { ratio: 0.02, reason: 'internal_error' } } },
    ],
  }

  /** What was accepted, as the calls say it: the state does not tell all, such as the time of an identify. */
  async function askedOf({ standIn }: Scenario): Promise<string[]> {
    const accepted = (await standIn.arrivals()).filter(isAccepted)
    return [...new Set(accepted.map(({ operation, person, subject, eventId, timestamp, marker }) => [operation, person, subject, eventId, timestamp, marker].join(' ')))].toSorted()
  }

  test.each(seeds)('have the same effect, whatever fails in between (seed %i)', async (seed) => {
    const reference = await open({ ...oneByOne, limit: 1_000, faults: goodDay })
    const others = await Promise.all([{ ...inBatches, faults: goodDay }, { ...oneByOne, faults: badDay }, { ...inBatches, faults: badDay }]
      .map(async (options) => open({ limit: 1_000, seed, twinOf: reference, ...options })))
    const all = [reference, ...others]
    await reference.publishItems(trafficOf(seed, Number(process.env.EVENTS ?? USUAL.events)))
    await Promise.all(all.map(async (scenario) => scenario.addWorker()))
    const verdicts = await Promise.all(all.map(async (scenario) => scenario.done(150_000)))
    const requests = await Promise.all(all.map(async ({ standIn }) => (await standIn.account()).requests))
    const [single, batch, singleOnBadDay, batchOnBadDay] = requests as [number, number, number, number]
    console.log(`equivalence, seed ${seed}: ${verdicts[0]?.delivered} operations of ${kindsOf(reference.published).length} kinds compared; `
      + `requests ${single} one by one, ${batch} in batches; with 5 % of requests failing ${singleOnBadDay} and ${batchOnBadDay}`)
    for (const verdict of verdicts) expectKept(verdict)
    const expected = [await reference.standIn.state(), await askedOf(reference)]
    for (const other of others) expect([await other.standIn.state(), await askedOf(other)]).toEqual(expected)
    // or they were no batches
    expect(batch).toBeLessThan(single / 2)
    expect(batchOnBadDay).toBeLessThan(singleOnBadDay / 2)
  }, 240_000)

  test.each(USUAL.seeds)('are of all kinds (seed %i)', (seed) => expect(kindsOf(trafficOf(seed, USUAL.events))).toEqual(OPERATIONS))
})

describe('what goes wrong in a batch', () => {
  /** One event each of so many people, so that all of them can share a request. */
  const crowd = (size: number, dataBytes = 0): TrafficItem[] => Array.from({ length: size }, (_, n) => trackOf(`person-${n}`, `e-${n}`, { dataBytes }))
  const BAD = ['person-41', 'person-187', 'person-305']
  /** Customer.io refuses what is of these people, whatever it is sent with: the only proper end of it is a letter. */
  const withBad = (items: TrafficItem[]): TrafficItem[] => items.map((item) => (BAD.includes(item.person ?? '') ? { ...item, expect: 'dead-letter' } : item))
  /** Requests by which so many bad ones of a batch are found by halving it: at each level they are in as many parts at most, and each part has a sibling. */
  const toFind = (bad: number, size: number): number => 1 + 2 * bad * Math.ceil(Math.log2(size))

  interface Run {
    scenario: Scenario
    verdict: Verdict
    /** Each with all that it carried. */
    requests: Arrival[][]
  }

  /**
   * Publishes the events, then starts a worker: its slots open a second after it has its partitions, and by then it has read them all. So the first
   * request carries as much as it may.
   */
  async function run(name: string, items: TrafficItem[], faults: FaultPlan, env: Record<string, string> = {}): Promise<Run> {
    const scenario = await open({ ...inBatches, faults: { latencyMs: [10, 20], ...faults }, env: { ...inBatches.env, ...env } })
    await scenario.publishItems(items)
    const worker = await scenario.addWorker()
    await scenario.done(30_000)
    // what took effect without an answer is still to be sent again
    await until('nothing is left to do', async () => (await metric(worker, 'pending_records')) === 0, 30_000)
    const verdict = await scenario.verdict()
    const requests = [...Map.groupBy(await scenario.standIn.arrivals(), ({ request }) => request).values()]
    console.log(`${name}: ${items.length} events, ${requests.length} requests (of ${sizes(requests).join(', ')} operations), ${verdict.delivered} delivered, `
      + `dead letters ${JSON.stringify(verdict.deadLetteredBy)}, repeats ${verdict.duplicates.received} (uncovered ${verdict.duplicates.uncovered})`)
    expectKept(verdict)
    return { scenario, verdict, requests }
  }

  const sizes = (requests: Arrival[][]): number[] => requests.map(({ length }) => length)
  const statuses = (requests: Arrival[][]): (number | null)[] => requests.flatMap(([first]) => first?.status ?? null)
  async function lettersOf({ letters }: Scenario): Promise<string[]> {
    const names = ['marker', 'cio-dlq-reason', 'cio-dlq-http-status', 'cio-dlq-attempts', 'cio-dlq-message']
    return (await letters()).map(({ headers }) => names.map((name) => headers[name]).join(' ')).toSorted()
  }

  test('207: who failed is a dead letter, in the words of the server; all others are delivered, in one request', async () => {
    const partial = { person: BAD, reason: 'invalid', field: 'attributes.total', message: 'must be a number' }
    const { scenario, requests } = await run('207, 3 bad of 500', withBad(crowd(500)), { rules: [{ name: 'bad', effect: { partial } }] })
    expect(sizes(requests)).toEqual([500])
    expect(await lettersOf(scenario)).toEqual(['e-187', 'e-305', 'e-41'].map((marker) => `${marker} rejected 207 1 invalid: attributes.total: must be a number`))
  }, 120_000)

  test('errors on a plain 200 are no less', async () => {
    const rule: FaultRule = { name: 'bad', effect: { partial: { person: BAD, asStatus: 200 } } }
    const { scenario, requests } = await run('200 with errors, 3 bad of 500', withBad(crowd(500)), { rules: [rule] })
    expect(sizes(requests)).toEqual([500])
    expect(await lettersOf(scenario)).toEqual(['e-187', 'e-305', 'e-41'].map((marker) => `${marker} rejected 200 1 invalid: fault: bad`))
  }, 120_000)

  test('207 for a passing reason: only who failed is sent again', async () => {
    const rule = { name: 'busy', match: { times: 1 }, effect: { partial: { person: BAD, reason: 'rate_limited' } } }
    const { verdict, requests } = await run('207, 3 of 500 for now', crowd(500), { rules: [rule] })
    expect(sizes(requests)[0]).toBe(500)
    expect(sizes(requests).slice(1).reduce((sum, size) => sum + size, 0)).toBe(3)
    expect(verdict.duplicates.received).toBe(0)
  }, 120_000)

  test('207 that does not say which: halved until it is known; what had been accepted can be told by its id', async () => {
    const rule: FaultRule = { name: 'bad', effect: { partial: { person: BAD, withoutIndex: true } } }
    const { scenario, requests } = await run('207 without places, 3 bad of 500', withBad(crowd(500)), { rules: [rule] })
    expect(sizes(requests)[0]).toBe(500)
    expect(requests.length).toBeLessThanOrEqual(toFind(BAD.length, 500))
    expect(await lettersOf(scenario)).toHaveLength(3)
  }, 120_000)

  test('400 for a whole batch: exactly the bad ones are dead letters, after a bounded number of requests', async () => {
    const body = JSON.stringify({ errors: [{ reason: 'invalid', field: 'attributes', message: 'no good' }] })
    const rule = { name: 'bad', match: { operation: ['batch' as const], person: BAD }, effect: { status: 400, body } }
    const { scenario, verdict, requests } = await run('400, 3 bad of 500', withBad(crowd(500)), { rules: [rule] })
    expect(sizes(requests)[0]).toBe(500)
    expect(requests.length).toBeLessThanOrEqual(toFind(BAD.length, 500))
    expect(verdict.delivered).toBe(497)
    expect(verdict.duplicates.received).toBe(0)
    const said = '{"reason":"invalid","field":"attributes","message":"no good"}'
    expect(await lettersOf(scenario)).toEqual(['e-187', 'e-305', 'e-41'].map((marker) => `${marker} rejected 400 1 ${said}`))
  }, 120_000)

  test('413 above so many operations: halved until it fits', async () => {
    const rule = { name: 'too many', match: { operation: ['batch' as const], atLeastOperations: 101 }, effect: { status: 413 } }
    const { verdict, requests } = await run('413 from 101 operations on', crowd(500), { rules: [rule] })
    expect(sizes(requests).toSorted((a, b) => b - a)).toEqual([500, 250, 250, 125, 125, 125, 125, 63, 63, 63, 63, 62, 62, 62, 62])
    expect(verdict.delivered).toBe(500)
  }, 120_000)

  test('413 above so many bytes: halved until it fits; an event that is too large by itself goes by the call for one', async () => {
    const large = [trackOf('large-1', 'l-1', { dataBytes: 25_000 }), trackOf('large-2', 'l-2', { dataBytes: 25_000 })]
    const rule = { name: 'too large', match: { operation: ['batch' as const], atLeastBytes: 20_000 }, effect: { status: 413 } }
    const { verdict, requests } = await run('413 from 20,000 bytes on', [...crowd(200), ...large], { rules: [rule] })
    expect(verdict.delivered).toBe(202)
    expect(sizes(requests)[0]).toBe(202)
    for (const { marker } of large) {
      const last = requests.findLast(([first]) => first?.marker === marker)
      expect(last?.map(({ status }) => status)).toEqual([200])
    }
  }, 120_000)

  test('over 32,000 bytes an event goes alone, by v1; over 100,000 it is a dead letter; batches stay below 480,000 bytes', async () => {
    const items = [
      ...crowd(40, 20_000), trackOf('large-1', 'l-1', { dataBytes: 33_000 }), trackOf('large-2', 'l-2', { dataBytes: 99_000 }),
      trackOf('large-3', 'l-3', { dataBytes: 100_001, flaw: 'too large' }), trackOf('large-4', 'l-4', { dataBytes: 31_700 }),
    ]
    const { scenario, requests } = await run('32 kB', items, {})
    // the stand-in refuses what is over 500,000 bytes, or has an operation over 32,000 bytes in it
    expect(statuses(requests)).toEqual(requests.map(() => 200))
    for (const marker of ['l-1', 'l-2']) expect(requests.find((carried) => carried.some((arrival) => arrival.marker === marker))).toHaveLength(1)
    // 24 of 20 kB are more than 480,000 bytes
    expect(Math.max(...sizes(requests))).toBeLessThanOrEqual(23)
    expect(requests.length).toBeLessThanOrEqual(5)
    expect(await lettersOf(scenario)).toEqual(['l-3 event_too_large  0 the event\'s data is over 100000 bytes'])
  }, 120_000)

  test.each([
    ['took effect, and its 200 was cut short', { torn: true, accept: true }],
    ['took no effect, and its 200 was cut short', { torn: true }],
    ['took effect, and its 207 was cut short', { status: 207, body: '{"errors":[{"batch_', headers: { 'content-length': '500', connection: 'close' }, accept: true }],
    ['timed out and took effect', { hang: true, accept: true }],
    ['timed out and took no effect', { hang: true }],
    ['was reset and took effect', { reset: 'after' }],
  ] as const)('a batch that %s is sent again, as it was', async (what, effect) => {
    const rule: FaultRule = { name: 'once', match: { operation: ['batch'], times: 1 }, effect }
    const { verdict, requests } = await run(`a batch that ${what}`, crowd(300), { rules: [rule] }, { REQUEST_TIMEOUT_MS: '3000' })
    expect(sizes(requests)).toEqual([300, 300])
    const said = requests.map((carried) => carried.map(({ eventId, timestamp, marker }) => [eventId, timestamp, marker]))
    expect(said[1]).toEqual(said[0])
    expect(verdict.delivered).toBe(300)
    expect(verdict.duplicates.uncovered).toBe(0)
  }, 120_000)

  test('people whose ids look like an e-mail address, or like one of Customer.io\'s own, go alone', async () => {
    const special = Array.from({ length: 20 }, (_, n) => trackOf(n % 2 === 0 ? `zoë.${n}@shop.example` : `cio_0${n}`, `s-${n}`, {}))
    const { requests } = await run('ids that look like something else', [...crowd(200), ...special], {})
    for (const { marker } of special) expect(requests.find((carried) => carried.some((arrival) => arrival.marker === marker))).toHaveLength(1)
    expect(Math.max(...sizes(requests))).toBe(200)
    expect(requests).toHaveLength(21)
  }, 120_000)
})

test.each(['refused', 'passing'] as const)('requests and operations fail (%s), and a worker is killed under load', async (kind) => {
  const { line, broken, figures } = await playBatchRun({ seed: 9, events: 4_000, kind })
  console.log(line)
  expect(broken).toEqual([])
  // a full batch has a hundred or more: far fewer requests than events
  expect(figures.requests).toBeLessThan(figures.events / 4)
}, 300_000)
