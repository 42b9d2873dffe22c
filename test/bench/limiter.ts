// What the limiter reaches, and the CPU that it takes, over real HTTP: a row for each client, with and without it.
// Started by `node test/bench/limiter.ts`, from the root of the repository. SECONDS (a row) and SLOTS change it.

import { fork } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as wait } from 'node:timers/promises'
import { Agent, request } from 'undici'
import { createTrack } from '../../src/delivery/customerio.ts'
import { SlotLimiter } from '../../src/limiter/limiter.ts'
import { FixedShare } from '../../src/limiter/share.ts'
import { SettingsError, wholeNumber } from '../support/settings.ts'
import { decodedPurchase } from './events.ts'
import { median } from './figures.ts'
import type { Told } from './target.ts'

const WINDOW_MS = 1_000
const CONCURRENCY = 100
/** Not measured: connections are made, code is compiled, the slots begin to go round. */
const WARM_UP_MS = 3_000
/** Of which a row shows the median. */
const SPANS = 5
const COLUMNS = ['client', 'slots', '% of L*W/(W+RTT)', 'requests/s', 'RTT ms', 'most in 1 s', 'CPU s per 1,000']

const event = decodedPurchase('u1')

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
  const row = async (client: Client, limited: boolean): Promise<void> => {
    const drive = limited ? throughLimiter(slots) : freely
    const measured = await measure(client, drive, seconds)
    const counted = await ask('what arrived?')
    if (!('arrived' in counted)) throw new Error('the server did not count')
    if (limited) most = Math.max(most, counted.mostInSecond)
    const used = (measured.perSecond * (WINDOW_MS + measured.tookMs)) / (slots * 1_000)
    const cells = limited ? [String(slots), (100 * used).toFixed(1)] : ['-', '-']
    const mostInSecond = counted.arrived === 0 ? '-' : String(counted.mostInSecond)
    const figures = [measured.perSecond.toFixed(0), measured.tookMs.toFixed(1), mostInSecond, measured.cpuPerThousand.toFixed(3)]
    rows.push([client.name, ...cells, ...figures])
    await client.close()
  }
  console.log(`${seconds} s a row (the median of ${SPANS} spans), ${slots} slots, at most ${CONCURRENCY} in flight, answers after 20 ms ...`)
  for (const make of [customerIo, bare]) for (const limited of [true, false]) await row(make(url), limited)
  await row(nothing(), true)

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
  const spans: Measured[] = []
  for (let span = 0; span < SPANS; span += 1) {
    ;[count, tookMs] = [0, 0]
    const [began, cpu] = [performance.now(), process.cpuUsage()]
    await wait(seconds * 1_000 / SPANS)
    const { user, system } = process.cpuUsage(cpu)
    const perSecond = (count * 1_000) / (performance.now() - began)
    spans.push({ perSecond, tookMs: tookMs / count, cpuPerThousand: (user + system) / 1_000 / count })
  }
  over.abort()
  await ended
  const middle = (of: (span: Measured) => number): number => median(spans.map(of))
  return { perSecond: middle((span) => span.perSecond), tookMs: middle((span) => span.tookMs), cpuPerThousand: middle((span) => span.cpuPerThousand) }
}

/** The real limiter, asked for slots as the delivery does. */
function throughLimiter(slots: number): Drive {
  return async (client, answered, over) => {
    const clock = () => performance.now()
    const after = (ms: number, run: () => void): void => { setTimeout(run, Math.ceil(ms) + 1) }
    const share = new FixedShare({ limit: () => slots, divisor: 1, quarantineMs: 0, clock, after })
    const limiter = new SlotLimiter({
      share, windowMs: WINDOW_MS, latestArrivalMs: 15_000, concurrency: CONCURRENCY, clock, after,
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
  const client = createTrack({
    siteId: 'site', apiKey: () => 'key', region: 'eu', url, timeoutMs: 10_000, connections: CONCURRENCY,
    onRefused: () => {}, maySend: () => true,
  })
  const send = async () => {
    const { kind } = await client.attempt([event], 'alone')
    if (kind !== 'accepted') throw new Error(`the server's answer was ${kind}`)
  }
  return { name: 'customerio-node', send, close: async () => client.close() }
}

/** The same request without customerio-node and without fetch. */
function bare(url: string): Client {
  const dispatcher = new Agent({ connections: CONCURRENCY })
  const headers = { authorization: `Basic ${Buffer.from('site:key').toString('base64')}`, 'content-type': 'application/json' }
  const send = async () => {
    const { id, timestamp, name, data, person } = event
    const body = JSON.stringify({ name, id, timestamp, data })
    const answer = await request(`${url}/api/v1/customers/${person}/events`, { method: 'POST', headers, body, dispatcher })
    await answer.body.json()
  }
  return { name: 'undici request', send, close: async () => dispatcher.close() }
}

function nothing(): Client {
  return { name: 'nothing is sent', send: async () => {}, close: async () => {} }
}
