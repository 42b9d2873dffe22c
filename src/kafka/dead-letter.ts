import type { Announcer } from '../announcer.ts'
import { monotonic, sleep } from '../clock.ts'
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
  readonly announcer: Announcer
  readonly onFailure: () => void
}

/** First and longest wait between two tries to send a letter, ms. */
const FIRST_WAIT_MS = 500
const LONGEST_WAIT_MS = 30_000

/** Letters of one partition that the topic has not taken yet. */
interface HeldUp {
  readonly since: number
  letters: number
  tries: number
  forGood: boolean
}

/** The dead-letter topic. A letter is never dropped: it is tried until the broker acknowledges it, or until the partition is given up. */
export class DeadLetters {
  readonly #options: DeadLetterOptions
  readonly #heldUp = new Map<number, HeldUp>()

  constructor(options: DeadLetterOptions) {
    this.#options = options
  }

  /** Partitions whose letters the topic does not take now. */
  get heldUp(): number[] {
    return [...this.#heldUp.keys()]
  }

  /**
   * @param givenUp whether the partition is being given up: then its next owner sends the letter
   * @returns true once all in-sync replicas have the letter; false if it was given up
   */
  async send(item: Item, refusal: Refusal, givenUp: () => boolean): Promise<boolean> {
    const { producer, topic, workerVersion, onFailure } = this.#options
    const letter = letterOf(item, refusal, workerVersion)
    let failed = false
    for (let wait = FIRST_WAIT_MS; ; wait = Math.min(LONGEST_WAIT_MS, wait * 2)) {
      try {
        await producer.send(topic, letter)
        if (failed) this.#release(item, 'taken')
        return true
      } catch (error) {
        onFailure()
        if (error instanceof LetterRefusedError) wait = LONGEST_WAIT_MS
        this.#holdUp(item, refusal, error, wait, !failed)
        failed = true
      }
      for (let left = wait; left > 0 && !givenUp(); left -= 100) await sleep(Math.min(left, 100))
      if (givenUp()) {
        this.#release(item, 'given up')
        return false
      }
    }
  }

  /** One log line when the partition's letters are not taken any more, and one when it turns out that waiting does not help. */
  #holdUp({ record: { partition, offset } }: Item, { reason }: Refusal, error: unknown, retryInMs: number, first: boolean): void {
    const { logger, announcer } = this.#options
    const held = this.#heldUp.get(partition) ?? { since: monotonic(), letters: 0, tries: 0, forGood: false }
    this.#heldUp.set(partition, held)
    if (first) held.letters += 1
    held.tries += 1
    held.forGood ||= error instanceof LetterRefusedError
    const fields = { offset, reason, cause: errorText(error), retryInMs }
    const said = announcer.say({ what: 'dead_letter_topic', partition }, held.forGood
      ? {
        state: 'refusing', stops: true, level: 'error', fields,
        message: 'dead letter refused: this partition does not advance until the dead-letter topic takes it (raise its max.message.bytes)',
      }
      : { state: 'failing', stops: true, fields, message: 'dead letter not sent; it will be tried again' })
    if (!said) logger.debug({ partition, ...fields }, 'dead letter not sent again')
  }

  #release({ record: { partition } }: Item, how: 'taken' | 'given up'): void {
    const held = this.#heldUp.get(partition)
    if (!held) return
    held.letters -= 1
    if (held.letters > 0) return
    this.#heldUp.delete(partition)
    const fields = { lastedMs: Math.round(monotonic() - held.since), tries: held.tries }
    this.#options.announcer.say({ what: 'dead_letter_topic', partition }, how === 'taken'
      ? { state: 'taking', stops: false, fields, message: 'the dead-letter topic takes this partition\'s letters again' }
      : { state: 'given_up', stops: false, fields, message: 'the partition\'s dead letters are left to its next owner' })
  }
}
