/** Exit codes of the process. 78 is EX_CONFIG of sysexits.h: a supervisor can tell "fix the settings" from a crash. */
export const EXIT = { ok: 0, failure: 1, unfinished: 3, config: 78 } as const

/** The settings are wrong. `faults` has one line a fault: the key, what it held (never a secret), what is allowed. Exit code 78. */
export class ConfigError extends Error {
  readonly faults: readonly string[]

  constructor(faults: readonly string[]) {
    super(faults.join('\n'))
    this.name = 'ConfigError'
    this.faults = faults
  }
}

/** What is outside does not fit the settings (a topic is missing, say): the message says what to change. Exit code 78. */
export class StartupError extends Error {
  override name = 'StartupError'
}

/** The broker refuses this dead letter for good (too large, say): no retry can help. */
export class LetterRefusedError extends Error {
  override name = 'LetterRefusedError'
}

/** The topic is another one than that of which the offsets are. */
export class TopicReplacedError extends Error {
  override name = 'TopicReplacedError'
}

/** A short text of an unknown throw for logs: name, code and message only, since other fields may carry payloads or credentials. */
export function errorText(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const code = (error as { code?: unknown }).code
  return `${error.name}${typeof code === 'string' ? ` ${code}` : ''}: ${error.message}`
}
