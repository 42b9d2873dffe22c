// The promises, on a real Kafka with real worker processes, judged by what arrived at the stand-in and by the two topics.

import { setTimeout as wait } from 'node:timers/promises'
import { seededChoices } from '../support/random.ts'
import { openScenario, type Scenario, type ScenarioOptions } from '../support/scenario.ts'
import type { Verdict } from '../support/verdict.ts'

let scenario: Scenario

const open = async (options?: ScenarioOptions) => { scenario = await openScenario(options) }
afterEach(async () => scenario.close())

/** All promises at once; the figures are in the message when one is broken. */
function expectKept(verdict: Verdict): void {
  expect(verdict.failures).toEqual([])
  expect(verdict.delivered + verdict.deadLettered).toBe(verdict.published)
}

/** After an orderly hand-over: what is done beyond the committed offset is known to the next owner. */
async function expectNothingTwice(verdict: Verdict): Promise<void> {
  expect(verdict.duplicates.received).toBe(0)
  expect(await scenario.letters()).toHaveLength(verdict.deadLettered)
}

const quirks = {
  latencyMs: [20, 50] as [number, number],
  rules: [
    { name: 'unavailable', match: { firstAttempts: 1, ratio: 0.03 }, effect: { status: 503 } },
    { name: 'slow', match: { ratio: 0.01 }, effect: { delayMs: [300, 600] as [number, number] } },
  ],
}

test('a clean run: all delivered once, in order, within the limit', async () => {
  await open()
  await scenario.publish({ events: 1_200, people: 150, seed: 11, badShare: 0 })
  await Promise.all([scenario.addWorker(), scenario.addWorker(), scenario.addWorker()])
  const verdict = await scenario.done()
  expectKept(verdict)
  expect(verdict.duplicates.received).toBe(0)
  expect(verdict.refused429).toBe(0)
  expect((await Promise.all(scenario.workers.map(async (worker) => worker.stop()))).map(({ code }) => code)).toEqual([0, 0, 0])
}, 120_000)

const seeds = (process.env.KILL_SEEDS ?? '1,2,3').split(',').map(Number)
test.each(seeds)('kill -9 at a random moment, and a restart in place (seed %i)', async (seed) => {
  await open({ faults: quirks })
  const random = seededChoices(seed)
  await scenario.publish({ events: 1_500, people: 150, seed, badShare: 0.03 })
  const victims = await Promise.all([scenario.addWorker(), scenario.addWorker(), scenario.addWorker()])
  await scenario.delivered(random.below(1_000))
  await wait(random.below(250))
  await victims[random.below(3)]?.kill()
  await scenario.addWorker()
  const verdict = await scenario.done(90_000)
  const { lost, inversions, mostInWindow, duplicates } = verdict
  console.log(`seed ${seed}: lost ${lost.count}, inversions ${inversions.count}, most in 1 s ${mostInWindow}, duplicates ${duplicates.received}, uncovered ${duplicates.uncovered}`)
  expectKept(verdict)
}, 180_000)

test('SIGTERM in the middle: what is in flight is finished and committed, nothing is sent twice', async () => {
  await open({ faults: quirks })
  await scenario.publish({ events: 1_200, people: 150, seed: 21 })
  const [first] = [await scenario.addWorker(), await scenario.addWorker()]
  await scenario.delivered(400)
  expect(await first.stop()).toEqual({ code: 0, signal: null })
  const verdict = await scenario.done()
  expectKept(verdict)
  await expectNothingTwice(verdict)
}, 120_000)

test('two join and one leaves under load: nothing is sent twice', async () => {
  await open({ faults: quirks })
  await scenario.publish({ events: 2_000, people: 200, seed: 31 })
  const first = await scenario.addWorker()
  await scenario.delivered(200)
  await scenario.addWorker()
  await scenario.delivered(500)
  await scenario.addWorker()
  await scenario.delivered(900)
  await first.stop()
  const verdict = await scenario.done(90_000)
  expectKept(verdict)
  await expectNothingTwice(verdict)
}, 180_000)

test('a third of the records is poisoned, and one person has a fifth of all: the good ones arrive, the bad ones are letters', async () => {
  await open({ faults: quirks })
  await scenario.publish({ events: 900, people: 100, seed: 51, badShare: 0.33, hot: 0.2 })
  await Promise.all([scenario.addWorker(), scenario.addWorker()])
  const verdict = await scenario.done(90_000)
  expectKept(verdict)
  expect(Object.keys(verdict.deadLetteredBy).toSorted()).toEqual(['event_too_large', 'forbidden_key', 'id_too_long', 'invalid_payload', 'invalid_timestamp',
    'invalid_user_id', 'not_an_object', 'not_json', 'not_utf8', 'tombstone', 'unknown_type'])
}, 180_000)
