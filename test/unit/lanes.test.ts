import * as fc from 'fast-check'
import { Lanes } from '../../src/kafka/lanes.ts'

test('the first of a lane can begin, those behind it wait for their turn', () => {
  const lanes = new Lanes<string>()
  expect([lanes.push('a', 'a1'), lanes.push('a', 'a2'), lanes.push('b', 'b1'), lanes.push('a', 'a3')]).toEqual([true, false, true, false])
  expect(lanes.shift('a', 'a1')).toBe('a2')
  expect(lanes.shift('b', 'b1')).toBeUndefined()
  expect(lanes.shift('a', 'a2')).toBe('a3')
  expect(lanes.shift('a', 'a3')).toBeUndefined()
  expect(lanes.push('a', 'a4')).toBe(true)
})

test('a lane exists only while it has work', () => {
  const lanes = new Lanes<number>()
  for (let person = 0; person < 1_000; person += 1) {
    lanes.push(`u${person}`, person)
    lanes.shift(`u${person}`, person)
  }
  expect(lanes.size).toBe(0)
})

test.each([
  ['one that waits', 'a', 'a2'],
  ['one of another lane', 'b', 'a1'],
  ['one of a lane that does not exist', 'c', 'a1'],
])('only the head of a lane can be done: %s', (_name, person, item) => {
  const lanes = new Lanes<string>()
  for (const each of ['a1', 'a2', 'b1']) lanes.push(each.charAt(0), each)
  expect(() => lanes.shift(person, item)).toThrow(RangeError)
  expect(lanes.shift('a', 'a1')).toBe('a2')
})

test('names from the prototype of objects are lanes like any other', () => {
  const lanes = new Lanes<number>()
  for (const name of ['__proto__', 'constructor', '']) {
    expect(lanes.push(name, 1)).toBe(true)
    expect(lanes.shift(name, 1)).toBeUndefined()
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
