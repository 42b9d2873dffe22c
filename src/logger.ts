import pino from 'pino'

export type Logger = pino.Logger

/** Field names that can carry credentials or personal data; a log call that names one by mistake prints [redacted]. */
const REDACTED = ['apiKey', 'password', 'secret', 'token', 'authorization', 'userId', 'anonymousId', 'person', 'payload', 'key', 'value', 'email']
  .flatMap((name) => [name, `*.${name}`])

/** Values of one name that are guarded at the same time: what was under way when it changed may still speak of an older one. */
const VALUES_KEPT = 5
/** Cutting out less than this would tear everything. */
const SHORTEST = 4

/** Values that must not appear in a line; they are cut out of it as a last defence. */
export class Guarded {
  readonly #byName = new Map<string, readonly string[]>()
  #texts: readonly string[] = []

  constructor(values: Iterable<readonly [name: string, value: string]> = []) {
    for (const [name, value] of values) this.add(name, value)
  }

  /** From now on; the last values of the same name stay guarded. */
  add(name: string, value: string): void {
    this.#byName.set(name, [...(this.#byName.get(name) ?? []).slice(1 - VALUES_KEPT), value])
    // the longest first: one secret may be a part of another
    this.#texts = [...this.#byName.values()].flat().filter((secret) => secret.length >= SHORTEST)
      .map((secret) => JSON.stringify(secret).slice(1, -1)).toSorted((a, b) => b.length - a.length)
  }

  cutFrom(line: string): string {
    return this.#texts.reduce((text, secret) => text.replaceAll(secret, '[redacted]'), line)
  }
}

/** Bytes of lines that are kept while they can't be written (a full disk); what does not fit is dropped. */
const UNWRITTEN_BYTES = 65_536

/** A log that can't be written is no reason to end: events go on, and so do metrics and probes. */
export function output(fd: number): pino.DestinationStream {
  return pino.destination({ fd, sync: true, maxLength: UNWRITTEN_BYTES }).on('error', () => {})
}

/** The log: JSON, one line an entry, on stdout. Never log an event's person, key or payload: name it by partition and offset. */
export function createLogger(level: string, guarded: Guarded = new Guarded(), destination: pino.DestinationStream = output(1)): Logger {
  return pino({
    level,
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label) => ({ level: label }) },
    redact: { paths: REDACTED, censor: '[redacted]' },
    hooks: { streamWrite: (line: string) => guarded.cutFrom(line) },
  }, destination)
}
