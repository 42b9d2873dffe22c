// What the limiter reaches, and the CPU that it takes, over real HTTP: a row for each number of Bottlenecks and each client.
// Started by `node test/bench/limiter.ts`, from the root of the repository. SECONDS (a row) and SLOTS change it.

import { fork } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as wait } from 'node:timers/promises'
import { Agent, request } from 'undici'
import { createCustomerIo } from '../../src/delivery/customerio.ts'
import type { CustomerEvent } from '../../src/event.ts'
import { bottlenecksFor } from '../../src/limiter/bottlenecks.ts'
import { SlotLimiter } from '../../src/limiter/limiter.ts'
import { FixedShare } from '../../src/limiter/share.ts'
import { SettingsError, wholeNumber } from '../support/settings.ts'
import type { Told } from './target.ts'

const WINDOW_MS = 1_000
const CONCURRENCY = 100
/** Not measured: connections are made, code is compiled, the slots begin to go round. */
const WARM_UP_MS = 3_000
const COLUMNS = ['client', 'slots', 'Bottlenecks', '% of L*W/(W+RTT)', 'requests/s', 'RTT ms', 'most in 1 s', 'CPU s per 1,000']

const event: CustomerEvent = {
  kind: 'event', type: 'track', person: 'u1', name: 'login', data: { plan: 'pro' },
  id: '01ARZ3NDEKTSV4RRFFQ69G5FAV', timestamp: 1_700_000_000,
}

interface Client {
  readonly name: string
  send(): Promise<unknown>
  close(): Promise<unknown>
}

/** Sends until the signal, then resolves once all is answered. `answered` is called with the ms that each took. */
type Drive = (client: Client, answered: (tookMs: number) => void, over: AbortSignal) => Promise<void>

const target = fork(`${import.meta.dirname}/target.ts`)
try {
  process.exitCode = await run({
    seconds: wholeNumber(process.env, 'SECONDS', { min: 1, max: 600 }) ?? 20,
    slots: wholeNumber(process.env, 'SLOTS', { min: 1, max: 10_000 }) ?? 1_000,
  })
} catch (error) {
  console.error(error instanceof SettingsError ? error.message : error)
  process.exitCode = 1
} finally {
  if (target.connected) target.disconnect()
}

/** @returns the exit code: 0 if no second at the server held more requests than there are slots */
async function run({ seconds, slots }: { seconds: number; slots: number }): Promise<number> {
  const ask = async (question?: string): Promise<Told> => {
    if (question) target.send(question)
    const [told] = await once(target, 'message')
    return told as Told
  }
  const first = await ask()
  if (!('url' in first)) throw new Error('the server did not start')
  const { url } = first

  const rows: string[][] = []
  let most = 0
  const row = async (client: Client, mostPerSecond: number | undefined): Promise<void> => {
    const drive = mostPerSecond === undefined ? freely : throughLimiter(slots, mostPerSecond)
    const measured = await measure(client, drive, seconds)
    const counted = await ask('what arrived?')
    if (!('arrived' in counted)) throw new Error('the server did not count')
    if (mostPerSecond !== undefined) most = Math.max(most, counted.mostInSecond)
    const used = (measured.perSecond * (WINDOW_MS + measured.tookMs)) / (slots * 1_000)
    const limited = mostPerSecond === undefined
      ? ['-', '-', '-']
      : [String(slots), String(bottlenecksFor(mostPerSecond)), (100 * used).toFixed(1)]
    const mostInSecond = counted.arrived === 0 ? '-' : String(counted.mostInSecond)
    const figures = [measured.perSecond.toFixed(0), measured.tookMs.toFixed(1), mostInSecond, measured.cpuPerThousand.toFixed(3)]
    rows.push([client.name, ...limited, ...figures])
    await client.close()
  }
  console.log(`${seconds} s a row, ${slots} slots, at most ${CONCURRENCY} in flight, answers after 20 ms ...`)
  for (const make of [customerIo, bare]) {
    for (const mostPerSecond of new Set([1, slots])) await row(make(url), mostPerSecond)
    await row(make(url), undefined)
  }
  await row(nothing(), slots)

  const widths = COLUMNS.map((column, index) => Math.max(column.length, ...rows.map((cells) => cells[index]?.length ?? 0)))
  for (const cells of [COLUMNS, ...rows]) console.log(cells.map((cell, index) => cell.padStart(widths[index] ?? 0)).join('  '))
  if (most > slots) console.log(`NOT MET: ${most} requests arrived in one second.`)
  return most > slots ? 1 : 0
}

interface Measured {
  readonly perSecond: number
  readonly tookMs: number
  readonly cpuPerThousand: number
}

async function measure(client: Client, drive: Drive, seconds: number): Promise<Measured> {
  const over = new AbortController()
  let [count, tookMs] = [0, 0]
  const ended = drive(client, (ms) => {
    count += 1
    tookMs += ms
  }, over.signal)
  await wait(WARM_UP_MS)
  ;[count, tookMs] = [0, 0]
  const [began, cpu] = [performance.now(), process.cpuUsage()]
  await wait(seconds * 1_000)
  const { user, system } = process.cpuUsage(cpu)
  const perSecond = (count * 1_000) / (performance.now() - began)
  const measured = { perSecond, tookMs: tookMs / count, cpuPerThousand: (user + system) / 1_000 / count }
  over.abort()
  await ended
  return measured
}

/** The real limiter, asked for slots as the delivery does. */
function throughLimiter(slots: number, mostPerSecond: number): Drive {
  return async (client, answered, over) => {
    const clock = () => performance.now()
    const after = (ms: number, run: () => void): void => { setTimeout(run, Math.ceil(ms) + 1) }
    const share = new FixedShare({ limit: () => slots, divisor: 1, quarantineMs: 0, clock, after })
    const limiter = new SlotLimiter({
      share, windowMs: WINDOW_MS, latestArrivalMs: 15_000, concurrency: CONCURRENCY, mostPerSecond, clock, after,
      onError: (error) => { throw error },
    })
    const send = async () => {
      const sentAt = clock()
      await client.send()
      answered(clock() - sentAt)
      return { answered: true, sentAt }
    }
    const pump = (): void => {
      if (over.aborted) return
      const wanted = CONCURRENCY - limiter.stats().running
      for (let queued = limiter.queued(); queued < wanted; queued += 1) limiter.take(() => (over.aborted ? undefined : send), pump)
    }
    pump()
    await once(over, 'abort')
    while (limiter.queued() > 0 || limiter.stats().held > 0) await wait(50)
  }
}

/** Without a limit: what the client alone takes. */
async function freely(client: Client, answered: (tookMs: number) => void, over: AbortSignal): Promise<void> {
  await Promise.all(Array.from({ length: CONCURRENCY }, async () => {
    while (!over.aborted) {
      const sentAt = performance.now()
      await client.send()
      answered(performance.now() - sentAt)
    }
  }))
}

function customerIo(url: string): Client {
  const client = createCustomerIo({
    siteId: 'site', apiKey: () => 'key', region: 'eu', url, timeoutMs: 10_000, connections: CONCURRENCY,
    onRefused: () => {}, maySend: () => true,
  })
  const send = async () => {
    const { kind } = await client.attempt(event)
    if (kind !== 'accepted') throw new Error(`the server's answer was ${kind}`)
  }
  return { name: 'customerio-node', send, close: async () => client.close() }
}

/** The same request without customerio-node and without fetch. */
function bare(url: string): Client {
  const dispatcher = new Agent({ connections: CONCURRENCY })
  const headers = { authorization: `Basic ${Buffer.from('site:key').toString('base64')}`, 'content-type': 'application/json' }
  const send = async () => {
    const body = JSON.stringify({ name: event.name, id: event.id, timestamp: event.timestamp, data: event.data })
    const answer = await request(`${url}/api/v1/customers/${event.person}/events`, { method: 'POST', headers, body, dispatcher })
    await answer.body.json()
  }
  return { name: 'undici request', send, close: async () => dispatcher.close() }
}

function nothing(): Client {
  return { name: 'nothing is sent', send: async () => {}, close: async () => {} }
}
