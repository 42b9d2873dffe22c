/** What Customer.io says is wrong with one operation of a batch. */
export interface OperationFault {
  /** The server's words, cut short. */
  readonly message: string
  /** It says that the operation may work later, not that it is wrong. */
  readonly passing: boolean
}

/** What became of one attempt. */
export type Verdict =
  | { readonly kind: 'accepted'; readonly status: number }
  /** Of a batch, these failed (by their places in it); all others were accepted. */
  | { readonly kind: 'partly'; readonly status: number; readonly failed: ReadonlyMap<number, OperationFault> }
  | { readonly kind: 'throttled'; readonly status: number; readonly retryAfter: string | undefined }
  /** 5xx, network, timeout: the same request may work later. `answered`: false if it may still be under way. */
  | { readonly kind: 'unavailable'; readonly status: number | undefined; readonly cause: string; readonly answered: boolean }
  /** The event itself is refused: 400, 413, ... Of a batch: any of them, or all together. */
  | { readonly kind: 'rejected'; readonly status: number; readonly message: string }
  /**
   * 401, 403, 404, ...: the credentials or the address, or this one event; only another call can tell. `region`: that of the account, if it is another one than that
   * of the settings.
   */
  | { readonly kind: 'unauthorised'; readonly status: number; readonly region?: string }

/** What is known of an answer: its status line and headers, and the body as text if it came whole. */
export interface Answer {
  readonly status: number
  readonly retryAfter: string | undefined
  readonly body: string | undefined
}

/** Too large: what is large in it may be sent in smaller parts, or in another form. */
export const TOO_LARGE = 413

/** Proxies answer these while the request goes on behind them, so they settle nothing about its arrival. */
const STILL_UNDER_WAY = new Set([502, 504])
/** Not the event's fault though 4xx: request timeout, too early, misdirected. */
const PASSING = new Set([408, 421, 425])
/** The credentials, the account, or an address at which no Customer.io is: may be the same for every event. */
const DOUBTFUL = new Set([401, 402, 403, 404, 405, 407, 410, 451])

/** The verdict on an answer. Pure. A 2xx whose body is torn counts as accepted: the server had decided by then. */
export function verdictOf(answer: Answer): Verdict {
  const { status } = answer
  if (status >= 200 && status < 300) return { kind: 'accepted', status }
  if (status === 429) return { kind: 'throttled', status, retryAfter: answer.retryAfter }
  if (DOUBTFUL.has(status)) return { kind: 'unauthorised', status }
  if (status >= 500 || PASSING.has(status)) return { kind: 'unavailable', status, cause: `status ${status}`, answered: !STILL_UNDER_WAY.has(status) }
  // the region is explicit, so a redirect means a wrong region or URL: following it would send data to a place nobody chose
  if (status >= 300 && status < 400) return { kind: 'unavailable', status, cause: `redirect ${status}: check CUSTOMERIO_REGION, CUSTOMERIO_URL, CUSTOMERIO_APP_URL`, answered: true }
  return { kind: 'rejected', status, message: serverMessage(answer.body) }
}

/** Codes of requests that were kept back: by the fence, or since they are too large. */
export const FENCED = 'FENCED'
export const UNSENT = 'UNSENT'
/** The verdict on a whole answer that can't be Customer.io's: a 2xx that is no JSON, such as the page of a proxy. Pure. */
export function verdictOfStranger(status: number): Verdict {
  return { kind: 'unavailable', status, cause: `status ${status} without JSON: check CUSTOMERIO_URL, CUSTOMERIO_APP_URL, and proxies on the way`, answered: true }
}

/** Status of a batch of which some operations failed. */
const PARTLY = 207
/** What an operation failed of that is not its own fault. Customer.io documents no list of its reasons. */
const PASSING_REASON = /(?:^|[^a-z])(?:rate_?limit|throttl|too_many|time_?out|timed_?out|unavailable|internal|temporar|try_again)/i

/**
 * The verdict on a batch that was answered with 200 or 207. Pure. Errors come with either status (a 200 is not documented to have any, and has been
 * seen with some). One that names no operation of the batch leaves open which ones were accepted: then all of it counts as rejected, and is sent
 * again in halves, until it is known.
 * @param answer the body as JSON; undefined if it did not come whole: what failed is not known then, so all is sent again
 * @param size operations in the batch
 */
export function verdictOfBatch(status: number, answer: unknown, size: number): Verdict {
  if (answer === undefined) return { kind: 'unavailable', status, cause: `status ${status}, but the answer was cut short`, answered: true }
  const errors = (answer as { errors?: unknown } | null)?.errors
  if (errors === undefined || errors === null ? status !== PARTLY : Array.isArray(errors) && errors.length === 0) return { kind: 'accepted', status }
  if (!Array.isArray(errors)) return { kind: 'rejected', status, message: 'operations failed, and the answer does not tell which' }
  const failed = new Map<number, OperationFault>()
  for (const error of errors as unknown[]) {
    const { batch_index: index, reason, field, message } = (error ?? {}) as Record<string, unknown>
    const said = [reason, field, message].filter((part) => typeof part === 'string' && part !== '').join(': ').slice(0, LONGEST_MESSAGE) || 'no message'
    const passing = typeof reason === 'string' && PASSING_REASON.test(reason)
    if (typeof index !== 'number' || !Number.isInteger(index) || index < 0 || index >= size) {
      return passing ? { kind: 'unavailable', status, cause: 'operations failed for now', answered: true } : { kind: 'rejected', status, message: said }
    }
    failed.set(index, { message: said, passing })
  }
  // a bad day that is told operation by operation
  if (failed.size === size && [...failed.values()].every(({ passing }) => passing)) return { kind: 'unavailable', status, cause: 'every operation failed for now', answered: true }
  return { kind: 'partly', status, failed }
}

/** The verdict on a single call: v2's may have errors, too. An answer that was cut short had been decided. Pure. */
export function verdictOfSingle(status: number, answer: unknown): Verdict {
  return answer === undefined ? { kind: 'accepted', status } : verdictOfBatch(status, answer, 1)
}

/** The verdict on one operation that failed in a batch: the one that it would have had alone. Pure. */
export function verdictOfOperation(fault: OperationFault, status: number): Verdict {
  return fault.passing
    ? { kind: 'unavailable', status, cause: 'failed in a batch', answered: true }
    : { kind: 'rejected', status, message: fault.message }
}

/** The verdict on a request that is larger than Customer.io takes, so that it was not made. Pure. */
export const verdictOfTooLarge = (): Verdict => ({ kind: 'rejected', status: TOO_LARGE, message: 'too large for one request' })

/**
 * The verdict on an attempt without an answer. Pure.
 * @param begun whether it began to leave: before that, nothing can have arrived
 */
export function verdictOfFailure(error: unknown, begun: boolean): Verdict {
  const { name } = (error ?? {}) as { name?: unknown }
  if (name === 'TimeoutError' || name === 'AbortError') return { kind: 'unavailable', status: undefined, cause: 'timeout', answered: !begun }
  const code = codeOf(error)
  return { kind: 'unavailable', status: undefined, cause: `network${code ? ` ${code}` : ''}`, answered: !begun }
}

function codeOf(error: unknown, depth = 0): string | undefined {
  if (typeof error !== 'object' || error === null || depth > 3) return undefined
  const { code, cause } = error as { code?: unknown; cause?: unknown }
  return typeof code === 'string' ? code : codeOf(cause, depth + 1)
}

/** Most characters of the server's words that are kept: it may repeat what was sent. */
const LONGEST_MESSAGE = 500

/** The server's words on a refusal: comes as {"meta":{"errors":[…]}} and as {"meta":{"error":"…"}}. V2 has {"errors":[{reason, field, message}]}. */
function serverMessage(body: string | undefined): string {
  if (!body) return 'no message'
  try {
    const parsed = JSON.parse(body) as { meta?: { error?: unknown; errors?: unknown }; errors?: unknown } | null
    const found = parsed?.meta?.errors ?? parsed?.meta?.error ?? parsed?.errors
    if (found !== undefined) return (Array.isArray(found) ? found.map((e) => (typeof e === 'string' ? e : JSON.stringify(e))).join('; ') : String(found)).slice(0, LONGEST_MESSAGE)
  } catch {
    // not JSON: said below
  }
  return 'the answer has no readable message'
}

/** Whether the request can't be under way any more. */
export function isAnswered(verdict: Verdict): boolean {
  return verdict.kind !== 'unavailable' || verdict.answered
}

/** A short text for people: the status, or how it failed without one. Never anything of a body. */
export function summaryOf(verdict: Verdict): string {
  if (verdict.kind === 'unauthorised' && verdict.region !== undefined) return `the workspace is in region ${verdict.region}: check CUSTOMERIO_REGION`
  if (verdict.kind === 'partly') return `${verdict.failed.size} operations of a batch refused`
  return verdict.kind === 'unavailable' ? verdict.cause : `status ${verdict.status}`
}
