import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Account, forEachApi } from './account.ts'
import type { ApiLimit, Summary, Unit } from './account.ts'
import type { Credentials } from './api.ts'
import { handleCall } from './call.ts'
import type { World } from './call.ts'
import { CONTROL_PREFIX, handleControl } from './control.ts'
import { Faults, parsePlan } from './faults.ts'
import type { FaultPlan } from './faults.ts'
import type { Api } from './routes.ts'
import { State } from './state.ts'
import { SlidingWindow } from './window.ts'

export interface StandInOptions {
  /** IPv4 address to listen on. Default 127.0.0.1. */
  host?: string
  /** 0 = any free one. */
  port?: number
  /** Of the Track API: requests in any window. */
  limit?: number
  windowMs?: number
  /** What the Track API's window counts: requests (if it is not given), or operations, so that a batch counts as many as it carries. */
  unit?: Unit
  /** Of the App API's windows; what is not given is as DEFAULT_LIMITS has it. */
  apis?: Partial<Record<Exclude<Api, 'track'>, Partial<Pick<ApiLimit, 'limit' | 'windowMs'>>>>
  siteId?: string
  apiKey?: string
  /** Of the App API. */
  appKey?: string
  /** Of the fault plans' random draws. */
  seed?: number
  /** The plan at the start, and after a reset. */
  faults?: FaultPlan
  /** Monotonic, ms. */
  clock?: () => number
}

export interface StandIn {
  /** Without a trailing slash; the Track API is at url + /api/v1, and /api/v2, the App API at url + /v1. */
  url: string
  account(): Summary
  /** Stops listening and closes every open socket at once. */
  close(): Promise<void>
}

export const DEFAULT_CREDENTIALS: Credentials = { siteId: 'stand-in-site', apiKey: 'stand-in-key', appKey: 'stand-in-app-key' }

/**
 * Customer.io's documentation: 1,000 a second for Track, not strictly enforced, of which 100 is what many plan for; 100 a second, or 3,000 in
 * 3 s, for transactional messages, of which the smaller holds for both; 10 a second for the App API's other calls; a broadcast every 10 s.
 */
export const DEFAULT_LIMITS: Record<Api, ApiLimit> = {
  track: { limit: 100, windowMs: 1000, unit: 'request' },
  transactional: { limit: 100, windowMs: 1000, unit: 'request' },
  general: { limit: 10, windowMs: 1000, unit: 'request' },
  broadcast: { limit: 1, windowMs: 10_000, unit: 'request' },
}

/** Starts a stand-in for Customer.io's Track and App APIs. Throws if an option or the fault plan makes no sense. */
export async function createStandIn(options: StandInOptions = {}): Promise<StandIn> {
  const { host = '127.0.0.1', port = 0, seed = 1, clock = () => performance.now() } = options
  const limits = limitsOf(options)
  const credentials = credentialsOf(options)
  const newFaults = (plan: unknown) => new Faults(parsePlan(plan), seed, clock())
  const newWorld = (): World => ({
    account: new Account(limits, clock()),
    state: new State(),
    windows: forEachApi((api) => new SlidingWindow(limits[api].limit, limits[api].windowMs)),
    faults: newFaults(options.faults ?? {}),
  })
  let world = newWorld()
  const control = {
    summary: () => world.account.summary(clock()),
    arrivals: () => world.account.arrivals,
    person: (id: string) => world.state.person(id),
    state: () => world.state.view(),
    sends: () => world.state.sends(),
    setFaults: (plan: unknown) => { world.faults = newFaults(plan) },
    reset: () => { world = newWorld() },
  }

  // No timeouts of its own: a server that closes idle connections races with the next request on them, a fault nobody ordered.
  const server = createServer({ keepAliveTimeout: 0, requestTimeout: 0, headersTimeout: 0 }, (req, res) => {
    // First of all, so that nothing done here makes a request look later than it was.
    const at = clock()
    // A rejection means a bug in the stand-in, and ends the process: a judge that erred must not go on judging.
    void (req.url!.startsWith(CONTROL_PREFIX)
      ? handleControl(req, res, control)
      : handleCall(req, res, at, world, { credentials, limits, clock }))
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, host, resolve)
  })

  return {
    url: `http://${host}:${(server.address() as AddressInfo).port}`,
    account: control.summary,
    close: () => new Promise((resolve) => {
      server.close(() => resolve())
      server.closeAllConnections()
    }),
  }
}

function limitsOf({ limit, windowMs, unit = 'request', apis = {} }: StandInOptions): Record<Api, ApiLimit> {
  if (unit !== 'request' && unit !== 'operation') throw new RangeError('the unit must be request or operation')
  return forEachApi((api) => {
    const given = api === 'track' ? { limit, windowMs } : apis[api]
    const { limit: defaultLimit, windowMs: defaultWindowMs } = DEFAULT_LIMITS[api]
    return { limit: given?.limit ?? defaultLimit, windowMs: given?.windowMs ?? defaultWindowMs, unit: api === 'track' ? unit : 'request' }
  })
}

function credentialsOf({ siteId, apiKey, appKey }: StandInOptions): Credentials {
  const { siteId: defaultSiteId, apiKey: defaultApiKey, appKey: defaultAppKey } = DEFAULT_CREDENTIALS
  return { siteId: siteId ?? defaultSiteId, apiKey: apiKey ?? defaultApiKey, appKey: appKey ?? defaultAppKey }
}
