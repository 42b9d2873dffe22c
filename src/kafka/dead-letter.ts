import { sleep } from '../clock.ts'
import { errorText, LetterRefusedError } from '../errors.ts'
import type { Logger } from '../logger.ts'
import type { OutgoingRecord, RecordProducer } from './client/producer.ts'
import { headerText } from './record.ts'
import type { Item } from './partition-work.ts'

/** Header names: an interface, written down in docs/dead-letters.md. */
export const LETTER_HEADERS = {
  topic: 'cio-dlq-topic',
  partition: 'cio-dlq-partition',
  offset: 'cio-dlq-offset',
  timestamp: 'cio-dlq-timestamp',
  eventId: 'cio-dlq-event-id',
  reason: 'cio-dlq-reason',
  message: 'cio-dlq-message',
  httpStatus: 'cio-dlq-http-status',
  attempts: 'cio-dlq-attempts',
  firstFailure: 'cio-dlq-first-failure',
  lastFailure: 'cio-dlq-last-failure',
  workerVersion: 'cio-dlq-worker-version',
  replayCount: 'cio-dlq-replay-count',
} as const

/** Room that the headers above need, bytes: the dead-letter topic must take so much more than the source. */
export const LETTER_OVERHEAD_BYTES = 65_536

/** Why an event is given up. */
export interface Refusal {
  /** Stable code. */
  readonly reason: string
  readonly message: string
  readonly httpStatus: number | undefined
}

/** The letter: original key, value and headers untouched, plus ours. Pure. Times are ISO 8601. */
export function letterOf(item: Item, refusal: Refusal, workerVersion: string): OutgoingRecord {
  const { record } = item
  // a producer may give any 64-bit number as its record's time, and Date throws beyond 8.64e15
  const iso = (ms: number | undefined) => (ms === undefined || ms < 0 ? '' : ms > 8.64e15 ? String(ms) : new Date(ms).toISOString())
  const ours: Record<string, string> = {
    [LETTER_HEADERS.topic]: record.topic,
    [LETTER_HEADERS.partition]: String(record.partition),
    [LETTER_HEADERS.offset]: String(record.offset),
    [LETTER_HEADERS.timestamp]: iso(record.timestamp),
    [LETTER_HEADERS.eventId]: item.event.kind === 'event' ? item.event.id : '',
    [LETTER_HEADERS.reason]: refusal.reason,
    [LETTER_HEADERS.message]: refusal.message.slice(0, 1_000),
    [LETTER_HEADERS.httpStatus]: refusal.httpStatus === undefined ? '' : String(refusal.httpStatus),
    [LETTER_HEADERS.attempts]: String(item.attempts),
    [LETTER_HEADERS.firstFailure]: iso(item.firstFailureAt),
    [LETTER_HEADERS.lastFailure]: iso(item.lastFailureAt),
    [LETTER_HEADERS.workerVersion]: workerVersion,
    [LETTER_HEADERS.replayCount]: headerText(record, LETTER_HEADERS.replayCount) ?? '0',
  }
  const headers: Record<string, Buffer | Buffer[] | string> = {}
  for (const [name, value] of Object.entries(record.headers)) headers[name] = Array.isArray(value) ? [...(value as readonly Buffer[])] : (value as Buffer)
  return { key: record.key, value: record.value, headers: { ...headers, ...ours } }
}

export interface DeadLetterOptions {
  readonly producer: RecordProducer
  readonly topic: string
  readonly workerVersion: string
  readonly logger: Logger
  readonly onFailure: () => void
}

/** First and longest wait between two tries to send a letter, ms. */
const FIRST_WAIT_MS = 500
const LONGEST_WAIT_MS = 30_000

/** The dead-letter topic. A letter is never dropped: it is tried until the broker acknowledges it, or until the partition is given up. */
export class DeadLetters {
  readonly #options: DeadLetterOptions

  constructor(options: DeadLetterOptions) {
    this.#options = options
  }

  /**
   * @param givenUp whether the partition is being given up: then its next owner sends the letter
   * @returns true once all in-sync replicas have the letter; false if it was given up
   */
  async send(item: Item, refusal: Refusal, givenUp: () => boolean): Promise<boolean> {
    const { producer, topic, workerVersion, logger, onFailure } = this.#options
    const letter = letterOf(item, refusal, workerVersion)
    const { partition, offset } = item.record
    for (let wait = FIRST_WAIT_MS; ; wait = Math.min(LONGEST_WAIT_MS, wait * 2)) {
      try {
        await producer.send(topic, letter)
        return true
      } catch (error) {
        onFailure()
        const forGood = error instanceof LetterRefusedError
        if (forGood) wait = LONGEST_WAIT_MS
        logger.error({ partition, offset, reason: refusal.reason, cause: errorText(error), retryInMs: wait },
          forGood ? 'dead letter refused: this partition does not advance until the dead-letter topic takes it (raise its max.message.bytes)' : 'dead letter not sent; it will be tried again')
      }
      for (let left = wait; left > 0 && !givenUp(); left -= 100) await sleep(Math.min(left, 100))
      if (givenUp()) return false
    }
  }
}
