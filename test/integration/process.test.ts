// The process as its operator meets it: settings, exit codes, signals, HTTP.

import { execFile } from 'node:child_process'
import { setTimeout as wait } from 'node:timers/promises'
import { openScenario, testBrokers, type Scenario, type ScenarioOptions } from '../support/scenario.ts'
import { createTopics, deleteTopics, uniquePrefix } from '../support/topics.ts'
import type { LogLine } from '../support/worker-process.ts'

/** Runs src/main.ts to its end. */
async function runMain(env: Record<string, string>, ...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  return new Promise((resolve) => {
    execFile(process.execPath, ['src/main.ts', ...args], { env: { PATH: process.env.PATH, ...env }, timeout: 60_000 }, (error, stdout, stderr) => {
      resolve({ code: error ? Number(error.code ?? -1) : 0, stdout, stderr })
    })
  })
}

const good = { KAFKA_BROKERS: '127.0.0.1:1', CUSTOMERIO_SITE_ID: 'site', CUSTOMERIO_API_KEY: 'very-secret-key', CUSTOMERIO_REGION: 'eu', HTTP_PORT: '0' }

test('wrong settings: exit code 78, one line a fault, all at once, no secret', async () => {
  const { code, stdout, stderr } = await runMain({ ...good, CUSTOMERIO_REGION: 'mars', CONCURRENCY: '0', KAFKA_BROKERS: '', KAFKA_SASL_MECHANISM: 'plain', KAFKA_SASL_PASSWORD: 'hidden-pass' })
  expect(code).toBe(78)
  expect(stdout).toBe('')
  expect(stderr.trim().split('\n').map((line) => line.split(':')[0]).toSorted()).toEqual(['CONCURRENCY', 'CUSTOMERIO_REGION', 'KAFKA_BROKERS', 'KAFKA_SASL_USERNAME'])
  expect(stderr).toContain('"mars"')
  expect(stderr).not.toMatch(/very-secret-key|hidden-pass/)
}, 30_000)

test('--check-config prints what is in force, secrets masked', async () => {
  const { code, stdout } = await runMain(good, '--check-config')
  expect(code).toBe(0)
  expect(stdout).toMatch(/^RATE_LIMIT=100$/m)
  expect(stdout).toMatch(/^CUSTOMERIO_REGION=eu$/m)
  expect(stdout).toMatch(/^CUSTOMERIO_API_KEY=\*{8}$/m)
  expect(stdout).not.toContain('very-secret-key')
}, 30_000)

describe('a cluster that does not fit', () => {
  const prefix = uniquePrefix()
  const topics = [
    { topic: `${prefix}-events`, partitions: 12 },
    { topic: `${prefix}-small`, partitions: 1 },
    { topic: `${prefix}-dlq`, partitions: 1, config: { 'max.message.bytes': '1200000' } },
  ]
  beforeAll(async () => createTopics(testBrokers(), topics))
  afterAll(async () => deleteTopics(testBrokers(), topics.map(({ topic }) => topic)))

  test.each([
    ['the topic is missing', { KAFKA_TOPIC: `${prefix}-none`, KAFKA_DLQ_TOPIC: `${prefix}-dlq` }, /KAFKA_TOPIC: the topic .* does not exist/],
    ['the dead-letter topic is missing', { KAFKA_TOPIC: `${prefix}-events`, KAFKA_DLQ_TOPIC: `${prefix}-none` }, /KAFKA_DLQ_TOPIC: the topic .* does not exist/],
    ['the dead-letter topic takes less than the source', { KAFKA_TOPIC: `${prefix}-events`, KAFKA_DLQ_TOPIC: `${prefix}-small` }, /max\.message\.bytes of .* must be at least/],
    ['the limit is below the partitions', { KAFKA_TOPIC: `${prefix}-events`, KAFKA_DLQ_TOPIC: `${prefix}-dlq`, RATE_LIMIT: '30' }, /can't be shared among the 12 partitions/],
    [
      'the events are broadcasts',
      { KAFKA_TOPIC: `${prefix}-events`, KAFKA_DLQ_TOPIC: `${prefix}-dlq`, APIS: 'broadcast', CUSTOMERIO_APP_API_KEY: 'app-key' },
      /1 a window for broadcast .* topic of its own .* at most 1 partition,/,
    ],
  ])('%s: exit code 78 and what to change', async (_, env, message) => {
    const { code, stdout } = await runMain({ ...good, KAFKA_BROKERS: testBrokers().join(','), ...env })
    expect(stdout).toMatch(message)
    expect(code).toBe(78)
  }, 30_000)
})

describe('a running worker', () => {
  let scenario: Scenario
  const open = async (options?: ScenarioOptions) => { scenario = await openScenario({ partitions: 3, limit: 50, ...options }) }
  const said = (logs: readonly LogLine[], msg: RegExp) => logs.find((line) => msg.test(line.msg ?? ''))
  afterEach(async () => scenario.close())

  test('HTTP answers GET on its paths, and nothing else', async () => {
    await open()
    const { port } = await scenario.addWorker()
    const ask = async (path: string, method = 'GET') => fetch(`http://127.0.0.1:${port}${path}`, { method })
    for (const path of ['/healthz', '/readyz', '/startupz', '/metrics']) expect((await ask(path)).status).toBe(200)
    expect((await ask('/')).status).toBe(404)
    expect((await ask('/healthz', 'POST')).status).toBe(405)
    // the slots open one window after the assignment
    while (!/^customerio_worker_slots_owned\{api="track"\} 50$/m.test(await (await ask('/metrics')).text())) await wait(50)
    while (!/^customerio_worker_held_by\{api="track",reason="idle"\} 1$/m.test(await (await ask('/metrics')).text())) await wait(50)
    expect(await (await ask('/readyz?verbose')).json()).toMatchObject({
      ready: true, why: 'ready', group: { joined: true, partitions: [0, 1, 2], fence: 'open' }, apis: { track: { sending: { state: 'idle' }, slots: { owned: 50 } } },
    })
  }, 60_000)

  test('SIGTERM does not wait for a backoff: what waits stays uncommitted, and the next worker delivers it', async () => {
    await open({ faults: { rules: [{ name: 'down', match: { times: 5 }, effect: { status: 503 } }] } })
    await scenario.publish({ events: 20, people: 20, seed: 1, badShare: 0 })
    const worker = await scenario.addWorker({ RETRY_BASE_MS: '600000', RETRY_CAP_MS: '600000' })
    // in batch mode all events may share one request
    while ((await scenario.standIn.account()).byStatus['503'] === undefined) await wait(50)
    expect(await worker.stop()).toEqual({ code: 0, signal: null })
    await scenario.addWorker()
    expect((await scenario.done()).failures).toEqual([])
  }, 120_000)

  const hanging = { rules: [{ name: 'hang', match: { untilMs: 15_000 }, effect: { hang: true as const } }] }

  test('past the deadline: exit code not 0, the log says what was left, and nothing is lost', async () => {
    await open({ faults: hanging })
    await scenario.publish({ events: 20, people: 20, seed: 1, badShare: 0 })
    const worker = await scenario.addWorker({ REQUEST_TIMEOUT_MS: '1500', SHUTDOWN_DEADLINE_MS: '300' })
    while ((await scenario.standIn.account()).requests < 1) await wait(20)
    expect(await worker.stop()).toEqual({ code: 3, signal: null })
    expect(said(worker.logs, /not finished within the deadline/)).toMatchObject({ inFlight: expect.any(Number), records: expect.any(Number) })
    await scenario.standIn.faults({})
    await scenario.addWorker()
    expect((await scenario.done()).failures).toEqual([])
  }, 120_000)

  test('a second signal exits at once', async () => {
    await open({ faults: hanging })
    await scenario.publish({ events: 20, people: 20, seed: 1, badShare: 0 })
    const worker = await scenario.addWorker({ REQUEST_TIMEOUT_MS: '1500' })
    while ((await scenario.standIn.account()).requests < 1) await wait(20)
    worker.signal('SIGTERM')
    while (!said(worker.logs, /^stopping$/)) await wait(5)
    worker.signal('SIGINT')
    expect((await worker.exited).code).toBe(3)
    expect(said(worker.logs, /exiting at once/)).toBeDefined()
  }, 60_000)

  test('a fixed share: two workers with half of the limit each', async () => {
    await open({ env: { RATE_LIMIT_SHARE: 'fixed', RATE_LIMIT_DIVISOR: '2' } })
    await scenario.publish({ events: 200, people: 60, seed: 5, badShare: 0 })
    const [worker] = await Promise.all([scenario.addWorker(), scenario.addWorker()])
    const verdict = await scenario.done()
    expect(verdict.failures).toEqual([])
    expect(await worker.metrics()).toMatch(/^customerio_worker_slots_owned\{api="track"\} 25$/m)
  }, 120_000)

  test('no personal data and no secret in log or metrics', async () => {
    // one person's events get the batch refused that they are in, another's are refused in it
    const faults = { rules: [
      { name: 'bad', match: { person: ['SENTINEL-user-3'] }, effect: { status: 400, body: '{"meta":{"error":"SENTINEL-body"}}' } },
      { name: 'partly', match: { person: ['SENTINEL-user-4'] }, effect: { partial: { reason: 'SENTINEL-reason', field: 'SENTINEL-field', message: 'SENTINEL-message' } } },
    ] }
    await open({ faults, env: { DELIVERY_MODE: 'batch', LOG_LEVEL: 'trace', CUSTOMERIO_API_KEY: 'test-key-not-secret' } })
    const items = Array.from({ length: 60 }, (_, n) => ({
      marker: `m${n}`, key: Buffer.from(`SENTINEL-user-${n % 7}`), headers: { marker: `m${n}` }, person: `SENTINEL-user-${n % 7}`, type: 'track', eventId: null,
      expect: 'delivered' as const, hasBody: true,
      value: Buffer.from(n % 5 === 0 ? '{"SENTINEL-json' : JSON.stringify({ type: 'track', userId: `SENTINEL-user-${n % 7}`, payload: { event: 'SENTINEL-event', properties: { secret: 'SENTINEL-value', _marker: `m${n}` } } })),
    }))
    await scenario.publishItems(items)
    const worker = await scenario.addWorker()
    // of 60 events 12 are no JSON, and 7 of each of the two people are refused
    let letters = await scenario.letters()
    for (; letters.length < 26; letters = await scenario.letters()) await wait(200)
    await scenario.delivered(34)
    const words = letters.map(({ headers }) => headers['cio-dlq-message'])
    expect(words).toEqual(expect.arrayContaining(['SENTINEL-body', 'SENTINEL-reason: SENTINEL-field: SENTINEL-message']))
    const output = JSON.stringify(worker.logs) + (await worker.metrics())
    expect(output).toContain('dead letter')
    expect(output).not.toMatch(/SENTINEL|test-key-not-secret/)
  }, 120_000)
})
