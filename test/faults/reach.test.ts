// The way to Customer.io: the network, the region, the address, TLS.

import { once } from 'node:events'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { setTimeout as wait } from 'node:timers/promises'
import type { FaultRule } from '../stand-in/faults.ts'
import { certificateAuthority } from '../support/kafka/certificates.ts'
import type { Scenario } from '../support/scenario.ts'
import { EVENT_CALLS, expectCause, expectReady, expectRepeatsTold, expectSameIdAndTime, fewInBatches, followed, heal, hits, lasting, plan, quick, shows, told } from './bad-days.ts'
import { faultCase } from './fault-case.ts'
import { until } from './looks.ts'

for (const when of ['before', 'after'] as const) {
  faultCase({
    fault: `Connections reset ${when} the event took effect (10 % of all requests)`,
    does: when === 'before' ? 'Tries again.' : 'Tries again with the same id and timestamp, so that Customer.io drops the repeat.',
    sees: '`attempts_total{status="network"}` and `retries_total{cause="network"}` rise.',
    traffic: { events: 600, ...fewInBatches(12) },
    setting: { faults: plan({ name: 'reset', match: { ratio: 0.1 }, effect: { reset: when } }) },
    during: async () => {},
    after: async (scenario, verdict) => {
      expect(verdict.deadLettered).toBe(0)
      await expectCause(scenario, 'network')
      if (when === 'after') await expectRepeatsTold(scenario)
      else await expectSameIdAndTime(scenario)
    },
  })
}

faultCase({
  fault: 'Nobody listens: connections refused for 5 s',
  does: 'The breaker opens; nothing is dead-lettered.',
  sees: '`attempts_total{status="network"}` rises; the line `breaker` with `to: open` tells the code of the network\'s error.',
  traffic: { events: 900 },
  setting: { env: quick, proxied: true },
  during: async (scenario) => {
    scenario.toStandIn.refuse()
    scenario.toStandIn.reset()
    await wait(5_000)
    scenario.toStandIn.heal()
    await scenario.over()
  },
  after: async (scenario, verdict) => {
    expect(verdict.deadLettered).toBe(0)
    await expectCause(scenario, 'network')
    for (const worker of scenario.workers) expect([told(worker, 'breaker', 'open'), shows(worker, /ECONNRESET|UND_ERR_SOCKET/)]).toEqual([true, true])
  },
})

for (const [way, what] of [['both', 'both ways'], ['up', 'towards it'], ['down', 'of its answers']] as const) {
  faultCase({
    fault: `Network to Customer.io stalled for 8 s: ${what}`,
    does: way === 'up'
      ? 'Requests time out, and the breaker opens.'
      : 'Requests time out, and the breaker opens. What took effect is sent again with the same id and timestamp.',
    sees: '`attempts_total{status="timeout"}` rises, `breaker_state` 2.',
    traffic: { events: 900 },
    setting: { env: quick, proxied: true },
    during: async (scenario) => {
      scenario.toStandIn.stall(way)
      await wait(8_000)
      scenario.toStandIn.heal()
      await scenario.over()
    },
    after: async (scenario, verdict) => {
      expect(verdict.deadLettered).toBe(0)
      await expectCause(scenario, 'timeout')
      await expectSameIdAndTime(scenario)
      if (way === 'down') expect(verdict.duplicates.covered).toBeGreaterThan(0)
    },
  })
}

faultCase({
  fault: 'Every request answered 404 for 5 s: misrouted, or a wrong path in CUSTOMERIO_URL',
  does: 'The account\'s own call is answered 404 as well, so it is not the events: none is sent until that call works. Nothing is dead-lettered.',
  sees: 'A line `breaker` with `to: refused` that names CUSTOMERIO_URL; `breaker_state` 3.',
  traffic: { events: 700 },
  setting: { env: quick },
  during: lasting(5_000, { name: 'nowhere', effect: { status: 404 } }),
  after: (scenario, verdict) => {
    expect(verdict.deadLettered).toBe(0)
    for (const worker of scenario.workers) expect([told(worker, 'breaker', 'refused'), shows(worker, /CUSTOMERIO_URL/)]).toEqual([true, true])
  },
})

faultCase({
  fault: 'A proxy\'s page in place of the answers: 200 with HTML, for 5 s',
  does: 'That is no answer of Customer.io: tries again. The breaker opens.',
  sees: 'The line `breaker` with `to: open` names CUSTOMERIO_URL.',
  traffic: { events: 700 },
  setting: { env: quick },
  during: lasting(5_000, { name: 'page', effect: { status: 200, body: '<html>Please log in</html>', headers: { 'content-type': 'text/html' } } }),
  after: async (scenario, verdict) => {
    expect(verdict.deadLettered).toBe(0)
    const arrivals = await scenario.standIn.arrivals()
    const delivered = new Set(arrivals.filter(({ fault, status }) => fault === null && status === 200).map(({ marker }) => marker))
    const shown = (await hits(scenario, 'page')).filter(({ marker }) => marker !== null)
    expect(shown.length).toBeGreaterThan(10)
    expect(shown.filter(({ marker }) => !delivered.has(marker))).toEqual([])
    for (const worker of scenario.workers) expect(shows(worker, /CUSTOMERIO_URL/)).toBe(true)
  },
})

// Settings that lead to the wrong place. They can't be mended in a running process: another one takes over.

interface Misled {
  /** What the log must show. */
  tells: RegExp
  /** Settings of the misled worker. */
  env: (scenario: Scenario) => Promise<Record<string, string>> | Record<string, string>
  rules?: (scenario: Scenario) => FaultRule[]
}

/** A worker with wrong settings, which is replaced by one with the right ones. */
const misled = ({ tells, env, rules }: Misled) => ({
  traffic: { events: 400 },
  workers: 0,
  setting: { env: quick },
  during: async (scenario: Scenario): Promise<void> => {
    await scenario.standIn.faults(plan(...(rules?.(scenario) ?? [])))
    const wrong = await scenario.addWorker(await env(scenario))
    await until(`the log shows ${tells}`, () => shows(wrong, tells), 30_000)
    // as long as the retries of an event take, and more
    await wait(4_000)
    await expectReady([wrong])
    expect(await scenario.accepted() - (await scenario.standIn.arrivals()).filter(({ operation, status }) => operation === 'region' && status === 200).length).toBe(0)
    expect(await scenario.letters()).toEqual([])
    expect(await wrong.stop()).toEqual({ code: 0, signal: null })
    await heal(scenario)
    await scenario.addWorker()
  },
})

faultCase({
  fault: 'Wrong region: events refused (401), and the account\'s own call tells the other region',
  does: 'Sends no event until the setting is mended. Nothing is dead-lettered.',
  sees: 'A line `breaker` with `to: refused` that names CUSTOMERIO_REGION and the region that the account is in; `breaker_state` 3. `/readyz` stays 200.',
  ...misled({
    tells: /CUSTOMERIO_REGION/,
    env: () => ({ CUSTOMERIO_REGION: 'eu' }),
    rules: () => [{ name: 'wrong region', match: { operation: EVENT_CALLS }, effect: { status: 401 } }],
  }),
  after: (_, verdict) => expect(verdict.deadLettered).toBe(0),
})

faultCase({
  fault: 'Wrong region: events redirected to the other one',
  does: 'Never follows: the data would go to a region that nobody chose. Nothing is dead-lettered.',
  sees: 'A line that names CUSTOMERIO_REGION.',
  ...misled({
    tells: /CUSTOMERIO_REGION/,
    env: () => ({}),
    rules: (scenario) => [
      { name: 'elsewhere', match: { operation: EVENT_CALLS }, effect: { status: 301, headers: { location: `${scenario.standIn.url}/api/v1/elsewhere` } } },
      { name: 'the account', effect: { status: 200, body: '{"region":"eu","data_center":"eu","environment_id":1}' } },
    ],
  }),
  after: async (scenario, verdict) => {
    expect(verdict.deadLettered).toBe(0)
    expect(await followed(scenario)).toEqual([])
  },
})

faultCase({
  fault: 'The name in CUSTOMERIO_URL does not resolve',
  does: 'The breaker opens; nothing is dead-lettered. A worker with the right setting goes on where nothing was done.',
  sees: 'The line `breaker` with `to: open` tells the code: ENOTFOUND or EAI_AGAIN.',
  ...misled({ tells: /ENOTFOUND|EAI_AGAIN/, env: () => ({ CUSTOMERIO_URL: 'http://customerio.invalid:8080' }) }),
  after: (_, verdict) => expect(verdict.deadLettered).toBe(0),
})

faultCase({
  fault: 'TLS: a certificate that nobody vouches for',
  does: 'Sends nothing over such a connection. The breaker opens; nothing is dead-lettered.',
  sees: 'The line `breaker` with `to: open` tells the code, such as UNABLE_TO_VERIFY_LEAF_SIGNATURE.',
  traffic: { events: 400 },
  workers: 0,
  setting: { env: quick },
  during: async (scenario) => {
    const { cert, key } = certificateAuthority('nobody').issue('localhost', ['127.0.0.1'])
    const received: string[] = []
    const server = createServer({ cert, key }, (request, response) => {
      received.push(request.url ?? '')
      response.end('{}')
    })
    await once(server.listen(0, '127.0.0.1'), 'listening')
    try {
      await misled({ tells: /UNABLE_TO_VERIFY|SELF_SIGNED/, env: () => ({ CUSTOMERIO_URL: `https://127.0.0.1:${(server.address() as AddressInfo).port}` }) }).during(scenario)
      expect(received).toEqual([])
    } finally {
      server.closeAllConnections()
      server.close()
    }
  },
  after: (_, verdict) => expect(verdict.deadLettered).toBe(0),
})
