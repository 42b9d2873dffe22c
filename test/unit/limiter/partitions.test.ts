import * as fc from 'fast-check'
import { PartitionShare, slotsOfPartition } from '../../../src/limiter/partitions.ts'

const limitAndCount = fc.integer({ min: 1, max: 1_000 }).chain((limit) => fc.tuple(fc.constant(limit), fc.integer({ min: 1, max: limit })))
const slotsOfAll = (limit: number, count: number) => Array.from({ length: count }, (_, partition) => slotsOfPartition(partition, count, limit))
const sum = (numbers: readonly number[]) => numbers.reduce((total, number) => total + number, 0)

describe('slots of a partition', () => {
  test('are dealt evenly', () => {
    expect(slotsOfAll(80, 8)).toEqual([10, 10, 10, 10, 10, 10, 10, 10])
    expect(slotsOfAll(10, 4)).toEqual([2, 3, 2, 3])
  })

  test('of all partitions add up to the limit, and none has less than one', () => {
    fc.assert(fc.property(limitAndCount, ([limit, count]) => {
      const slots = slotsOfAll(limit, count)
      expect(sum(slots)).toBe(limit)
      expect(Math.min(...slots)).toBeGreaterThanOrEqual(1)
      expect(Math.max(...slots) - Math.min(...slots)).toBeLessThanOrEqual(1)
    }), { numRuns: 1_000 })
  })

  test('of more partitions than the limit still add up to it', () => {
    fc.assert(fc.property(fc.integer({ min: 1, max: 100 }), fc.integer({ min: 1, max: 300 }), (limit, count) => {
      expect(sum(slotsOfAll(limit, count))).toBe(limit)
    }))
  })
})

function shareAt(given: { limit?: number; fenced?: () => boolean } = {}) {
  let now = 500
  const timers: { due: number; run: () => void }[] = []
  const share = new PartitionShare({
    limit: given.limit ?? 10, windowMs: 1_000, clock: () => now, fenced: given.fenced ?? (() => false),
    after: (ms, run) => { timers.push({ due: now + ms, run }) },
  })
  const changes: number[] = []
  share.onChange(() => changes.push(share.slots()))
  const goTo = (time: number) => {
    now = time
    for (const timer of timers.splice(0)) {
      if (timer.due <= now) timer.run()
      else timers.push(timer)
    }
  }
  return { share, changes, goTo }
}

describe('the share', () => {
  test('is nothing before the first assignment', () => {
    expect(shareAt().share.slots()).toBe(0)
  })

  test('is there one window after the assignment, and not a moment sooner; who listens is told', () => {
    const { share, changes, goTo } = shareAt()
    share.assigned([0, 3], 4)
    expect(share.slots()).toBe(0)
    goTo(1_499)
    expect(share.slots()).toBe(0)
    goTo(1_500)
    expect([share.slots(), changes]).toEqual([5, [0, 5]])
  })

  test('is gone at once when revoked, and a timer of before does not bring it back', () => {
    const { share, changes, goTo } = shareAt()
    share.assigned([0], 1)
    goTo(1_000)
    share.revoked()
    goTo(9_000)
    expect([share.slots(), changes.some((slots) => slots > 0)]).toEqual([0, false])
  })

  test('a new assignment waits its own window, though the timer of the one before fires', () => {
    const { share, goTo } = shareAt()
    share.assigned([0], 1)
    goTo(1_000)
    share.revoked()
    share.assigned([0, 1], 4)
    goTo(1_999)
    expect(share.slots()).toBe(0)
    goTo(2_000)
    expect(share.slots()).toBe(slotsOfPartition(0, 4, 10) + slotsOfPartition(1, 4, 10))
  })

  test('is nothing behind the fence, and there again when it opens', () => {
    let fenced = true
    const { share, goTo } = shareAt({ fenced: () => fenced })
    share.assigned([0], 1)
    goTo(1_500)
    expect(share.slots()).toBe(0)
    fenced = false
    expect(share.slots()).toBe(10)
  })

  test('whoever owns which partitions: together never more than the limit, all of it if none is without an owner', () => {
    const dealt = limitAndCount.chain(([limit, count]) => fc.tuple(fc.constant(limit), fc.array(fc.integer({ min: -1, max: 4 }), { minLength: count, maxLength: count })))
    fc.assert(fc.property(dealt, ([limit, owners]) => {
      const slots = [0, 1, 2, 3, 4].map((member) => {
        const { share, goTo } = shareAt({ limit })
        share.assigned(owners.flatMap((owner, partition) => (owner === member ? [partition] : [])), owners.length)
        goTo(1_500)
        return share.slots()
      })
      expect(sum(slots)).toBeLessThanOrEqual(limit)
      expect(sum(slots) === limit).toBe(!owners.includes(-1))
    }))
  })
})
