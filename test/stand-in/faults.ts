import type { FaultEffect, FaultPlan, FaultRule } from './fault-plan.ts'
import { seededRandom } from './random.ts'
import type { Operation } from './routes.ts'

export { parsePlan } from './fault-plan.ts'
export type { FaultEffect, FaultPlan, FaultRule } from './fault-plan.ts'

/** What the rules see of a request. */
export interface Attempt {
  /** A v2 request, which a rule may name as a whole; null for all others. */
  call: 'batch' | 'entity' | null
  /** Of its body. */
  bytes: number
  operations: readonly { operation: Operation; person: string | null }[]
  /** The same for every attempt at the same operation. */
  keyOf(index: number): string
}

/** What a request falls under. `failed`: the places of the operations that fail, of a partial rule. */
export interface Hit { rule: FaultRule; failed: ReadonlySet<number> | null }

/** A plan at work: the same plan, seed and sequence of requests give the same faults. */
export class Faults {
  readonly #plan: FaultPlan
  readonly #random: () => number
  readonly #setAt: number
  readonly #applied = new Map<FaultRule, number>()
  readonly #attempts = new Map<string, number>()
  readonly #countsAttempts: boolean

  /** `setAt`: ms, on the clock of the times given to `decide`. */
  constructor(plan: FaultPlan, seed: number, setAt: number) {
    this.#plan = plan
    this.#random = seededRandom(seed)
    this.#setAt = setAt
    this.#countsAttempts = plan.rules?.some((rule) => rule.match?.firstAttempts !== undefined) ?? false
  }

  /** The rule that this request falls under, if any. Each call counts as one attempt at each of its operations. */
  decide(attempt: Attempt, at: number): Hit | undefined {
    const seen = this.#meet(attempt)
    const since = at - this.#setAt
    for (const rule of this.#plan.rules ?? []) {
      const places = this.#placesOf(rule, attempt, seen, since)
      if (places === undefined) continue
      this.#applied.set(rule, (this.#applied.get(rule) ?? 0) + 1)
      return { rule, failed: rule.effect.partial === undefined ? null : this.#failing(rule.effect.partial, attempt, places) }
    }
    return undefined
  }

  /** How long (ms) to wait before the answer, given the effect of the rule that applied. */
  delayMs(effect: FaultEffect | undefined): number {
    return this.#draw(this.#plan.latencyMs ?? 0) + this.#draw(effect?.delayMs ?? 0)
  }

  /** How often each operation had been met before. Only if a rule asks for it: a long load test need not pay for keys that nobody reads. */
  #meet({ operations, keyOf }: Attempt): readonly number[] {
    if (!this.#countsAttempts) return []
    return operations.map((_operation, index) => {
      const key = keyOf(index)
      const seen = this.#attempts.get(key) ?? 0
      this.#attempts.set(key, seen + 1)
      return seen
    })
  }

  /** The places of the operations by which the request matches the rule; undefined if it does not. */
  #placesOf(rule: FaultRule, attempt: Attempt, seen: readonly number[], sinceMs: number): number[] | undefined {
    const { match = {}, effect: { partial } } = rule
    const { operations, call, bytes } = attempt
    const isMatch = (partial === undefined || call === 'batch')
      && operations.length >= (match.atLeastOperations ?? 1)
      && bytes >= (match.atLeastBytes ?? 0)
      && (this.#applied.get(rule) ?? 0) < (match.times ?? Infinity)
      && sinceMs >= (match.fromMs ?? 0)
      && sinceMs < (match.untilMs ?? Infinity)
    if (!isMatch) return undefined
    const isNamed = match.operation === undefined || (call !== null && match.operation.includes(call))
    let places = [...operations.keys()].filter((place) => {
      const { operation, person } = operations[place]!
      return (isNamed || match.operation!.includes(operation)) && (match.person === undefined || (person !== null && match.person.includes(person)))
    })
    if (match.firstAttempts !== undefined) {
      const fresh = places.filter((place) => (seen[place] ?? 0) < match.firstAttempts!)
      if (partial === undefined && fresh.length < places.length) return undefined
      places = fresh
    }
    // Drawn last, and only if it matters, so that the draws hang on the requests that matched otherwise.
    return places.length > 0 && (match.ratio === undefined || this.#random() < match.ratio) ? places : undefined
  }

  #failing({ ratio, person }: NonNullable<FaultEffect['partial']>, { operations }: Attempt, places: number[]): ReadonlySet<number> {
    return new Set(places.filter((place) => (person === undefined || person.includes(operations[place]!.person ?? ''))
      && (ratio === undefined || this.#random() < ratio)))
  }

  #draw(delay: number | [number, number]): number {
    if (typeof delay === 'number') return delay
    const [min, max] = delay
    return min + this.#random() * (max - min)
  }
}

/** Whether valid operations take effect under a fault; of a partial one, those that it does not fail. */
export function takesEffect(effect: FaultEffect | undefined): boolean {
  if (effect === undefined) return true
  if (effect.reset !== undefined) return effect.reset === 'after'
  const replaced = effect.status !== undefined || effect.hang !== undefined || effect.torn !== undefined
  return replaced ? effect.accept ?? false : true
}
