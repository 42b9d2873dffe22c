import * as fc from 'fast-check'
import { decodeDone, Done, encodeDone } from '../../src/kafka/done-marks.ts'

/** A stretch of offsets: from `position` on, by turns open or done. */
interface Stretch { readonly position: number; readonly open: number[]; readonly end: number }

/** Mostly short gaps, some of them huge. */
const stretch = (most: number) => fc.tuple(fc.maxSafeNat().filter((n) => n < 2 ** 52), fc.array(fc.oneof({ weight: 9, arbitrary: fc.nat(12) }, { weight: 1, arbitrary: fc.nat(3_000_000) }), { maxLength: most }), fc.nat(20))
  .map(([position, gaps, tail]): Stretch => {
    let at = position
    const open = gaps.map((gap) => {
      const offset = at + gap
      at = offset + 1
      return offset
    })
    return { position, open, end: at + tail }
  })

const offsetsOf = ({ start, end, open }: Done) => Array.from({ length: end - start }, (_, n) => start + n).filter((offset) => !open.includes(offset))
const isDone = ({ position, open, end }: Stretch, offset: number) => offset >= position && offset < end && !open.includes(offset)
const lastDone = (done: Done): number => {
  let last = done.end - 1
  while (last >= done.start && !done.has(last)) last -= 1
  return last
}
/** Offsets at which something could begin or end. */
const edges = ({ position, open, end }: Stretch) => [position, end, ...open].flatMap((offset) => [offset - 1, offset, offset + 1])

test.each([
  ['nothing', 10, [10], 11, ''],
  ['the one after the position', 10, [10], 12, 'done2:10:Hw=='],
  ['gaps', 10, [10, 12, 14, 15, 16], 18, 'done2:10:FB8='],
  ['a long run', 0, [0, 1_001], 1_500, 'done2:0:Ku/26/0='],
  ['nothing open', 10, [], 10, ''],
])('the form is an interface between releases: %s', (_name, position, open, end, metadata) => {
  expect(encodeDone(position, open, end)).toEqual({ metadata, end: Infinity })
  expect(offsetsOf(decodeDone(position, metadata)).length).toBe(metadata === '' ? 0 : end - position - open.length)
})

test('what was told comes out again, wherever the position', () => {
  fc.assert(fc.property(stretch(300), (drawn) => {
    const { metadata, end } = encodeDone(drawn.position, drawn.open, drawn.end)
    const done = decodeDone(drawn.position, metadata)
    expect(end).toBe(Infinity)
    for (const offset of edges(drawn)) expect(done.has(offset)).toBe(isDone(drawn, offset))
    expect(done.size).toBe(drawn.end - drawn.position - drawn.open.length)
  }))
})

test('millions that are done behind a few open ones fit', () => {
  const open = Array.from({ length: 10 }, (_, n) => n * 5_000_000)
  const { metadata, end } = encodeDone(0, open, 60_000_000)
  expect([metadata.length < 200, end]).toEqual([true, Infinity])
  expect(decodeDone(0, metadata).size).toBe(59_999_990)
})

test('it fits into what a broker takes; what does not is left out, and the end says so', () => {
  fc.assert(fc.property(stretch(300), fc.nat(300), (drawn, most) => {
    const { metadata, end } = encodeDone(drawn.position, drawn.open, drawn.end, most)
    expect(metadata.length).toBeLessThanOrEqual(most)
    const done = decodeDone(drawn.position, metadata)
    for (const offset of [...edges(drawn), end - 1, end]) expect(done.has(offset)).toBe(offset < end && isDone(drawn, offset))
  }))
})

test('the worst that 10,000 open ones in a row of 20,000 can be fits, too', () => {
  const open = Array.from({ length: 10_000 }, (_, n) => 2 * n)
  const { metadata, end } = encodeDone(0, open, 20_000)
  expect([metadata.length <= 4_096, end]).toEqual([true, Infinity])
  expect(decodeDone(0, metadata).size).toBe(10_000)
})

test('what was told once is told by all later ones: whatever gets done, and however much comes after it', () => {
  const step = fc.record({ resolve: fc.nat(), admit: fc.array(fc.nat(40), { maxLength: 3 }), advance: fc.nat(2_000) })
  fc.assert(fc.property(stretch(60), fc.integer({ min: 27, max: 60 }), fc.array(step, { maxLength: 80 }), (drawn, most, steps) => {
    let [open, end, told] = [drawn.open, drawn.end, 0]
    for (const { resolve, admit, advance } of steps) {
      const position = open[0] ?? end
      const done = decodeDone(position, encodeDone(position, open, end, most).metadata)
      expect(Math.max(position, done.end)).toBeGreaterThanOrEqual(told)
      // up to the last one that is done; open ones behind it have not been told of
      told = Math.max(told, lastDone(done) + 1)
      open = open.toSpliced(open.length === 0 ? 0 : resolve % open.length, 1)
      for (const gap of admit) {
        open.push(end + gap)
        end += gap + 1
      }
      end += advance
    }
  }))
})

test('marks that were copied to a commit of another offset are not believed', () => {
  expect(decodeDone(500, encodeDone(100, [100, 104], 106).metadata).size).toBe(0)
})

test.each([null, '', 'x', 'done1:5:AQ==', 'done2:AQ==', 'done2:', 'done2:5', '{"offset":1}', 'done2:5:***'])('metadata of somebody else marks nothing: %j', (metadata) => {
  expect(decodeDone(5, metadata).size).toBe(0)
})

test('whatever stands behind the position, nothing throws, and nothing before the position is done', () => {
  fc.assert(fc.property(fc.maxSafeNat(), fc.oneof(fc.string(), fc.base64String()), (position, text) => {
    const done = decodeDone(position, `done2:${position}:${text}`)
    expect([done.has(position - 1), done.end >= position, Number.isSafeInteger(done.end), done.size >= 0]).toEqual([false, true, true, true])
  }))
})

describe('what two know together', () => {
  const sure = (start: number, open: number[], end: number) => new Done(start, open, end)

  test.each([
    ['either of them may have it done', sure(10, [10, 12, 15], 18), sure(10, [10, 13, 15], 18), sure(10, [10, 15], 18)],
    ['the longer one goes on alone', sure(10, [10, 12], 14), sure(10, [11, 16], 20), sure(10, [16], 20)],
    ['the other way round', sure(10, [11, 16], 20), sure(10, [10, 12], 14), sure(10, [16], 20)],
    ['one that started earlier: only from here on', sure(10, [10], 12), sure(5, [6, 10, 14], 15), sure(10, [10, 14], 15)],
    ['one that ended earlier', sure(10, [10], 12), sure(5, [6], 8), sure(10, [10], 12)],
    ['one that starts later is left out', sure(10, [10], 12), sure(11, [], 20), sure(10, [10], 12)],
    ['nothing is known here', sure(10, [], 10), sure(10, [11], 13), sure(10, [11], 13)],
  ])('%s', (_name, one, other, both) => {
    expect(one.with(other)).toEqual(both)
  })
})
