import { APIClient, RegionEU, RegionUS, TrackClient } from 'customerio-node'
import type { CustomerEvent } from '../event.ts'
import { LARGEST_BATCH } from './batcher.ts'
import { callApp, callSegment, callTrack, operationOf } from './operations.ts'
import type { Carrier } from './operations.ts'
import { createRequests } from './requests.ts'
import type { RequestOptions } from './requests.ts'
import { verdictOfBatch, verdictOfSingle } from './verdict.ts'
import type { Verdict } from './verdict.ts'

/** Makes one request a call. Never throws, never retries, never follows a redirect. */
export interface CustomerIo {
  /** @param events of one request; exactly one if `carrier` is `alone` */
  attempt(events: readonly CustomerEvent[], carrier: Carrier): Promise<Verdict>
  /** Something harmless that tells whether the credentials work. */
  probe(): Promise<Verdict>
  close(): Promise<void>
}

export interface CustomerIoOptions extends RequestOptions {
  /** The API key as it is now: asked for at each request. */
  readonly apiKey: () => string
  readonly region: 'us' | 'eu'
  /** Base URL in place of the region's. */
  readonly url: string | undefined
  readonly timeoutMs: number
}

/** The Track API: v1 and v2. */
export function createTrack(options: CustomerIoOptions & { readonly siteId: string }): CustomerIo {
  const requests = createRequests(options)
  const client = clientOf(options.apiKey, (apiKey) => new TrackClient(options.siteId, apiKey, {
    ...common(options), ...(options.url && { url: `${options.url}/api/v1` }), dispatcher: requests.dispatcher,
  }))
  return {
    attempt: async (events, carrier) => {
      switch (carrier) {
        case 'batch':
          return requests.judge(async () => client().batch(events.map(operationOf)), { most: LARGEST_BATCH, ofAnswer: (status, answer) => verdictOfBatch(status, answer, events.length) })
        case 'alone':
          return requests.judge(async () => callTrack(client(), only(events)), { ofAnswer: verdictOfSingle })
        default:
          return requests.judge(async () => callSegment(client(), events))
      }
    },
    probe: async () => {
      let account: unknown
      const verdict = await requests.judge(async () => { account = await client().getAccountRegion() })
      const told = account as { region?: unknown; data_center?: unknown } | undefined
      const region = told?.region ?? told?.data_center
      // both regions' hosts answer this call, and tell the right one; events would be refused or sent on to the other
      if (verdict.kind !== 'accepted' || typeof region !== 'string' || region === options.region) return verdict
      return { kind: 'unauthorised', status: verdict.status, region: region.slice(0, 20) }
    },
    close: requests.close,
  }
}

/** The App API: transactional messages and broadcasts. */
export function createApp(options: CustomerIoOptions): CustomerIo {
  const requests = createRequests(options)
  const client = clientOf(options.apiKey, (apiKey) => new APIClient(apiKey, {
    ...common(options), ...(options.url && { url: `${options.url}/v1` }), dispatcher: requests.dispatcher,
  }))
  return {
    attempt: async (events) => requests.judge(async () => callApp(client(), only(events))),
    // counts against the App API's general limit (10 a second), which nothing else here uses; it goes out once a backoff at most
    probe: async () => requests.judge(async () => client().listTransactionalMessages()),
    close: requests.close,
  }
}

const common = ({ region, timeoutMs }: CustomerIoOptions) => ({ region: region === 'eu' ? RegionEU : RegionUS, timeout: timeoutMs, retry: { maxRetries: 0 } })

function only(events: readonly CustomerEvent[]): CustomerEvent {
  const [event] = events
  if (!event || events.length > 1) throw new Error(`${events.length} events for a request that takes one`)
  return event
}

/** A client keeps the key that it was made with. Requests that are under way go on with theirs. */
function clientOf<C>(apiKey: () => string, make: (apiKey: string) => C): () => C {
  let key = apiKey()
  let client = make(key)
  return () => {
    const present = apiKey()
    if (present !== key) [key, client] = [present, make(present)]
    return client
  }
}
