// Bad days of Customer.io.

import { setTimeout as wait } from 'node:timers/promises'
import type { FaultRule } from '../stand-in/faults.ts'
import { OTHER_CALLER, type Scenario } from '../support/scenario.ts'
import { deliveryMode } from '../support/stage.ts'
import {
  alone, EVENT_CALLS, expectCause, expectReady, expectRepeatsTold, expectSameIdAndTime, fewInBatches, followed, heal, hits, lasting, otherCaller, pageView, plan, quick, repeatedAfter,
  requestsOf, screenView, shows, told,
} from './bad-days.ts'
import { byMode, faultCase } from './fault-case.ts'
import { metric, metrics, total, until } from './looks.ts'

/** No request times out only because the machine is busy. */
const patient = { REQUEST_TIMEOUT_MS: '5000', LATEST_ARRIVAL_MS: '5500', KAFKA_SESSION_TIMEOUT_MS: '12000' }

// Failures by chance, over all requests: those that ask for the account's region as well.
for (const [percent, events, few] of [[5, 800, 6], [30, 600, 12], [60, 400, 40]] as const) {
  faultCase({
    fault: `${percent} % of all requests answered 503`,
    does: 'Tries again after a backoff, each time with a slot; the person\'s later events wait, others go on. While more than a tenth of the others\' requests fail '
      + 'nothing is given up, however often an event has failed.',
    sees: '`retries_total{cause="status_503"}` rises' + (percent < 60 ? '.' : ', `{cause="bad_day"}` with it. The breaker may open for a moment.'),
    traffic: { events, people: events / 4, ...fewInBatches(few) },
    setting: { env: quick, faults: plan({ name: 'unavailable', match: { ratio: percent / 100 }, effect: { status: 503 } }) },
    during: async () => {},
    after: async (scenario, verdict) => {
      const refused = requestsOf(await hits(scenario, 'unavailable'))
      expect(refused).toBeGreaterThan(byMode({ single: (events * percent) / 100 / 2, batch: 0 }))
      expect(verdict.deadLettered).toBe(0)
      // the account's own calls are not retries
      expect(await total(scenario.workers, 'retries_total') + await total(scenario.workers, 'batches_halved_total')).toBeGreaterThan(refused / 2)
    },
  })
}

faultCase({
  fault: 'Down (503) for a minute',
  does: 'The breaker opens: one attempt at a time, seldomer and seldomer. Nothing is dead-lettered. When one succeeds, everything that waits goes on at once.',
  sees: 'A line `breaker` with `to: open`, then `half-open` and `open` in turn, at last `closed`; `breaker_state` 2; lag grows. `/readyz` stays 200.',
  traffic: { events: 1_200 },
  setting: { env: { RETRY_CAP_MS: '5000' } },
  during: async (scenario, workers) => {
    await scenario.standIn.faults(plan({ name: 'down', effect: { status: 503 } }))
    const minute = wait(60_000)
    await until('the breakers are open', async () => (await metrics(workers, 'breaker_state')).every((state) => state === 2))
    await expectReady(workers)
    await minute
    await heal(scenario)
  },
  after: async (scenario, verdict) => {
    expect(verdict.deadLettered).toBe(0)
    for (const worker of scenario.workers) expect(['open', 'half-open', 'closed'].filter((state) => !told(worker, 'breaker', state))).toEqual([])
    // a minute at the limit would be 12,000
    expect(requestsOf(await hits(scenario, 'down'))).toBeLessThan(200)
  },
})

faultCase({
  fault: 'Credentials refused (401) for 20 s',
  does: 'Asks the account for its region, is refused as well, and sends no event until that call works. Nothing is dead-lettered.',
  sees: 'A line `breaker` with `to: refused` that names the settings to look at; `breaker_state` 3; `probes_total{result="unauthorised"}` rises. `/readyz` stays 200.',
  setting: { env: quick },
  during: async (scenario, workers) => {
    await scenario.standIn.faults(plan({ name: 'refused', effect: { status: 401, body: 'Unauthorized', headers: { 'content-type': 'text/plain' } } }))
    const over = wait(20_000)
    await until('both know that they are refused', async () => (await metrics(workers, 'breaker_state')).every((state) => state === 3))
    await expectReady(workers)
    const before = await hits(scenario, 'refused')
    await over
    const since = (await hits(scenario, 'refused')).slice(before.length)
    expect(since.length).toBeGreaterThan(2)
    expect(since.filter(({ operation }) => operation !== 'region')).toEqual([])
    await heal(scenario)
  },
  after: (scenario, verdict) => {
    expect(verdict.deadLettered).toBe(0)
    for (const worker of scenario.workers) {
      expect([told(worker, 'breaker', 'refused'), told(worker, 'breaker', 'closed'), shows(worker, /CUSTOMERIO_API_KEY/)]).toEqual([true, true, true])
    }
  },
})

faultCase({
  fault: '401 now and then (5 % of all requests) though the credentials are right',
  does: 'Asks the account for its region. That works nearly always, so what was refused is tried again after a backoff.',
  sees: '`retries_total{cause="status_401"}` and `probes_total` rise; `breaker` is `refused` for a moment when the question is refused too.',
  traffic: { events: 600, ...fewInBatches(6) },
  setting: { env: quick, faults: plan({ name: 'flaky', match: { ratio: 0.05 }, effect: { status: 401 } }) },
  during: async () => {},
  after: async (scenario, verdict) => {
    expect(requestsOf(await hits(scenario, 'flaky'))).toBeGreaterThan(byMode({ single: 10, batch: 0 }))
    expect(verdict.deadLettered).toBe(0)
  },
})

const forbidden = 'cus_190001'
faultCase({
  fault: 'A single event that is always answered 403, among healthy ones',
  does: 'The account\'s region can be asked, so it is the event: after its retries it becomes a dead letter `forbidden`. The person\'s later events are delivered then. '
    + 'A batch that is refused because of it is halved until it is alone.',
  sees: '`dead_letters_total{reason="forbidden"}` 1; `batches_halved_total` rises; the letter says `status 403 though the credentials work`.',
  traffic: { events: 800 },
  setting: { faults: plan({ name: 'forbidden', match: { person: [forbidden], operation: ['screen'] }, effect: { status: 403 } }) },
  during: async (scenario) =>
    scenario.publishItems([pageView(forbidden, 'before'), screenView(forbidden, 'the one', 'dead-letter'), pageView(forbidden, 'after'), pageView(forbidden, 'last')]),
  after: async (scenario, verdict) => {
    expect(verdict.deadLetteredBy).toEqual({ forbidden: 1 })
    const arrivals = await scenario.standIn.arrivals()
    const lastRefused = (await hits(scenario, 'forbidden')).at(-1)
    const next = arrivals.find(({ marker }) => marker === 'after')
    expect(next?.at).toBeGreaterThan(lastRefused?.answeredAt ?? Infinity)
    expect(await letterMessages(scenario)).toEqual(['status 403 though the credentials work'])
  },
})

const failing = 'cus_190002'
const failingEvents = Array.from({ length: 5 }, (_, n) => screenView(failing, `failing ${n}`, 'dead-letter'))
faultCase({
  fault: 'One person\'s events are always answered 500',
  does: 'Each of them, one after the other, becomes a dead letter `exhausted` when its retries are used up, since the others succeed. Nobody else is held up, '
    + 'but those in the same batch: it is tried once more after a backoff, then halved until the event is alone.',
  sees: '`dead_letters_total{reason="exhausted"}` rises; `retries_total{cause="status_500"}` and `batches_halved_total{cause="status_500"}`.',
  traffic: { events: 900 },
  setting: { faults: plan({ name: 'broken', match: { person: [failing] }, effect: { status: 500 } }) },
  during: async (scenario) => {
    await scenario.publishItems(failingEvents)
    await scenario.delivered(900)
    // 5 x (0.2 + 0.4 + 0.8 + 1.6 s) of backoff are longer than all others take
    expect((await scenario.letters()).length).toBeLessThan(failingEvents.length)
  },
  after: async (scenario, verdict) => {
    expect(verdict.deadLetteredBy).toEqual({ exhausted: failingEvents.length })
    const markers = failingEvents.map(({ marker }) => marker)
    expect(alone(await hits(scenario, 'broken')).map(({ marker }) => marker)).toEqual(markers.flatMap((marker) => Array.from({ length: 5 }, () => marker)))
    // one key, so one partition
    expect((await scenario.letters()).map(({ headers }) => headers.marker)).toEqual(markers)
  },
})

const remembered = 'cus_190003'
faultCase({
  fault: 'An event is always answered 500 while other workers come and go',
  does: 'How often it was tried, and when it is due again, is remembered across a rebalance for as long as its partition stays: it is not tried anew each time.',
  sees: '`rebalances_total` rises; the letter\'s `cio-dlq-attempts` is that of an event in quiet times.',
  notCovered: 'A partition that moves: its new owner begins to count anew. What was tried in a batch: after a rebalance its events are in batches with others again.',
  traffic: { events: 1_500, people: 300 },
  workers: 1,
  setting: { limit: 100, faults: plan({ name: 'broken', match: { person: [remembered] }, effect: { status: 500 } }), env: { RETRY_BASE_MS: '600' } },
  during: async (scenario) => {
    // the oldest member keeps the first partitions: see src/kafka/assignment.ts
    const item = { ...screenView(remembered, 'broken', 'dead-letter'), partition: 0 }
    await scenario.publishItems([item])
    await until('it has been tried alone', async () => alone(await hits(scenario, 'broken')).length > 0)
    // 600 + 1,200 + 2,400 + 4,800 ms of backoff: all of this happens in between
    for (let left = 3; left > 0; left -= 1) await (await scenario.addWorker()).stop()
  },
  after: async (scenario, verdict) => {
    expect(verdict.deadLetteredBy).toEqual({ exhausted: 1 })
    const attempts = alone(await hits(scenario, 'broken')).length
    // one more if the last one is answered while a rebalance begins: no letter leaves then
    expect([5, 6]).toContain(attempts)
    expect((await scenario.letters()).map(({ headers }) => headers['cio-dlq-attempts'])).toEqual([String(attempts)])
    expect(await metric(scenario.workers[0]!, 'rebalances_total')).toBeGreaterThanOrEqual(5)
  },
})

const quotaAMinute = 5
faultCase({
  fault: 'Every event answered 403 (a workspace suspended) though the account\'s own call works',
  does: 'It looks like bad events, so they become dead letters, but at most EXHAUSTED_QUOTA a minute and worker. All others keep their places until it is over.',
  sees: '`dead_letters_total{reason="forbidden"}` rises up to the quota; a line `quota` with `to: exhausted`; `dead_letter_quota_left` 0; then `retries_total{cause="quota"}`.',
  notCovered: 'The letters that the quota allows: replay them.',
  traffic: { events: 600 },
  setting: { env: { ...quick, EXHAUSTED_QUOTA: String(quotaAMinute) } },
  during: async (scenario, workers) => {
    await scenario.standIn.faults(plan({ name: 'suspended', match: { operation: EVENT_CALLS }, effect: { status: 403 } }))
    await until('the quotas are used up', () => workers.every((worker) => told(worker, 'quota', 'exhausted')))
    // long enough for all of them to be given up, if it were not for the quota
    await wait(3_000)
    await heal(scenario)
    const given = new Set((await scenario.letters()).map(({ headers }) => headers.marker))
    for (const item of scenario.published) if (given.has(item.marker)) item.expect = 'dead-letter'
  },
  after: (_, verdict) => {
    expect(verdict.deadLetteredBy).toEqual({ forbidden: 2 * quotaAMinute })
  },
})

faultCase({
  fault: 'Hung for 6 s: no answer at all, half of the requests taking effect',
  does: 'Each request times out and holds its slot until it can\'t arrive any more. The breaker opens. What took effect is sent again with the same id and timestamp.',
  sees: '`attempts_total{status="timeout"}` rises, `breaker_state` 2, `slots_free` falls.',
  setting: { env: quick },
  during: lasting(6_000, { name: 'hung, taken', match: { ratio: 0.5 }, effect: { hang: true, accept: true } }, { name: 'hung', effect: { hang: true } }),
  after: repeatedAfter('timeout'),
})

faultCase({
  fault: 'Answers that arrive after the request\'s time-out, the event having taken effect',
  does: 'Tries again with the same id and timestamp, so that Customer.io drops the repeat.',
  sees: '`attempts_total{status="timeout"}` and `retries_total{cause="timeout"}` rise.',
  traffic: { events: 700, ...fewInBatches(12) },
  setting: { faults: plan({ name: 'late', match: { ratio: 0.1 }, effect: { delayMs: [1_200, 2_000] } }) },
  during: async () => {},
  after: repeatedAfter('timeout'),
})

faultCase({
  fault: 'Torn body: the answer 200 ends before its end, the event having taken effect',
  does: 'Takes it as accepted: the server had decided by then. A batch is sent again, with the same ids and timestamps: what failed in it would have been told by the rest of the answer.',
  sees: 'Nothing; of batches `retries_total{cause="status_200"}` rises.',
  notCovered: 'A server that says 200 and does not mean it.',
  traffic: { events: 500, ...fewInBatches(12) },
  setting: { env: patient, faults: plan({ name: 'torn', match: { ratio: 0.2 }, effect: { torn: true, accept: true } }) },
  during: async () => {},
  after: async (scenario, verdict) => {
    expect((await hits(scenario, 'torn')).length).toBeGreaterThan(50)
    expect(verdict.deadLettered).toBe(0)
    if (deliveryMode() === 'single') expect(verdict.duplicates.received).toBe(0)
    else await repeatedAfter('status_200')(scenario, verdict)
  },
})

faultCase({
  fault: 'Connections torn in the middle of an answer, for 5 s, the event having taken effect',
  does: 'Of a request with one event the status counts, if it had come. All else is tried again with the same id and timestamp.',
  sees: '`attempts_total{status="network"}` and `retries_total{cause="network"}` rise.',
  setting: { env: quick, proxied: true },
  during: async (scenario) => {
    // about four answers
    scenario.toStandIn.tear(700)
    await wait(5_000)
    scenario.toStandIn.heal()
    await scenario.over()
  },
  after: async (scenario, verdict) => {
    expect(verdict.deadLettered).toBe(0)
    await expectCause(scenario, 'network')
    expect(verdict.duplicates.covered).toBeGreaterThan(0)
    await expectSameIdAndTime(scenario)
  },
})

const badGateway = { status: 502, body: '<html><h1>502 Bad Gateway</h1></html>', headers: { 'content-type': 'text/html' } }
faultCase({
  fault: '502 with an HTML page (30 % of all requests), half of the events having taken effect',
  does: 'Tries again. A 502 comes from a proxy behind which the request may still be under way, so its slot is held as after a time-out.',
  sees: '`retries_total{cause="status_502"}` rises; throughput falls, since slots are held longer.',
  traffic: { events: 500, ...fewInBatches(12) },
  setting: {
    env: quick,
    faults: plan({ name: 'gateway, taken', match: { ratio: 0.15 }, effect: { ...badGateway, accept: true } }, { name: 'gateway', match: { ratio: 0.15 }, effect: badGateway }),
  },
  during: async () => {},
  after: repeatedAfter('status_502'),
})

const redirects = (scenario: Scenario, ratio: number): FaultRule[] => [301, 302, 307].map((status, n) => ({
  // the first rule that matches decides, so later ones see less
  name: `redirect ${status}`, match: { ratio: ratio / (1 - n * ratio) }, effect: { status, headers: { location: `${scenario.standIn.url}/api/v1/elsewhere` } },
}))

faultCase({
  fault: 'Redirects (301, 302, 307) for some requests',
  does: 'Never follows one: that would be a request without a slot, perhaps to a place nobody chose. Tries again.',
  sees: '`retries_total{cause="status_301"}` and so on rise.',
  traffic: { events: 700, ...fewInBatches(6) },
  during: async (scenario) => {
    await scenario.standIn.faults(plan(...redirects(scenario, 0.05)))
    await scenario.delivered(600)
    await heal(scenario)
  },
  after: async (scenario, verdict) => {
    expect(verdict.deadLettered).toBe(0)
    for (const status of [301, 302, 307]) await expectCause(scenario, `status_${status}`)
    expect(await followed(scenario)).toEqual([])
  },
})

faultCase({
  fault: 'Redirects for every request, for 5 s',
  does: 'Never follows one; the breaker opens; nothing is dead-lettered.',
  sees: 'The line `breaker` with `to: open` names CUSTOMERIO_REGION and CUSTOMERIO_URL.',
  traffic: { events: 700 },
  setting: { env: quick },
  during: async (scenario) => lasting(5_000, ...redirects(scenario, 1 / 3))(scenario),
  after: async (scenario, verdict) => {
    expect(verdict.deadLettered).toBe(0)
    expect(await followed(scenario)).toEqual([])
    for (const worker of scenario.workers) expect([told(worker, 'breaker', 'open'), shows(worker, /CUSTOMERIO_REGION.*CUSTOMERIO_URL/)]).toEqual([true, true])
  },
})

// Computed when the case runs: a date that is over by then would be no wait.
const soon = () => new Date(Date.now() + 20_000).toUTCString()
for (const [what, retryAfter, then] of [
  ['seconds', () => '1', 'waits as long as that'],
  ['an HTTP date', soon, 'waits until then, at most RETRY_CAP_MS'],
  ['a negative number', () => '-5', 'goes on at once'],
  ['a day', () => '86400', 'waits for RETRY_CAP_MS'],
  ['something that can\'t be read', () => 'later', 'waits for a backoff'],
  ['nothing', () => undefined, 'waits for a backoff'],
] as const) {
  faultCase({
    fault: `429 with Retry-After as ${what}`,
    does: `The gate closes: ${then}. It is no attempt of the event, which keeps its place.`,
    sees: 'A line `gate` with `to: closed` and `closedForMs`; `throttled_total` rises.',
    traffic: { events: 200, people: 60 },
    workers: 1,
    setting: async () => {
      const header = retryAfter()
      const effect = { status: 429, ...(header !== undefined && { headers: { 'retry-after': header } }) }
      // a single attempt counted would be one too many
      return { env: { ...quick, ...patient, RETRY_MAX: '0' }, faults: plan({ name: 'throttled', match: { times: 3 }, effect }) }
    },
    during: async () => {},
    after: async (scenario, verdict) => {
      expect([verdict.refused429, verdict.deadLettered]).toEqual([3, 0])
      for (const worker of scenario.workers) {
        expect([await metric(worker, 'throttled_total'), told(worker, 'gate', 'closed')]).toEqual([3, true])
        const closedForMs = worker.logs.flatMap((line) => (line.what === 'gate' && line.to === 'closed' ? [line.closedForMs as number] : []))
        expect(Math.max(...closedForMs)).toBeLessThanOrEqual(2_000)
      }
    },
  })
}

faultCase({
  fault: 'Another caller uses half of the workspace\'s limit',
  does: 'The 429s close the gate. Repeated ones halve the part of the slots that is used; it grows back slowly while none comes. No 429 is an attempt.',
  sees: 'A line `gate` with `partOfSlots` below 1; `slots_usable` below `slots_owned`; `throttled_total` rises.',
  notCovered: 'Most in any 1 s counts the worker\'s own requests: both callers together are over the limit, which is why they are refused. Leave room by RATE_LIMIT_RESERVE.',
  traffic: { events: 700, ...fewInBatches(12) },
  // low, so that a machine with other work to do can use all of it
  setting: { limit: 100, env: quick },
  during: async (scenario) => {
    const other = otherCaller(scenario, scenario.limit / 2)
    try {
      const own = async () => (await scenario.standIn.arrivals()).filter(({ person, status }) => person !== OTHER_CALLER && status === 200)
      await until('all are delivered', async () => (await own()).length >= scenario.published.length)
    } finally {
      await other.stop()
    }
  },
  after: (scenario, verdict) => {
    expect(verdict.deadLettered).toBe(0)
    expect(verdict.refused429).toBeGreaterThan(5)
    const parts = scenario.workers.flatMap((worker) => worker.logs.flatMap(({ partOfSlots }) => (typeof partOfSlots === 'number' ? [partOfSlots] : [])))
    expect(Math.min(...parts)).toBeLessThanOrEqual(0.5)
  },
})

faultCase({
  fault: 'Answers take 2 s for a while, within the request\'s time-out',
  does: 'Goes on slower: CONCURRENCY bounds what is in flight. Nothing is tried twice.',
  sees: '`attempt_duration_seconds` rises, `in_flight_requests` is at CONCURRENCY; lag grows.',
  traffic: { events: 900 },
  setting: { env: { REQUEST_TIMEOUT_MS: '10000', LATEST_ARRIVAL_MS: '10500', KAFKA_SESSION_TIMEOUT_MS: '16000', KAFKA_REBALANCE_TIMEOUT_MS: '20000' } },
  during: async (scenario, workers) => {
    await scenario.standIn.faults({ latencyMs: [2_000, 2_000] })
    await until('all that may be in flight is', async () => (await metrics(workers, 'in_flight_requests')).every((count) => count === 10))
    await wait(5_000)
    await heal(scenario)
  },
  after: async (scenario, verdict) => {
    expect([verdict.duplicates.received, verdict.deadLettered]).toEqual([0, 0])
    for (const worker of scenario.workers) expect(await metric(worker, 'retries_total')).toBe(0)
  },
})

faultCase({
  fault: 'Answers take 2 s for 6 s, beyond the request\'s time-out',
  does: 'Each request takes effect and times out. The breaker opens, so that few events are sent again; those have the same id and timestamp.',
  sees: '`attempts_total{status="timeout"}` rises, `breaker_state` 2.',
  traffic: { events: 900 },
  setting: { env: quick },
  during: async (scenario) => {
    await scenario.standIn.faults({ latencyMs: [2_000, 2_000] })
    await wait(6_000)
    await heal(scenario)
  },
  after: async (scenario, verdict) => {
    expect(verdict.deadLettered).toBe(0)
    for (const worker of scenario.workers) expect([told(worker, 'breaker', 'open'), told(worker, 'breaker', 'closed')]).toEqual([true, true])
    await expectRepeatsTold(scenario)
  },
})

// What only a batch can meet.

faultCase({
  fault: 'A fifth of the operations in each batch fail for now (207), for 5 s',
  does: 'What was accepted is done. Each of the others is tried again after a backoff, by itself.',
  sees: '`attempts_total{status="207"}` and `retries_total{cause="status_207"}` rise.',
  onlyMode: 'batch',
  setting: { env: quick },
  during: lasting(5_000, { name: 'partly', effect: { partial: { ratio: 0.2, reason: 'internal' } } }),
  after: async (scenario, verdict) => {
    expect((await hits(scenario, 'partly')).length).toBeGreaterThan(20)
    expect([verdict.duplicates.received, verdict.deadLettered]).toEqual([0, 0])
    await expectCause(scenario, 'status_207')
  },
})

faultCase({
  fault: 'All operations of all batches fail for now (207), for 6 s',
  does: 'As if each batch were answered 503: all of it is tried again after a backoff, and the breaker opens if hardly anything else gets through. Nothing is dead-lettered.',
  sees: '`attempts_total{status="207"}` and `retries_total{cause="status_207"}` rise.',
  onlyMode: 'batch',
  setting: { env: quick },
  during: lasting(6_000, { name: 'none of them', effect: { partial: { reason: 'rate_limit' } } }),
  after: async (scenario, verdict) => {
    expect(verdict.deadLettered).toBe(0)
    await expectCause(scenario, 'status_207')
    expect(requestsOf(await hits(scenario, 'none of them'))).toBeGreaterThan(5)
  },
})

const refused = ['cus_190004', 'cus_190005', 'cus_190006']
faultCase({
  fault: 'Batches refused as a whole (400) because of three bad events',
  does: 'Halves them, and the halves, until each bad event is alone: that one becomes a dead letter `rejected`. All others are delivered.',
  sees: '`batches_halved_total{cause="rejected"}` rises; `dead_letters_total{reason="rejected"}` 3.',
  onlyMode: 'batch',
  traffic: { events: 600 },
  setting: { env: quick, faults: plan({ name: 'bad', match: { person: refused }, effect: { status: 400 } }) },
  during: async (scenario) => scenario.publishItems(refused.map((person) => screenView(person, `bad of ${person}`, 'dead-letter'))),
  after: async (scenario, verdict) => {
    expect([verdict.deadLetteredBy, verdict.duplicates.received]).toEqual([{ rejected: 3 }, 0])
    expect(alone(await hits(scenario, 'bad'))).toHaveLength(3)
    expect(await total(scenario.workers, 'batches_halved_total')).toBeGreaterThan(0)
  },
})

faultCase({
  fault: 'Batches of more than five operations are too large (413), for 5 s',
  does: 'Sends them in halves, and these in halves, at once. Each takes a slot. Nothing is dead-lettered.',
  sees: '`batches_halved_total{cause="rejected"}` and `attempts_total{status="413"}` rise.',
  onlyMode: 'batch',
  setting: { env: quick },
  during: lasting(5_000, { name: 'too large', match: { atLeastOperations: 6 }, effect: { status: 413 } }),
  after: async (scenario, verdict) => {
    expect(requestsOf(await hits(scenario, 'too large'))).toBeGreaterThan(3)
    expect([verdict.duplicates.received, verdict.deadLettered]).toEqual([0, 0])
    expect(await total(scenario.workers, 'batches_halved_total')).toBeGreaterThan(0)
  },
})

const letterMessages = async (scenario: Scenario) => (await scenario.letters()).map(({ headers }) => headers['cio-dlq-message'])
