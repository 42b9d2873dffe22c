import { validateHeaderName, validateHeaderValue } from 'node:http'
import { z } from 'zod'
import { seededRandom } from './random.ts'
import { OPERATIONS } from './routes.ts'
import type { Operation } from './routes.ts'

/** setTimeout takes anything longer as 1 ms. */
const LONGEST_TIMER_MS = 2 ** 31 - 1

const milliseconds = z.number().min(0).max(LONGEST_TIMER_MS)
const range = z.tuple([milliseconds, milliseconds]).refine(([min, max]) => min <= max, 'the least must not exceed the most')

const matchSchema = z.strictObject({
  operation: z.array(z.enum(OPERATIONS)).min(1).optional(),
  person: z.array(z.string()).min(1).optional(),
  /** The chance that a request that matches otherwise is hit. */
  ratio: z.number().min(0).max(1).optional(),
  /** Only while the plan has met this same event fewer than so many times. */
  firstAttempts: z.int().min(1).optional(),
  /** Stop after the rule applied so often. */
  times: z.int().min(1).optional(),
  /** From (inclusive) and until (exclusive) so long after the plan was set. */
  fromMs: milliseconds.optional(),
  untilMs: milliseconds.optional(),
})

const effectSchema = z.strictObject({
  /** Answer this instead. */
  status: z.int().min(200).max(599).optional(),
  body: z.string().optional(),
  headers: z.record(z.string(), z.string()).optional(),
  /** Wait before the answer (or the reset), on top of the plan's latency. */
  delayMs: z.union([milliseconds, range]).optional(),
  /** Never answer; the socket stays open. */
  hang: z.literal(true).optional(),
  /** Reset the connection, the event having taken effect (after) or not (before). */
  reset: z.enum(['before', 'after']).optional(),
  /** Answer 200 with a content-length beyond the body, then close. */
  torn: z.literal(true).optional(),
  /** The event takes effect although the answer is the fault. */
  accept: z.boolean().optional(),
}).superRefine((effect, { addIssue }) => {
  const complain = (message: string) => addIssue({ code: 'custom', message })
  const answers = [effect.status, effect.hang, effect.reset, effect.torn].filter((answer) => answer !== undefined).length
  if (answers > 1) complain('only one of status, hang, reset and torn may be given')
  if (answers === 0 && effect.delayMs === undefined) complain('one of status, hang, reset, torn and delayMs must be given')
  if (effect.status === undefined && (effect.body ?? effect.headers) !== undefined) complain('body and headers need a status')
  if (effect.accept !== undefined && (answers === 0 || effect.reset !== undefined)) complain('accept goes with status, hang or torn')
  for (const [name, value] of Object.entries(effect.headers ?? {})) {
    if (!isHeader(name, value)) complain(`${JSON.stringify(name)} is not a valid header`)
  }
})

const planSchema = z.strictObject({
  /** How long every answer takes, uniform between the two. */
  latencyMs: range.optional(),
  /** The first rule that matches decides. */
  rules: z.array(z.strictObject({ name: z.string().min(1), match: matchSchema.optional(), effect: effectSchema })).optional(),
})

export type FaultPlan = z.infer<typeof planSchema>
export type FaultRule = NonNullable<FaultPlan['rules']>[number]
export type FaultEffect = FaultRule['effect']

/** What the rules see of a request. `key` is the same for every attempt at the same event. */
export interface Attempt { operation: Operation; person: string | null; key: string }

/** Checks a plan that came as JSON. Throws an Error that says where it is wrong. */
export function parsePlan(json: unknown): FaultPlan {
  const result = planSchema.safeParse(json)
  if (!result.success) throw new Error(`not a fault plan:\n${z.prettifyError(result.error)}`)
  return result.data
}

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

  /** The rule that this request falls under, if any. Each call counts as one attempt at its event. */
  decide(attempt: Attempt, at: number): FaultRule | undefined {
    const seen = this.#attempts.get(attempt.key) ?? 0
    // Only if a rule asks for it: a long load test need not pay for keys that nobody reads.
    if (this.#countsAttempts) this.#attempts.set(attempt.key, seen + 1)
    const rule = this.#plan.rules?.find((candidate) => this.#matches(candidate, attempt, seen, at - this.#setAt))
    if (rule) this.#applied.set(rule, (this.#applied.get(rule) ?? 0) + 1)
    return rule
  }

  /** How long (ms) to wait before the answer, given the effect of the rule that applied. */
  delayMs(effect: FaultEffect | undefined): number {
    return this.#draw(this.#plan.latencyMs ?? 0) + this.#draw(effect?.delayMs ?? 0)
  }

  #matches(rule: FaultRule, { operation, person }: Attempt, seen: number, sinceMs: number): boolean {
    const match = rule.match ?? {}
    return (match.operation?.includes(operation) ?? true)
      && (match.person === undefined || (person !== null && match.person.includes(person)))
      && seen < (match.firstAttempts ?? Infinity)
      && (this.#applied.get(rule) ?? 0) < (match.times ?? Infinity)
      && sinceMs >= (match.fromMs ?? 0)
      && sinceMs < (match.untilMs ?? Infinity)
      && (match.ratio === undefined || this.#random() < match.ratio)
  }

  #draw(delay: number | [number, number]): number {
    if (typeof delay === 'number') return delay
    const [min, max] = delay
    return min + this.#random() * (max - min)
  }
}

/** Whether a valid event takes effect under a fault. */
export function takesEffect(effect: FaultEffect | undefined): boolean {
  if (effect === undefined) return true
  if (effect.reset !== undefined) return effect.reset === 'after'
  const replaced = effect.status !== undefined || effect.hang !== undefined || effect.torn !== undefined
  return replaced ? effect.accept ?? false : true
}

function isHeader(name: string, value: string): boolean {
  try {
    validateHeaderName(name)
    validateHeaderValue(name, value)
    return true
  } catch {
    return false
  }
}
