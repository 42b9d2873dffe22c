import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import type { Arrival, Summary } from '../stand-in/account.ts'
import type { Send } from '../stand-in/effect.ts'
import type { FaultPlan } from '../stand-in/faults.ts'
import type { PersonView } from '../stand-in/people.ts'
import type { StandInOptions } from '../stand-in/server.ts'
import type { StateView } from '../stand-in/state.ts'

export type StandInProcessOptions = Omit<StandInOptions, 'clock'>

/** The control API of a stand-in, by HTTP. */
export interface StandInControl {
  account(): Promise<Summary>
  /** The arrivals from the n-th on. One that is still under way has no answer yet. */
  arrivals(from?: number): Promise<Arrival[]>
  /** Replaces the fault plan. Rejects with the stand-in's complaint if it is not valid. */
  faults(plan: FaultPlan): Promise<void>
  /** Back to the start: no arrivals, no people, an empty window, the fault plan of the options. */
  reset(): Promise<void>
  /** What is known of a person; undefined if nothing is. */
  person(id: string): Promise<PersonView | undefined>
  /** All that took effect, in a form that two runs can be compared by. */
  state(): Promise<StateView>
  /** The messages that were asked for, in order of arrival. */
  sends(): Promise<Send[]>
}

export interface StandInProcess extends StandInControl {
  /** Without a trailing slash; the Track API is at url + /api/v1, and /api/v2, the App API at url + /v1. */
  url: string
  pid: number
  /** Ends the process, even a stopped (SIGSTOP) one. */
  stop(): Promise<void>
}

const STDERR_KEPT = 65_536

/**
 * Starts the stand-in as a process of its own, so that it keeps time apart from the test's event loop. Run from the root of
 * the repository. Rejects with what the process wrote to stderr if it ends before it is ready; an end that nobody asked for
 * later on writes that to our stderr.
 */
export async function startStandIn(options: StandInProcessOptions = {}): Promise<StandInProcess> {
  const child = spawn(process.execPath, ['test/stand-in/main.ts', ...argumentsOf(options)], { stdio: ['pipe', 'pipe', 'pipe'] })
  let complaints = ''
  child.stderr.on('data', (chunk: Buffer) => { complaints = (complaints + chunk.toString()).slice(-STDERR_KEPT) })
  const closed = once(child, 'close')

  const lines = createInterface({ input: child.stdout })
  const ready = await Promise.race([once(lines, 'line'), closed.then(() => undefined)])
  if (ready === undefined) throw new Error(`the stand-in did not start:\n${complaints}`)
  const { url } = JSON.parse(ready[0]) as { url: string }

  let isStopped = false
  child.once('close', (code, signal) => {
    if (!isStopped) process.stderr.write(`the stand-in ended unasked (code ${code}, signal ${signal}):\n${complaints}`)
  })

  return {
    url,
    pid: child.pid!,
    ...controlOf(url),
    stop: async () => {
      isStopped = true
      child.kill('SIGKILL')
      await closed
    },
  }
}

/** The control API of the stand-in at `url`. */
export function controlOf(url: string): StandInControl {
  const request = async (path: string, body?: unknown): Promise<Response> => {
    const init = body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) }
    const response = await fetch(`${url}/stand-in/${path}`, init)
    if (!response.ok && response.status !== 404) throw new Error(`the stand-in answered ${response.status}: ${await response.text()}`)
    return response
  }
  return {
    account: async () => await (await request('account')).json() as Summary,
    arrivals: async (from = 0) => await parseLines(await request(`arrivals?from=${from}`)),
    faults: async (plan) => void await (await request('faults', plan)).text(),
    reset: async () => void await (await request('reset', {})).text(),
    person: async (id) => {
      const response = await request(`people/${encodeURIComponent(id)}`)
      const body = await response.json()
      return response.ok ? body as PersonView : undefined
    },
    state: async () => await (await request('state')).json() as StateView,
    sends: async () => await (await request('sends')).json() as Send[],
  }
}

function argumentsOf({ host, port, limit, windowMs, unit, apis, siteId, apiKey, appKey, seed, faults }: StandInProcessOptions): string[] {
  const flags = {
    host, port, limit, window: windowMs, unit, apis: apis && JSON.stringify(apis), 'site-id': siteId, 'api-key': apiKey, 'app-key': appKey,
    seed, faults: faults && JSON.stringify(faults),
  }
  return Object.entries(flags).flatMap(([name, value]) => value === undefined ? [] : [`--${name}=${value}`])
}

/** Line by line: a million arrivals do not fit into one string. */
async function parseLines(response: Response): Promise<Arrival[]> {
  const arrivals: Arrival[] = []
  let rest = ''
  for await (const text of response.body!.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + text).split('\n')
    rest = lines.pop()!
    for (const line of lines) arrivals.push(JSON.parse(line) as Arrival)
  }
  return arrivals
}
