// `make test`: the parts, then the whole on a real Kafka, and a look for anything left behind. Ends with the line "N passed, N failed".
// Arguments are handed to jest; those that name test files decide what is run.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { setTimeout as wait } from 'node:timers/promises'
import { RECORDS, type FaultRecord } from './faults/fault-case.ts'
import { notOnPage, withoutCase } from './faults/page.ts'
import { startTestKafka } from './support/kafka/index.ts'

interface Phase {
  name: string
  folders: string[]
  flags: string[]
  needsKafka: boolean
}

/**
 * The parts run in one process, so that an open handle shows. Runs of the whole mostly wait, for the limit or for a time-out, so three files
 * side by side take a third of the time; more, and a small machine becomes too slow for the short sessions that they use.
 */
const PHASES: Phase[] = [
  { name: 'the parts', folders: ['test/unit', 'test/stand-in', 'test/simulation', 'test/load', 'test/bench', 'test/autoscaling', 'test/rules', 'test/chart', 'test/e2e'], flags: ['--runInBand'], needsKafka: false },
  { name: 'the whole', folders: ['test/integration', 'test/faults', 'test/soak'], flags: ['--maxWorkers=3', '--reporters=default', '--reporters=./test/progress.ts'], needsKafka: true },
]
/** After its last test jest ends by itself, unless a handle (socket, timer, process) is still open. */
const EXIT_WITHIN_MS = 15_000
/** What jest says when it had to end one of its own processes. */
const FORCED = 'failed to exit gracefully'

const started = performance.now()
const given = process.argv.slice(2)
const leaks: string[] = []
let [passed, failed, skipped] = [0, 0, 0]
let endNow: (signal: NodeJS.Signals) => void = () => process.exit(1)
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => endNow(signal))

if (given.length === 0) rmSync(RECORDS, { recursive: true, force: true })
for (const phase of PHASES) {
  const files = given.filter((argument) => argument.startsWith('test/'))
  const mine = files.filter((file) => phase.folders.some((folder) => file.startsWith(folder)))
  if (files.length > 0 && mine.length === 0) continue
  await run(phase, [...(files.length > 0 ? mine : phase.folders), ...given.filter((argument) => !argument.startsWith('test/'))])
}
if (given.length === 0) checkPage()
for (const leak of leaks) console.log(`LEAK: ${leak}`)
failed += leaks.length
if (skipped > 0) console.log(`${skipped} skipped, for what this machine lacks: the tests say what`)
console.log(`in ${Math.round((performance.now() - started) / 1000)} s`)
console.log(`${passed} passed, ${failed} failed`)
process.exit(failed === 0 && passed > 0 ? 0 : 1)

/** docs/behaviour.md speaks of exactly the cases that were run, in their words. */
function checkPage(): void {
  const page = readFileSync('docs/behaviour.md', 'utf8')
  const records = existsSync(RECORDS) ? readdirSync(RECORDS).map((file) => JSON.parse(readFileSync(`${RECORDS}/${file}`, 'utf8')) as FaultRecord) : []
  const faults = [...notOnPage(page, records).map((fault) => `not on the page as the test tells it: ${fault}`), ...withoutCase(page, records).map((fault) => `on the page without a test: ${fault}`)]
  for (const fault of faults) console.log(`docs/behaviour.md: ${fault} (\`make behaviour\` writes it anew)`)
  failed += faults.length
}

async function run({ name, flags, needsKafka }: Phase, args: string[]): Promise<void> {
  console.log(`\n${name}:`)
  const kafka = needsKafka ? await startTestKafka({ log: (line) => console.log(line) }) : undefined
  if (kafka) console.log(`Kafka is up (${kafka.how}).`)
  const results = `.cache/test-results-${process.pid}.json`
  mkdirSync('.cache', { recursive: true })
  rmSync(results, { force: true })

  // a process group of its own, which every process that a test starts inherits: what is left of it at the end is a leak
  const jest = spawn(process.execPath, ['node_modules/.bin/jest', ...flags, '--passWithNoTests', '--json', `--outputFile=${results}`, ...args], {
    detached: true, stdio: ['ignore', needsKafka ? 'pipe' : 'ignore', 'pipe'], env: { ...process.env, ...(kafka && { TEST_KAFKA_BROKERS: kafka.brokers.join(',') }) },
  })
  let forced = false
  let said = ''
  jest.stderr!.on('data', (chunk: Buffer) => {
    process.stderr.write(chunk)
    said = (said + chunk.toString()).slice(-10_000)
    forced ||= said.includes(FORCED)
  })
  // with --json the results go to stdout as well, in one line at the end
  let line = ''
  jest.stdout?.on('data', (chunk: Buffer) => {
    const lines = (line + chunk.toString()).split('\n')
    line = lines.pop() ?? ''
    for (const text of lines) if (!text.startsWith('{')) console.log(text)
  })
  const ended = once(jest, 'exit')
  const endGroup = (signal: NodeJS.Signals | 0): boolean => {
    try {
      return process.kill(-jest.pid!, signal)
    } catch {
      return false
    }
  }
  endNow = () => {
    endGroup('SIGKILL')
    void (kafka?.stop() ?? Promise.resolve()).finally(() => process.exit(1))
  }

  while (!existsSync(results) && jest.exitCode === null && jest.signalCode === null) await wait(200)
  const late = await Promise.race([ended.then(() => false), wait(EXIT_WITHIN_MS, true, { ref: false })])
  if (late || forced) leaks.push(`${name}: jest did not end by itself: a handle was left open (find it with --detectOpenHandles)`)
  if (late) {
    jest.kill('SIGKILL')
    await ended
  }
  if (endGroup(0)) {
    leaks.push(`${name}: a process that a test started is still running`)
    endGroup('SIGKILL')
  }
  await kafka?.stop()

  if (!existsSync(results)) {
    failed += 1
    console.log('jest ended without results')
    return
  }
  const { numPassedTests, numFailedTests, numPendingTests, numRuntimeErrorTestSuites } = JSON.parse(readFileSync(results, 'utf8')) as Record<string, number>
  rmSync(results)
  passed += numPassedTests ?? 0
  skipped += given.length === 0 ? numPendingTests ?? 0 : 0
  failed += (numFailedTests ?? 0) + (numRuntimeErrorTestSuites ?? 0)
}
