// The days that docs/autoscaling.md tells of: played anew, they must give what stands there.

import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { PAGE, PICTURE, withFigures } from './page.ts'
import { plot, type Day } from './plot.ts'
import { CPU_TARGET_PERCENT, DRAIN_SECONDS, LAG_PER_POD, METRIC_DELAY_SECONDS, REBALANCE_SECONDS, SPEC } from './stage.ts'
import { KEYS } from '../../src/config-keys.ts'

jest.setTimeout(180_000)

let days: Day[]
// in a process of its own: in jest, where each look at a global is dear, it takes ten times as long
beforeAll(() => { days = JSON.parse(execFileSync(process.execPath, ['test/autoscaling/main.ts', '--print'], { encoding: 'utf8', maxBuffer: 2 ** 26 })) as Day[] })

/** Of each worker, in the order in which they are told. */
const all = (figure: (day: Day) => unknown): unknown[] => days.map(figure)

test('table and picture are those of a fresh run (make autoscaling writes them)', () => {
  const page = readFileSync(PAGE, 'utf8')
  expect(withFigures(page, days)).toBe(page)
  expect(plot(days)).toBe(readFileSync(PICTURE, 'utf8'))
})

test('the page speaks of the settings that were simulated', () => {
  expect(String(DRAIN_SECONDS * 1_000)).toBe(KEYS.DRAIN_TARGET_MS.default)
  const page = readFileSync(PAGE, 'utf8')
  for (const told of [`${SPEC.minReplicas} to ${SPEC.maxReplicas} pods`, `a pod for each ${LAG_PER_POD.toLocaleString('en-US')} records`, `${CPU_TARGET_PERCENT} % of what a pod asks for`, `${METRIC_DELAY_SECONDS} s old`, `for ${REBALANCE_SECONDS} s.`]) expect(page).toContain(told)
})

describe('what decides the default: usefulReplicas', () => {
  test('is never later than lag', () => {
    for (const { outcomes: { lag, usefulReplicas } } of days) expect(usefulReplicas.lateSeconds).toBeLessThanOrEqual(lag.lateSeconds)
  })

  test('takes fewer pods, and fewer rebalances', () => {
    for (const { outcomes: { lag, usefulReplicas } } of days) {
      expect(usefulReplicas.replicaHours).toBeLessThan(lag.replicaHours)
      expect(usefulReplicas.rebalances).toBeLessThan(lag.rebalances)
    }
  })

  test('does not grow where the limit holds the backlog', () => {
    const [single] = days as [Day]
    expect(single.outcomes.usefulReplicas.rebalances).toBe(0)
    expect(single.outcomes.lag.mostReplicas).toBe(SPEC.maxReplicas)
    // more pods make it later: the limit is the same, and each that comes or goes stops all of them
    expect(single.outcomes.lag.lateSeconds).toBeGreaterThan(single.outcomes.fixed.lateSeconds)
  })

  test('grows where pods are what is missing', () => {
    const [, higher] = days as [Day, Day]
    expect(higher.outcomes.usefulReplicas.mostReplicas).toBe(4)
    expect(higher.outcomes.usefulReplicas.lateSeconds).toBeLessThan(higher.outcomes.fixed.lateSeconds)
  })

  test('the campaign is over by the evening, whatever the signal', () => {
    expect(all(({ outcomes }) => Object.values(outcomes).every(({ minutes }) => (minutes[18 * 60]?.lag as number) < 1_000))).toEqual(days.map(() => true))
  })
})
