import { grantedInAll, parseLedger, type Claim, type Entry, type Ledger } from '../../../src/limiter/kubernetes/ledger.ts'

const waits = { overdueMs: 3_000, silentMs: 8_025, goneMs: 12_035, replacedMs: 4_015, leftMs: 2_010 }
const claim = (granted: number): Claim => ({ limit: 10, wanted: 10, granted, floor: 2 })
const entry: Entry = { id: 'a', pod: 'pod of a', beat: 7, waits, claims: { track: claim(4) } }
const ledger: Ledger = { version: 1, open: true, basis: { track: 10 }, entries: [entry] }

test.each<[string, Ledger]>([
  ['with a process', ledger],
  ['with one that has left, and one that was silent',
    { ...ledger, entries: [{ ...entry, left: true }, { ...entry, id: 'b', reduced: true }] }],
  ['with several APIs',
    { ...ledger, basis: { track: 10, general: 3 }, entries: [{ ...entry, claims: { track: claim(4), general: claim(3) } }] }],
  ['made anew, of nobody', { version: 1, open: false, basis: {}, entries: [] }],
])('is read as it was written: %s', (_name, written) => {
  expect(parseLedger(JSON.stringify(written))).toEqual(written)
})

test('what a later release writes besides is kept', () => {
  const more = { ...ledger, colour: 'red', entries: [{ ...entry, mood: 'good' }] }
  expect(parseLedger(JSON.stringify(more))).toEqual(more)
})

/** The ledger with another value at a path. */
function withOther(path: string, value: unknown): string {
  const copy = JSON.parse(JSON.stringify(ledger)) as Record<string, unknown>
  const names = path.split('.')
  const last = names.pop() as string
  const holder = names.reduce<Record<string, unknown>>((object, name) => object[name] as Record<string, unknown>, copy)
  holder[last] = value
  return JSON.stringify(copy)
}

test('one of a later version is refused: the error names what is not as this version writes it', () => {
  expect(() => parseLedger(withOther('version', 2))).toThrow(/the ledger of slots is not as this version writes it: version: .*1/)
})

test.each([
  ['no JSON', '{', 'is no JSON: somebody else has written it'],
  ['nothing', '', 'is no JSON'],
  ['no object', '[]', 'is not as this version writes it: its form'],
  ['null', 'null', 'writes it: its form: '],
  ['empty', '{}', 'writes it: version: '],
])('refused: %s', (_name, text, reason) => {
  expect(() => parseLedger(text)).toThrow(reason)
})

test.each<[string, unknown]>([
  ['version', '1'],
  ['open', 'yes'],
  ['open', undefined],
  ['basis', 10],
  ['basis.track', -1],
  ['basis.track', 2.5],
  ['basis.track', null],
  ['entries', { a: entry }],
  ['entries.0', null],
  ['entries.0.id', ''],
  ['entries.0.id', 1],
  ['entries.0.pod', ''],
  ['entries.0.beat', 1.5],
  ['entries.0.beat', -1],
  ['entries.0.left', 'no'],
  ['entries.0.reduced', 1],
  ['entries.0.waits', undefined],
  ['entries.0.waits.silentMs', -1],
  ['entries.0.waits.goneMs', '12035'],
  ['entries.0.waits.replacedMs', null],
  ['entries.0.waits.leftMs', undefined],
  ['entries.0.claims', undefined],
  ['entries.0.claims.track', 4],
  ['entries.0.claims.track.limit', undefined],
  ['entries.0.claims.track.wanted', null],
  ['entries.0.claims.track.granted', -4],
  ['entries.0.claims.track.granted', 4.5],
  ['entries.0.claims.track.floor', '2'],
])('refused, and named: %s is %p', (path, value) => {
  expect(() => parseLedger(withOther(path, value))).toThrow(`the ledger of slots is not as this version writes it: ${path}: `)
})

test('grants of all processes together, those that left or are silent as well', () => {
  const entries = [entry, { ...entry, id: 'b', left: true }, { ...entry, id: 'c', claims: { general: claim(5) } }]
  const inAll = ['track', 'general', 'other'].map((api) => grantedInAll({ ...ledger, entries }, api))
  expect(inAll).toEqual([8, 5, 0])
})
