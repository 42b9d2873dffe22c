/** What became of one attempt. `partly` (an item of a batch failed) joins when batches do. */
export type Verdict =
  | { readonly kind: 'accepted'; readonly status: number }
  | { readonly kind: 'throttled'; readonly status: number; readonly retryAfter: string | undefined }
  /** 5xx, network, timeout: the same request may work later. `answered`: false if it may still be under way. */
  | { readonly kind: 'unavailable'; readonly status: number | undefined; readonly cause: string; readonly answered: boolean }
  /** The event itself is refused: 400, 413, ... */
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
  if (status >= 300 && status < 400) return { kind: 'unavailable', status, cause: `redirect ${status}: check CUSTOMERIO_REGION and CUSTOMERIO_URL`, answered: true }
  return { kind: 'rejected', status, message: serverMessage(answer.body) }
}

/** Code of a request that the fence kept back. */
export const FENCED = 'FENCED'
/** Codes of failures that happen before anything is sent. */
const NEVER_SENT = new Set([FENCED, 'ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'UND_ERR_CONNECT_TIMEOUT', 'ENETUNREACH', 'EHOSTUNREACH'])

/** The verdict on a whole answer that can't be Customer.io's: a 2xx that is no JSON, such as the page of a proxy. Pure. */
export function verdictOfStranger(status: number): Verdict {
  return { kind: 'unavailable', status, cause: `status ${status} without JSON: check CUSTOMERIO_URL, and proxies on the way`, answered: true }
}

/** The verdict on an attempt without an answer. Pure. */
export function verdictOfFailure(error: unknown): Verdict {
  const { name } = (error ?? {}) as { name?: unknown }
  if (name === 'TimeoutError' || name === 'AbortError') return { kind: 'unavailable', status: undefined, cause: 'timeout', answered: false }
  const code = codeOf(error)
  return { kind: 'unavailable', status: undefined, cause: `network${code ? ` ${code}` : ''}`, answered: code !== undefined && NEVER_SENT.has(code) }
}

function codeOf(error: unknown, depth = 0): string | undefined {
  if (typeof error !== 'object' || error === null || depth > 3) return undefined
  const { code, cause } = error as { code?: unknown; cause?: unknown }
  return typeof code === 'string' ? code : codeOf(cause, depth + 1)
}

/** The server's words on a refusal: comes as {"meta":{"errors":[…]}} and as {"meta":{"error":"…"}}. Cut short, since it may repeat what was sent. */
function serverMessage(body: string | undefined): string {
  if (!body) return 'no message'
  try {
    const parsed = JSON.parse(body) as { meta?: { error?: unknown; errors?: unknown }; errors?: unknown } | null
    const found = parsed?.meta?.errors ?? parsed?.meta?.error ?? parsed?.errors
    if (found !== undefined) return (Array.isArray(found) ? found.map((e) => (typeof e === 'string' ? e : JSON.stringify(e))).join('; ') : String(found)).slice(0, 500)
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
  return verdict.kind === 'unavailable' ? verdict.cause : `status ${verdict.status}`
}
