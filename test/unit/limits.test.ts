import { mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as fc from 'fast-check'
import { APIS } from '../../src/config-keys.ts'
import { readConfig } from '../../src/config.ts'
import { parseLimits } from '../../src/api-limits.ts'
import { Limits } from '../../src/limits.ts'
import type { Api } from '../../src/api-limits.ts'
import { createLogger } from '../../src/logger.ts'

const least = { KAFKA_BROKERS: 'kafka:9092', CUSTOMERIO_SITE_ID: 'site', CUSTOMERIO_API_KEY: 'key', CUSTOMERIO_REGION: 'eu' }
const byDefault = readConfig(least).limits

/** What is wrong with a file, given the limits of the default environment. */
function faultsOf(file: unknown): readonly string[] {
  const reading = parseLimits(typeof file === 'string' ? file : JSON.stringify(file), byDefault)
  return reading.kind === 'bad' ? reading.faults : []
}

/** Limits of a file whose content is `at.text`; an Error can't be read, undefined is no file. */
function limitsIn(text: string, env: Record<string, string> = {}) {
  const at: { text: string | Error | undefined } = { text }
  const config = readConfig({ ...least, RATE_LIMITS_FILE: '/limits.json', ...env }, () => text)
  const lines: Record<string, unknown>[] = []
  const logger = createLogger('debug', undefined, { write: (line) => { lines.push(JSON.parse(line) as Record<string, unknown>) } })
  let reads = 0
  const limits = new Limits({
    config, logger,
    read: async () => {
      reads += 1
      if (at.text === undefined) throw Object.assign(new Error('no such file'), { code: 'ENOENT' })
      if (at.text instanceof Error) throw at.text
      return at.text
    },
  })
  const changed: [Api, number][] = []
  limits.onChange((api) => changed.push([api, limits.of(api).limit]))
  const look = async (next: typeof at.text): Promise<void> => {
    at.text = next
    await limits.look()
  }
  const told = () => lines.splice(0).map(({ time: _, ...line }) => line)
  return { limits, look, at, changed, told, reads: () => reads }
}

const refused = (...faults: string[]) =>
  ({ level: 'error', setting: 'RATE_LIMITS_FILE', faults, msg: 'limits: the file can\'t be used, the last good limits stay in use' })
const nothingLeft = (api: Api, n: number) => `${api}.reserve is ${n} and leaves nothing of ${api}.limit ${n}; allowed: less than it`
const good = { level: 'info', setting: 'RATE_LIMITS_FILE', msg: 'limits: the file can be used again' }
const fields = 'limit, reserve, windowMs, unit'
const ofApis = 'allowed: an object of track, transactional, general, broadcast'

describe('what a file may say', () => {
  test('each field of each API may be left out: then it is as in the environment, or by default', () => {
    expect(parseLimits('{}', byDefault)).toEqual({ kind: 'good', limits: byDefault })
    expect(parseLimits('{"track":{},"general":{"limit":8,"reserve":2}}', byDefault)).toEqual({
      kind: 'good', limits: { ...byDefault, general: { limit: 8, reserve: 2, windowMs: 1_000, unit: 'request' } },
    })
    const track = { limit: 1_000, reserve: 999, windowMs: 60_000, unit: 'operation' }
    expect(parseLimits(JSON.stringify({ track }), byDefault)).toEqual({ kind: 'good', limits: { ...byDefault, track } })
  })

  test('the example of the docs is fine', () => {
    const [, example] = /limits\.json: \|\n(.*?)```/s.exec(readFileSync('docs/configuration.md', 'utf8')) ?? []
    expect(faultsOf(example)).toEqual([])
    expect(Object.keys(JSON.parse(example as string) as object)).toEqual([...APIS])
  })

  test.each<[string, unknown, string[]]>([
    ['empty', '', [`is empty; ${ofApis}`]],
    ['blank', ' \n', [`is empty; ${ofApis}`]],
    ['not JSON', 'track: 5', [`is not JSON; ${ofApis}`]],
    ['torn', '{"track":{"limit":5', [`is not JSON; ${ofApis}`]],
    ['over 64 KiB', `{}${' '.repeat(65_535)}`, [`is over 65536 bytes; ${ofApis}`]],
    ['a list', '[1]', [`holds a list; ${ofApis}`]],
    ['nested deeply', `{"track":${'['.repeat(30_000)}${']'.repeat(30_000)}}`, [`track is a list; allowed: an object of ${fields}`]],
    ['an object as a limit', { track: { limit: {} } }, ['track.limit is an object; allowed: a whole number from 1 to 1000']],
    ['null', 'null', [`holds null; ${ofApis}`]],
    ['an unknown API', { tracks: {} }, ['tracks is unknown; allowed: track, transactional, general, broadcast']],
    ['an API that is no object', { track: 5 }, [`track is 5; allowed: an object of ${fields}`]],
    ['an API that is null', { track: null }, [`track is null; allowed: an object of ${fields}`]],
    ['an unknown field', { general: { limt: 5 } }, [`general.limt is unknown; allowed: ${fields}`]],
    ['many unknown fields', { general: { 'a\nb': 5, c: 5, d: 5 } }, [`general."a\\nb" (and 2 more) is unknown; allowed: ${fields}`]],
    ['a field of the prototype', '{"__proto__":{}}', ['__proto__ is unknown; allowed: track, transactional, general, broadcast']],
    ['a limit of 0', { track: { limit: 0, reserve: 0 } }, ['track.limit is 0; allowed: a whole number from 1 to 1000']],
    ['a limit over the ceiling', { broadcast: { limit: 1_001 } }, ['broadcast.limit is 1001; allowed: a whole number from 1 to 1000']],
    ['a limit that is not whole', { track: { limit: 50.5 } }, ['track.limit is 50.5; allowed: a whole number from 1 to 1000']],
    ['a limit as text', { track: { limit: '50' } }, ['track.limit is "50"; allowed: a whole number from 1 to 1000']],
    ['a limit that is null', { track: { limit: null } }, ['track.limit is null; allowed: a whole number from 1 to 1000']],
    ['a reserve below 0', { track: { reserve: -1 } }, ['track.reserve is -1; allowed: a whole number from 0 to 999']],
    ['a window too short', { track: { windowMs: 99 } }, ['track.windowMs is 99; allowed: milliseconds, a whole number from 100 to 60000']],
    ['an unknown unit', { track: { unit: 'batch' } }, ['track.unit is "batch"; allowed: request | operation']],
    ['nothing left', { general: { limit: 5, reserve: 5 } }, [nothingLeft('general', 5)]],
    ['nothing left beside the default', { broadcast: { reserve: 1 } }, [nothingLeft('broadcast', 1)]],
    ['nothing left beside the environment', { track: { limit: 20 } }, [nothingLeft('track', 20)]],
    ['several', { track: { limit: 0 }, general: { unit: 1 }, x: {} }, [
      'track.limit is 0; allowed: a whole number from 1 to 1000', 'general.unit is 1; allowed: request | operation',
      'x is unknown; allowed: track, transactional, general, broadcast',
    ]],
  ])('refused: %s', (_name, file, faults) => {
    expect(faultsOf(file)).toEqual(faults)
  })

  test('a fault shows at most 200 characters of a value, or of a name', () => {
    const long = 'x'.repeat(5_000)
    for (const file of [{ track: { unit: long } }, { [long]: {} }]) expect((faultsOf(file)[0] as string).length).toBeLessThan(300)
  })

  test('exactly 64 KiB is not too much', () => {
    expect(faultsOf(`{}${' '.repeat(65_534)}`)).toEqual([])
  })

  test('whatever a file holds, something is left of each limit, or each fault is one short line', () => {
    const field = fc.record({
      limit: fc.oneof(fc.integer({ min: 0, max: 1_001 }), fc.jsonValue()),
      reserve: fc.oneof(fc.integer({ min: -1, max: 1_000 }), fc.jsonValue()),
    }, { requiredKeys: [] })
    const nearly = fc.dictionary(fc.constantFrom(...APIS), field).map((value) => JSON.stringify(value))
    const file = fc.oneof(nearly, fc.json(), fc.string({ unit: 'binary' }))
    fc.assert(fc.property(file, (text) => {
      const reading = parseLimits(text, byDefault)
      const fine = reading.kind === 'good'
        ? APIS.every((api) => reading.limits[api].limit - reading.limits[api].reserve >= 1)
        : reading.faults.length > 0 && reading.faults.every((fault) => !/[\r\n]/.test(fault) && fault.length <= 500)
      expect(fine).toBe(true)
    }))
  })
})

test('without a file the limits are those of the environment and the defaults, and nothing is read', async () => {
  const env = { RATE_LIMIT: '50', RATE_LIMIT_RESERVE: '5', RATE_LIMIT_WINDOW_MS: '2000', RATE_LIMIT_UNIT: 'operation' }
  const { limits, reads } = limitsIn('', { ...env, RATE_LIMITS_FILE: '' })
  await limits.look()
  expect(APIS.map((api) => limits.of(api))).toEqual([
    { limit: 45, windowMs: 2_000, unit: 'operation' }, { limit: 100, windowMs: 1_000, unit: 'request' },
    { limit: 10, windowMs: 1_000, unit: 'request' }, { limit: 1, windowMs: 10_000, unit: 'request' },
  ])
  expect([reads(), limits.stale]).toEqual([0, false])
})

test('the limits of the file are in use from the start', () => {
  const { limits, told } = limitsIn('{"track":{"limit":300,"windowMs":3000,"unit":"operation"}}')
  expect([limits.of('track'), told()]).toEqual([{ limit: 280, windowMs: 3_000, unit: 'operation' }, []])
})

test('a changed limit, or reserve, holds from the next look on; each change is told once, from what to what', async () => {
  const { limits, look, changed, told } = limitsIn('{}')
  await look('{}')
  await look('{"track":{"limit":40}}')
  expect([limits.of('track').limit, changed, told()]).toEqual([20, [['track', 20]], [
    { level: 'info', api: 'track', from: { limit: 100, reserve: 20 }, to: { limit: 40, reserve: 20 }, msg: 'limit changed' },
  ]])
  await look('{"track":{"limit":40}, "broadcast":{}}')
  expect([changed.length, told()]).toEqual([1, []])
  await look('{"track":{"limit":40,"reserve":39},"general":{"limit":5}}')
  expect([limits.of('track').limit, limits.of('general').limit, changed.splice(1)]).toEqual([1, 5, [['track', 1], ['general', 5]]])
  expect(told().map(({ api, to }) => [api, to])).toEqual([['track', { limit: 40, reserve: 39 }], ['general', { limit: 5, reserve: 0 }]])
  await look('{}')
  expect([limits.of('track').limit, limits.of('general').limit]).toEqual([80, 10])
})

test('a file that can\'t be used leaves the last good limits in use, and is told once a change of the fault', async () => {
  const { limits, look, changed, told } = limitsIn('{"track":{"limit":40}}')
  const now = () => [limits.of('track').limit, limits.stale]
  await look('{"track":{"limit":5000}}')
  await look('{ "track": {"limit":5000} }')
  expect([now(), told()]).toEqual([[20, true], [refused('track.limit is 5000; allowed: a whole number from 1 to 1000')]])
  await look('{"track":{"limit":5001}}')
  await look(undefined)
  await look(undefined)
  await look('')
  await look(new Error('without a code'))
  expect([now(), told().map(({ faults }) => faults)]).toEqual([[20, true], [
    ['track.limit is 5001; allowed: a whole number from 1 to 1000'], ['can\'t be read (ENOENT)'],
    [`is empty; ${ofApis}`], ['can\'t be read (error)'],
  ]])
  expect(changed).toEqual([])
  await look('{"track":{"limit":40}}')
  expect([now(), changed, told()]).toEqual([[20, false], [], [good]])
  await look(undefined)
  await look('{"track":{"limit":60}}')
  expect([now(), changed, told().slice(1).map(({ msg }) => msg)]).toEqual([[40, false], [['track', 40]], [good.msg, 'limit changed']])
})

test('window and unit can\'t change while running; the limits beside them do not change, either', async () => {
  const { limits, look, told } = limitsIn('{"track":{"windowMs":2000},"general":{"unit":"operation"}}')
  await look('{"track":{"windowMs":2000,"limit":50},"general":{"unit":"operation"}}')
  expect([limits.of('track'), told().length]).toEqual([{ limit: 30, windowMs: 2_000, unit: 'request' }, 1])
  const restart = 'as at the start: a change needs a restart of all workers'
  await look('{"track":{"windowMs":3000,"limit":90},"general":{}}')
  expect([limits.of('track'), limits.stale]).toEqual([{ limit: 30, windowMs: 2_000, unit: 'request' }, true])
  expect(limits.of('general').unit).toBe('operation')
  expect(told()).toEqual([
    refused(`track.windowMs is 3000; allowed: 2000, ${restart}`, `general.unit is "request"; allowed: "operation", ${restart}`),
  ])
})

test('however many ask at once, the file is read once more after the asking', async () => {
  const { limits, at, reads } = limitsIn('{}')
  const first = limits.look()
  at.text = '{"track":{"limit":40}}'
  await Promise.all([first, ...Array.from({ length: 50 }, async () => limits.look())])
  expect([limits.of('track').limit, reads()]).toEqual([20, 2])
})

test('a mounted ConfigMap: its folder is a link that is replaced', async () => {
  const mount = mkdtempSync(join(tmpdir(), 'limits-'))
  const path = join(mount, 'limits.json')
  const write = (version: string, text: string): void => {
    mkdirSync(join(mount, version))
    writeFileSync(join(mount, version, 'limits.json'), text)
    symlinkSync(version, join(mount, '..data_tmp'))
    renameSync(join(mount, '..data_tmp'), join(mount, '..data'))
  }
  write('..2026_1', '{"track":{"limit":50}}')
  symlinkSync(join('..data', 'limits.json'), path)
  const config = readConfig({ ...least, RATE_LIMITS_FILE: path })
  const limits = new Limits({ config, logger: createLogger('silent') })
  expect(limits.of('track').limit).toBe(30)
  write('..2026_2', '{"track":{"limit":60}}')
  rmSync(join(mount, '..2026_1'), { recursive: true })
  await limits.look()
  expect([limits.of('track').limit, limits.stale]).toEqual([40, false])
  rmSync(mount, { recursive: true })
  await limits.look()
  expect([limits.of('track').limit, limits.stale]).toEqual([40, true])
})

test('a file that is far too large is not read to its end', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'limits-'))
  const path = join(folder, 'limits.json')
  writeFileSync(path, '{}')
  const config = readConfig({ ...least, RATE_LIMITS_FILE: path })
  let said = ''
  const limits = new Limits({ config, logger: createLogger('error', undefined, { write: (line) => { said += line } }) })
  // more than a string can hold
  truncateSync(path, 2 ** 30)
  await limits.look()
  rmSync(folder, { recursive: true })
  expect(said).toContain(`is over 65536 bytes; ${ofApis}`)
})
