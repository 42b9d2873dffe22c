import { Redeal } from '../../../src/limiter/redeal.ts'

/** A member that is looked at every 500 ms. Times in ms. */
function memberOf(options?: ConstructorParameters<typeof Redeal>[0]) {
  const policy = new Redeal(options)
  let now = 1_000_000
  let standing: { slots: number; limit: number; wanted: number; since: number } | undefined
  return {
    /** A generation begins. What the member wants is seen one window later. */
    deal: (slots: number, limit = 80) => {
      standing = { slots, limit, wanted: 0, since: now }
    },
    set: (given: { slots?: number; limit?: number; wanted?: number }) => { standing = { ...standing!, ...given } },
    hide: () => { standing = undefined },
    /** @returns when it first asked, ms from the call; undefined if it did not within `ms` */
    asksWithin: (ms: number): number | undefined => {
      for (const began = now; now < began + ms;) {
        now += 500
        if (policy.look(now, standing)) return now - began
      }
      return undefined
    },
  }
}

const HOUR = 3_600_000

test('short for 5 s, and the last deal is 30 s old: it asks', () => {
  const member = memberOf()
  member.deal(20)
  expect(member.asksWithin(HOUR)).toBeUndefined()
  member.set({ wanted: Infinity })
  expect(member.asksWithin(HOUR)).toBe(5_500) // the first look saw it half a second late
})

test('not before the last deal, whoever asked for it, is 30 s old', () => {
  const member = memberOf()
  member.deal(20)
  member.set({ wanted: Infinity })
  expect(member.asksWithin(HOUR)).toBe(30_000)
})

test('short with interruptions: it does not ask', () => {
  const member = memberOf()
  member.deal(20)
  member.asksWithin(60_000)
  for (let n = 0; n < 100; n += 1) {
    member.set({ wanted: Infinity })
    expect(member.asksWithin(4_500)).toBeUndefined()
    member.set({ wanted: 19 })
    expect(member.asksWithin(500)).toBeUndefined()
  }
})

test('with the whole limit, alone or not, there is nothing to ask for', () => {
  const member = memberOf()
  member.deal(80)
  member.set({ wanted: Infinity })
  expect(member.asksWithin(HOUR)).toBeUndefined()
})

test('while nothing can be told it does not ask', () => {
  const member = memberOf()
  expect(member.asksWithin(HOUR)).toBeUndefined()
  member.deal(20)
  member.set({ wanted: Infinity })
  member.asksWithin(20_000)
  member.hide()
  expect(member.asksWithin(HOUR)).toBeUndefined()
})

test('an asking that got lost is repeated, no sooner than a deal would be', () => {
  const member = memberOf()
  member.deal(20)
  member.set({ wanted: Infinity })
  expect([member.asksWithin(HOUR), member.asksWithin(HOUR)]).toEqual([30_000, 30_000])
})

/** Deals it gets as often as it asks, short all the time. @returns how long it waited before each */
function waits(member: ReturnType<typeof memberOf>, deals: readonly number[]): (number | undefined)[] {
  return deals.map((slots) => {
    member.set({ wanted: Infinity })
    const after = member.asksWithin(HOUR)
    member.deal(slots)
    return after
  })
}

test('deals in vain are asked for ever more seldom, up to 10 min; one that helps is the end of that', () => {
  const member = memberOf()
  member.deal(20)
  expect(waits(member, [20, 20, 19, 19, 18, 18, 18]).map((ms) => ms! / 1_000)).toEqual([30, 60, 120, 240, 480, 600, 600])
  expect(waits(member, [19, 19]).map((ms) => ms! / 1_000)).toEqual([600, 30])
})

test('a deal in vain that another member asked for counts as well, but deals in quick succession once', () => {
  const member = memberOf()
  member.deal(20)
  member.set({ wanted: Infinity })
  member.asksWithin(29_500)
  for (let n = 0; n < 5; n += 1) {
    // half a second more, so that the first of them comes 30 s after the one before
    member.asksWithin(n === 0 ? 500 : 2_000)
    member.deal(20)
    member.set({ wanted: Infinity })
  }
  expect(member.asksWithin(HOUR)).toBe(60_000)
})

test('a deal that another member asked for while this one was not short says nothing', () => {
  const member = memberOf()
  member.deal(20)
  member.asksWithin(60_000)
  member.deal(10)
  expect(waits(member, [10])).toEqual([30_000])
})

test('an old deal in vain holds up nothing once enough time has gone by', () => {
  const member = memberOf()
  member.deal(20)
  waits(member, [20, 20, 20, 20, 20, 20])
  member.asksWithin(HOUR)
  member.set({ wanted: Infinity })
  expect(member.asksWithin(HOUR)).toBe(5_500)
})

describe('the limit was raised', () => {
  test('for 5 s: it asks, short or not', () => {
    const member = memberOf()
    member.deal(20)
    member.asksWithin(60_000)
    member.set({ limit: 120, slots: 30 })
    expect(member.asksWithin(HOUR)).toBe(5_500)
  })

  test('and lowered again: it does not', () => {
    const member = memberOf()
    member.deal(20)
    member.asksWithin(60_000)
    member.set({ limit: 120, slots: 30 })
    member.asksWithin(4_000)
    member.set({ limit: 80, slots: 20 })
    expect(member.asksWithin(HOUR)).toBeUndefined()
  })

  test('once: it does not ask again because another member still reads a lower one', () => {
    const member = memberOf()
    member.deal(20)
    member.asksWithin(60_000)
    member.set({ limit: 120, slots: 30 })
    member.asksWithin(HOUR)
    member.deal(30, 120)
    expect(member.asksWithin(HOUR)).toBeUndefined()
  })

  test('a lowered one is no cause: the part has followed it', () => {
    const member = memberOf()
    member.deal(20)
    member.asksWithin(60_000)
    member.set({ limit: 40, slots: 10 })
    expect(member.asksWithin(HOUR)).toBeUndefined()
  })
})

test('interval and patience can be set', () => {
  const member = memberOf({ intervalMs: 2_000, patienceMs: 1_000 })
  member.deal(20)
  member.set({ wanted: Infinity })
  expect(member.asksWithin(HOUR)).toBe(2_000)
})
