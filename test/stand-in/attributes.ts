import { byKey } from './canonical.ts'
import type { Json } from './effect.ts'

/**
 * The attributes of a person or an object. Customer.io does not document how its timestamp orders them. We picked, for v1 and v2 alike: each
 * attribute by itself keeps the value with the highest timestamp, and the later call wins a tie.
 */
export class Attributes {
  readonly #values = new Map<string, { value: unknown; timestamp: number }>()

  /** `timestamp`: Unix seconds. */
  set(attributes: Json, timestamp: number): void {
    for (const [name, value] of Object.entries(attributes)) this.#setOne(name, value, timestamp)
  }

  /** Takes over what it has no value for yet. */
  fillUp(from: Attributes): void {
    for (const [name, { value, timestamp }] of from.#values) if (!this.#values.has(name)) this.#setOne(name, value, timestamp)
  }

  /** Sorted by name. */
  view(): Json {
    return Object.fromEntries([...this.#values].map(([name, { value }]) => [name, value] as const).toSorted(byKey))
  }

  #setOne(name: string, value: unknown, timestamp: number): void {
    const before = this.#values.get(name)
    if (before === undefined || before.timestamp <= timestamp) this.#values.set(name, { value, timestamp })
  }
}
