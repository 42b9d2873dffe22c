import * as fc from 'fast-check'
import { Lanes } from '../../src/kafka/lanes.ts'

interface Named { readonly name: string }
/** Things of their own, however equal they look. */
const named = (...names: string[]): Named[] => names.map((name) => ({ name }))

test('the first of a lane can begin, those behind it wait for their turn', () => {
  const lanes = new Lanes<Named>()
  const [a1, a2, b1, a3, a4] = named('a1', 'a2', 'b1', 'a3', 'a4') as [Named, Named, Named, Named, Named]
  expect([lanes.push('a', a1), lanes.push('a', a2), lanes.push('b', b1), lanes.push('a', a3)]).toEqual([true, false, true, false])
  expect(lanes.shift('a', a1)).toBe(a2)
  expect(lanes.shift('b', b1)).toBeUndefined()
  expect(lanes.shift('a', a2)).toBe(a3)
  expect(lanes.shift('a', a3)).toBeUndefined()
  expect(lanes.push('a', a4)).toBe(true)
  expect(lanes.push('a', a1)).toBe(false)
  expect(lanes.shift('a', a4)).toBe(a1)
})

test('a lane exists only while it has work', () => {
  const lanes = new Lanes<Named>()
  for (let person = 0; person < 1_000; person += 1) {
    const items = named('first', 'second').slice(person % 2)
    for (const item of items) lanes.push(`u${person}`, item)
    for (const item of items) lanes.shift(`u${person}`, item)
  }
  expect(lanes.size).toBe(0)
})

test('cleared, it knows nobody any more', () => {
  const lanes = new Lanes<Named>()
  const [a1, a2, b1] = named('a1', 'a2', 'b1') as [Named, Named, Named]
  for (const item of [a1, a2, b1]) lanes.push(item.name.charAt(0), item)
  lanes.clear()
  expect(lanes.size).toBe(0)
  expect(() => lanes.shift('a', a1)).toThrow(RangeError)
  expect(lanes.push('a', a2)).toBe(true)
})

test.each([
  ['one that waits', 'a', 1],
  ['one of another lane', 'b', 0],
  ['one of a lane that does not exist', 'd', 0],
  ['one that looks like the head of a lane with one item', 'c', 4],
  ['one that looks like the head', 'a', 5],
])('only the head of a lane can be done: %s', (_name, person, index) => {
  const lanes = new Lanes<Named>()
  const items = named('a1', 'a2', 'b1', 'c1')
  for (const each of items) lanes.push(each.name.charAt(0), each)
  const asked = [...items, ...named('c1', 'a1')]
  expect(() => lanes.shift(person, asked[index]!)).toThrow(RangeError)
  expect(lanes.shift('a', items[0]!)).toBe(items[1])
})

test('names from the prototype of objects are lanes like any other', () => {
  const lanes = new Lanes<Named>()
  for (const item of named('__proto__', 'constructor', '')) {
    expect(lanes.push(item.name, item)).toBe(true)
    expect(lanes.shift(item.name, item)).toBeUndefined()
  }
})

test('whatever the interleaving: one at work in each lane, in the order of arrival', () => {
  const step = fc.oneof(
    fc.record({ push: fc.constantFrom('a', 'b', 'c', 'd') }),
    fc.record({ done: fc.nat() }),
  )
  fc.assert(fc.property(fc.array(step, { maxLength: 300 }), (steps) => {
    const lanes = new Lanes<{ person: string; n: number }>()
    const [pushed, begun, atWork] = [new Map<string, number>(), new Map<string, number>(), new Map<string, { person: string; n: number }>()]
    const begin = (item: { person: string; n: number }) => {
      expect(atWork.has(item.person)).toBe(false)
      expect(item.n).toBe(begun.get(item.person) ?? 0)
      begun.set(item.person, item.n + 1)
      atWork.set(item.person, item)
    }
    const finish = (item: { person: string; n: number }) => {
      atWork.delete(item.person)
      const next = lanes.shift(item.person, item)
      if (next) begin(next)
    }
    for (const each of steps) {
      if ('push' in each) {
        const item = { person: each.push, n: pushed.get(each.push) ?? 0 }
        pushed.set(each.push, item.n + 1)
        if (lanes.push(each.push, item)) begin(item)
      } else if (atWork.size > 0) finish([...atWork.values()][each.done % atWork.size]!)
      expect(lanes.size).toBe(atWork.size)
    }
    while (atWork.size > 0) finish([...atWork.values()][0]!)
    expect(begun).toEqual(pushed)
  }))
})
