import { z } from 'zod'

/*
 * The ledger: who may use how many slots, as one object that all processes of a deployment change by compare-and-swap only. In every version of it
 * the grants of an API add up to no more than its `basis`; how that makes no window go over the limit is in docs/limiter.md.
 */

/** What a process has of one API's limit. Slots. */
export interface Claim {
  /** The limit as this process reads it. */
  readonly limit: number
  /** What it could put to use; the limit, if it could use more than it has. */
  readonly wanted: number
  /** What it may use while its renewals are acknowledged. */
  readonly granted: number
  /** The part of `granted` that it may go on using while the store of the ledger is out of reach. */
  readonly floor: number
}

/** What others have to wait, ms, until nothing of a process can arrive any more and what has arrived has left the window. */
export interface Waits {
  /** Without a renewal, until it is dealt no more than it has. */
  readonly overdueMs: number
  /** Without a renewal, until all but the floor is free. */
  readonly silentMs: number
  /** Without a renewal, until the floor is free, too. */
  readonly goneMs: number
  /** After a younger process of the same pod was seen: this one is dead. */
  readonly replacedMs: number
  /** After it said that it has left. */
  readonly leftMs: number
}

/** One process: never re-used, not even by a container that is started again in the same pod. */
export interface Entry {
  readonly id: string
  /** uid of its pod. */
  readonly pod: string
  /** Goes up with each write of the process itself. */
  readonly beat: number
  /** It sends nothing any more, and what it has sent was answered or can't arrive any more. */
  readonly left?: boolean | undefined
  /** Others took all but the floor, since it was silent. */
  readonly reduced?: boolean | undefined
  readonly waits: Waits
  readonly claims: Readonly<Record<string, Claim>>
}

export interface Ledger {
  readonly version: 1
  /** false: made anew, and nobody knows yet whether processes of an older ledger are still sending. */
  readonly open: boolean
  /** By whom, and when of its times: another one in each ledger that was made anew, though the object may be the same. */
  readonly made?: string | undefined
  /** Made by a process that has seen no other: it may be the first one of its Deployment. */
  readonly isFirst?: boolean | undefined
  /** By API: what the grants add up to at most. */
  readonly basis: Readonly<Record<string, number>>
  /** In the order in which they came: that is their rank. */
  readonly entries: readonly Entry[]
}

const count = z.number().int().min(0)
const milliseconds = z.number().min(0)
/** What a later release of the same version writes besides is kept. */
const schema: z.ZodType<Ledger> = z.looseObject({
  version: z.literal(1),
  open: z.boolean(),
  made: z.string().optional(),
  isFirst: z.boolean().optional(),
  basis: z.record(z.string(), count),
  entries: z.array(z.looseObject({
    id: z.string().min(1),
    pod: z.string().min(1),
    beat: count,
    left: z.boolean().optional(),
    reduced: z.boolean().optional(),
    waits: z.looseObject({ overdueMs: milliseconds, silentMs: milliseconds, goneMs: milliseconds, replacedMs: milliseconds, leftMs: milliseconds }),
    claims: z.record(z.string(), z.looseObject({ limit: count, wanted: count, granted: count, floor: count })),
  })),
})

/** @throws Error if the text is no ledger of this version */
export function parseLedger(text: string): Ledger {
  let content: unknown
  try {
    content = JSON.parse(text)
  } catch {
    throw new Error('the ledger of slots is no JSON: somebody else has written it')
  }
  const parsed = schema.safeParse(content)
  if (parsed.success) return parsed.data
  const [issue] = parsed.error.issues
  throw new Error(`the ledger of slots is not as this version writes it: ${issue?.path.join('.') || 'its form'}: ${issue?.message}`)
}

/** Grants of all processes together. */
export const grantedInAll = (ledger: Ledger, api: string): number =>
  ledger.entries.reduce((sum, { claims }) => sum + (claims[api]?.granted ?? 0), 0)
