// make panels: each query of the dashboard at a real Prometheus; none may be empty, and every rule must be evaluated without an error.
// It starts a run of its own, of some three minutes. With PROMETHEUS_URL it asks that Prometheus, over the last 15 minutes, or SECONDS.

import { runProgram, type Program } from '../load/program.ts'
import { wholeNumber } from '../support/settings.ts'
import { makePrometheus } from '../support/prometheus/binaries.ts'
import { faultyRules, lookAtPanels } from './panel-look.ts'
import { playRun } from './panel-stage.ts'

await runProgram(20 * 60_000, run)

/** @returns the exit code: 0 if all show something that should */
async function run(program: Program): Promise<number> {
  const { url, seconds } = await watched(program)
  const looks = await lookAtPanels(url, seconds)
  const faults = await faultyRules(url)
  const empty = looks.filter(({ series }) => series === 0)
  const wrong = empty.filter(({ emptyByRight }) => emptyByRight === undefined)
  for (const { panel, expr, emptyByRight } of empty) program.say(`${emptyByRight ? `empty, by right (${emptyByRight})` : 'EMPTY'}: ${panel}: ${expr}`)
  for (const fault of faults) program.say(`RULE: ${fault}`)
  program.say(`${new Set(looks.map(({ panel }) => panel)).size} panels, ${looks.length} queries: ${wrong.length} empty, ${empty.length - wrong.length} empty by right; ${faults.length} rules with an error`)
  return wrong.length + faults.length === 0 ? 0 : 1
}

async function watched(program: Program): Promise<{ url: string; seconds: number }> {
  const given = process.env.PROMETHEUS_URL
  if (given) return { url: given.replace(/\/$/, ''), seconds: wholeNumber(process.env, 'SECONDS', { min: 10, max: 86_400 }) ?? 900 }
  const [prometheus] = await makePrometheus(program.say)
  return playRun(prometheus as string, program)
}
