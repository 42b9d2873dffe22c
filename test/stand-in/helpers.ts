import { APIClient, TrackClient } from 'customerio-node'
import { setImmediate } from 'node:timers/promises'
import { DEFAULT_CREDENTIALS, createStandIn } from './server.ts'
import type { StandIn, StandInOptions } from './server.ts'

const open: StandIn[] = []

/** A stand-in in this process, until the next `closeStandIns`. */
export async function openStandIn(options?: StandInOptions): Promise<StandIn> {
  const standIn = await createStandIn(options)
  open.push(standIn)
  return standIn
}

/** To be run after each test: a test that fails must not leave a server behind, or the run would not end. */
export async function closeStandIns(): Promise<void> {
  await Promise.all(open.splice(0).map((standIn) => standIn.close()))
}

/** Customer.io's own client, pointed at a stand-in, without retries of its own. `timeout` in ms. */
export function trackClient(url: string, { siteId, apiKey }: { siteId: string; apiKey: string } = DEFAULT_CREDENTIALS, timeout = 30_000): TrackClient {
  return new TrackClient(siteId, apiKey, { url: `${url}/api/v1`, timeout, retry: { maxRetries: 0 } })
}

/** The same for the App API. */
export function appClient(url: string, appKey = DEFAULT_CREDENTIALS.appKey, timeout = 30_000): APIClient {
  return new APIClient(appKey, { url: `${url}/v1`, timeout, retry: { maxRetries: 0 } })
}

export interface Outcome { status: number | undefined; body: unknown; headers: Record<string, string>; error: Error | undefined }

/** What became of a call of the client: its answer, or its error with what the client makes known of it. */
export async function outcomeOf(call: Promise<unknown>): Promise<Outcome> {
  try {
    return { status: 200, body: await call, headers: {}, error: undefined }
  } catch (error) {
    const { statusCode, body, response } = error as { statusCode?: number; body?: string; response?: { headers: Record<string, string> } }
    return { status: statusCode, body: parsed(body), headers: response?.headers ?? {}, error: error as Error }
  }
}

/** A call that the client would not make. `body` is sent as it is. */
export async function rawCall(
  url: string, method: string, path: string, body?: string, credentials: { siteId: string; apiKey: string } = DEFAULT_CREDENTIALS,
): Promise<Response> {
  const authorization = `Basic ${btoa(`${credentials.siteId}:${credentials.apiKey}`)}`
  return await fetch(url + path, { method, headers: { authorization }, redirect: 'manual', ...(body !== undefined && { body }) })
}

/** Lets the event loop turn until the condition holds; the test's own timeout ends what never will. */
export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await setImmediate()
}

function parsed(body: string | undefined): unknown {
  try {
    return body === undefined ? undefined : JSON.parse(body)
  } catch {
    return body
  }
}
