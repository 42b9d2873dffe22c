import { createConnection } from 'node:net'
import { startHttpServer } from '../../src/http-server.ts'
import type { HttpServerOptions } from '../../src/http-server.ts'

const HOST = '127.0.0.1'
const stops: (() => Promise<void>)[] = []

async function serve(given: { probes?: Partial<HttpServerOptions['probes']>; metrics?: HttpServerOptions['metrics']; port?: number } = {}): Promise<string> {
  const ok = () => ({ ok: true, why: 'fine' })
  const server = await startHttpServer({
    host: HOST, port: given.port ?? 0,
    metrics: given.metrics ?? (async () => ({ type: 'text/plain; version=0.0.4', text: 'up 1\n' })),
    probes: { '/healthz': ok, '/readyz': ok, '/startupz': ok, ...given.probes },
  })
  stops.push(server.stop)
  return `http://${HOST}:${server.port}`
}

afterEach(async () => {
  await Promise.all(stops.splice(0).map(async (stop) => stop()))
})

async function ask(url: string, init?: RequestInit) {
  const response = await fetch(url, init)
  return { status: response.status, type: response.headers.get('content-type'), cache: response.headers.get('cache-control'), text: await response.text() }
}

test('metrics, as the registry gives them, never from a cache', async () => {
  expect(await ask(`${await serve()}/metrics`)).toEqual({ status: 200, type: 'text/plain; version=0.0.4', cache: 'no-store', text: 'up 1\n' })
})

test('metrics that fail are an error of this one answer, without details', async () => {
  const url = await serve({ metrics: async () => { throw new Error('secret') } })
  expect(await ask(`${url}/metrics`)).toMatchObject({ status: 500, text: 'metrics failed\n' })
  expect(await ask(`${url}/healthz`)).toMatchObject({ status: 200 })
})

describe.each(['/healthz', '/readyz', '/startupz'] as const)('%s', (path) => {
  test('is asked anew each time', async () => {
    let ok = false
    const url = await serve({ probes: { [path]: () => ({ ok, why: ok ? 'now it is' : 'not yet' }) } })
    expect(await ask(url + path)).toEqual({ status: 503, type: 'text/plain', cache: 'no-store', text: 'not yet\n' })
    ok = true
    expect(await ask(url + path)).toMatchObject({ status: 200, text: 'now it is\n' })
  })

  test('does not speak for the others', async () => {
    const url = await serve({ probes: { [path]: () => ({ ok: false, why: 'no' }) } })
    const statuses = await Promise.all(['/healthz', '/readyz', '/startupz'].map(async (each) => [each, (await ask(url + each)).status]))
    expect(Object.fromEntries(statuses)).toEqual({ '/healthz': 200, '/readyz': 200, '/startupz': 200, [path]: 503 })
  })

  test('may be asked with a query', async () => {
    expect(await ask(`${await serve()}${path}?verbose=1`)).toMatchObject({ status: 200 })
  })
})

test.each(['/', '/healthz/', '/metricsx', '/healthz/x', '//metrics'])('nothing at %s', async (path) => {
  expect(await ask((await serve()) + path)).toMatchObject({ status: 404, text: 'not found\n' })
})

test.each(['POST', 'PUT', 'DELETE', 'HEAD', 'OPTIONS'])('no %s, on no path', async (method) => {
  const url = await serve()
  for (const path of ['/metrics', '/healthz', '/nowhere']) expect(await ask(url + path, { method })).toMatchObject({ status: 405 })
})

test('a body is neither kept nor waited for', async () => {
  expect(await ask(`${await serve()}/metrics`, { method: 'POST', body: 'x'.repeat(1_000_000) })).toMatchObject({ status: 405 })
})

test('large headers are refused', async () => {
  expect(await ask(`${await serve()}/healthz`, { headers: { large: 'x'.repeat(20_000) } })).toMatchObject({ status: 431 })
})

test('a port that is taken is an error', async () => {
  const { port } = new URL(await serve())
  await expect(serve({ port: Number(port) })).rejects.toMatchObject({ code: 'EADDRINUSE' })
})

test('stops though connections are open, and answers no more', async () => {
  const url = await serve()
  await ask(`${url}/healthz`)
  const idle = createConnection(Number(new URL(url).port), HOST)
  const closed = new Promise((resolve) => idle.once('close', resolve))
  await new Promise((resolve) => idle.once('connect', resolve))
  await stops.pop()!()
  await closed
  await expect(ask(`${url}/healthz`)).rejects.toThrow('fetch failed')
})
