// `make soak` itself: a short round of it, and one with workers that do break a promise.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { drawPlan, type Plan } from '../soak/plan.ts'

const SECONDS = 12
/** Small, and a worker is replaced. */
const fits = ({ seats, brokers, limit, env, steps }: Plan): boolean =>
  seats.length === 2 && brokers === 1 && limit < 160 && env.RATE_LIMIT_SHARE === undefined && steps.length === 2 && steps.some(({ kind }) => kind === 'worker stopped')
/** Each worker takes the whole limit, and has enough in flight to use it. */
const GREEDY = JSON.stringify({ RATE_LIMIT_SHARE: 'fixed', RATE_LIMIT_DIVISOR: '1', CONCURRENCY: '100' })

function drawFitting(way: Plan['mode']): Plan {
  for (let seed = 1; ; seed += 1) {
    const plan = drawPlan(seed, SECONDS)
    if (fits(plan) && plan.mode === way) return plan
  }
}

const roundOf = ({ seed }: Plan) => ({ SEED: String(seed), ROUNDS: '1', SECONDS: String(SECONDS) })

let folder: string
beforeEach(async () => { folder = await mkdtemp(join(tmpdir(), 'soak-test-')) })
afterEach(async () => rm(folder, { recursive: true, force: true }))

/** Whatever it leaves is in `folder`. */
async function soak(env: Record<string, string>): Promise<{ code: number; output: string; left: string[] }> {
  const child = spawn(process.execPath, ['test/soak/main.ts'], { env: { ...process.env, ...env, TMPDIR: folder }, stdio: ['ignore', 'pipe', 'inherit'] })
  const [[code], output] = await Promise.all([once(child, 'close') as Promise<[number]>, text(child.stdout)])
  return { code, output, left: await readdir(folder) }
}

test.each([['one event a request', 'single'], ['in batches', 'batch']] as const)('make soak: a round, %s, and nothing is left of it', async (way, mode) => {
  const plan = drawFitting(mode)
  const { code, output, left } = await soak(roundOf(plan))
  expect(output).toContain(`round 1  seed ${plan.seed}  kept\n`)
  expect(output).toContain(`, ${way}, limit ${plan.limit} `)
  expect(output).toMatch(/\d{3} events: lost 0, inversions 0, duplicates \d+ covered 0 uncovered, letters \d+ bad 0 good, most in 1 s \d+, recovered in/)
  expect(output).toMatch(/^1 round, 0 failed$/m)
  expect({ code, left }).toEqual({ code: 0, left: [] })
}, 180_000)

test('make soak: with workers that share the limit wrongly it tells the story, keeps the evidence and fails', async () => {
  const plan = drawFitting('single')
  const { seed, limit } = plan
  const { code, output, left: [evidence = '', ...others] } = await soak({ ...roundOf(plan), WORKER_ENV: GREEDY })
  expect(output).toMatch(new RegExp(`The story of seed ${seed}:[^]*worker [AB] stopped \\(SIGTERM\\)[^]*BROKEN: \\d+ requests arrived within 1000 ms; the limit is ${limit}\\.`))
  expect(output).toContain(`Logs, requests, letters and a closer look: ${join(folder, evidence)}`)
  expect(output).toContain(`make soak SEED=${seed} ROUNDS=1 SECONDS=${SECONDS} WORKER_ENV=`)
  expect(output).toMatch(/^1 round, 1 failed$/m)
  expect({ code, others }).toEqual({ code: 1, others: [] })
  expect(await readdir(join(folder, evidence))).toEqual(expect.arrayContaining(['arrivals.ndjson', 'findings.txt', 'letters.ndjson', 'story.txt', 'worker-1.log', 'worker-2.log']))
}, 180_000)
