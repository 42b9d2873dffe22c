import { closeSync, openSync } from 'node:fs'
import { createLogger, Guarded, output } from '../../src/logger.ts'
import { keptLog } from './helpers.ts'

/** The entries that `log` leaves behind. */
function entries(log: (logger: ReturnType<typeof keptLog>['logger']) => void, secrets?: readonly string[], level = 'info') {
  const { lines, logger } = keptLog(level, secrets)
  log(logger)
  return lines.map((line) => JSON.parse(line) as Record<string, unknown>)
}

test('one line of JSON an entry: level in words, time in ISO 8601, the fields, the message, and nothing of the machine', () => {
  const [entry, ...others] = entries((logger) => logger.warn({ partition: 3, cause: 'two\nlines' }, 'commit failed'))
  expect(others).toEqual([])
  expect(entry).toEqual({ level: 'warn', time: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/), partition: 3, cause: 'two\nlines', msg: 'commit failed' })
})

test('what is below the level is left out', () => {
  expect(entries((logger) => {
    logger.info('no')
    logger.error('yes')
  }, [], 'warn').map(({ msg }) => msg)).toEqual(['yes'])
})

describe('fields that can carry credentials or personal data', () => {
  const names = ['apiKey', 'password', 'secret', 'token', 'authorization', 'userId', 'anonymousId', 'person', 'payload', 'key', 'value', 'email']

  test.each(names)('%s is redacted, also one level down', (name) => {
    const [entry] = entries((logger) => logger.info({ [name]: 'ann@example.org', record: { [name]: { deep: 'ann@example.org' }, offset: 7 } }, 'x'))
    expect(entry).toMatchObject({ [name]: '[redacted]', record: { [name]: '[redacted]', offset: 7 } })
    expect(JSON.stringify(entry)).not.toContain('ann')
  })

  test('what an operator needs is not', () => {
    const fields = { partition: 1, offset: 2, reason: 'rejected', status: 400, type: 'track', attempts: 3 }
    expect(entries((logger) => logger.info(fields, 'x'))[0]).toMatchObject(fields)
  })
})

describe('secrets', () => {
  const KEY = 'k3y-0123456789'

  test.each<[string, (logger: ReturnType<typeof keptLog>['logger']) => void]>([
    ['in the message', (logger) => logger.error(`401 for ${KEY}: check ${KEY}`)],
    ['in a field', (logger) => logger.error({ cause: `Basic ${KEY}` }, 'x')],
    ['deep inside', (logger) => logger.error({ a: { b: [{ c: KEY }] } }, 'x')],
    ['as the name of a field', (logger) => logger.error({ [KEY]: 1 }, 'x')],
    ['in a child\'s bindings', (logger) => logger.child({ from: KEY }).error('x')],
    ['in an error', (logger) => logger.error({ err: new Error(`no ${KEY}`) }, 'x')],
  ])('are cut out: %s', (_name, log) => {
    const text = JSON.stringify(entries(log, [KEY]))
    expect(text).toContain('[redacted]')
    expect(text).not.toContain(KEY)
  })

  test.each(['quo"ted-key', 'back\\slash', 'new\nline-key', 'unicode-ü-ключ'])('that JSON writes in another way: %j', (secret) => {
    const [entry] = entries((logger) => logger.info({ cause: `a ${secret} b` }, 'x'), [secret])
    expect(entry).toMatchObject({ cause: 'a [redacted] b' })
  })

  test('one that begins like another one: no rest is left', () => {
    const [entry] = entries((logger) => logger.info(`${KEY}-and-more, ${KEY}`), [KEY, `${KEY}-and-more`])
    expect(entry).toMatchObject({ msg: '[redacted], [redacted]' })
  })

  test('that came later, and the ones before them, but not without end', () => {
    const guarded = new Guarded([['password', 'old-password'], ['key', KEY]])
    guarded.add('password', 'new-password')
    expect(guarded.cutFrom('old-password new-password')).toBe('[redacted] [redacted]')
    for (let n = 0; n < 1_000; n += 1) guarded.add('password', `password-${n}`)
    expect(guarded.cutFrom(`password-0 password-995 password-999 ${KEY}`)).toBe('password-0 [redacted] [redacted] [redacted]')
  })

  test('of less than four characters stay: cutting them out would tear everything', () => {
    expect(entries((logger) => logger.info('abc'), ['abc', ''])[0]).toMatchObject({ msg: 'abc' })
  })
})

test('a full disk ends nothing, and what can\'t be written is not kept for ever', () => {
  const full = openSync('/dev/full', 'w')
  const destination = output(full)
  const logger = createLogger('info', undefined, destination)
  for (let n = 0; n < 2_000; n += 1) logger.info('a line that is longer than it need be, so that it soon adds up to something')
  const { _len: kept } = destination as unknown as { _len: number }
  expect(kept).toBeLessThan(100_000)
  closeSync(full)
})
