import * as fc from 'fast-check'
import { Checkpoint } from '../../src/kafka/checkpoint.ts'

/** @returns whether the prefix grew */
function grows(checkpoint: Checkpoint, offset: number): boolean {
  const before = checkpoint.position
  checkpoint.resolve(offset)
  return checkpoint.position > before
}

/**
 * Plays a script of `start 5`, `admit 5 6 9`, `advance 12`, `resolve 6 -> none`, `resolve 5 -> 9` and gives it back with what came out:
 * behind the arrow is the position to which the prefix grew, or none if it did not.
 */
function played(script: string): string {
  let checkpoint = new Checkpoint(0)
  const play = (line: string): string => {
    const [verb, ...numbers] = line.split(' ').map((word, at) => (at === 0 ? word : Number(word))) as [string, ...number[]]
    switch (verb) {
      case 'start': checkpoint = new Checkpoint(numbers[0]!); return line
      case 'admit': for (const offset of numbers) checkpoint.admit(offset); return line
      case 'advance': checkpoint.advance(numbers[0]!); return line
      case 'resolve': return `resolve ${numbers[0]} -> ${grows(checkpoint, numbers[0]!) ? checkpoint.position : 'none'}`
      default: throw new Error(`no such verb: ${verb}`)
    }
  }
  return script.split('; ').map(play).join('; ')
}

test.each([
  ['in order', 'start 0; admit 0 1 2; resolve 0 -> 1; resolve 1 -> 2; resolve 2 -> 3'],
  ['out of order', 'start 1; admit 1 2; resolve 2 -> none; resolve 1 -> 3'],
  ['backward', 'start 7; admit 7 8 9; resolve 9 -> none; resolve 8 -> none; resolve 7 -> 10'],
  ['a hole in the middle', 'start 0; admit 0 1 2 3; resolve 0 -> 1; resolve 3 -> none; resolve 2 -> none; resolve 1 -> 4'],
  ['compacted offsets count as done with the record before them', 'start 5; admit 5 9 20; resolve 5 -> 9; resolve 20 -> none; resolve 9 -> 21'],
  ['control records behind the last one', 'start 0; admit 0; advance 3; resolve 0 -> 3'],
  ['an advance does not pass what is open', 'start 0; admit 0 1; advance 9; resolve 1 -> none; resolve 0 -> 9'],
  ['an advance to what is behind is nothing', 'start 5; admit 5 6; advance 2; resolve 5 -> 6; resolve 6 -> 7'],
  ['records that come after a pause', 'start 0; admit 0; resolve 0 -> 1; admit 4; resolve 4 -> 5'],
])('%s', (_name, script) => {
  expect(played(script)).toBe(script)
})

test('nothing admitted: the position is the start, and follows an advance', () => {
  const checkpoint = new Checkpoint(42)
  expect([checkpoint.position, checkpoint.end]).toEqual([42, 42])
  checkpoint.advance(50)
  expect([checkpoint.position, checkpoint.end]).toEqual([50, 50])
})

describe('what would corrupt the prefix throws, and changes nothing', () => {
  const checkpoint = () => {
    const fresh = new Checkpoint(10)
    for (const offset of [10, 11, 12]) fresh.admit(offset)
    fresh.resolve(11)
    return fresh
  }

  test.each([
    ['the same record admitted again', (c: Checkpoint) => c.admit(12)],
    ['a record behind the start', (c: Checkpoint) => c.admit(9)],
    ['a record resolved twice', (c: Checkpoint) => c.resolve(11)],
    ['a record that was never admitted', (c: Checkpoint) => c.resolve(13)],
    ['a record from before the start', (c: Checkpoint) => c.resolve(9)],
  ])('%s', (_name, act) => {
    const held = checkpoint()
    expect(() => act(held)).toThrow(RangeError)
    expect([held.position, held.end, [...held.open()]]).toEqual([10, 13, [10, 12]])
    held.resolve(10)
    expect(held.position).toBe(12)
  })
})

test('a thousand offsets with gaps, resolved in any order: the position is always the first open one', () => {
  const offsets = fc.array(fc.tuple(fc.integer({ min: 1, max: 5 }), fc.nat()), { minLength: 1_000, maxLength: 1_000 })
  fc.assert(fc.property(offsets, (drawn) => {
    let next = 0
    const admitted = drawn.map(([gap, rank]) => ({ offset: (next += gap), rank }))
    const checkpoint = new Checkpoint(0)
    for (const { offset } of admitted) checkpoint.admit(offset)
    const open = admitted.map(({ offset }) => offset)
    for (const { offset } of [...admitted].toSorted((a, b) => a.rank - b.rank)) {
      open.splice(open.indexOf(offset), 1)
      checkpoint.resolve(offset)
      expect(checkpoint.position).toBe(open[0] ?? checkpoint.end)
      if (open.length % 100 === 50 && String([...checkpoint.open()]) !== String(open)) throw new Error(`open are not ${open}`)
    }
  }), { numRuns: 10 })
})

test('against a naive model: admits, advances and resolves in any mix', () => {
  const step = fc.oneof(
    { weight: 3, arbitrary: fc.record({ verb: fc.constant('admit' as const), by: fc.nat(3) }) },
    { weight: 1, arbitrary: fc.record({ verb: fc.constant('advance' as const), by: fc.nat(5) }) },
    { weight: 3, arbitrary: fc.record({ verb: fc.constant('resolve' as const), by: fc.nat() }) },
  )
  fc.assert(fc.property(fc.nat(1_000), fc.array(step, { maxLength: 200 }), (start, steps) => {
    const checkpoint = new Checkpoint(start)
    let [end, open] = [start, [] as number[]]
    for (const { verb, by } of steps) {
      let [grew, first] = [false, false]
      if (verb === 'admit') {
        checkpoint.admit(end + by)
        open.push(end + by)
        end += by + 1
      } else if (verb === 'advance') {
        checkpoint.advance(end - 2 + by)
        end = Math.max(end, end - 2 + by)
      } else if (open.length > 0) {
        const offset = open[by % open.length]!
        grew = grows(checkpoint, offset)
        first = offset === open[0]
        open = open.filter((one) => one !== offset)
      }
      expect([checkpoint.position, checkpoint.end, grew]).toEqual([open[0] ?? end, end, first])
    }
    expect([...checkpoint.open()]).toEqual(open)
  }))
})

test('a long life with few open at a time: forgetting what is done keeps the position right', () => {
  fc.assert(fc.property(fc.array(fc.nat(), { minLength: 97, maxLength: 97 }), (choices) => {
    const checkpoint = new Checkpoint(0)
    const open: number[] = []
    for (let offset = 0; offset < 6_000; offset += 1) {
      checkpoint.admit(offset)
      open.push(offset)
      if (open.length < 50) continue
      // the first one stays open for a long time now and then: what is done behind it is forgotten, too
      const stays = offset % 4_000 > 500 ? 1 : 0
      checkpoint.resolve(open.splice(stays + choices[offset % choices.length]! % (open.length - stays), 1)[0]!)
      if (checkpoint.position !== open[0]) throw new Error(`position ${checkpoint.position}, first open ${open[0]}`)
    }
    expect([...checkpoint.open()]).toEqual(open)
    for (const offset of open.toReversed()) checkpoint.resolve(offset)
    expect(checkpoint.position).toBe(6_000)
  }), { numRuns: 20 })
})
