import { readConfig } from '../../src/config.ts'
import type { FaultPlan } from '../stand-in/faults.ts'
import { parsePlan } from '../stand-in/faults.ts'
import type { TcpProxy } from '../support/tcp-proxy.ts'
import type { WorkerProcess } from '../support/worker-process.ts'
import { composed, createAnswers } from './answers.ts'
import type { Stage } from './disturbance.ts'
import { drawPlan, KINDS, roundSeed, type Plan } from './plan.ts'
import { trafficOf } from './traffic.ts'

const SEEDS = Array.from({ length: 200 }, (_, n) => roundSeed(1, n))
const visible = ({ steps, ...setup }: Plan) => ({ ...setup, steps: steps.map(({ kind, at, until, disturbance }) => ({ kind, at, until, name: disturbance.name, claims: disturbance.claims })) })

test('the same seed gives the same plan and traffic, another one another', () => {
  expect(visible(drawPlan(7))).toEqual(visible(drawPlan(7)))
  expect(visible(drawPlan(8))).not.toEqual(visible(drawPlan(7)))
  const markersAndValues = (seed: number) => trafficOf(drawPlan(seed, 10)).map(({ marker, value }) => `${marker} ${value?.toString()}`)
  expect(markersAndValues(7)).toEqual(markersAndValues(7))
})

test('the first round has the seed that was given, so that any round can be had alone', () => {
  expect(roundSeed(42, 0)).toBe(42)
  expect(new Set(SEEDS).size).toBe(200)
})

test('every disturbance comes up', () => {
  const kinds = new Set(SEEDS.flatMap((seed) => drawPlan(seed).steps.map(({ kind }) => kind)))
  expect(KINDS.map(({ kind }) => kind).filter((kind) => !kinds.has(kind))).toEqual([])
  expect(new Set(KINDS.map(({ kind }) => kind)).size).toBe(KINDS.length)
})

test('both ways of delivery come up, and batches have faults of their own', () => {
  const plans = SEEDS.map((seed) => drawPlan(seed))
  expect(new Set(plans.map(({ mode, unit }) => `${mode}, ${unit}s`))).toEqual(new Set(['single, requests', 'batch, requests', 'batch, operations']))
  expect(plans.filter(({ mode, env }) => env.DELIVERY_MODE !== mode)).toEqual([])
  const ofBatches = (steps: Plan['steps']) => steps.some(({ kind }) => ['partly', 'batches refused'].includes(kind))
  expect(plans.filter(({ mode, steps }) => mode === 'single' && ofBatches(steps))).toEqual([])
})

test('each plan has some disturbances, in order, within the round, and those that overlap leave each other alone', () => {
  for (const seed of SEEDS) {
    const { steps, lengthMs } = drawPlan(seed)
    expect(steps.length).toBeGreaterThanOrEqual(3)
    expect(steps.map(({ at }) => at)).toEqual(steps.map(({ at }) => at).toSorted((a, b) => a - b))
    for (const [index, step] of steps.entries()) {
      expect([step.at >= 3_000, step.until <= lengthMs * 0.9]).toEqual([true, true])
      const claims = new Set(steps.slice(index + 1).filter(({ at }) => at <= step.until).flatMap(({ disturbance }) => disturbance.claims))
      expect(step.disturbance.claims.filter((claim) => claims.has(claim))).toEqual([])
    }
  }
})

test('the worker takes the drawn settings, the stand-in the drawn answers', () => {
  for (const seed of SEEDS) {
    const { env, limit, everyday, traffic } = drawPlan(seed)
    const base = { KAFKA_BROKERS: 'h:1', CUSTOMERIO_SITE_ID: 's', CUSTOMERIO_API_KEY: 'k', CUSTOMERIO_REGION: 'us', RATE_LIMIT: String(limit), RATE_LIMIT_RESERVE: '0' }
    const config = readConfig({ ...base, ...env })
    // what is still held back when a request is given up is thrown away, even if the process pauses just then
    expect(config.LATEST_ARRIVAL_MS).toBeGreaterThanOrEqual(config.REQUEST_TIMEOUT_MS + config.LONGEST_PAUSE_MS)
    expect(parsePlan(everyday)).toEqual(everyday)
    expect(traffic.hot).toBeLessThanOrEqual(0.2)
  }
})

test('a round can be given another length', () => {
  const { lengthMs, steps } = drawPlan(3, 20)
  expect(lengthMs).toBe(20_000)
  expect(Math.max(...steps.map(({ until }) => until))).toBeLessThan(20_000)
})

/** A world that only remembers what is wrong with it. */
function openWorld(everyday: FaultPlan) {
  const wrong = new Set<string>()
  const set = (name: string, on: boolean) => void (on ? wrong.add(name) : wrong.delete(name))
  const plans: FaultPlan[] = []
  const proxyOf = (name: string) => ({
    stall: () => set(`${name} stalls`, true), flow: () => set(`${name} stalls`, false), latency: (ms: number) => set(`${name} delays`, ms > 0),
    reset: () => {}, refuse: () => set(`${name} refuses`, true), accept: () => set(`${name} refuses`, false), tear: (bytes: number) => set(`${name} tears`, bytes > 0),
  }) as unknown as TcpProxy
  const brokerOf = (id: number) => ({
    id, kill: async () => set(`broker ${id} is down`, true), stop: async () => set(`broker ${id} is down`, true), start: async () => set(`broker ${id} is down`, false),
    pause: async () => set(`broker ${id} is frozen`, true), resume: async () => set(`broker ${id} is frozen`, false),
  })
  let started = 0
  const seats = new Map<string, WorkerProcess>()
  const fleet: Stage['fleet'] = {
    up: (seat) => {
      let clock = 0
      const name = `worker-${(started += 1)}`
      const tell: WorkerProcess['tell'] = (command) => {
        if ('stepClock' in command) clock += command.stepClock
        set(`${name} has another clock`, clock !== 0)
      }
      seats.set(seat, { name, tell, signal: (signal) => set(`${name} is frozen`, signal === 'SIGSTOP') } as WorkerProcess)
    },
    down: async (seat) => void seats.delete(seat),
    worker: (seat) => seats.get(seat),
  }
  const answers = createAnswers(everyday, async (plan) => void plans.push(plan))
  return { wrong, plans, seats, stage: (brokers: number): Stage => ({
    answers, fleet, toCustomerIo: proxyOf('customerio'), toKafka: Array.from({ length: brokers }, (_, n) => proxyOf(`kafka ${n + 1}`)), brokers: Array.from({ length: brokers }, (_, n) => brokerOf(n + 1)),
  }) }
}

test('whatever overlaps: at the end all is as it was', async () => {
  let disturbed = 0
  for (const seed of SEEDS.slice(0, 60)) {
    const plan = drawPlan(seed)
    const { wrong, plans, seats, stage: stageFor } = openWorld(plan.everyday)
    const stage = stageFor(plan.brokers)
    for (const { name } of plan.seats) stage.fleet.up(name)
    const acts = plan.steps.flatMap(({ at, until, disturbance }) => [{ when: at, act: disturbance.begin.bind(disturbance) }, { when: until, act: disturbance.end.bind(disturbance) }])
    for (const { act } of acts.toSorted((a, b) => a.when - b.when)) {
      await act(stage)
      disturbed += wrong.size
    }
    expect([...wrong]).toEqual([])
    expect([...seats.keys()].toSorted()).toEqual(plan.seats.map(({ name }) => name))
    expect(plans.at(-1) ?? plan.everyday).toEqual(plan.everyday)
    for (const plan of plans) expect(() => parsePlan(plan)).not.toThrow()
  }
  expect(disturbed).toBeGreaterThan(100)
})

test('the answers of several disturbances go side by side, those of everyday after them', () => {
  const rule = (name: string) => ({ name, effect: { status: 503 } })
  const everyday = { latencyMs: [1, 2] as [number, number], rules: [rule('everyday')] }
  expect(composed(everyday, [{ rules: [rule('a')] }, { latencyMs: [5, 6] }, { rules: [rule('b')] }]))
    .toEqual({ latencyMs: [5, 6], rules: [rule('a'), rule('b'), rule('everyday')] })
  expect(composed(everyday, [])).toEqual(everyday)
})
