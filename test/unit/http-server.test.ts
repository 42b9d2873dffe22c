import { once } from 'node:events'
import { createConnection } from 'node:net'
import { startHttpServer } from '../../src/http-server.ts'
import type { HttpServerOptions } from '../../src/http-server.ts'

const HOST = '127.0.0.1'
const stops: (() => Promise<void>)[] = []

type Given = Partial<Omit<HttpServerOptions, 'host' | 'probes'>> & { probes?: Partial<HttpServerOptions['probes']> }

async function serve(given: Given = {}): Promise<string> {
  const ok = () => ({ ok: true, why: 'fine' })
  const server = await startHttpServer({
    host: HOST, port: 0, timeoutMs: 5_000, status: () => ({ apis: { track: { sending: { state: 'idle' } } } }), ...given,
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
  expect(await ask(`${url}/metrics`)).toMatchObject({ status: 500, text: 'failed\n' })
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

describe('/readyz?verbose', () => {
  const status = () => ({ apis: { track: { sending: { state: 'fenced' } } }, lagRecords: 3 })

  test.each([[true, 'ready', 200], [false, 'not joined yet', 503]])('tells all as JSON, with the status code of /readyz (ready: %s)', async (ok, why, code) => {
    const url = await serve({ status, probes: { '/readyz': () => ({ ok, why }) } })
    const { status: answered, type, cache, text } = await ask(`${url}/readyz?verbose`)
    expect([answered, type, cache]).toEqual([code, 'application/json', 'no-store'])
    expect(JSON.parse(text)).toEqual({ ready: ok, why, apis: { track: { sending: { state: 'fenced' } } }, lagRecords: 3 })
    expect(text.split('\n').slice(0, 2)).toEqual(['{', `  "ready": ${ok},`])
  })

  test.each(['/readyz', '/readyz?', '/readyz?v', '/healthz?verbose', '/startupz?verbose'])('%s stays a few words', async (path) => {
    expect(await ask((await serve({ status })) + path)).toMatchObject({ status: 200, type: 'text/plain', text: 'fine\n' })
  })

  test('that fails is an error of this one answer, without details', async () => {
    const url = await serve({ status: () => { throw new Error('secret at /src/status.ts') } })
    expect(await ask(`${url}/readyz?verbose`)).toMatchObject({ status: 500, text: 'failed\n' })
    expect(await ask(`${url}/readyz`)).toMatchObject({ status: 200 })
  })
})

test('those who ask for the metrics at the same time share one computation; the next one is new', async () => {
  const made: { begun: PromiseWithResolvers<void>; finished: PromiseWithResolvers<void> }[] = Array.from({ length: 2 }, () => ({ begun: Promise.withResolvers(), finished: Promise.withResolvers() }))
  let count = 0
  const url = await serve({
    metrics: async () => {
      const text = `made ${count += 1}`
      const { begun, finished } = made[count - 1]!
      begun.resolve()
      await finished.promise
      return { type: 'text/plain', text }
    },
  })
  const first = ask(`${url}/metrics`)
  await made[0]?.begun.promise
  const others = Array.from({ length: 20 }, async () => ask(`${url}/metrics`))
  // by the time of this answer the others' requests have come in
  await Promise.all(others.map(async () => ask(`${url}/healthz`)))
  made[0]?.finished.resolve()
  expect((await Promise.all([first, ...others])).map(({ text }) => text)).toEqual(Array.from({ length: 21 }, () => 'made 1'))
  const next = ask(`${url}/metrics`)
  made[1]?.finished.resolve()
  expect((await next).text).toBe('made 2')
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

/** A connection by hand: what comes back until its end. */
function connect(url: string) {
  const socket = createConnection(Number(new URL(url).port), HOST)
  let text = ''
  socket.on('data', (chunk: Buffer) => { text += chunk.toString() }).on('error', () => {})
  return { socket, closed: new Promise<string>((resolve) => { socket.once('close', () => resolve(text)) }) }
}

test.each([
  ['headers that never end', 'GET /healthz HTTP/1.1\r\nhost: x\r\n', 'HTTP/1.1 408 Request Timeout'],
  ['a body that never ends', 'GET /healthz HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\nx', 'HTTP/1.1 200 OK'],
  ['nothing at all', '', 'HTTP/1.1 408 Request Timeout'],
])('%s: cut off after a while', async (_name, sent, answer) => {
  const { socket, closed } = connect(await serve({ timeoutMs: 200 }))
  socket.write(sent)
  expect((await closed).split('\r\n', 1)).toEqual([answer])
})

test('one who dribbles header by header is cut off all the same', async () => {
  const { socket, closed } = connect(await serve({ timeoutMs: 300 }))
  socket.write('GET /healthz HTTP/1.1\r\n')
  const dribble = setInterval(() => socket.write('a: b\r\n'), 20)
  expect(await closed).toMatch(/^HTTP\/1\.1 408 /)
  clearInterval(dribble)
})

test('an idle connection is closed after a while', async () => {
  const { socket, closed } = connect(await serve({ timeoutMs: 200 }))
  socket.write('GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n')
  expect(await closed).toMatch(/^HTTP\/1\.1 200 OK\r\n[^]*\r\n\r\n[^]*fine\n/)
})

test('a body of more than a mebibyte takes its connection with it', async () => {
  const { socket, closed } = connect(await serve())
  socket.write(`POST /metrics HTTP/1.1\r\nhost: x\r\ncontent-length: ${2 ** 40}\r\n\r\n`)
  const feed = setInterval(() => { if (socket.writable) socket.write('x'.repeat(100_000)) }, 1)
  expect(await closed).toMatch(/^(HTTP\/1\.1 405 |$)/)
  clearInterval(feed)
})

test.each(['rubbish\r\n\r\n', 'GET /healthz HTTP/9.9\r\n\r\n', 'CONNECT evil:443 HTTP/1.1\r\nhost: x\r\n\r\n'])('%j: no answer that tells anything', async (sent) => {
  const { socket, closed } = connect(await serve())
  socket.write(sent)
  expect(await closed).toMatch(/^(HTTP\/1\.1 400 Bad Request\r\nConnection: close\r\n\r\n)?$/)
})

test('a hundred connections at most; when one of them ends, another may come', async () => {
  const url = await serve()
  const all = Array.from({ length: 100 }, () => connect(url))
  await Promise.all(all.map(async ({ socket }) => once(socket, 'connect')))
  expect(await connect(url).closed).toBe('')
  const [first] = all
  first?.socket.write('GET /healthz HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n')
  expect(await first?.closed).toContain('200 OK')
  const next = connect(url)
  next.socket.write('GET /healthz HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n')
  expect(await next.closed).toContain('200 OK')
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
