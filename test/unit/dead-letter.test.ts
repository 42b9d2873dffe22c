import { Announcer } from '../../src/announcer.ts'
import { decodeEvent } from '../../src/event.ts'
import { LetterRefusedError } from '../../src/errors.ts'
import { DeadLetters, letterOf, LETTER_HEADERS, LETTER_OVERHEAD_BYTES } from '../../src/kafka/dead-letter.ts'
import { PartitionWork } from '../../src/kafka/partition-work.ts'
import type { AttemptState, Item } from '../../src/kafka/partition-work.ts'
import type { KafkaRecord } from '../../src/kafka/record.ts'
import { json, keptLog, recordOf } from './helpers.ts'

const ULID = '01HF7YAT00QWERTY0123456789'
const refusal = { reason: 'rejected', message: 'event name is not allowed', httpStatus: 400 }

function itemOf(record: KafkaRecord, state: Partial<AttemptState> = {}): Item {
  const items: Item[] = []
  const work = new PartitionWork({
    partition: record.partition, start: 0, most: { records: 10, bytes: 1e6 }, memory: undefined, onReady: (item) => items.push(item), onBarrier: () => {}, onRoom: () => {},
  })
  work.take(record, decodeEvent(record, undefined, 'test'))
  return Object.assign(items[0]!, state)
}

const good = recordOf({
  partition: 3, offset: 42, timestamp: Date.UTC(2026, 0, 2, 3, 4, 5), value: json({ type: 'track', userId: 'u1', id: ULID, payload: { event: 'login' } }),
})

describe('letterOf', () => {
  const headersOf = (record: KafkaRecord, state: Partial<AttemptState> = {}, given: Parameters<typeof letterOf>[1] = refusal) => letterOf(itemOf(record, state), given, '1.2.3').headers

  test('tells where the record was, why it is here, and what was tried', () => {
    const failures = { attempts: 5, firstFailureAt: Date.UTC(2026, 0, 2, 3, 5, 0), lastFailureAt: Date.UTC(2026, 0, 2, 3, 6, 0, 7) }
    expect(headersOf(good, failures)).toEqual({
      'cio-dlq-topic': 'events',
      'cio-dlq-partition': '3',
      'cio-dlq-offset': '42',
      'cio-dlq-timestamp': '2026-01-02T03:04:05.000Z',
      'cio-dlq-event-id': ULID,
      'cio-dlq-reason': 'rejected',
      'cio-dlq-message': 'event name is not allowed',
      'cio-dlq-http-status': '400',
      'cio-dlq-attempts': '5',
      'cio-dlq-first-failure': '2026-01-02T03:05:00.000Z',
      'cio-dlq-last-failure': '2026-01-02T03:06:00.007Z',
      'cio-dlq-worker-version': '1.2.3',
      'cio-dlq-replay-count': '0',
    })
  })

  test('what is not known is empty', () => {
    const bad = recordOf({ value: Buffer.from('{'), timestamp: -1 })
    expect(headersOf(bad, {}, { reason: 'not_json', message: 'the value is not JSON', httpStatus: undefined })).toMatchObject({
      'cio-dlq-timestamp': '', 'cio-dlq-event-id': '', 'cio-dlq-http-status': '', 'cio-dlq-attempts': '0', 'cio-dlq-first-failure': '', 'cio-dlq-last-failure': '',
    })
  })

  test.each([
    [0, '1970-01-01T00:00:00.000Z'],
    [8.64e15, '+275760-09-13T00:00:00.000Z'],
    [1_700_000_000_000_000_000, '1700000000000000000'],
    [2 ** 63, '9223372036854776000'],
  ])('a record may have any time, even one that is no date: %d', (timestamp, text) => {
    expect(headersOf(recordOf({ timestamp }))[LETTER_HEADERS.timestamp]).toBe(text)
  })

  test('key, value and headers are those of the record, to the byte', () => {
    const [key, value, trace] = [Buffer.from([0xff, 0x00]), Buffer.from([0xc3, 0x28]), Buffer.from([1, 2])]
    const letter = letterOf(itemOf(recordOf({ key, value, headers: { trace, tag: [Buffer.from('a'), Buffer.from('b')] } })), refusal, '1.2.3')
    expect([letter.key, letter.value]).toEqual([key, value])
    expect(letter.headers).toMatchObject({ trace, tag: [Buffer.from('a'), Buffer.from('b')] })
  })

  test('a tombstone without a key stays one', () => {
    expect(letterOf(itemOf(recordOf({ key: null, value: null })), refusal, '1.2.3')).toMatchObject({ key: null, value: null })
  })

  test('a letter that was replayed and failed again: its replay count stays, everything else is said anew', () => {
    const headers = { 'cio-dlq-replay-count': Buffer.from('2'), 'cio-dlq-reason': Buffer.from('exhausted'), 'cio-dlq-offset': Buffer.from('7') }
    expect(headersOf(recordOf({ offset: 9, headers }))).toMatchObject({ 'cio-dlq-replay-count': '2', 'cio-dlq-reason': 'rejected', 'cio-dlq-offset': '9' })
  })

  test('our headers fit in the room that the dead-letter topic is asked for, however long the message is', () => {
    const headers = headersOf({ ...good, topic: 't'.repeat(249) }, { attempts: 1e6 }, { ...refusal, message: '€'.repeat(100_000) })
    expect(headers[LETTER_HEADERS.message]).toHaveLength(1_000)
    const bytes = Object.entries(headers).reduce((sum, [name, value]) => sum + name.length + Buffer.byteLength(value as string) + 10, 0)
    expect(bytes).toBeLessThan(LETTER_OVERHEAD_BYTES)
  })
})

describe('DeadLetters', () => {
  beforeEach(() => void jest.useFakeTimers({ now: 0 }))
  afterEach(() => void jest.useRealTimers())

  /** A producer that answers each send with the next of `answers`, and then with the last one again and again. */
  function deadLetters(...answers: ('ok' | Error)[]) {
    const sent: { at: number; topic: string; letter: unknown }[] = []
    const { lines, logger } = keptLog()
    const onFailure = jest.fn()
    const producer = {
      send: async (topic: string, letter: unknown) => {
        sent.push({ at: Date.now(), topic, letter })
        const answer = answers[Math.min(sent.length, answers.length) - 1]
        if (answer instanceof Error) throw answer
      },
      stop: async () => {},
    }
    return { sent, lines, onFailure, letters: new DeadLetters({ producer, topic: 'events-dlq', workerVersion: '1.2.3', logger, announcer: new Announcer(logger, () => performance.now()), onFailure }) }
  }

  const never = () => false
  const down = new Error('connect ECONNREFUSED')
  const refused = new LetterRefusedError('the broker refused the record: MESSAGE_TOO_LARGE')
  const times = (sent: { at: number }[]) => sent.map(({ at }) => at)

  test('true once the broker has acknowledged it', async () => {
    const { letters, sent, onFailure, lines } = deadLetters('ok')
    const item = itemOf(good)
    await expect(letters.send(item, refusal, never)).resolves.toBe(true)
    expect(sent).toEqual([{ at: 0, topic: 'events-dlq', letter: letterOf(item, refusal, '1.2.3') }])
    expect([onFailure.mock.calls.length, lines]).toEqual([0, []])
  })

  test('tried again until it is acknowledged, after waits that double up to 30 s', async () => {
    const { letters, sent, onFailure } = deadLetters(...Array.from({ length: 9 }, () => down), 'ok')
    const result = letters.send(itemOf(good), refusal, never)
    await jest.advanceTimersByTimeAsync(200_000)
    await expect(result).resolves.toBe(true)
    expect(times(sent).map((at, n) => at - (sent[n - 1]?.at ?? 0))).toEqual([0, 500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000, 30_000])
    expect(onFailure).toHaveBeenCalledTimes(9)
    for (const { letter } of sent) expect(letter).toEqual(sent[0]!.letter)
  })

  test('refused for good: tried on at the longest wait, and the log says what to change', async () => {
    const { letters, sent, lines } = deadLetters(refused, refused, 'ok')
    const result = letters.send(itemOf(good), refusal, never)
    await jest.advanceTimersByTimeAsync(60_000)
    await expect(result).resolves.toBe(true)
    expect(times(sent)).toEqual([0, 30_000, 60_000])
    expect(JSON.parse(lines[0]!)).toMatchObject({ level: 'error', partition: 3, offset: 42, reason: 'rejected', msg: expect.stringContaining('max.message.bytes') })
  })

  const said = (lines: readonly string[]) => lines.map((line) => JSON.parse(line) as Record<string, unknown>)

  test('the log has one line when letters are not taken any more, and one when they are again: how long, and after how many tries', async () => {
    const { letters, lines } = deadLetters(down, down, down, down, 'ok')
    const results = [42, 43].map(async (offset) => letters.send(itemOf({ ...good, offset }), refusal, never))
    await jest.advanceTimersByTimeAsync(400)
    expect([letters.heldUp, lines.length]).toEqual([[3], 1])
    await jest.advanceTimersByTimeAsync(10_000)
    await Promise.all(results)
    expect(said(lines)).toMatchObject([
      { level: 'warn', what: 'dead_letter_topic', to: 'failing', partition: 3, offset: 42, cause: 'Error: connect ECONNREFUSED' },
      { level: 'info', what: 'dead_letter_topic', from: 'failing', to: 'taking', partition: 3, tries: 4, lastedMs: 1_500 },
    ])
    expect(letters.heldUp).toEqual([])
  })

  test('a partition is held up until the last of its letters is taken', async () => {
    const { letters, lines } = deadLetters(down, down, 'ok', down, 'ok')
    const results = [42, 43].map(async (offset) => letters.send(itemOf({ ...good, offset }), refusal, never))
    await jest.advanceTimersByTimeAsync(600)
    expect([letters.heldUp, said(lines).map(({ to }) => to)]).toEqual([[3], ['failing']])
    await jest.advanceTimersByTimeAsync(2_000)
    await Promise.all(results)
    expect([letters.heldUp, said(lines).map(({ to }) => to)]).toEqual([[], ['failing', 'taking']])
  })

  test('a line of its own when it turns out that waiting does not help; partitions are told apart', async () => {
    const { letters, lines } = deadLetters(down, down, refused, 'ok')
    const results = [3, 4].map(async (partition) => letters.send(itemOf({ ...good, partition }), refusal, never))
    await jest.advanceTimersByTimeAsync(60_000)
    await Promise.all(results)
    expect(said(lines).map(({ level, partition, to, tries }) => [level, partition, to, tries])).toEqual([
      ['warn', 3, 'failing', undefined], ['warn', 4, 'failing', undefined], ['error', 3, 'refusing', undefined], ['info', 4, 'taking', 1], ['info', 3, 'taking', 2],
    ])
  })

  test('letters that are left to the next owner hold up nothing here any more', async () => {
    const { letters, lines } = deadLetters(down)
    const result = letters.send(itemOf(good), refusal, () => true)
    await jest.advanceTimersByTimeAsync(200)
    await expect(result).resolves.toBe(false)
    expect([letters.heldUp, said(lines).map(({ level, to }) => [level, to])]).toEqual([[], [['warn', 'failing'], ['info', 'given_up']]])
  })

  test('given up while it waits: false soon, and not sent again', async () => {
    const { letters, sent } = deadLetters(down)
    let givenUp = false
    const result = letters.send(itemOf(good), refusal, () => givenUp)
    await jest.advanceTimersByTimeAsync(20_000)
    const before = sent.length
    givenUp = true
    await jest.advanceTimersByTimeAsync(200)
    await expect(result).resolves.toBe(false)
    await jest.advanceTimersByTimeAsync(60_000)
    expect(sent).toHaveLength(before)
  })

  test('given up during a send that succeeds after all: it is written, so true', async () => {
    const { letters } = deadLetters('ok')
    await expect(letters.send(itemOf(good), refusal, () => true)).resolves.toBe(true)
  })

  test('the log names the record by partition and offset, never by person or content', async () => {
    const { letters, lines } = deadLetters(down, 'ok')
    const secretive = { ...good, key: Buffer.from('ann@example.org'), value: json({ type: 'track', userId: 'ann@example.org', payload: { event: 'card 4711' } }) }
    const result = letters.send(itemOf(secretive), refusal, never)
    await jest.advanceTimersByTimeAsync(1_000)
    await result
    expect(JSON.parse(lines[0]!)).toMatchObject({ partition: 3, offset: 42, cause: 'Error: connect ECONNREFUSED', retryInMs: 500 })
    expect(lines.join()).not.toMatch(/ann|4711/)
  })
})
