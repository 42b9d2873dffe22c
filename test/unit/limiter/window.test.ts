import * as fc from 'fast-check'
import { mostInWindow } from '../../support/window.ts'
import { useFakeTime } from '../fake-time.ts'
import { play, playCalm, type Story } from './fleet.ts'
import type { Flaw } from './sender.ts'

useFakeTime()
jest.setTimeout(120_000)

const windowMs = 200
const example: Omit<Story, 'seed' | 'share'> = { limit: 12, partitions: 6, processes: 3, windowMs }

describe.each(['partitions', 'fixed'] as const)('the limit, shared by %s', (share) => {
  const stories: fc.Arbitrary<Story> = fc.record({
    seed: fc.integer(), limit: fc.integer({ min: 4, max: 24 }), partitions: fc.integer({ min: 1, max: 8 }), processes: fc.integer({ min: 1, max: 4 }),
    share: fc.constant(share), windowMs: fc.constant(windowMs),
  }).map((story) => ({ ...story, partitions: Math.min(story.partitions, story.limit) }))

  test('holds in every window at the server, whatever happens to the processes', async () => {
    const reached: boolean[] = []
    await fc.assert(fc.asyncProperty(stories, async (story) => {
      const most = mostInWindow(await play(story), windowMs)
      expect(most).toBeLessThanOrEqual(story.limit)
      reached.push(most === story.limit)
    }), { numRuns: 40 })
    // else there was nothing to see
    expect(reached.filter(Boolean).length).toBeGreaterThan(reached.length / 4)
  })

  test.each([[1, 10], [3, 10], [3, 50]])('is used: %d processes, %d ms each way', async (processes, oneWayMs) => {
    const limit = 80
    // 80 slots by 3 are 26 each: a divided limit leaves the rest
    const slots = share === 'fixed' ? Math.floor(limit / processes) * processes : limit
    const perSecond = await playCalm({ ...example, seed: 1, share, processes, limit, partitions: 8, windowMs: 1_000 }, oneWayMs, 30_000)
    expect(perSecond).toBeGreaterThanOrEqual((0.95 * slots * 1_000) / (1_000 + 2 * oneWayMs))
  })
})

describe('each rule is needed: without it the same search finds a window over the limit', () => {
  test.each<[Flaw, Story['share']]>([
    ['slot free at the response', 'partitions'],
    ['slot free at the response', 'fixed'],
    ['slot free at the timeout', 'partitions'],
    ['slot free at the timeout', 'fixed'],
    ['no wait when assigned', 'partitions'],
    ['no fence', 'partitions'],
    ['no quarantine', 'fixed'],
  ])('%s (%s)', async (flaw, share) => {
    let most = 0
    for (let seed = 0; seed < 60 && most <= example.limit; seed += 1) most = mostInWindow(await play({ ...example, seed, share }, flaw), windowMs)
    expect(most).toBeGreaterThan(example.limit)
  })
})
