import { ByHand, playByHand, table, TWO } from './ledger-by-hand.ts'

describe('lease and outage', () => {
  test.each([
    table('a lease counts from the sending of the write, not from its answer', `
      a looks
      a reads                  | a 0                    | closed: a 0/0
      3000 ms pass
      a's write arrives        | a 0                    | a 10/5
      500 ms pass
      a hears                  | a 10
      99 ms pass               | a 10
      1 ms pass                | a 5
      3999 ms pass             | a 5
      1 ms pass                | a 0`),
    table('an answer that comes after the lease is worth the rest of the outage', `
      a looks
      a reads
      a's write arrives
      3600 ms pass
      a hears                  | a 5`),
    table('a renewal is written after so long, not before', `
      a looks
      a looks
      999 ms pass
      a looks
      2601 ms pass             | a 5
      a looks                  | a 10
      1000 ms pass
      a looks
      3599 ms pass             | a 10`),
    table('back from the outage all is there again, if nobody took it', `
      a looks
      a looks
      7600 ms pass             | a 0
      a looks                  | a 10                   | a 10/5`),
    table('with no part for outages there is nothing after the lease', `
      a looks
      a looks                  | a 10                   | a 10/0
      3599 ms pass             | a 10
      1 ms pass                | a 0`, { terms: { outagePart: 0 } }),
    table('with all for outages nothing is less until the end', `
      a looks
      a looks                  | a 10                   | a 10/10
      7599 ms pass             | a 10
      1 ms pass                | a 0`, { terms: { outagePart: 1 } }),
  ])('$name', ({ lines, setting }) => {
    const { told, went } = playByHand(lines, setting)
    expect(went).toEqual(told)
  })
})

describe('silence', () => {
  test.each([
    table('silent, then reduced to its floor, then gone', `${TWO}
      3600 ms pass             | a 2, b 2
      b looks                  | a 2, b 5               | a 5/2, b 5/2
      4424 ms pass
      b looks                  | a 0, b 5               | a 5/2, b 5/2
      1 ms pass
      b looks                  | a 0, b 8               | a 2/2 reduced, b 8/4
      4009 ms pass
      b looks                  | a 0, b 8               | a 2/2 reduced, b 8/4
      1 ms pass
      b looks                  | a 0, b 10              | b 10/5`),
    table('one that is reduced goes on with its floor, and gets its part back', `${TWO}
      8025 ms pass             | a 2, b 2
      b looks                  | a 2, b 8               | a 2/2 reduced, b 8/4
      11974 ms pass            | a 2, b 4
      a looks                  | a 2, b 4               | a 2/1, b 8/4
      b looks                  | a 2, b 5               | a 2/1, b 5/2
      a looks                  | a 5, b 5               | a 5/2, b 5/2`, { terms: { outageMs: 20_000 } }),
    table('what was heard of it in between counts from then', `${TWO}
      8024 ms pass
      a looks
      b looks                  | a 5, b 5
      8024 ms pass
      b looks                  | a 0, b 5               | a 5/2, b 5/2`),
    table('a write in the last moment goes before: who would take the slots has a conflict', `${TWO}
      8025 ms pass
      b reads
      a looks                  | a 5, b 0
      b's write arrives        | a 5, b 0               | a 5/2, b 5/2
      b hears                  | a 5, b 0
      b looks                  | a 5, b 5               | a 5/2, b 5/2`),
    table('without a part for outages it is gone when it is silent', `
      a looks
      a looks
      b looks
      8024 ms pass
      b looks                  | a 0, b 0               | a 10/0, b 0/0
      1 ms pass
      b looks                  | a 0, b 10              | b 10/0`, { terms: { outagePart: 0 } }),
    table('one that was taken out begins anew under another name, with nothing', `${TWO}
      12035 ms pass
      b looks                  | a 0, b 10              | b 10/5
      a looks                  | a 0, b 10              | b 10/5, a.1 0/0
      b looks                  | a 0, b 5               | b 5/2, a.1 0/0
      a looks                  | a 5, b 5               | b 5/2, a.1 5/2
      b looks
      12035 ms pass
      b looks
      a looks                  | a 0, b 10              | b 10/5, a.2 0/0`),
  ])('$name', ({ lines, setting }) => {
    const { told, went } = playByHand(lines, setting)
    expect(went).toEqual(told)
  })
})

describe('the end', () => {
  test.each([
    table('replaced in its pod: its slots are free when its last requests have left the window', `
      a looks
      a looks
      b starts in the pod of a
      a dies
      b looks                  | b 0                    | a 10/5, b 0/0
      4014 ms pass
      b looks                  | b 0                    | a 10/5, b 0/0
      1 ms pass
      b looks                  | b 10                   | b 10/5`),
    table('one that has left with nothing is forgotten, though nobody has more slots by that', `${TWO}
      a leaves
      a looks
      b looks                  | a 0, b 10              | a 0/0 left, b 10/5
      1500 ms pass
      b looks
      509 ms pass
      b looks                  | a 0, b 10              | a 0/0 left, b 10/5
      1 ms pass
      b looks                  | a 0, b 10              | b 10/5`),
    table('leaving is told at once, though nothing else changes', `${TWO}
      a wants 0
      a looks
      a holds 1
      a leaves
      a looks                  | a 0, b 5               | a 1/0 left, b 5/2`),
    table('killed and not replaced: its slots are free as of one that is silent', `${TWO}
      a dies
      12035 ms pass
      b looks                  | b 10                   | b 10/5`),
    table('one that leaves keeps what is still in the window, for so long', `${TWO}
      a holds 3
      a leaves                 | a 0, b 5               | a 5/2, b 5/2
      a looks                  | a 0, b 5               | a 3/0 left, b 5/2
      b looks                  | a 0, b 7               | a 3/0 left, b 7/3
      2009 ms pass
      b looks                  | a 0, b 7               | a 3/0 left, b 7/3
      1 ms pass
      b looks                  | a 0, b 10              | b 10/5`),
    table('it tells that again, as long as no answer comes, and not any longer', `${TWO}
      a leaves
      a reads
      a's write arrives        | a 0, b 5               | a 0/0 left, b 5/2
      1 ms pass
      a looks
      b looks
      500 ms pass
      a looks
      1510 ms pass
      b looks                  | a 0, b 10              | b 10/5`),
    table('all have left, a new one comes: it waits as for the last of them', `${TWO}
      a leaves
      a looks
      b holds 5
      b leaves
      b looks                  | a 0, b 0               | a 0/0 left, b 5/0 left
      c looks
      c looks                  | a 0, b 0, c 5          | a 0/0 left, b 5/0 left, c 5/2
      2010 ms pass
      c looks                  | a 0, b 0, c 10         | c 10/5`),
  ])('$name', ({ lines, setting }) => {
    const { told, went } = playByHand(lines, setting)
    expect(went).toEqual(told)
  })
})

test('without a part for outages there is no outage', () => {
  const standings = [0, 0.5].map((outagePart) => {
    const byHand = new ByHand({ terms: { outagePart } })
    for (const line of ['a looks', 'a looks', '3600 ms pass']) byHand.do(line)
    return byHand.member('a').standing(byHand.now)
  })
  expect(standings).toEqual(['outside', 'outage'])
})

test('state, for metrics and the log', () => {
  const byHand = new ByHand()
  const before = ['a looks', 'a looks', 'b looks', 'c looks', 'c holds 1', 'a looks', 'c looks']
  const lines = [...before, 'c leaves', 'c looks', '300 ms pass', 'b looks', '20 ms pass']
  for (const line of lines) byHand.do(line)
  const state = { standing: 'leased', ageMs: 20, members: 2, rank: 1, quarantined: { track: 1 }, open: true }
  expect(byHand.member('b').state(byHand.now)).toEqual(state)
  expect(byHand.member('c').state(byHand.now)).toMatchObject({ standing: 'outside', rank: undefined })
})
