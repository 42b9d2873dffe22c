import { createLogger, Guarded } from '../../src/logger.ts'
import type { KafkaRecord } from '../../src/kafka/record.ts'

export const json = (value: unknown): Buffer => Buffer.from(JSON.stringify(value))

/** A good track event's value. */
export const track = (userId: string, properties: Record<string, unknown> = {}): Buffer => json({ type: 'track', userId, payload: { event: 'login', properties } })

/** A record with a good track event of u1, but for what is given. */
export function recordOf(given: Partial<KafkaRecord> = {}): KafkaRecord {
  return { topic: 'events', partition: 0, offset: 0, timestamp: 1_700_000_000_000, key: Buffer.from('u1'), value: track('u1'), headers: {}, ...given }
}

/** A logger whose lines are kept as text. */
export function keptLog(level = 'info', secrets: readonly string[] = []) {
  const lines: string[] = []
  return { lines, logger: createLogger(level, new Guarded(secrets.map((secret, n) => [String(n), secret])), { write: (line) => void lines.push(line) }) }
}
