// SCRAM users of a running cluster. kafkajs has no call for them, so two requests of the Kafka protocol are put together here:
// DescribeUserScramCredentials and AlterUserScramCredentials, version 0 both.

import { pbkdf2Sync, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { connect } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'

export type ScramMechanism = 'scram-sha-256' | 'scram-sha-512'

const MECHANISM = {
  'scram-sha-256': { code: 1, digest: 'sha256', bytes: 32 },
  'scram-sha-512': { code: 2, digest: 'sha512', bytes: 64 },
} as const

const DESCRIBE = 50
const ALTER = 51
const LEAST_ITERATIONS = 4096
const TIMEOUT_MS = 10_000

const int = (bytes: 1 | 2 | 4, value: number): Buffer => {
  const buffer = Buffer.alloc(bytes)
  buffer.writeIntBE(value, 0, bytes)
  return buffer
}
/** A length as the protocol's compact types have it, one more than it is; what we send fits into one byte. */
const length = (value: number): Buffer => int(1, value + 1)
const text = (value: string | Buffer): Buffer => Buffer.concat([length(Buffer.byteLength(value)), Buffer.from(value)])
const list = (items: Buffer[][]): Buffer => Buffer.concat([length(items.length), ...items.flatMap((fields) => [...fields, NO_TAGS])])
const NO_TAGS = Buffer.from([0])

class Reader {
  #at = 0
  #bytes: Buffer
  constructor(bytes: Buffer) {
    this.#bytes = bytes
  }
  int(bytes: 1 | 2 | 4): number {
    this.#at += bytes
    return this.#bytes.readIntBE(this.#at - bytes, bytes)
  }
  /** -1 for null */
  length(): number {
    let value = 0
    for (let shift = 0; ; shift += 7) {
      const byte = this.#bytes.readUInt8(this.#at++)
      value |= (byte & 0x7f) << shift
      if (byte < 0x80) return value - 1
    }
  }
  text(): string {
    const size = Math.max(this.length(), 0)
    this.#at += size
    return this.#bytes.toString('utf8', this.#at - size, this.#at)
  }
  list<T>(item: () => T): T[] {
    return Array.from({ length: this.length() }, () => {
      const value = item()
      this.int(1) // no tags
      return value
    })
  }
}

/** One request on a connection of its own; resolves with what comes after the answer's header and throttle time. */
const ask = async (broker: string, apiKey: number, body: Buffer): Promise<Reader> => {
  const [host, port] = broker.split(':') as [string, string]
  const socket = connect({ host, port: Number(port), timeout: TIMEOUT_MS }).on('timeout', () => {
    socket.destroy(new Error(`${broker} gave no answer`))
  })
  try {
    await once(socket, 'connect')
    const message = Buffer.concat([int(2, apiKey), int(2, 0), int(4, 1), int(2, -1), NO_TAGS, body])
    socket.write(Buffer.concat([int(4, message.length), message]))
    let answer = Buffer.alloc(0)
    for await (const chunk of socket) {
      answer = Buffer.concat([answer, chunk as Buffer])
      if (answer.length >= 4 && answer.length >= 4 + answer.readInt32BE(0)) return new Reader(answer.subarray(4 + 4 + 1 + 4))
    }
    throw new Error(`${broker} closed the connection`)
  } finally {
    socket.destroy()
  }
}

const fail = (code: number, message: string): void => {
  if (code !== 0) throw new Error(`error ${code} of the broker: ${message}`)
}

/** The iterations of the user's credentials as this broker knows them; none if there is no such user. */
const iterationsAt = async (broker: string, username: string, mechanism: ScramMechanism): Promise<number | undefined> => {
  const answer = await ask(broker, DESCRIBE, Buffer.concat([list([[text(username)]]), NO_TAGS]))
  fail(answer.int(2), answer.text())
  const users = answer.list(() => {
    answer.text()
    answer.int(2)
    answer.text()
    return answer.list(() => ({ code: answer.int(1), iterations: answer.int(4) }))
  })
  return users.flat().find(({ code }) => code === MECHANISM[mechanism].code)?.iterations
}

const alter = async (broker: string, deletions: Buffer[][], upsertions: Buffer[][]): Promise<void> => {
  const answer = await ask(broker, ALTER, Buffer.concat([list(deletions), list(upsertions), NO_TAGS]))
  answer.list(() => {
    answer.text()
    fail(answer.int(2), answer.text())
  })
}

const untilAllKnow = async (brokers: string[], username: string, mechanism: ScramMechanism, iterations?: number): Promise<void> => {
  const deadline = Date.now() + TIMEOUT_MS
  for (const broker of brokers) {
    while ((await iterationsAt(broker, username, mechanism)) !== iterations) {
      if (Date.now() > deadline) throw new Error(`${broker} did not learn of the change of ${username} in time`)
      await delay(20)
    }
  }
}

/**
 * Makes the user, or gives it another password, and resolves when all `brokers` know. All must be up, and their listener open to
 * everybody. Connections that are open stay so.
 */
export const setScramPassword = async (
  brokers: string[],
  user: { username: string; password: string; mechanism: ScramMechanism },
): Promise<void> => {
  const { username, password, mechanism } = user
  const { code, digest, bytes } = MECHANISM[mechanism]
  // another number each time, by which it is seen that a broker knows the new password
  const iterations = Math.max((await iterationsAt(brokers[0]!, username, mechanism)) ?? 0, LEAST_ITERATIONS) + 1
  const salt = randomBytes(16)
  const salted = pbkdf2Sync(password, salt, iterations, bytes, digest)
  await alter(brokers[0]!, [], [[text(username), int(1, code), int(4, iterations), text(salt), text(salted)]])
  await untilAllKnow(brokers, username, mechanism, iterations)
}

/** Removes the user, and resolves when all `brokers` know. Connections that are open stay so. */
export const removeScramUser = async (brokers: string[], user: { username: string; mechanism: ScramMechanism }): Promise<void> => {
  const { username, mechanism } = user
  await alter(brokers[0]!, [[text(username), int(1, MECHANISM[mechanism].code)]], [])
  await untilAllKnow(brokers, username, mechanism)
}
