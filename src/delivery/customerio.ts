import { AsyncLocalStorage } from 'node:async_hooks'
import { RegionEU, RegionUS, TrackClient } from 'customerio-node'
import { Agent } from 'undici'
import type { Dispatcher } from 'undici'
import type { CustomerEvent } from '../event.ts'
import { resetOnTimeout } from './reset-on-timeout.ts'
import { FENCED, verdictOf, verdictOfFailure, verdictOfStranger } from './verdict.ts'
import type { Verdict } from './verdict.ts'

/** Makes one request a call. Never throws, never retries, never follows a redirect. */
export interface CustomerIo {
  attempt(event: CustomerEvent): Promise<Verdict>
  /** Something harmless: the account's region. Tells whether the credentials work. */
  probe(): Promise<Verdict>
  close(): Promise<void>
}

export interface CustomerIoOptions {
  readonly siteId: string
  /** The Track API key as it is now: asked for at each request. */
  readonly apiKey: () => string
  /** An answer said that the credentials don't work, or not for this. */
  readonly onRefused: () => void
  readonly region: 'us' | 'eu'
  /** The fence. Asked once more when a request leaves: the process may have been frozen since its slot was taken. */
  readonly maySend: () => boolean
  /** Base URL in place of the region's. */
  readonly url: string | undefined
  readonly timeoutMs: number
  readonly connections: number
}

/** Answers of the Track API have some hundred bytes. */
const LARGEST_ANSWER_BYTES = 1_048_576

/** What the dispatcher saw of one attempt: customerio-node keeps status and headers to itself when a body is no JSON. */
interface Seen {
  requests: number
  status?: number
  retryAfter?: string | undefined
}

/**
 * customerio-node as its author meant it, but for three things: its own retries are off, so that limiter and breaker see every attempt;
 * connections are capped by an undici Agent; and a second request within one attempt (a redirect) is refused, since it would have no slot.
 */
export function createCustomerIo(options: CustomerIoOptions): CustomerIo {
  const current = new AsyncLocalStorage<Seen>()
  const agent = new Agent({
    connect: resetOnTimeout(), connections: options.connections, keepAliveTimeout: 30_000, headersTimeout: 0, bodyTimeout: 0,
    maxResponseSize: LARGEST_ANSWER_BYTES,
  })
  const dispatcher = agent.compose((dispatch) => (request, handler) => {
    const seen = current.getStore()
    if (!seen) return dispatch(request, handler)
    seen.requests += 1
    if (seen.requests > 1) throw new Error('a second request within one attempt')
    if (!options.maySend()) throw Object.assign(new Error('the fence is shut'), { code: FENCED })
    return dispatch(request, watching(handler, seen))
  })
  const clientWith = (apiKey: string) => ({
    apiKey,
    track: new TrackClient(options.siteId, apiKey, {
      region: options.region === 'eu' ? RegionEU : RegionUS,
      ...(options.url && { url: `${options.url}/api/v1` }),
      timeout: options.timeoutMs,
      retry: { maxRetries: 0 },
      // undici's type of a Dispatcher and that of Node's own fetch differ in name only
      dispatcher: dispatcher as never,
    }),
  })
  let client = clientWith(options.apiKey())
  /** A client keeps the key that it was made with. Requests that are under way go on with theirs. */
  const present = (): TrackClient => {
    const apiKey = options.apiKey()
    if (apiKey !== client.apiKey) client = clientWith(apiKey)
    return client.track
  }

  const judged = async (call: () => Promise<unknown>): Promise<Verdict> => {
    const seen: Seen = { requests: 0 }
    let body: string | undefined
    try {
      await current.run(seen, call)
    } catch (error) {
      if (seen.status === undefined) return verdictOfFailure(error)
      if (seen.status >= 200 && seen.status < 300 && isNoJson(error)) return verdictOfStranger(seen.status)
      const text = (error as { body?: unknown }).body
      body = typeof text === 'string' ? text : undefined
    }
    if (seen.status === undefined) return verdictOfFailure(new Error('no answer was seen'))
    const verdict = verdictOf({ status: seen.status, retryAfter: seen.retryAfter, body })
    if (verdict.kind === 'unauthorised') options.onRefused()
    return verdict
  }

  return {
    attempt: async (event) => judged(async () => callFor(present(), event)),
    probe: async () => {
      let account: unknown
      const verdict = await judged(async () => { account = await present().getAccountRegion() })
      const told = account as { region?: unknown; data_center?: unknown } | undefined
      const region = told?.region ?? told?.data_center
      // both regions' hosts answer this call, and tell the right one; events would be refused or sent on to the other
      if (verdict.kind !== 'accepted' || typeof region !== 'string' || region === options.region) return verdict
      return { kind: 'unauthorised', status: verdict.status, region: region.slice(0, 20) }
    },
    close: async () => agent.destroy(),
  }
}

/** The body came whole and was no JSON; an error of a torn body is another one. */
function isNoJson(error: unknown): boolean {
  return error instanceof Error && error.message.startsWith('Unable to parse JSON')
}

async function callFor(client: TrackClient, event: CustomerEvent): Promise<unknown> {
  const happening = { name: event.name, id: event.id, timestamp: event.timestamp, data: event.data }
  switch (event.type) {
    case 'identify': return client.identify(event.person, { ...event.data, _timestamp: event.timestamp })
    case 'track': return client.track(event.person, happening)
    case 'page': return client.track(event.person, { ...happening, type: 'page' })
    case 'screen': return client.track(event.person, { ...happening, type: 'screen' })
    case 'trackAnonymous': return client.trackAnonymous(event.person, happening)
    case 'suppress': return client.suppress(event.person)
    case 'destroy': return client.destroy(event.person)
  }
}

function watching(handler: Dispatcher.DispatchHandler, seen: Seen): Dispatcher.DispatchHandler {
  return {
    onRequestStart: (...args) => handler.onRequestStart?.(...args),
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
