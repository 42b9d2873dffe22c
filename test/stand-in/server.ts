import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Account } from './account.ts'
import type { Summary } from './account.ts'
import type { Credentials } from './api.ts'
import { handleCall } from './call.ts'
import type { World } from './call.ts'
import { CONTROL_PREFIX, handleControl } from './control.ts'
import { Faults, parsePlan } from './faults.ts'
import type { FaultPlan } from './faults.ts'
import { People } from './people.ts'
import { SlidingWindow } from './window.ts'

export interface StandInOptions {
  /** IPv4 address to listen on. Default 127.0.0.1. */
  host?: string
  /** 0 = any free one. */
  port?: number
  /** Requests in any window. */
  limit?: number
  windowMs?: number
  siteId?: string
  apiKey?: string
  /** Of the fault plans' random draws. */
  seed?: number
  /** The plan at the start, and after a reset. */
  faults?: FaultPlan
  /** Monotonic, ms. */
  clock?: () => number
}

export interface StandIn {
  /** Without a trailing slash; the Track API is at url + /api/v1. */
  url: string
  account(): Summary
  /** Stops listening and closes every open socket at once. */
  close(): Promise<void>
}

export const DEFAULT_CREDENTIALS: Credentials = { siteId: 'stand-in-site', apiKey: 'stand-in-key' }

/** Starts a stand-in for Customer.io's Track API. Throws if an option or the fault plan makes no sense. */
export async function createStandIn(options: StandInOptions = {}): Promise<StandIn> {
  const { host = '127.0.0.1', port = 0, limit = 100, windowMs = 1000, seed = 1, clock = () => performance.now() } = options
  const { siteId = DEFAULT_CREDENTIALS.siteId, apiKey = DEFAULT_CREDENTIALS.apiKey } = options
  const newFaults = (plan: unknown) => new Faults(parsePlan(plan), seed, clock())
  const newWorld = (): World => ({
    account: new Account(limit, windowMs, clock()),
    people: new People(),
    window: new SlidingWindow(limit, windowMs),
    faults: newFaults(options.faults ?? {}),
  })
  let world = newWorld()
  const control = {
    summary: () => world.account.summary(clock()),
    arrivals: () => world.account.arrivals,
    person: (id: string) => world.people.view(id),
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
      : handleCall(req, res, at, world, { siteId, apiKey }, clock))
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
