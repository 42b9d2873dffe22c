// `make test`: one real Kafka for all tests, jest, and a last look for anything left behind. Ends with the line "N passed, N failed".

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs'
import { setTimeout as wait } from 'node:timers/promises'
import { startTestKafka } from './support/kafka/index.ts'

const results = '.cache/test-results.json'
/** After its last test jest ends by itself, unless a handle (socket, timer, process) is still open. */
const exitWithinMs = 15_000

const started = performance.now()
const kafka = await startTestKafka({ log: (line) => console.log(line) })
console.log(`Kafka is up (${kafka.how}).`)
mkdirSync('.cache', { recursive: true })
rmSync(results, { force: true })

// a process group of its own, which every process that a test starts inherits: what is left of it at the end is a leak
const jest = spawn(process.execPath, ['node_modules/.bin/jest', '--runInBand', '--json', `--outputFile=${results}`, ...process.argv.slice(2)], {
  detached: true, stdio: ['ignore', 'ignore', 'inherit'], env: { ...process.env, TEST_KAFKA_BROKERS: kafka.brokers.join(',') },
})
const ended = once(jest, 'exit')
const endGroup = (signal: NodeJS.Signals | 0): boolean => {
  try {
    return process.kill(-jest.pid!, signal)
  } catch {
    return false
  }
}
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.once(signal, () => {
    endGroup('SIGKILL')
    void kafka.stop().finally(() => process.exit(1))
  })
}

const leaks: string[] = []
while (!existsSync(results) && jest.exitCode === null && jest.signalCode === null) await wait(200)
const late = await Promise.race([ended.then(() => false), wait(exitWithinMs, true, { ref: false })])
if (late) {
  leaks.push('jest did not end by itself: a handle was left open (find it with --detectOpenHandles)')
  jest.kill('SIGKILL')
  await ended
}
if (endGroup(0)) {
  leaks.push('a process that a test started is still running')
  endGroup('SIGKILL')
}
await kafka.stop()

let [passed, failed] = [0, leaks.length]
if (existsSync(results)) {
  const { numPassedTests, numFailedTests, numRuntimeErrorTestSuites } = JSON.parse(readFileSync(results, 'utf8')) as Record<string, number>
  passed = numPassedTests ?? 0
  failed += (numFailedTests ?? 0) + (numRuntimeErrorTestSuites ?? 0)
} else {
  failed += 1
  console.log('jest ended without results')
}
for (const leak of leaks) console.log(`LEAK: ${leak}`)
console.log(`in ${Math.round((performance.now() - started) / 1000)} s`)
console.log(`${passed} passed, ${failed} failed`)
process.exit(failed === 0 && passed > 0 ? 0 : 1)
