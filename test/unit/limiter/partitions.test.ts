import * as fc from 'fast-check'
import { PartitionShare } from '../../../src/limiter/partitions.ts'
import type { Demand } from '../../../src/limiter/share.ts'

const sum = (numbers: readonly number[]) => numbers.reduce((total, number) => total + number, 0)

function shareAt(given: { limit?: number; fenced?: () => boolean } = {}) {
  let now = 500
  let limit = given.limit ?? 10
  let demand: Demand = { held: 0, wanted: 3 }
  const timers: { due: number; run: () => void }[] = []
  const share = new PartitionShare({
    limit: () => limit, windowMs: 1_000, clock: () => now, fenced: given.fenced ?? (() => false),
    after: (ms, run) => { timers.push({ due: now + ms, run }) },
  })
  share.follow(() => demand)
  const changes: number[] = []
  share.onChange(() => changes.push(share.slots()))
  const goTo = (time: number) => {
    now = time
    for (const timer of timers.splice(0)) {
      if (timer.due <= now) timer.run()
      else timers.push(timer)
    }
  }
  return {
    share, changes, goTo,
    want: (wanted: number) => { demand = { held: 0, wanted } },
    setLimit: (to: number) => {
      limit = to
      share.limitChanged()
    },
  }
}

describe('the share', () => {
  test('is nothing before the first assignment', () => {
    expect(shareAt().share.slots()).toBe(0)
  })

  test('is there one window after the assignment, and not a moment sooner; who listens is told', () => {
    const { share, changes, goTo } = shareAt()
    share.assigned({ limit: 10, slots: 5 })
    expect(share.slots()).toBe(0)
    goTo(1_499)
    expect(share.slots()).toBe(0)
    goTo(1_500)
    expect([share.slots(), changes]).toEqual([5, [0, 5]])
  })

  test('is nothing if nothing was dealt', () => {
    const { share, goTo } = shareAt()
    share.assigned(undefined)
    goTo(9_000)
    expect(share.slots()).toBe(0)
  })

  test('is gone at once when revoked, and a timer of before does not bring it back', () => {
    const { share, changes, goTo } = shareAt()
    share.assigned({ limit: 10, slots: 10 })
    goTo(1_000)
    share.revoked()
    goTo(9_000)
    expect([share.slots(), changes.some((slots) => slots > 0)]).toEqual([0, false])
  })

  test('a new assignment waits its own window, though the timer of the one before fires', () => {
    const { share, goTo } = shareAt()
    share.assigned({ limit: 10, slots: 10 })
    goTo(1_000)
    share.revoked()
    share.assigned({ limit: 10, slots: 4 })
    goTo(1_999)
    expect(share.slots()).toBe(0)
    goTo(2_000)
    expect(share.slots()).toBe(4)
  })

  test('is nothing behind the fence, and there again when it opens', () => {
    let fenced = true
    const { share, goTo } = shareAt({ fenced: () => fenced })
    share.assigned({ limit: 10, slots: 10 })
    goTo(1_500)
    expect(share.slots()).toBe(0)
    fenced = false
    expect(share.slots()).toBe(10)
  })
})

describe('the limit changes', () => {
  test('a part follows at once, in proportion, and who listens is told', () => {
    const { share, changes, goTo, setLimit } = shareAt({ limit: 80 })
    share.assigned({ limit: 80, slots: 27 })
    goTo(1_500)
    setLimit(40)
    expect(share.slots()).toBe(13)
    setLimit(160)
    expect(changes).toEqual([0, 27, 13, 54])
  })

  /** Members with what the leader dealt them of `dealt`, each with its own reading of the limit. */
  const members = fc.integer({ min: 1, max: 1_000 }).chain((dealt) => fc.record({
    dealt: fc.constant(dealt),
    cuts: fc.array(fc.record({ at: fc.nat(dealt), reads: fc.integer({ min: 1, max: 1_000 }) }), { minLength: 1, maxLength: 12 }),
  })).map(({ dealt, cuts }) => {
    const sorted = cuts.toSorted((a, b) => a.at - b.at)
    return { dealt, members: sorted.map(({ at, reads }, n) => ({ slots: at - (sorted[n - 1]?.at ?? 0), reads })) }
  })

  test('whoever reads which limit: together never more than the largest of them', () => {
    fc.assert(fc.property(members, ({ dealt, members: all }) => {
      const slots = all.map(({ slots: part, reads }) => {
        const { share, goTo } = shareAt({ limit: reads })
        share.assigned({ limit: dealt, slots: part })
        goTo(1_500)
        return share.slots()
      })
      expect(sum(slots)).toBeLessThanOrEqual(Math.max(...all.map(({ reads }) => reads)))
    }), { numRuns: 1_000 })
  })

  test('who reads the limit that was dealt has all that was dealt', () => {
    const dealt = fc.integer({ min: 1, max: 1_000 }).chain((limit) => fc.tuple(fc.constant(limit), fc.nat(limit)))
    fc.assert(fc.property(dealt, ([limit, slots]) => {
      const { share, goTo } = shareAt({ limit })
      share.assigned({ limit, slots })
      goTo(1_500)
      expect(share.slots()).toBe(slots)
    }))
  })

  test('why slots do not ride on partitions: the borders between them move with the limit, so two readings can count a slot twice', () => {
    const upTo = (partition: number, limit: number) => Math.floor((partition * limit) / 5)
    const ofPartition = (partition: number, limit: number) => upTo(partition + 1, limit) - upTo(partition, limit)
    const used = [0, 1, 2, 3, 4].map((partition) => ofPartition(partition, partition === 2 ? 2 : 3))
    expect([sum(used), ofPartition(2, 3)]).toEqual([4, 0])
  })
})

describe('what the leader is told', () => {
  test('the limit as it is read now; all slots are wanted until it could be seen how many', () => {
    const { share, goTo, setLimit } = shareAt()
    expect(share.budget()).toEqual({ limit: 10, wanted: Infinity })
    share.assigned({ limit: 10, slots: 5 })
    goTo(1_499)
    share.revoked()
    setLimit(12)
    expect(share.budget()).toEqual({ limit: 12, wanted: Infinity })
  })

  test('what was wanted when the share was last of use, not what is seen after the revoke or in the next first window', () => {
    const { share, goTo, want } = shareAt()
    share.assigned({ limit: 10, slots: 5 })
    goTo(1_500)
    want(4)
    share.revoked()
    want(0)
    expect(share.budget().wanted).toBe(4)
    share.assigned({ limit: 10, slots: 5 })
    goTo(2_000)
    want(Infinity)
    share.revoked()
    expect(share.budget().wanted).toBe(4)
  })

  test('what is wanted behind the fence says nothing', () => {
    let fenced = false
    const { share, goTo, want } = shareAt({ fenced: () => fenced })
    share.assigned({ limit: 10, slots: 5 })
    goTo(1_500)
    fenced = true
    want(0)
    share.revoked()
    expect(share.budget().wanted).toBe(Infinity)
  })

  test('a member that had no part is as a new one', () => {
    const { share, goTo } = shareAt()
    share.assigned({ limit: 10, slots: 5 })
    goTo(1_500)
    share.revoked()
    expect(share.budget().wanted).toBe(3)
    share.assigned(undefined)
    goTo(9_000)
    share.revoked()
    expect(share.budget().wanted).toBe(Infinity)
  })
})

test('how it stands can be told only with a part that is of use; a part of no slots is one', () => {
  let fenced = false
  const { share, goTo, setLimit, want } = shareAt({ fenced: () => fenced })
  share.assigned(undefined)
  goTo(1_500)
  expect(share.standing()).toBeUndefined()
  share.assigned({ limit: 10, slots: 1 })
  expect(share.standing()).toBeUndefined()
  goTo(2_500)
  want(7)
  expect(share.standing()).toEqual({ slots: 1, limit: 10, wanted: 7, since: 1_500 })
  setLimit(8)
  expect(share.standing()).toEqual({ slots: 0, limit: 8, wanted: 7, since: 1_500 })
  fenced = true
  expect(share.standing()).toBeUndefined()
})
