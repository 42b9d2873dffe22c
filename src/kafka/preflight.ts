import { StartupError } from '../errors.ts'
import type { Logger } from '../logger.ts'
import type { ClusterAdmin } from './client/admin.ts'
import { LETTER_OVERHEAD_BYTES } from './dead-letter.ts'

/**
 * Looks whether the cluster fits the settings, before anything is consumed.
 * @param limit slots to share by partitions; undefined if they are shared otherwise
 * @throws StartupError that says what to change
 */
export async function preflight(admin: ClusterAdmin, topics: { source: string; deadLetters: string }, limit: number | undefined, logger: Logger): Promise<void> {
  const { source, deadLetters } = topics
  const [count, letterCount] = [await admin.partitions(source), await admin.partitions(deadLetters)]
  if (count === undefined) throw new StartupError(`KAFKA_TOPIC: the topic ${source} does not exist (or may not be described); create it, or name another one`)
  if (letterCount === undefined) throw new StartupError(`KAFKA_DLQ_TOPIC: the topic ${deadLetters} does not exist (or may not be described); create it, or name another one`)
  if (limit !== undefined && count > limit) {
    throw new StartupError(`RATE_LIMIT: ${limit} requests a window (RATE_LIMIT - RATE_LIMIT_RESERVE) can't be shared among the ${count} partitions of ${source}: `
      + 'some would never be served; use RATE_LIMIT_SHARE=fixed, or a topic with fewer partitions')
  }
  const [largest, largestLetter] = [await admin.largestRecord(source), await admin.largestRecord(deadLetters)]
  if (largest === undefined || largestLetter === undefined) {
    logger.warn({ source, deadLetters }, 'max.message.bytes of the topics may not be read: make sure that the dead-letter topic takes 64 KiB more than the source')
  } else if (largestLetter < largest + LETTER_OVERHEAD_BYTES) {
    throw new StartupError(`KAFKA_DLQ_TOPIC: max.message.bytes of ${deadLetters} is ${largestLetter}; it must be at least ${largest + LETTER_OVERHEAD_BYTES} `
      + `(that of ${source}, ${largest}, and 64 KiB for the headers)`)
  }
}
