// make prometheus: fetches promtool and prometheus for the tests of rules and panels, by Debian's package or by Go; else says what is missing.
import { makePrometheus } from '../test/support/prometheus/binaries.ts'

try {
  for (const file of await makePrometheus((line) => console.log(line))) console.log(file)
} catch (error) {
  console.error(error instanceof Error ? error.message : error)
  process.exit(1)
}
