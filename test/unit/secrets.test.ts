import { mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Key } from '../../src/config-keys.ts'
import { readConfig, secretsOf } from '../../src/config.ts'
import { createLogger, Guarded } from '../../src/logger.ts'
import { Secrets } from '../../src/secrets.ts'

const least = { KAFKA_BROKERS: 'kafka:9092', CUSTOMERIO_SITE_ID: 'site', CUSTOMERIO_REGION: 'eu' }

/** Secrets of an environment whose files are `files`; a file that is an Error can't be read. */
function secretsIn(env: Record<string, string>, files: Record<string, string | Error>) {
  const config = readConfig({ ...least, ...env }, (path) => files[path] as string)
  const lines: Record<string, unknown>[] = []
  const guarded = new Guarded(secretsOf(config))
  const logger = createLogger('debug', guarded, { write: (line) => { lines.push(JSON.parse(line) as Record<string, unknown>) } })
  let reads = 0
  const secrets = new Secrets({
    config, logger, guarded,
    read: async (path) => {
      reads += 1
      const found = files[path]
      if (found === undefined) throw Object.assign(new Error('no such file'), { code: 'ENOENT' })
      if (found instanceof Error) throw found
      return found
    },
  })
  const changed: Key[] = []
  secrets.onChange((key) => changed.push(key))
  return { secrets, logger, lines, changed, reads: () => reads }
}

const key = 'CUSTOMERIO_API_KEY'

test('what the environment gives itself is taken as it is, and no file is read for it', async () => {
  const { secrets, reads } = secretsIn({ CUSTOMERIO_API_KEY: 'direct-key', KAFKA_SASL_PASSWORD: 'pw' }, {})
  await secrets.look()
  expect([secrets.of(key), secrets.of('KAFKA_SASL_PASSWORD'), secrets.of('KAFKA_SASL_OAUTH_CLIENT_SECRET'), reads()]).toEqual(['direct-key', 'pw', undefined, 0])
})

test('a file\'s new content is in use from the next look on; that it changed is told once, by its name only', async () => {
  const files = { '/key': 'first-key\n', '/ca': 'first PEM\n' }
  const { secrets, lines, changed } = secretsIn({ CUSTOMERIO_API_KEY_FILE: '/key', KAFKA_TLS: 'true', KAFKA_TLS_CA_FILE: '/ca' }, files)
  await secrets.look()
  expect([secrets.of(key), secrets.of('KAFKA_TLS_CA_FILE'), changed, lines]).toEqual(['first-key', 'first PEM', [], []])
  files['/key'] = 'second-key\r\n'
  expect(secrets.of(key)).toBe('first-key')
  await secrets.look()
  await secrets.look()
  expect([secrets.of(key), changed]).toEqual(['second-key', [key]])
  expect(lines.map(({ time: _, ...entry }) => entry)).toEqual([{ level: 'info', setting: key, msg: 'secret changed' }])
  files['/ca'] = 'second PEM'
  await secrets.look()
  expect([secrets.of('KAFKA_TLS_CA_FILE'), changed]).toEqual(['second PEM', [key, 'KAFKA_TLS_CA_FILE']])
})

test('the log cuts out the old value and the new one', async () => {
  const files = { '/key': 'first-key' }
  const { secrets, logger, lines } = secretsIn({ CUSTOMERIO_API_KEY_FILE: '/key' }, files)
  for (const next of ['second-key', 'third-key']) {
    files['/key'] = next
    await secrets.look()
  }
  logger.info('first-key, second-key, third-key')
  expect(lines.at(-1)).toMatchObject({ msg: '[redacted], [redacted], [redacted]' })
})

test('a file that can\'t be read, or is empty, leaves the last good value in use, and is told once', async () => {
  const files: Record<string, string | Error> = { '/key': 'first-key' }
  const { secrets, lines, changed } = secretsIn({ CUSTOMERIO_API_KEY_FILE: '/key' }, files)
  const told = () => lines.splice(0).map(({ level, setting, fault }) => [level, setting, fault])
  files['/key'] = Object.assign(new Error('first-key'), { code: 'EACCES' })
  await secrets.look()
  await secrets.look()
  expect([secrets.of(key), told()]).toEqual(['first-key', [['warn', key, 'can\'t be read (EACCES)']]])
  files['/key'] = '\n'
  await secrets.look()
  await secrets.look()
  expect([secrets.of(key), told()]).toEqual(['first-key', [['warn', key, 'is empty']]])
  files['/key'] = 'first-key'
  await secrets.look()
  expect([changed, told()]).toEqual([[], [['info', key, undefined]]])
  delete files['/key']
  await secrets.look()
  expect(told()).toEqual([['warn', key, 'can\'t be read (ENOENT)']])
  files['/key'] = 'second-key'
  await secrets.look()
  expect([secrets.of(key), changed]).toEqual(['second-key', [key]])
})

test('one file that can\'t be read does not keep the others from being read', async () => {
  const files: Record<string, string | Error> = { '/key': 'first-key', '/pw': 'first-pw' }
  const { secrets } = secretsIn({ CUSTOMERIO_API_KEY_FILE: '/key', KAFKA_SASL_PASSWORD_FILE: '/pw' }, files)
  files['/key'] = new Error('EIO')
  files['/pw'] = 'second-pw'
  await secrets.look()
  expect([secrets.of(key), secrets.of('KAFKA_SASL_PASSWORD')]).toEqual(['first-key', 'second-pw'])
})

test('however many ask at once, the files are read once more after the asking', async () => {
  const files = { '/key': 'first-key' }
  const { secrets, reads } = secretsIn({ CUSTOMERIO_API_KEY_FILE: '/key' }, files)
  const first = secrets.look()
  files['/key'] = 'second-key'
  await Promise.all([first, ...Array.from({ length: 50 }, async () => secrets.look())])
  expect([secrets.of(key), reads()]).toEqual(['second-key', 2])
})

test('a mounted Kubernetes Secret: its folder is a link that is replaced', async () => {
  const mount = mkdtempSync(join(tmpdir(), 'secret-'))
  const path = join(mount, 'api-key')
  const write = (version: string, value: string): void => {
    mkdirSync(join(mount, version))
    writeFileSync(join(mount, version, 'api-key'), value)
    symlinkSync(version, join(mount, '..data_tmp'))
    renameSync(join(mount, '..data_tmp'), join(mount, '..data'))
  }
  write('..2026_1', 'first-key')
  symlinkSync(join('..data', 'api-key'), path)
  const config = readConfig({ ...least, CUSTOMERIO_API_KEY_FILE: path }, (file) => readFileSync(file, 'utf8'))
  const guarded = new Guarded()
  const secrets = new Secrets({ config, guarded, logger: createLogger('silent', guarded) })
  expect(secrets.of(key)).toBe('first-key')
  write('..2026_2', 'second-key')
  rmSync(join(mount, '..2026_1'), { recursive: true })
  await secrets.look()
  expect(secrets.of(key)).toBe('second-key')
  rmSync(mount, { recursive: true })
})
