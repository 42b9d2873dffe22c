import { playByHand, table, TWO } from './ledger-by-hand.ts'

test.each([
  table('the first ledger of a new Deployment opens at once', `
    a looks                  | a 0                    | closed: a 0/0
    a looks                  | a 10                   | a 10/5`),
  table('a ledger of an older Deployment opens when nothing under another one can matter any more', `
    a looks                  | a 0                    | closed: a 0/0
    12034 ms pass
    a looks                  | a 0                    | closed: a 0/0
    1 ms pass
    a looks                  | a 10                   | a 10/5`, { isOld: true }),
  table('who comes later waits as long from when it came, or until somebody else has opened it', `
    a looks
    6000 ms pass
    b looks                  | a 0, b 0               | closed: a 0/0, b 0/0
    6034 ms pass
    b looks                  | a 0, b 0               | closed: a 0/0, b 0/0
    1 ms pass
    b looks                  | a 0, b 0               | closed: a 0/0, b 0/0
    a looks                  | a 5, b 0               | a 5/2, b 0/0
    b looks                  | a 5, b 5               | a 5/2, b 5/2`, { isOld: true }),
  table('the longest outage of all in the ledger is waited for', `
    b looks
    a looks                  | b 0, a 0               | closed: b 0/0, a 0/0
    13037 ms pass
    a looks                  | b 0, a 0               | closed: b 0/0, a 0/0
    1 ms pass
    a looks                  | b 0, a 9               | b 0/0, a 9/4`, { isOld: true, termsOf: { b: { outageMs: 8_600 } } }),
  table('the ledger was deleted: what it granted goes on until it lapses, and nothing else is granted before', `
    a looks
    a looks                  | a 10                   | a 10/5
    the ledger is deleted
    b looks                  | a 10, b 0              | closed: b 0/0
    a looks                  | a 10, b 0              | closed: b 0/0, a 0/0
    b looks                  | a 10, b 0              | closed: b 0/0, a 0/0
    3599 ms pass             | a 10, b 0
    a looks                  | a 10, b 0              | closed: b 0/0, a 0/0
    1 ms pass                | a 5, b 0
    3999 ms pass             | a 5, b 0
    1 ms pass                | a 0, b 0
    4434 ms pass
    b looks                  | a 0, b 0               | closed: b 0/0, a 0/0
    1 ms pass
    b looks                  | a 0, b 5               | b 5/2, a 0/0
    a looks                  | a 5, b 5               | b 5/2, a 5/2`),
  table('it was deleted, and so was the next one: the last one is waited for', `
    a looks
    12034 ms pass
    the ledger is deleted
    a looks
    1 ms pass
    a looks                  | a 0                    | closed: a 0/0
    12033 ms pass
    a looks                  | a 0                    | closed: a 0/0
    1 ms pass
    a looks                  | a 10                   | a 10/5`, { isOld: true }),
  table('what was seen in a ledger that is gone says nothing of the next one', `${TWO}
    the ledger is deleted
    a looks
    12035 ms pass
    a looks                  | a 10, b 0              | a 10/5
    1000 ms pass
    a looks
    b looks                  | a 10, b 0              | a 10/5, b 0/0`),
  table('one that is gone from a ledger that is not open stops at once', `${TWO}
    the ledger is deleted
    a looks                  | a 5, b 5               | closed: a 0/0
    by hand: a is taken out
    a looks                  | a 0, b 5               | closed: a.1 0/0`),
  table('it was deleted while a write was under way: that one is not carried out', `
    a looks
    a looks
    1000 ms pass
    a reads
    the ledger is deleted
    b looks                  | a 10, b 0              | closed: b 0/0
    a's write arrives        | a 10, b 0              | closed: b 0/0`),
])('$name', ({ lines, setting }) => {
  const { told, went } = playByHand(lines, setting)
  expect(went).toEqual(told)
})
