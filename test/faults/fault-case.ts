// A fault that a real week brings, as a test of its own and as a row of docs/behaviour.md.

import { mkdirSync, writeFileSync } from 'node:fs'
import { basename } from 'node:path'
import { openScenario, type Scenario, type ScenarioOptions } from '../support/scenario.ts'
import { deliveryMode } from '../support/stage.ts'
import type { TrafficOptions } from '../support/traffic.ts'
import type { Verdict } from '../support/verdict.ts'
import type { WorkerProcess } from '../support/worker-process.ts'

/** What a request carries: one event, or all that have waited for it. */
export type Mode = ReturnType<typeof deliveryMode>

export interface FaultCase {
  /** The row's name, unique. */
  fault: string
  /** What the worker does, for the page: a sentence. */
  does: string
  /** What the operator sees: log lines, metrics, states. */
  sees: string
  /** What is not promised here, or what the case does not show. */
  notCovered?: string
  /** The only way of delivery that can meet the fault: the case runs in that one, whatever the run's mode is. Default: both can. */
  onlyMode?: Mode
  /** Options of the scenario; a function if they have to be made first (a cluster), its `close` is called at the end. */
  setting?: ScenarioOptions | (() => Promise<ScenarioOptions>)
  /** Published before the workers start. Default: 1,000 events of 120 people, no bad ones; false: `during` publishes. */
  traffic?: Partial<TrafficOptions> | false
  /** Workers that are started before the fault. Default 2. */
  workers?: number
  /** The fault: begins when 100 requests have been accepted (or at once, without traffic or workers). Calls `scenario.over()` when it is over. */
  during: (scenario: Scenario, workers: WorkerProcess[]) => Promise<void>
  /** Most time for all outcomes to be there after `during`, ms. Default 90,000. */
  withinMs?: number
  /** Expectations on top of the promises, which are asserted in any case. */
  after?: (scenario: Scenario, verdict: Verdict) => Promise<void> | void
}

/** What a run of the case gave, for the table; scripts/behaviour.ts reads these files. */
export interface FaultRecord extends Pick<FaultCase, 'fault' | 'does' | 'sees' | 'notCovered' | 'onlyMode'> {
  /** Which test file, and where in it. */
  group: string
  order: number
  figures: {
    published: number
    lost: number
    inversions: number
    covered: number
    uncovered: number
    /** Dead letters of bad events, and of good ones. */
    letters: number
    wrongLetters: number
    mostInWindow: number
    limit: number
    recoveryMs: number | null
  }
}

/** Of the runs in this mode. */
export const RECORDS = `.cache/faults/${deliveryMode()}`

/** What fits the run's mode. */
export const byMode = <T>(values: Record<Mode, T>): T => values[deliveryMode()]

let order = 0

/** Declares the case as a test. Every promise is asserted from what arrived; what the workers print is looked through for private data. */
export function faultCase(options: FaultCase): void {
  const { fault, onlyMode, setting = {}, traffic = {}, workers: count = 2, during, withinMs = 90_000, after } = options
  const place = (order += 1)
  test(fault, async () => {
    const scenario = await openScenario(inMode(onlyMode, typeof setting === 'function' ? await setting() : setting))
    let failed = true
    try {
      if (traffic) await scenario.publish({ events: 1_000, people: 120, badShare: 0, seed: 1, ...traffic })
      const workers = await Promise.all(Array.from({ length: count }, async () => scenario.addWorker()))
      if (traffic && count > 0) await scenario.delivered(100)
      await during(scenario, workers)
      const verdict = await scenario.done(withinMs)
      record(options, place, verdict, scenario.limit, await scenario.recovery())
      expect(verdict.failures).toEqual([])
      expect(verdict.delivered + verdict.deadLettered).toBe(verdict.published)
      await after?.(scenario, verdict)
      failed = false
    } finally {
      // what went wrong first is what tells
      await scenario.close().catch((error: unknown) => { if (!failed) throw error })
    }
  }, 300_000)
}

function inMode(mode: Mode | undefined, given: ScenarioOptions): ScenarioOptions {
  if (!mode) return given
  return { ...given, unit: mode === 'batch' ? 'operation' : 'request', env: { DELIVERY_MODE: mode, ...given.env } }
}

function record({ fault, does, sees, notCovered, onlyMode }: FaultCase, place: number, verdict: Verdict, limit: number, recoveryMs: number | null): void {
  const { published, lost, inversions, duplicates, deadLettered, unexpectedLetters, mostInWindow } = verdict
  const group = basename(expect.getState().testPath ?? '', '.test.ts')
  const entry: FaultRecord = {
    fault, does, sees, ...(notCovered !== undefined && { notCovered }), ...(onlyMode && { onlyMode }), group, order: place,
    figures: {
      published, lost: lost.count, inversions: inversions.count, covered: duplicates.covered, uncovered: duplicates.uncovered,
      letters: deadLettered - unexpectedLetters.count, wrongLetters: unexpectedLetters.count, mostInWindow, limit, recoveryMs: recoveryMs === null ? null : Math.round(recoveryMs),
    },
  }
  mkdirSync(RECORDS, { recursive: true })
  writeFileSync(`${RECORDS}/${group}-${String(place).padStart(2, '0')}.json`, `${JSON.stringify(entry, null, 2)}\n`)
}
