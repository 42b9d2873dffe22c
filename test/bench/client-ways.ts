// Ways to call the Track API, each as a function that sends one event (or a batch of them).

import { TrackClient } from 'customerio-node'
import { Agent, Client, fetch as fetchOfPackage, request } from 'undici'
import { createTrack } from '../../src/delivery/customerio.ts'
import { decodedPurchase, purchase } from './events.ts'

export const CONCURRENCY = 64
/** Events of one call, where it takes several. */
export const BATCH = 500

export type Send = (person: string) => Promise<unknown>

export interface Way {
  readonly name: string
  /** Events that one call takes. */
  readonly events: number
  open(sink: string): Send
}

const { payload } = JSON.parse(purchase('user-10000', 1).value.toString()) as { payload: { event: string; properties: Record<string, unknown> } }
const form = () => ({ name: payload.event, data: payload.properties })
const headers = { authorization: `Basic ${Buffer.from('site:key').toString('base64')}`, 'content-type': 'application/json' }
const plainHeaders = { 'accept-encoding': 'identity', accept: '*/*', 'accept-language': '*' }
const agent = (options: Agent.Options = {}) => new Agent({ connections: CONCURRENCY, ...options })

type Options = NonNullable<ConstructorParameters<typeof TrackClient>[2]>
/** customerio-node's type of a dispatcher is that of Node's own undici, which differs in name only. */
type AnyOptions = Omit<Options, 'dispatcher'> & { dispatcher?: unknown }

function track(options: (sink: string) => AnyOptions): Way['open'] {
  return (sink) => {
    const client = new TrackClient('site', 'key', { url: `${sink}/api/v1`, ...options(sink) } as Options)
    return async (person) => client.track(person, form())
  }
}

function byFetch(init: () => object): Way['open'] {
  return (sink) => {
    const rest = init()
    return async (person) => (await fetch(`${sink}/api/v1/customers/${person}/events`, { method: 'POST', headers, body: JSON.stringify(form()), ...rest })).json()
  }
}

function byRequest(sink: string): Send {
  const dispatcher = agent()
  return async (person) => {
    const answer = await request(`${sink}/api/v1/customers/${person}/events`, { method: 'POST', headers, body: JSON.stringify(form()), dispatcher })
    return answer.body.json()
  }
}

/** As the worker calls it: customerio-node, a verdict, the fence asked, connections that can be reset. */
function byWorker(sink: string): Send {
  const client = createTrack({
    siteId: 'site', apiKey: () => 'key', region: 'us', url: sink, timeoutMs: 10_000, connections: CONCURRENCY, onRefused: () => {}, maySend: () => true,
  })
  const event = decodedPurchase('user-10000')
  return async () => {
    const { kind } = await client.attempt([event], 'alone')
    if (kind !== 'accepted') throw new Error(`the verdict was ${kind}`)
  }
}

function byBatch(sink: string): Send {
  const client = new TrackClient('site', 'key', { url: `${sink}/api/v1` })
  return async (person) => client.batch(Array.from({ length: BATCH }, (_, index) => ({
    type: 'person', identifiers: { id: `${person}-${index}` }, action: 'event', name: payload.event, attributes: payload.properties,
  })) as Parameters<typeof client.batch>[0])
}

/** Stays for the whole process. */
function byOtherFetch(sink: string): Send {
  globalThis.fetch = fetchOfPackage as unknown as typeof fetch
  return track(() => ({ dispatcher: agent() }))(sink)
}

const single = (name: string, open: Way['open']): Way => ({ name, events: 1, open })

/** The first one is the floor, the one called DEFAULTS what customerio-node costs as it is. */
export const WAYS: readonly Way[] = [
  single('undici request', byRequest),
  single('native fetch', byFetch(() => ({}))),
  single('native fetch, dispatcher: Agent', byFetch(() => ({ dispatcher: agent() }))),
  single('customerio-node track, defaults', track(() => ({}))),
  single('  retry: {maxRetries: 0}', track(() => ({ retry: { maxRetries: 0 } }))),
  single('  timeout: 600000', track(() => ({ timeout: 600_000 }))),
  single('  headers: plain ones', track(() => ({ headers: plainHeaders }))),
  single('  credentials: omit, no referrer', track(() => ({ credentials: 'omit', referrerPolicy: 'no-referrer', cache: 'no-store' }))),
  single('  dispatcher: Agent, 64 connections', track(() => ({ dispatcher: agent() }))),
  single('  dispatcher: the same without timeouts', track(() => ({ dispatcher: agent({ headersTimeout: 0, bodyTimeout: 0 }) }))),
  single('  dispatcher: 16 connections, pipelining 4', track(() => ({ dispatcher: agent({ connections: 16, pipelining: 4 }) }))),
  single('  dispatcher: 1 connection, pipelining 64', track((sink) => ({ dispatcher: new Client(sink, { pipelining: CONCURRENCY }) }))),
  single('  all of these', track((sink) => ({
    retry: { maxRetries: 0 }, timeout: 600_000, headers: plainHeaders, credentials: 'omit', referrerPolicy: 'no-referrer', cache: 'no-store',
    dispatcher: new Client(sink, { pipelining: CONCURRENCY, headersTimeout: 0, bodyTimeout: 0 }),
  }))),
  single('  no option: fetch of the undici package', byOtherFetch),
  single('the worker\'s client, one event a call', byWorker),
  { name: `customerio-node batch, ${BATCH} a call`, events: BATCH, open: byBatch },
]
export const DEFAULTS = 'customerio-node track, defaults'
