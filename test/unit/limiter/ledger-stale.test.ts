import { ByHand, playByHand, table } from './ledger-by-hand.ts'

test.each([
  table('an id is used up with the first write that was carried out, answered or not: who saw it long ago must not take the next one for it', `
    c looks
    c looks
    b looks
    a reads
    a's write arrives
    c looks
    b looks
    a reads
    a's write arrives        | c 4, b 3, a 0          | c 4/2, b 3/1, a 3/1
    b looks
    c looks
    12035 ms pass
    c leaves
    c looks                  | c 0, b 0, a 0          | c 0/0 left
    a looks
    a looks                  | c 0, b 0, a 10         | c 0/0 left, a.1 10/5
    b looks
    b looks                  | c 0, b 0, a 10         | c 0/0 left, a.1 10/5, b.1 0/0
    a looks                  | c 0, b 0, a 5          | c 0/0 left, a.1 5/2, b.1 0/0
    b looks                  | c 0, b 5, a 5          | c 0/0 left, a.1 5/2, b.1 5/2`),
  table('the text is taken away from the Lease of a new Deployment: the next ledger in it is not the first', `
    a looks
    a looks
    b looks                  | a 10, b 0              | a 10/5, b 0/0
    by hand: the text is taken away
    b looks
    b looks                  | a 10, b 0              | closed: b.1 0/0
    12034 ms pass
    b looks                  | a 0, b 0               | closed: b.1 0/0
    1 ms pass
    b looks                  | a 0, b 10              | b.1 10/5`),
  table('the text is taken away from a Lease that was opened long ago: that is waited for anew', `
    a looks
    12035 ms pass
    a looks
    b looks
    a looks
    b looks                  | a 5, b 5               | a 5/2, b 5/2
    by hand: the text is taken away
    a looks                  | a 0, b 5               | closed: a.1 0/0
    a looks                  | a 0, b 5               | closed: a.1 0/0`, { isOld: true }),
  table('the text is taken away twice: who knows only the closed ones before and after waits anew, though it is the same Lease', `
    a looks
    b looks                  | a 0, b 0               | closed: a 0/0, b 0/0
    12035 ms pass
    a looks                  | a 5, b 0               | a 5/2, b 0/0
    by hand: the text is taken away
    a looks                  | a 0, b 0               | closed: a.1 0/0
    b looks                  | a 0, b 0               | closed: a.1 0/0, b.1 0/0
    b looks                  | a 0, b 0               | closed: a.1 0/0, b.1 0/0`, { isOld: true }),
  table('one that saw no ledger long ago makes one: it waits from then on, since there was another one in between', `
    a reads                  | a 0                    | none
    b looks
    12035 ms pass
    b looks                  | a 0, b 10              | b 10/5
    the ledger is deleted
    a looks
    a looks                  | a 0, b 10              | closed: a 0/0`, { isOld: true }),
  table('the limit is lowered: each goes on with its part of it, also while slots in use can\'t be given up', `
    a looks
    a looks
    b looks
    a looks
    b looks                  | a 10, b 10             | a 10/5, b 10/5
    a holds 10
    b holds 10
    a reads the limit 10     | a 5, b 10
    b reads the limit 10     | a 5, b 5
    a looks                  | a 5, b 5               | a 10/5, b 10/5
    b looks                  | a 5, b 5               | a 10/5, b 10/5`, { limit: 20 }),
])('$name', ({ lines, setting }) => {
  const { told, went } = playByHand(lines, setting)
  expect(went).toEqual(told)
})

test('one that has as much as it wants does not look again soon, though its even part would be more', () => {
  const byHand = new ByHand()
  for (const line of ['a looks', 'a looks', 'a holds 9', 'b wants 0', 'b looks', 'a looks', 'b looks', 'a holds 0', 'a wants 0', 'a looks', 'b looks']) byHand.do(line)
  expect(byHand.ledger()).toBe('a 9/4, b 1/1')
  byHand.do('1000 ms pass')
  for (const line of ['a looks', 'b looks']) byHand.do(line)
  expect(['a', 'b'].map((name) => byHand.member(name).isWaiting)).toEqual([false, false])
})
