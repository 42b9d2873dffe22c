// What the rules do: promtool runs the YAML files of this folder. Without it these tests are skipped, and say so.

import { spawnSync } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { prometheusBinary, prometheusMissing } from '../support/prometheus/binaries.ts'
import { FILES } from './names.ts'

jest.setTimeout(300_000)

const missing = prometheusMissing('promtool')
if (missing) console.warn(`Skipped: ${missing}`)

/** What it said, if it was not content. */
function complaint(...args: string[]): string {
  const { status, stdout, stderr, error } = spawnSync(prometheusBinary('promtool'), args, { encoding: 'utf8' })
  return status === 0 ? '' : `${stdout}${stderr}${error ?? ''}`
}

;(missing ? describe.skip : describe)('promtool', () => {
  test('the rules are rules', () => {
    expect(complaint('check', 'rules', `${FILES}/rules.yaml`)).toBe('')
  })

  test.each(readdirSync('test/rules').filter((file) => file.endsWith('.yaml')))('%s', (file) => {
    expect(complaint('test', 'rules', `test/rules/${file}`)).toBe('')
  })
})
