import { StartupError } from '../errors.ts'
import type { Api } from '../api-limits.ts'
import type { Logger } from '../logger.ts'
import type { ClusterAdmin } from './client/admin.ts'
import { LETTER_OVERHEAD_BYTES } from './dead-letter.ts'

interface Topics {
  readonly source: string
  readonly deadLetters: string
}

interface Slots {
  readonly api: Api
  readonly limit: number
}

/**
 * Looks whether the cluster fits the settings, before anything is consumed.
 * @param limits what may be used in a window, of each API that the topic's events use: every partition must be able to have a slot of each.
 * None if the workers have fixed parts
 * @throws StartupError that says what to change
 */
export async function preflight(admin: ClusterAdmin, topics: Topics, limits: readonly Slots[], logger: Logger): Promise<void> {
  const { source, deadLetters } = topics
  const [count, letterCount] = [await admin.partitions(source), await admin.partitions(deadLetters)]
  if (count === undefined) throw new StartupError(`KAFKA_TOPIC: the topic ${source} does not exist (or may not be described); create it, or name another one`)
  if (letterCount === undefined) throw new StartupError(`KAFKA_DLQ_TOPIC: the topic ${deadLetters} does not exist (or may not be described); create it, or name another one`)
  const tooFew = limits.filter(({ limit }) => limit < count)
  if (tooFew.length > 0) throw new StartupError(tooFew.map((slots) => howToMend(slots, count, source)).join('; '))
  const [largest, largestLetter] = [await admin.largestRecord(source), await admin.largestRecord(deadLetters)]
  if (largest === undefined || largestLetter === undefined) {
    logger.warn({ source, deadLetters }, 'max.message.bytes of the topics may not be read: make sure that the dead-letter topic takes 64 KiB more than the source')
  } else if (largestLetter < largest + LETTER_OVERHEAD_BYTES) {
    throw new StartupError(`KAFKA_DLQ_TOPIC: max.message.bytes of ${deadLetters} is ${largestLetter}; it must be at least ${largest + LETTER_OVERHEAD_BYTES} `
      + `(that of ${source}, ${largest}, and 64 KiB for the headers)`)
  }
}

function howToMend({ api, limit }: Slots, count: number, source: string): string {
  const settings = api === 'track' ? ['RATE_LIMIT', 'RATE_LIMITS_FILE'] : ['RATE_LIMITS_FILE']
  return `${settings[0]}: ${limit} a window for ${api} (limit - reserve) can't be shared among the ${count} partitions of ${source}: `
    + `some would never be served; use a topic of its own for these calls with at most ${limit} partition${limit === 1 ? '' : 's'}, `
    + `a larger limit (${settings.join(' or ')}), or RATE_LIMIT_SHARE=fixed`
}
