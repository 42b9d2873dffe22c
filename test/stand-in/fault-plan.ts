import { validateHeaderName, validateHeaderValue } from 'node:http'
import { z } from 'zod'
import { OPERATIONS } from './routes.ts'

/** setTimeout takes anything longer as 1 ms. */
const LONGEST_TIMER_MS = 2 ** 31 - 1

const milliseconds = z.number().min(0).max(LONGEST_TIMER_MS)
const range = z.tuple([milliseconds, milliseconds]).refine(([min, max]) => min <= max, 'the least must not exceed the most')

/**
 * A rule matches requests. `operation`, `person` and `firstAttempts` speak of operations: a request matches if it carries one that fits the
 * first two (and see firstAttempts). A rule without them matches batches as it does all else.
 */
const matchSchema = z.strictObject({
  /** `batch` and `entity` name these two v2 requests as a whole, whatever they carry. */
  operation: z.array(z.enum(OPERATIONS)).min(1).optional(),
  person: z.array(z.string()).min(1).optional(),
  /** Requests that carry at least so many operations, or whose bodies have at least so many bytes. */
  atLeastOperations: z.int().min(1).optional(),
  atLeastBytes: z.int().min(1).optional(),
  /** The chance that a request that matches otherwise is hit. */
  ratio: z.number().min(0).max(1).optional(),
  /**
   * Only while the plan has met this same operation fewer than so many times. Attempts are counted operation by operation, since a retry may
   * come in another batch. A batch falls under such a rule only if that holds for all of its operations that fit the rule: so the rule never
   * fails one more often than it says, whatever it travels with. With `partial` it is enough that it holds for some, and only they fail.
   */
  firstAttempts: z.int().min(1).optional(),
  /** Stop after the rule applied so often. */
  times: z.int().min(1).optional(),
  /** From (inclusive) and until (exclusive) so long after the plan was set. */
  fromMs: milliseconds.optional(),
  untilMs: milliseconds.optional(),
})

/** Some operations of a batch fail, the others take effect. Those fail that fit the rule's match, and these conditions. Matches batches only. */
const partialSchema = z.strictObject({
  /** The chance of each. */
  ratio: z.number().min(0).max(1).optional(),
  person: z.array(z.string()).min(1).optional(),
  /** What the errors say. */
  reason: z.string().optional(),
  field: z.string().optional(),
  message: z.string().optional(),
  /** The errors don't say which operations they are of. */
  withoutIndex: z.literal(true).optional(),
  /** 207 if it is not given. */
  asStatus: z.union([z.literal(200), z.literal(207)]).optional(),
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
  /** Reset the connection, the operations having taken effect (after) or not (before). */
  reset: z.enum(['before', 'after']).optional(),
  /** Answer 200 with a content-length beyond the body, then close. */
  torn: z.literal(true).optional(),
  partial: partialSchema.optional(),
  /** The operations take effect although the answer is the fault. */
  accept: z.boolean().optional(),
}).superRefine((effect, { addIssue }) => {
  const complain = (message: string) => addIssue({ code: 'custom', message })
  const { status, hang, reset, torn, partial } = effect
  const answers = [status, hang, reset, torn, partial].filter((answer) => answer !== undefined).length
  if (answers > 1) complain('only one of status, hang, reset, torn and partial may be given')
  if (answers === 0 && effect.delayMs === undefined) complain('one of status, hang, reset, torn, partial and delayMs must be given')
  if (status === undefined && (effect.body ?? effect.headers) !== undefined) complain('body and headers need a status')
  if (effect.accept !== undefined && (answers === 0 || reset !== undefined || partial !== undefined)) complain('accept goes with status, hang or torn')
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

/** Checks a plan that came as JSON. Throws an Error that says where it is wrong. */
export function parsePlan(json: unknown): FaultPlan {
  const result = planSchema.safeParse(json)
  if (!result.success) throw new Error(`not a fault plan:\n${z.prettifyError(result.error)}`)
  return result.data
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
