import { playByHand, table, TWO } from './ledger-by-hand.ts'

/** One has all but the one slot that the other keeps, idle. */
const NINE_AND_ONE = `
  a looks
  a looks
  b wants 0
  b looks
  a looks
  b looks                      | a 9, b 1               | a 9/4, b 1/1`

// Writes whose fate is not known: without an answer, late, or both.
test.each([
  table('what is given up is not used from the sending on, what is taken not before the answer', `
    a looks
    a looks
    b looks
    a reads                  | a 5, b 0               | a 10/5, b 0/0
    a's write arrives        | a 5, b 0               | a 5/2, b 0/0
    b reads                  | a 5, b 0
    b's write arrives        | a 5, b 0               | a 5/2, b 5/2
    b hears                  | a 5, b 5
    a hears                  | a 5, b 5`),
  table('what was taken without an answer is told once more, at once', `
    a looks
    a looks
    b looks
    a looks
    b reads
    b's write arrives        | a 5, b 0               | a 5/2, b 5/2
    b looks                  | a 5, b 5               | a 5/2, b 5/2`),
  table('what may have been given up without an answer is not used in an outage either', `${NINE_AND_ONE}
    a reads the limit 5
    a reads
    a reads the limit 10
    1000 ms pass
    a reads
    2600 ms pass             | a 2, b 1               | a 9/4, b 1/1`),
  table('two take the same slots: one of them has a conflict, and nothing by it', `
    a looks
    a looks
    b looks
    c looks
    a holds 6
    a looks                  | a 4, b 0, c 0          | a 6/3, b 0/0, c 0/0
    b reads
    c reads
    c's write arrives
    b's write arrives        | a 4, b 0, c 0          | a 6/3, b 0/0, c 3/1
    b hears
    c hears                  | a 4, b 0, c 3
    b looks                  | a 4, b 1, c 3          | a 6/3, b 1/1, c 3/1`),
  table('slots that were given up without an answer are not used when they are wanted again', `${TWO}
    a wants 0
    a reads
    a's write arrives        | a 1, b 5               | a 1/1, b 5/2
    a wants all
    b looks                  | a 1, b 9               | a 1/1, b 9/4
    a looks                  | a 1, b 9               | a 1/1, b 9/4
    b looks                  | a 1, b 5               | a 1/1, b 5/2
    a looks                  | a 5, b 5               | a 5/2, b 5/2`),
  table('a write that gives up is carried out late, when another one that keeps all is under way', `${NINE_AND_ONE}
    a reads the limit 5
    a reads                  | a 2, b 1               | a 9/4, b 1/1
    a reads the limit 10     | a 4, b 1
    1000 ms pass
    a reads                  | a 4, b 1               | a 9/4, b 1/1
    a's write 4 arrives      | a 4, b 1               | a 4/2, b 1/1
    a's write 5 arrives      | a 4, b 1               | a 4/2, b 1/1
    a hears                  | a 4, b 1
    b wants all
    a looks                  | a 9, b 1               | a 9/4, b 1/1
    b looks                  | a 9, b 1               | a 9/4, b 1/1
    a looks                  | a 5, b 1               | a 5/2, b 1/1
    b looks                  | a 5, b 5               | a 5/2, b 5/2`),
  table('a write that gives up comes too late, after another one that keeps all', `${NINE_AND_ONE}
    a reads the limit 5
    a reads
    a reads the limit 10
    1000 ms pass
    a reads                  | a 4, b 1               | a 9/4, b 1/1
    a's write 5 arrives      | a 4, b 1               | a 9/4, b 1/1
    a hears                  | a 9, b 1
    a's write 4 arrives      | a 9, b 1               | a 9/4, b 1/1`),
  table('of several without an answer the smallest grant counts', `${NINE_AND_ONE}
    a reads the limit 5
    a reads
    a reads the limit 8
    a reads
    a reads the limit 10     | a 4, b 1
    a's write 5 arrives      | a 4, b 1               | a 7/3, b 1/1
    a looks                  | a 9, b 1               | a 9/4, b 1/1`),
])('$name', ({ lines }) => {
  const { told, went } = playByHand(lines)
  expect(went).toEqual(told)
})
