import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { appClient, outcomeOf, trackClient } from './helpers.ts'
import { startStandIn } from '../support/stand-in.ts'
import type { StandInProcessOptions } from '../support/stand-in.ts'

// A test that fails must not leave a process behind, or the run would not end.
const toStop: (() => unknown)[] = []
afterEach(async () => {
  for (const stop of toStop.splice(0)) await stop()
})

async function started(options?: StandInProcessOptions) {
  const standIn = await startStandIn(options)
  toStop.push(standIn.stop)
  return standIn
}

/** The bare process, ready. */
async function ready(...flags: string[]) {
  const child = spawn(process.execPath, ['test/stand-in/main.ts', ...flags], { stdio: ['pipe', 'pipe', 'inherit'] })
  toStop.push(() => child.kill('SIGKILL'))
  const [line] = await once(createInterface({ input: child.stdout }), 'line')
  return { child, url: (JSON.parse(line) as { url: string }).url }
}

test('the options reach the process, and what it counted comes back', async () => {
  const standIn = await started({
    limit: 2, windowMs: 60_000, unit: 'operation', apis: { transactional: { limit: 5 } }, siteId: '-s', apiKey: 'k', appKey: '-a', seed: 5,
    faults: { rules: [{ name: 'gone', match: { person: ['x'] }, effect: { status: 410 } }] },
  })
  const client = trackClient(standIn.url, { siteId: '-s', apiKey: 'k' })
  const statuses: unknown[] = []
  for (const id of ['x', 'u', 'u']) statuses.push((await outcomeOf(client.identify(id, { a: 1 }))).status)
  expect(statuses).toEqual([410, 200, 429])
  expect(await standIn.account()).toMatchObject({ requests: 3, limit: 2, windowMs: 60_000, refused: 1, mostInWindow: 3 })
  expect((await standIn.arrivals(1)).map(({ person, status }) => [person, status])).toEqual([['u', 200], ['u', 429]])
  expect(await standIn.person('u')).toMatchObject({ attributes: { a: 1 } })
  expect((await outcomeOf(client.batch([{}, {}, {}]))).status).toBe(429)
  expect(await outcomeOf(appClient(standIn.url, '-a').listTransactionalMessages())).toMatchObject({ status: 200 })
  expect((await standIn.account()).apis).toMatchObject({ track: { operations: 6 }, transactional: { requests: 1, limit: 5, windowMs: 1000 } })
  expect(await standIn.state()).toMatchObject({ people: [{ id: 'u', attributes: { a: 1 } }] })
  expect(await standIn.sends()).toEqual([])
  await standIn.reset()
  await standIn.faults({ rules: [{ name: 'all', effect: { status: 418 } }] })
  expect((await outcomeOf(client.identify('u'))).status).toBe(418)
  process.kill(standIn.pid, 'SIGSTOP')
  await standIn.stop()
  expect(() => process.kill(standIn.pid, 0)).toThrow('ESRCH')
})

test('it is ready with the defaults of 100 requests a second', async () => {
  const standIn = await started()
  expect(standIn.url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/)
  expect(await standIn.account()).toMatchObject({ requests: 0, limit: 100, windowMs: 1000 })
})

test.each(['SIGTERM', 'SIGINT', 'stdin'] as const)('it ends on %s at once, with a request hung', async (how) => {
  const { child, url } = await ready('--faults', '{"rules":[{"name":"all","effect":{"hang":true}}]}')
  const hung = outcomeOf(trackClient(url).identify('u'))
  const account = async () => (await (await fetch(`${url}/stand-in/account`)).json()) as { requests: number }
  while ((await account()).requests === 0);
  const exit = once(child, 'exit')
  if (how === 'stdin') child.stdin.end()
  else child.kill(how)
  expect(await exit).toEqual([0, null])
  expect((await hung).error?.message).toBe('fetch failed')
})

test('without a pipe as its stdin, as in a container, it goes on; it listens where it is told', async () => {
  const child = spawn(process.execPath, ['test/stand-in/main.ts', '--host', '127.0.0.2'], { stdio: ['ignore', 'pipe', 'inherit'] })
  toStop.push(() => child.kill('SIGKILL'))
  const [line] = await once(createInterface({ input: child.stdout }), 'line')
  const { url } = JSON.parse(line) as { url: string }
  expect(url).toMatch(/^http:\/\/127\.0\.0\.2:\d+$/)
  expect((await fetch(`${url}/stand-in/account`)).status).toBe(200)
  const exit = once(child, 'exit')
  child.kill('SIGTERM')
  expect(await exit).toEqual([0, null])
})

test.each([
  [{ limit: 0 }, /the limit must be a whole number from 1/], [{ windowMs: -1 }, /the window must be/], [{ seed: 1.5 }, /the seed must be/],
  [{ faults: { latencyMs: [2, 1] as [number, number] } }, /not a fault plan/], [{ unit: 'event' as 'request' }, /the unit must be/],
  [{ apis: { broadcast: { limit: 0 } } }, /the limit must be a whole number from 1/],
])('it does not start with %j, and says why', async (options, reason) => {
  await expect(startStandIn(options)).rejects.toThrow(reason)
})
