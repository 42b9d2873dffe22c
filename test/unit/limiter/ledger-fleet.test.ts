import { LedgerMember } from '../../../src/limiter/kubernetes/ledger-member.ts'
import type { Ledger } from '../../../src/limiter/kubernetes/ledger.ts'
import { ByHand, playByHand, table, TERMS, TWO } from './ledger-by-hand.ts'

describe('handing over', () => {
  test.each([
    table('a second process arrives: half is free for it at once, if it is not in use', `
      a looks
      a looks                  | a 10                   | a 10/5
      b looks                  | a 10, b 0              | a 10/5, b 0/0
      a looks                  | a 5, b 0               | a 5/2, b 0/0
      b looks                  | a 5, b 5               | a 5/2, b 5/2`),
    table('slots in use are not given up, but nobody uses them again', `
      a looks
      a looks
      a holds 10
      b looks                  | a 10, b 0              | a 10/5, b 0/0
      a looks                  | a 5, b 0               | a 10/5, b 0/0
      b looks                  | a 5, b 0               | a 10/5, b 0/0
      a holds 7
      a looks                  | a 5, b 0               | a 7/3, b 0/0
      b looks                  | a 5, b 3               | a 7/3, b 3/1
      a holds 5
      a looks                  | a 5, b 3               | a 5/2, b 3/1
      b looks                  | a 5, b 5               | a 5/2, b 5/2`),
    table('one that has nothing to do hands over all but one, and gets it back when it wants it', `${TWO}
      a wants 0
      a looks                  | a 1, b 5               | a 1/1, b 5/2
      b looks                  | a 1, b 9               | a 1/1, b 9/4
      b holds 9
      a wants all
      a looks                  | a 1, b 9               | a 1/1, b 9/4
      b looks                  | a 1, b 5               | a 1/1, b 9/4
      b holds 6
      b looks                  | a 1, b 5               | a 1/1, b 6/3
      a looks                  | a 4, b 5               | a 4/2, b 6/3
      b holds 4
      b looks                  | a 4, b 5               | a 4/2, b 5/2
      a looks                  | a 5, b 5               | a 5/2, b 5/2`),
    table('one that wants little hands over the rest', `${TWO}
      a wants 3
      a looks                  | a 3, b 5               | a 3/1, b 5/2
      b looks                  | a 3, b 7               | a 3/1, b 7/3`),
    table('one that is short tells how much it wants, also if that is not all', `${TWO}
      a wants 3
      a looks
      b looks                  | a 3, b 7               | a 3/1, b 7/3
      a looks
      a wants 4
      a looks                  | a 3, b 7               | a 3/1, b 7/3
      b looks                  | a 3, b 6               | a 3/1, b 6/3
      a looks                  | a 4, b 6               | a 4/2, b 6/3`),
    table('nobody is short: nothing moves, whoever wants less', `${TWO}
      b wants 3
      b looks
      a wants 4
      a looks
      b looks                  | a 5, b 5               | a 5/2, b 5/2`),
    table('more processes than slots: the first have one each, one that is idle makes way', `
      a looks
      a looks
      b looks
      c looks
      a looks                  | a 1, b 0, c 0          | a 1/1, b 0/0, c 0/0
      b looks                  | a 1, b 1, c 0          | a 1/1, b 1/1, c 0/0
      c looks                  | a 1, b 1, c 0          | a 1/1, b 1/1, c 0/0
      a wants 0
      a looks                  | a 0, b 1, c 0          | a 0/0, b 1/1, c 0/0
      c looks                  | a 0, b 1, c 1          | a 0/0, b 1/1, c 1/1
      a wants all
      a looks
      c looks
      a looks                  | a 1, b 1, c 0          | a 1/1, b 1/1, c 0/0`, { limit: 2 }),
  ])('$name', ({ lines, setting }) => {
    const { told, went } = playByHand(lines, setting)
    expect(went).toEqual(told)
  })

  test('one that waits for slots, or to be able to give some up, is to look again soon', () => {
    const byHand = new ByHand()
    const areWaiting = (...lines: string[]) => {
      for (const line of lines) byHand.do(line)
      return ['a', 'b'].map((name) => byHand.member(name).isWaiting)
    }
    expect(areWaiting('a looks', 'a looks', 'a holds 10', 'b looks', 'b looks', 'a looks')).toEqual([true, true])
    expect(areWaiting('a holds 5', 'a looks', 'b looks', 'a looks')).toEqual([false, false])
  })

  test('when nothing changes nothing is written but renewals', () => {
    const byHand = new ByHand()
    const beatsAfter = (...lines: string[]) => {
      for (const line of lines) byHand.do(line)
      return byHand.stored.entries.map(({ beat }) => beat)
    }
    const settle = ['a looks', 'a looks', 'b looks', 'a looks', 'b looks', 'a looks', 'b looks']
    const beats = beatsAfter('a wants 4', 'b wants 3', ...settle)
    expect(beatsAfter('999 ms pass', 'a wants 3', 'b wants 4', 'a looks', 'b looks')).toEqual(beats)
    expect(beatsAfter('1 ms pass', 'a looks', 'b looks')).toEqual(beats.map((beat) => beat + 1))
  })
})

describe('the limit changes', () => {
  test.each([
    table('lowered: each uses its part of the new one as soon as it reads that, and in the end both have half', `${TWO}
      a holds 5
      b holds 5
      a reads the limit 6      | a 3, b 5               | a 5/2, b 5/2
      b reads the limit 6      | a 3, b 3               | a 5/2, b 5/2
      a holds 3
      b holds 3
      a looks
      b looks
      a looks                  | a 3, b 3               | a 3/1, b 3/1`),
    table('lowered, and one does not know it yet: the other gives up its part, which nobody takes', `${TWO}
      a reads the limit 6      | a 3, b 5
      a looks                  | a 2, b 5               | a 3/1, b 5/2
      b looks                  | a 2, b 3               | a 3/1, b 3/1
      b reads the limit 6      | a 2, b 1
      b looks                  | a 2, b 3               | a 3/1, b 3/1
      a looks                  | a 3, b 3               | a 3/1, b 3/1`),
    table('raised: the new one counts when all have read it', `${TWO}
      a reads the limit 20     | a 5, b 5
      a looks                  | a 5, b 5               | a 5/2, b 5/2
      b reads the limit 20
      b looks                  | a 5, b 10              | a 5/2, b 10/5
      a looks                  | a 10, b 10             | a 10/5, b 10/5`),
    table('raised, and lowered again by one before the others know: the lower one counts', `${TWO}
      a reads the limit 20
      a looks
      b reads the limit 20
      b reads                  | a 5, b 5
      a reads the limit 10     | a 2, b 5
      b's write arrives        | a 2, b 5               | a 5/2, b 10/5
      b hears                  | a 2, b 10
      b reads the limit 10     | a 2, b 5
      a looks                  | a 3, b 5               | a 5/2, b 10/5
      b looks                  | a 3, b 5               | a 5/2, b 5/2
      a looks                  | a 5, b 5               | a 5/2, b 5/2`),
    table('raised without an answer, and lowered again: what others may have dealt from counts', `
      a looks
      a looks
      b looks
      a looks
      b looks                  | a 2, b 2               | a 2/1, b 2/1
      a reads the limit 8
      a reads
      a's write arrives        | a 2, b 2
      b reads the limit 8
      b looks                  | a 2, b 4               | a 2/1, b 4/2
      a reads the limit 4      | a 1, b 4
      b reads the limit 4      | a 1, b 2`, { limit: 4 }),
    table('one that is silent holds the limit down until it is gone', `${TWO}
      a reads the limit 6
      a looks
      b looks
      12034 ms pass
      b looks                  | a 0, b 5               | a 1/1 reduced, b 5/2
      1 ms pass
      b looks                  | a 0, b 10              | b 10/5`),
  ])('$name', ({ lines, setting }) => {
    const { told, went } = playByHand(lines, setting)
    expect(went).toEqual(told)
  })
})

describe('somebody has edited the ledger', () => {
  test.each([
    table('more than was acknowledged: it is not used, and what is too much is given up', `${TWO}
      by hand: a is granted 9  | a 5, b 5               | a 9/2, b 5/2
      b looks                  | a 5, b 3               | a 9/2, b 5/2
      a looks                  | a 5, b 3               | a 5/2, b 5/2
      b looks                  | a 5, b 5               | a 5/2, b 5/2`),
    table('the entry of one is gone: it stops at once, and begins anew', `${TWO}
      by hand: a is taken out  | a 5, b 5               | b 5/2
      a reads                  | a 0, b 5               | b 5/2
      a's write arrives
      a hears                  | a 0, b 5               | b 5/2, a.1 0/0
      a looks                  | a 5, b 5               | b 5/2, a.1 5/2`),
    table('a basis that is too small is put right by the next write', `${TWO}
      by hand: the basis is 3  | a 5, b 5
      1000 ms pass
      a looks                  | a 5, b 5               | a 5/2, b 5/2`),
  ])('$name', ({ lines, setting }) => {
    const { told, went } = playByHand(lines, setting)
    expect(went).toEqual(told)
  })
})

test('several APIs in one ledger: each is dealt for itself', () => {
  let stored: Ledger | undefined
  const member = (name: string) => new LedgerMember({ name, pod: name, terms: TERMS })
  const [a, b] = [member('a'), member('b')]
  const look = (who: LedgerMember, wants: readonly [number, number]) => {
    const [track, general] = wants.map((wanted, n) => ({ limit: [10, 4][n] as number, held: 0, wanted }))
    const next = who.step({ ledger: stored, uid: stored && '1', receivedAt: 0, isNew: true }, { track: track!, general: general! })
    if (!next) return
    stored = next
    who.acknowledged(next, '1', 0, 0)
  }
  const ALL = Infinity
  for (const [who, wants] of [[a, [ALL, 0]], [a, [ALL, 0]], [b, [0, ALL]], [a, [ALL, 0]], [b, [0, ALL]]] as const) look(who, wants)
  const slots = (api: string, limit: number) => [a, b].map((who) => who.slots(api, limit, 0))
  expect([slots('track', 10), slots('general', 4), slots('broadcast', 1)]).toEqual([[9, 1], [1, 3], [0, 0]])
  expect(stored?.basis).toEqual({ track: 10, general: 4 })
})

test('a Deployment from 3 to 20 processes and back to 3: all is dealt, then as now', () => {
  const byHand = new ByHand({ limit: 100 })
  const names = Array.from({ length: 20 }, (_, n) => `p${n}`)
  const rounds = (who: readonly string[]) => {
    for (let round = 0; round < 3; round += 1) for (const name of who) byHand.do(`${name} looks`)
  }
  const slots = (who: readonly string[]) => who.map((name) => byHand.member(name).slots('track', 100, byHand.now))
  const three = names.slice(0, 3)
  rounds(three)
  expect(slots(three)).toEqual([34, 33, 33])
  rounds(names)
  expect(slots(names)).toEqual(names.map(() => 5))
  for (const name of names.slice(3)) for (const line of [`${name} leaves`, `${name} looks`]) byHand.do(line)
  rounds(three)
  expect(slots(three)).toEqual([34, 33, 33])
  byHand.do('2010 ms pass')
  rounds(three)
  expect(byHand.stored.entries.map(({ id }) => id)).toEqual(three)
})
