import { AsyncLocalStorage } from 'node:async_hooks'
import { Agent } from 'undici'
import type { Dispatcher } from 'undici'
import { resetOnTimeout } from './reset-on-timeout.ts'
import { FENCED, UNSENT, verdictOf, verdictOfFailure, verdictOfStranger, verdictOfTooLarge } from './verdict.ts'
import type { Verdict } from './verdict.ts'

export interface RequestOptions {
  /** An answer said that the credentials don't work, or not for this. */
  readonly onRefused: () => void
  /** The fence. Asked once more when a request leaves: the process may have been frozen since its slot was taken. */
  readonly maySend: () => boolean
  readonly connections: number
}

/** What comes of one call of customerio-node, as a verdict. */
export interface Requests {
  /** For the client: its type of a Dispatcher and that of Node's own fetch differ in name only. */
  readonly dispatcher: never
  /**
   * Makes one call. Never rejects.
   * @param most bytes of the body: a larger one is not sent
   * @param ofAnswer the verdict on a good answer, if it has more to tell than its status; `answer` is undefined if it did not come whole
   */
  judge(call: () => Promise<unknown>, given?: { most?: number; ofAnswer?: (status: number, answer: unknown) => Verdict }): Promise<Verdict>
  close(): Promise<void>
}

/** Answers of Customer.io have some hundred bytes; of a batch, some hundred for each operation that failed. */
const LARGEST_ANSWER_BYTES = 8_388_608

/** What the dispatcher saw of one attempt: customerio-node keeps status and headers to itself when a body is no JSON. */
interface Seen {
  readonly most: number
  requests: number
  tooLarge?: boolean
  /** It began to leave, on a connection that stands. Before that, nothing can have arrived. */
  begun?: boolean
  status?: number
  retryAfter?: string | undefined
}

/**
 * customerio-node as its author meant it, but for three things: its own retries are off, so that limiter and breaker see every attempt;
 * connections are capped by an undici Agent; and a second request within one attempt (a redirect) is refused, since it would have no slot.
 */
export function createRequests({ onRefused, maySend, connections }: RequestOptions): Requests {
  const current = new AsyncLocalStorage<Seen>()
  const agent = new Agent({
    connect: resetOnTimeout(), connections, keepAliveTimeout: 30_000, headersTimeout: 0, bodyTimeout: 0, maxResponseSize: LARGEST_ANSWER_BYTES,
  })
  const dispatcher = agent.compose((dispatch) => (request, handler) => {
    const seen = current.getStore()
    if (!seen) return dispatch(request, handler)
    seen.requests += 1
    if (seen.requests > 1) throw new Error('a second request within one attempt')
    if (!maySend()) throw Object.assign(new Error('the fence is shut'), { code: FENCED })
    if (bytesOf(request) > seen.most) {
      seen.tooLarge = true
      throw Object.assign(new Error('the body is too large'), { code: UNSENT })
    }
    return dispatch(request, watching(handler, seen))
  })

  return {
    dispatcher: dispatcher as never,
    judge: async (call, { most = Infinity, ofAnswer } = {}) => {
      const seen: Seen = { most, requests: 0 }
      let body: string | undefined
      let answer: unknown
      try {
        answer = await current.run(seen, call)
      } catch (error) {
        if (seen.tooLarge) return verdictOfTooLarge()
        if (seen.status === undefined) return verdictOfFailure(error, seen.begun === true)
        if (isGood(seen.status) && isNoJson(error)) return verdictOfStranger(seen.status)
        const text = (error as { body?: unknown }).body
        body = typeof text === 'string' ? text : undefined
      }
      if (seen.status === undefined) return verdictOfFailure(new Error('no answer was seen'), true)
      if (ofAnswer && isGood(seen.status)) return ofAnswer(seen.status, answer)
      const verdict = verdictOf({ status: seen.status, retryAfter: seen.retryAfter, body })
      if (verdict.kind === 'unauthorised') onRefused()
      return verdict
    },
    close: async () => agent.destroy(),
  }
}

const isGood = (status: number): boolean => status >= 200 && status < 300

/** The body came whole and was no JSON; an error of a torn body is another one. */
function isNoJson(error: unknown): boolean {
  return error instanceof Error && error.message.startsWith('Unable to parse JSON')
}

/** Bytes of a request's body: customerio-node names them. */
function bytesOf({ headers }: Dispatcher.DispatchOptions): number {
  return Number((headers as Record<string, string> | null | undefined)?.['Content-Length'] ?? 0)
}

function watching(handler: Dispatcher.DispatchHandler, seen: Seen): Dispatcher.DispatchHandler {
  return {
    onRequestStart: (...args) => {
      seen.begun = true
      handler.onRequestStart?.(...args)
    },
    onRequestUpgrade: (...args) => handler.onRequestUpgrade?.(...args),
    onResponseStart: (controller, status, headers, message) => {
      seen.status = status
      const retryAfter = headers['retry-after']
      seen.retryAfter = Array.isArray(retryAfter) ? retryAfter[0] : retryAfter
      handler.onResponseStart?.(controller, status, headers, message)
    },
    onResponseData: (...args) => handler.onResponseData?.(...args),
    onResponseEnd: (...args) => handler.onResponseEnd?.(...args),
    onResponseError: (...args) => handler.onResponseError?.(...args),
  }
}
