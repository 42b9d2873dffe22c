import pino from 'pino'

export type Logger = pino.Logger

/** Field names that can carry credentials or personal data; a log call that names one by mistake prints [redacted]. */
const REDACTED = ['apiKey', 'password', 'secret', 'token', 'authorization', 'userId', 'anonymousId', 'person', 'payload', 'key', 'value', 'email']
  .flatMap((name) => [name, `*.${name}`])

/**
 * The log: JSON, one line an entry, on stdout. Never log an event's person, key or payload: name it by partition and offset.
 * @param secrets values that must not appear; they are cut out of every line as a last defence
 */
export function createLogger(level: string, secrets: readonly string[] = [], destination: pino.DestinationStream = pino.destination({ fd: 1, sync: true })): Logger {
  // the longest first: one secret may be a part of another
  const guarded = secrets.filter((secret) => secret.length >= 4).map((secret) => JSON.stringify(secret).slice(1, -1)).toSorted((a, b) => b.length - a.length)
  return pino({
    level,
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label) => ({ level: label }) },
    redact: { paths: REDACTED, censor: '[redacted]' },
    ...(guarded.length > 0 && { hooks: { streamWrite: (line: string) => guarded.reduce((text, secret) => text.replaceAll(secret, '[redacted]'), line) } }),
  }, destination)
}
