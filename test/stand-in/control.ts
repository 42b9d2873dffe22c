import type { IncomingMessage, ServerResponse } from 'node:http'
import { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { pipeline } from 'node:stream/promises'
import type { Arrival, Summary } from './account.ts'
import type { Send } from './effect.ts'
import type { PersonView } from './people.ts'
import { decoded } from './routes.ts'
import type { StateView } from './state.ts'

/** Requests below this path steer and question the stand-in. They are no requests to the API, and never counted. */
export const CONTROL_PREFIX = '/stand-in/'

export interface Control {
  summary(): Summary
  arrivals(): readonly Arrival[]
  person(id: string): PersonView | undefined
  state(): StateView
  sends(): readonly Send[]
  /** Throws if the plan is not valid; the plan before it then stays. */
  setFaults(plan: unknown): void
  reset(): void
}

const LINES_A_CHUNK = 256

/**
 * Answers a request to the control API:
 * GET account (the sums), GET arrivals?from=N (NDJSON, from the N-th on), GET people/{id}, GET state (all that took effect), GET sends (the
 * messages asked for), POST faults (a plan), POST reset.
 */
export async function handleControl(req: IncomingMessage, res: ServerResponse, control: Control): Promise<void> {
  const url = new URL(req.url!, 'http://stand-in')
  const what = `${req.method} ${url.pathname.slice(CONTROL_PREFIX.length)}`
  if (what === 'GET account') return send(res, 200, control.summary())
  if (what === 'GET arrivals') return sendArrivals(res, control.arrivals(), Number(url.searchParams.get('from') ?? 0))
  if (what === 'GET state') return send(res, 200, control.state())
  if (what === 'GET sends') return send(res, 200, control.sends())
  if (what.startsWith('GET people/')) {
    const id = decoded(what.slice('GET people/'.length))
    const person = id === null ? undefined : control.person(id)
    return person === undefined ? send(res, 404, { error: 'nothing is known of this person' }) : send(res, 200, person)
  }
  if (what === 'POST faults') {
    try {
      control.setFaults(JSON.parse(await text(req)))
    } catch (error) {
      return send(res, 400, { error: (error as Error).message })
    }
    return send(res, 200, {})
  }
  if (what === 'POST reset') {
    control.reset()
    return send(res, 200, {})
  }
  send(res, 404, { error: `there is no ${what}` })
}

function send(res: ServerResponse, status: number, body: unknown): void {
  res.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
}

async function sendArrivals(res: ServerResponse, arrivals: readonly Arrival[], from: number): Promise<void> {
  if (!Number.isInteger(from) || from < 0) return send(res, 400, { error: 'from must be a whole number from 0' })
  res.writeHead(200, { 'content-type': 'application/x-ndjson' })
  try {
    await pipeline(Readable.from(chunksOf(arrivals, from)), res)
  } catch (error) {
    // A reader that leaves early is its own business.
    if ((error as NodeJS.ErrnoException).code !== 'ERR_STREAM_PREMATURE_CLOSE') throw error
  }
}

/** What had arrived when it was asked for, so that a reader under load comes to an end. */
function* chunksOf(arrivals: readonly Arrival[], from: number): Generator<string> {
  const end = arrivals.length
  for (let start = from; start < end; start += LINES_A_CHUNK) {
    yield arrivals.slice(start, Math.min(start + LINES_A_CHUNK, end)).map((arrival) => `${JSON.stringify(arrival)}\n`).join('')
  }
}
