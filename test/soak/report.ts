// What is printed: a line a round, the story of one that failed, the sums.

import type { Judgement } from './judgement.ts'
import type { Plan } from './plan.ts'
import type { RoundResult } from './round.ts'
import type { Settings } from './settings.ts'

const s = (ms: number): string => `${(ms / 1_000).toFixed(1)} s`
const of = (count: number, what: string): string => `${count} ${what}${count === 1 ? '' : 's'}`

/** In what a round takes place. */
export function circumstances(plan: Plan): string {
  const { brokers, partitions, limit, mode, unit, seats, env, traffic, lengthMs, steps } = plan
  const share = env.RATE_LIMIT_SHARE === 'fixed' ? ', fixed share' : ''
  const way = mode === 'batch' ? 'in batches' : 'one event a request'
  return `${of(seats.length, 'worker')}, ${of(brokers, 'broker')}, ${partitions} partitions, ${way}, limit ${limit} ${unit}s${share}, ${traffic.rate} events a second for ${s(lengthMs)}, ${of(steps.length, 'fault')}`
}

/** The figures of a round. */
export function figures({ judged }: RoundResult): string {
  if (!judged) return 'no verdict'
  const { verdict, recoveryMs, doneMs, longestPauseMs, endedByThemselves } = judged
  const { lost, inversions, duplicates, deadLettered, unexpectedLetters, mostInWindow } = verdict
  return [
    `${verdict.published} events: lost ${lost.count}`, `inversions ${inversions.count}`, `duplicates ${duplicates.covered} covered ${duplicates.uncovered} uncovered`,
    `letters ${deadLettered - unexpectedLetters.count} bad ${unexpectedLetters.count} good`, `most in 1 s ${mostInWindow}`,
    `recovered in ${recoveryMs === null ? '-' : s(recoveryMs)}`, `done in ${s(doneMs)}`,
    `longest pause here ${Math.round(longestPauseMs)} ms`, ...(endedByThemselves > 0 ? [`${of(endedByThemselves, 'worker')} ended by themselves`] : []),
  ].join(', ')
}

export function roundLine(n: number, plan: Plan, result: RoundResult, judgement: Judgement): string {
  const word = { kept: 'kept', uncovered: 'NOT COVERED', broken: 'BROKEN' }[judgement]
  return `round ${n}  seed ${plan.seed}  ${word}\n  ${circumstances(plan)}\n  ${figures(result)}`
}

/** All that there is to say of a round that did not keep the promises. */
export function fullStory(plan: Plan, result: RoundResult, judgement: Judgement, { settings, folder }: { settings: Settings; folder: string }): string[] {
  const { seconds, workerEnv } = settings
  const changed = [...(seconds === undefined ? [] : [`SECONDS=${seconds}`]), ...(Object.keys(workerEnv).length === 0 ? [] : [`WORKER_ENV='${JSON.stringify(workerEnv)}'`])]
  return [
    `  The story of seed ${plan.seed}:`,
    `    settings: ${Object.entries({ ...plan.env, ...workerEnv }).map(([key, value]) => `${key}=${value}`).join(' ')}`,
    `    workers: ${plan.seats.map(({ name, kafkaProxied, customerIoProxied }) => `${name} ${through(kafkaProxied, customerIoProxied)}`).join('; ')}`,
    `    everyday: ${JSON.stringify(plan.everyday)}`,
    ...result.story.lines.map((line) => `    ${line}`),
    ...(result.judged?.verdict.failures ?? []).map((failure) => `  ${judgement === 'uncovered' ? 'NOT COVERED (a pause longer than LONGEST_PAUSE_MS)' : 'BROKEN'}: ${failure}`),
    ...result.troubles.map((trouble) => `  BROKEN: ${trouble}`),
    `  Logs, requests, letters and a closer look: ${folder}`,
    `  The same plan again (the machine's timing is not the same): make soak SEED=${plan.seed} ROUNDS=1 ${changed.join(' ')}`.trimEnd(),
  ]
}

const through = (kafka: boolean, customerIo: boolean): string => {
  const proxies = [...(kafka ? ['Kafka'] : []), ...(customerIo ? ['Customer.io'] : [])]
  return proxies.length === 0 ? 'reaches all directly' : `reaches ${proxies.join(' and ')} through a proxy`
}

export interface Sums {
  rounds: number
  failed: number
  uncoveredRounds: number
  faults: Map<string, number>
  published: number
  lost: number
  inversions: number
  covered: number
  uncovered: number
  badLetters: number
  goodLetters: number
  /** Most of any round's limit that was used, 1 = all. */
  mostOfLimit: number
  slowestRecoveryMs: number
}

export const noSums = (): Sums => ({
  rounds: 0, failed: 0, uncoveredRounds: 0, faults: new Map(), published: 0, lost: 0, inversions: 0, covered: 0, uncovered: 0, badLetters: 0, goodLetters: 0,
  mostOfLimit: 0, slowestRecoveryMs: 0,
})

export function add(sums: Sums, plan: Plan, { judged }: RoundResult, judgement: Judgement): void {
  sums.rounds += 1
  if (judgement === 'broken') sums.failed += 1
  if (judgement === 'uncovered') sums.uncoveredRounds += 1
  for (const { kind } of plan.steps) sums.faults.set(kind, (sums.faults.get(kind) ?? 0) + 1)
  if (!judged) return
  const { verdict, recoveryMs } = judged
  sums.published += verdict.published
  sums.lost += verdict.lost.count
  sums.inversions += verdict.inversions.count
  sums.covered += verdict.duplicates.covered
  sums.uncovered += verdict.duplicates.uncovered
  sums.badLetters += verdict.deadLettered - verdict.unexpectedLetters.count
  sums.goodLetters += verdict.unexpectedLetters.count
  sums.mostOfLimit = Math.max(sums.mostOfLimit, verdict.mostInWindow / plan.limit)
  sums.slowestRecoveryMs = Math.max(sums.slowestRecoveryMs, recoveryMs ?? 0)
}

export function sumLines(sums: Sums): string[] {
  const { faults } = sums
  return [
    '',
    `${sums.published} events: lost ${sums.lost}, inversions ${sums.inversions}, duplicates ${sums.covered} covered ${sums.uncovered} uncovered, `
    + `letters ${sums.badLetters} bad ${sums.goodLetters} good, most in 1 s ${(sums.mostOfLimit * 100).toFixed(1)} % of the limit, slowest recovery ${s(sums.slowestRecoveryMs)}`,
    `faults: ${[...faults].toSorted(([a], [b]) => a.localeCompare(b)).map(([kind, count]) => `${kind} ${count}`).join(', ')}`,
    ...(sums.uncoveredRounds > 0 ? [`${of(sums.uncoveredRounds, 'round')} with a finding that is not covered: a pause longer than LONGEST_PAUSE_MS`] : []),
    `${of(sums.rounds, 'round')}, ${sums.failed} failed`,
  ]
}
