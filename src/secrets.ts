import { readFile } from 'node:fs/promises'
import type { Key } from './config-keys.ts'
import { isSecret, withoutLineEnd } from './config.ts'
import type { Config } from './config.ts'
import type { Guarded, Logger } from './logger.ts'
import { oneAtATime } from './one-at-a-time.ts'

export interface SecretsOptions {
  readonly config: Config
  readonly logger: Logger
  /** Learns of every new value before anybody else does. */
  readonly guarded: Guarded
  readonly read?: (path: string) => Promise<string>
}

/**
 * Secrets, certificates and keys as they are now. What came from a file is read again and again: a mounted secret is replaced by a change of
 * the link to its folder, which watching the file does not tell. A file that can't be read, or is empty, leaves the last good value in place.
 */
export class Secrets {
  readonly #options: SecretsOptions
  readonly #read: (path: string) => Promise<string>
  readonly #contents: Map<Key, string>
  readonly #faults = new Map<Key, string>()
  readonly #listeners: ((key: Key) => void)[] = []

  constructor(options: SecretsOptions) {
    this.#options = options
    this.#read = options.read ?? (async (path) => readFile(path, 'utf8'))
    this.#contents = new Map([...options.config.fromFiles].map(([key, { content }]) => [key, content]))
  }

  /** The setting's value at present; of a file setting, the file's content. */
  of(key: Key): string | undefined {
    const value = this.#contents.get(key) ?? this.#options.config[key]
    return typeof value === 'string' ? value : undefined
  }

  /** @param listener called after a value changed */
  onChange(listener: (key: Key) => void): void {
    this.#listeners.push(listener)
  }

  /** Reads all files; resolves when that has been done since the call. Never rejects. */
  readonly look: () => Promise<void> = oneAtATime(async () => {
    await Promise.all([...this.#options.config.fromFiles].map(async ([key, { path }]) => {
      let content: string
      try {
        content = withoutLineEnd(await this.#read(path))
      } catch (error) {
        this.#failed(key, `can't be read (${(error as NodeJS.ErrnoException).code ?? 'error'})`)
        return
      }
      if (content) this.#found(key, content)
      else this.#failed(key, 'is empty')
    }))
  })

  #found(key: Key, content: string): void {
    const { logger, guarded } = this.#options
    if (this.#faults.delete(key)) logger.info({ setting: key }, 'secret: its file can be read again')
    if (this.#contents.get(key) === content) return
    if (isSecret(key)) guarded.add(key, content)
    this.#contents.set(key, content)
    logger.info({ setting: key }, 'secret changed')
    for (const listener of this.#listeners) listener(key)
  }

  #failed(key: Key, fault: string): void {
    if (this.#faults.get(key) === fault) return
    this.#faults.set(key, fault)
    this.#options.logger.warn({ setting: key, fault }, 'secret: its file gives no value, the last one stays in use')
  }
}
