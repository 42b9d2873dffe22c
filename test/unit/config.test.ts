import * as fc from 'fast-check'
import { withMargin } from '../../src/clock.ts'
import { KEYS, type Key, type KeyDeclaration } from '../../src/config-keys.ts'
import { describeConfig, fenceMs, readConfig, secretsOf, type Config } from '../../src/config.ts'
import { ConfigError } from '../../src/errors.ts'

type Environment = Record<string, string | undefined>

const least: Environment = { KAFKA_BROKERS: 'kafka:9092', CUSTOMERIO_SITE_ID: 'site', CUSTOMERIO_API_KEY: 'key-secret', CUSTOMERIO_REGION: 'eu' }
const fixed = (divisor: string): Environment => ({ RATE_LIMIT_SHARE: 'fixed', RATE_LIMIT_DIVISOR: divisor })
const pemFiles = new Set(['/ca', '/c', '/k'])
const noFiles = (path: string): string => { throw Object.assign(new Error('no such file'), { code: 'ENOENT', path }) }
const onlyPem = (path: string): string => {
  if (path === '/limits') return '{"track":{"limit":5,"reserve":3}}'
  return pemFiles.has(path) ? `PEM of ${path}\n` : noFiles(path)
}
const read = (env: Environment = {}, readFile = onlyPem) => readConfig({ ...least, ...env }, readFile)
const declarations = Object.entries(KEYS) as [Key, KeyDeclaration][]
const secretKeys = declarations.filter(([, { secret }]) => secret).map(([key]) => key)

/** The faults of an environment; none if it is fine. */
function faultsOf(env: Environment, readFile = onlyPem): readonly string[] {
  try {
    read(env, readFile)
    return []
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    return error.faults
  }
}

describe('what is fine', () => {
  test('the least there can be: everything else has its default', () => {
    const config = read()
    expect(config).toMatchObject({
      KAFKA_BROKERS: ['kafka:9092'], CUSTOMERIO_REGION: 'eu', RATE_LIMIT: 100, RATE_LIMIT_RESERVE: 20, CONCURRENCY: 10, RETRY_JITTER: 0.25, KAFKA_TLS: false,
    })
    const others = declarations.filter(([key]) => least[key] === undefined)
    for (const [key, declaration] of others) {
      if (key === 'RATE_LIMIT_SHARE') continue
      expect(config[key]).toEqual(declaration.default === undefined ? undefined : declaration.schema.parse(declaration.default))
    }
  })

  test('every default is allowed, and no secret has one', () => {
    for (const [, declaration] of declarations) {
      if (declaration.default === undefined) continue
      expect([declaration.schema.safeParse(declaration.default).success, declaration.secret ?? false]).toEqual([true, false])
    }
  })

  test('an empty value counts as absent', () => {
    expect(read({ RATE_LIMIT: '', CUSTOMERIO_URL: '', KAFKA_SASL_PASSWORD: '' })).toEqual(read())
  })

  test('is frozen', () => {
    expect(Object.isFrozen(read())).toBe(true)
  })

  test('the environment is read once', () => {
    const env: Environment = { ...least, RATE_LIMIT: '50' }
    const config = readConfig(env)
    env['RATE_LIMIT'] = '60'
    expect(config.RATE_LIMIT).toBe(50)
  })

  test.each<[Key, string, unknown]>([
    ['KAFKA_BROKERS', ' a:1 , b:2,[::1]:9092, ', ['a:1', 'b:2', '[::1]:9092']],
    ['CUSTOMERIO_URL', 'http://127.0.0.1:1234/api/v1/', 'http://127.0.0.1:1234'],
    ['CUSTOMERIO_URL', 'https://proxy.example/cio//', 'https://proxy.example/cio'],
    ['CUSTOMERIO_APP_URL', 'http://127.0.0.1:1234/v1/', 'http://127.0.0.1:1234'],
    ['CUSTOMERIO_APP_URL', 'https://proxy.example/api/v1', 'https://proxy.example/api'],
    ['APIS', ' track ,,track, ', ['track']],
    ['DELIVERY_MODE', 'single', 'single'],
    ['UNCONFIRMED_SENDS', 'retry', 'retry'],
    ['RETRY_JITTER', '.5', 0.5],
    ['RETRY_MAX', '0', 0],
    ['KAFKA_TLS', 'true', true],
    ['HTTP_PORT', '0', 0],
    ['POD_NAME', 'customerio-worker-0.a', 'customerio-worker-0.a'],
    ['POD_NAMESPACE', '0', '0'],
    ['RATE_LIMIT_OUTAGE_PART', '0', 0],
  ])('%s=%s', (key, text, value) => {
    expect(read({ [key]: text })[key]).toEqual(value)
  })
})

describe('a fault', () => {
  const wrong: Partial<Record<Key, string[]>> = {
    KAFKA_BROKERS: ['kafka', 'kafka:', 'http://kafka:9092', ',', 'a:1,b'],
    KAFKA_TOPIC: ['a b', 'ä', 'x'.repeat(250)],
    KAFKA_TLS: ['yes', 'TRUE', '1'],
    KAFKA_SASL_MECHANISM: ['PLAIN', 'gssapi'],
    KAFKA_SASL_OAUTH_TOKEN_URL: ['ftp://x', 'token', 'https://:pw@x/'],
    CUSTOMERIO_REGION: ['US', 'asia'],
    CUSTOMERIO_URL: ['track.customer.io', 'ftp://x', 'https://x/?a=b', 'https://x/#a', 'https://u@x', 'https://:pw@x'],
    CUSTOMERIO_APP_URL: ['api.customer.io', 'https://x/?a=b', 'https://u@x'],
    APIS: [',', 'Track', 'general', 'track,general', 'track broadcast', 'all'],
    DELIVERY_MODE: ['batches', 'BATCH', 'true'],
    UNCONFIRMED_SENDS: ['dead_letter', 'true'],
    RATE_LIMIT: ['0', '1001', '1.5', '1e2', ' 5', '-1', 'many', '0x10', 'Infinity', 'NaN'],
    RATE_LIMIT_UNIT: ['batch', 'requests'],
    RATE_LIMITS_INTERVAL_MS: ['99', '3600001'],
    RATE_LIMIT_SHARE: ['redis', 'Kubernetes'],
    POD_NAME: ['A', '-a', 'a-', 'a..b', 'a_b', 'a/b', '.', 'x'.repeat(254)],
    POD_NAMESPACE: ['a.b', 'A', '-a', 'a/../b', 'x'.repeat(64)],
    RATE_LIMIT_LEASE_MS: ['999', '300001'],
    RATE_LIMIT_OUTAGE_MS: ['-1', '86400001'],
    RATE_LIMIT_OUTAGE_PART: ['1.01', '50%'],
    RETRY_JITTER: ['1.1', '-0.1', '25%', '1.', 'NaN'],
    HTTP_PORT: ['65536', '-1'],
    LOG_LEVEL: ['INFO', 'verbose'],
    KAFKA_SESSION_TIMEOUT_MS: ['30s', '1999'],
  }

  test.each(Object.entries(wrong).flatMap(([key, texts]) => texts.map((text) => [key, text] as [Key, string])))('%s=%s has one line: the key, the value, what is allowed', (key, text) => {
    const faults = faultsOf({ [key]: text })
    expect(faults).toHaveLength(1)
    expect(faults[0]).toMatch(new RegExp(`^${key}: .* is not allowed; allowed: `))
    expect(faults[0]).toContain((KEYS[key] as KeyDeclaration).allowed)
  })

  test.each(['KAFKA_BROKERS', 'CUSTOMERIO_SITE_ID', 'CUSTOMERIO_API_KEY', 'CUSTOMERIO_REGION'] as const)('%s missing', (key) => {
    expect(faultsOf({ [key]: undefined })).toEqual([`${key}: is missing; allowed: ${KEYS[key].allowed}`])
  })

  test('all faults come at once', () => {
    const faults = faultsOf({ KAFKA_BROKERS: undefined, RATE_LIMIT: 'x', LOG_LEVEL: 'loud', CUSTOMERIO_REGION: 'mars', KAFKA_SASL_MECHANISM: 'plain', KAFKA_TLS_CERT_FILE: '/c' })
    expect(faults.map((fault) => fault.split(':')[0]).toSorted()).toEqual([
      'CUSTOMERIO_REGION', 'KAFKA_BROKERS', 'KAFKA_SASL_PASSWORD', 'KAFKA_SASL_USERNAME', 'KAFKA_TLS', 'KAFKA_TLS_CERT_FILE', 'LOG_LEVEL', 'RATE_LIMIT',
    ])
  })

  test('is one line, whatever the value holds', () => {
    const key = fc.constantFrom(...declarations.filter(([, { secret }]) => !secret).map(([name]) => name))
    fc.assert(fc.property(key, fc.string({ unit: 'binary', minLength: 1 }), (name, text) => {
      for (const fault of faultsOf({ [name]: text })) expect(fault).not.toMatch(/[\r\n]/)
    }))
  })

  test('shows at most 200 characters of a value', () => {
    expect((faultsOf({ LOG_LEVEL: 'x'.repeat(5_000) })[0] as string).length).toBeLessThan(400)
  })
})

describe('settings that contradict each other', () => {
  test.each<[string, Environment, RegExp]>([
    ['nothing left of the limit', { RATE_LIMIT: '20', RATE_LIMIT_RESERVE: '20' }, /^RATE_LIMIT_RESERVE: 20 .*allowed: less than RATE_LIMIT$/],
    ['more processes than slots', { RATE_LIMIT_SHARE: 'fixed', RATE_LIMIT_DIVISOR: '81' }, /^RATE_LIMIT_DIVISOR: 81 .*allowed: at most RATE_LIMIT - RATE_LIMIT_RESERVE$/],
    ['more processes than slots in the file', { ...fixed('3'), RATE_LIMITS_FILE: '/limits' }, /^RATE_LIMIT_DIVISOR: 3 .* says instead$/],
    ['arrival before the timeout', { REQUEST_TIMEOUT_MS: '15001' }, /^LATEST_ARRIVAL_MS: 15000 .*allowed: at least REQUEST_TIMEOUT_MS$/],
    ['a session with no room for the fence', { KAFKA_SESSION_TIMEOUT_MS: '26070' }, /^KAFKA_SESSION_TIMEOUT_MS: 26070 .*allowed: both above LONGEST_PAUSE_MS \+ LATEST_ARRIVAL_MS/],
    ['a rebalance timeout with no room for it', { KAFKA_REBALANCE_TIMEOUT_MS: '26000' }, /^KAFKA_SESSION_TIMEOUT_MS: 30000 \(with KAFKA_REBALANCE_TIMEOUT_MS 26000\)/],
    ['a certificate without its key', { KAFKA_TLS: 'true', KAFKA_TLS_CERT_FILE: '/c' }, /^KAFKA_TLS_CERT_FILE: .*give both or none$/],
    ['a key without its certificate', { KAFKA_TLS: 'true', KAFKA_TLS_KEY_FILE: '/k' }, /^KAFKA_TLS_CERT_FILE: .*give both or none$/],
    ['a certificate authority without TLS', { KAFKA_TLS_CA_FILE: '/ca' }, /^KAFKA_TLS: is false .*allowed: true, or no/],
    ['a user without a password', { KAFKA_SASL_MECHANISM: 'scram-sha-512', KAFKA_SASL_USERNAME: 'u' }, /^KAFKA_SASL_PASSWORD: is missing; KAFKA_SASL_MECHANISM=scram-sha-512 needs it$/],
    ['a password without a user', { KAFKA_SASL_MECHANISM: 'plain', KAFKA_SASL_PASSWORD: 'p' }, /^KAFKA_SASL_USERNAME: is missing; KAFKA_SASL_MECHANISM=plain needs it$/],
    ['a token endpoint without a secret', { KAFKA_SASL_MECHANISM: 'oauthbearer', KAFKA_SASL_OAUTH_TOKEN_URL: 'https://t', KAFKA_SASL_OAUTH_CLIENT_ID: 'c' }, /^KAFKA_SASL_OAUTH_CLIENT_SECRET: is missing/],
  ])('%s', (_name, env, line) => {
    const faults = faultsOf(env)
    expect(faults).toHaveLength(1)
    expect(faults[0]).toMatch(line)
  })

  test.each<Environment>([
    { RATE_LIMIT: '21' },
    { RATE_LIMIT_SHARE: 'fixed', RATE_LIMIT_DIVISOR: '80' },
    { RATE_LIMIT_DIVISOR: '999' },
    { ...fixed('2'), RATE_LIMITS_FILE: '/limits' },
    { REQUEST_TIMEOUT_MS: '15000' },
    { KAFKA_SESSION_TIMEOUT_MS: '26100' },
    { KAFKA_TLS: 'true', KAFKA_TLS_CERT_FILE: '/c', KAFKA_TLS_KEY_FILE: '/k', KAFKA_TLS_CA_FILE: '/ca' },
    { KAFKA_SASL_MECHANISM: 'plain', KAFKA_SASL_USERNAME: 'u', KAFKA_SASL_PASSWORD: 'p' },
    { KAFKA_SESSION_TIMEOUT_MS: '8000', KAFKA_HEARTBEAT_INTERVAL_MS: '1000', LATEST_ARRIVAL_MS: '3000', REQUEST_TIMEOUT_MS: '2000', LONGEST_PAUSE_MS: '1000' },
  ])('just within: %j', (env) => {
    expect(faultsOf(env)).toEqual([])
  })

  test('a setting that is wrong by itself is not compared with others', () => {
    expect(faultsOf({ RATE_LIMIT: 'x' })).toHaveLength(1)
    expect(faultsOf({ LATEST_ARRIVAL_MS: 'x' })).toHaveLength(1)
    expect(faultsOf({ APIS: 'track,broadcast', CUSTOMERIO_APP_API_KEY: 'app-secret', ...fixed('x') })).toHaveLength(1)
  })
})

describe('the APIs that events go by', () => {
  const all: Environment = { APIS: 'track,transactional,broadcast', CUSTOMERIO_APP_API_KEY: 'app-secret' }

  test('the Track API alone by default, with nothing more to set; batches, and no second message', () => {
    expect(read()).toMatchObject({ APIS: ['track'], DELIVERY_MODE: 'batch', UNCONFIRMED_SENDS: 'dead-letter' })
    expect(read({ ...all, APIS: 'broadcast, track' }).APIS).toEqual(['broadcast', 'track'])
  })

  test.each(['transactional', 'broadcast', 'track,broadcast'])('APIS=%s needs a key of the App API', (apis) => {
    expect(faultsOf({ APIS: apis })).toEqual([`CUSTOMERIO_APP_API_KEY: is missing; APIS=${apis} needs it`])
    expect(faultsOf({ APIS: apis, CUSTOMERIO_APP_API_KEY: 'app-secret' })).toEqual([])
    expect(faultsOf({ APIS: apis, CUSTOMERIO_APP_API_KEY_FILE: '/nowhere' })).toEqual([expect.stringMatching(/^CUSTOMERIO_APP_API_KEY_FILE: .*can't be read/)])
  })

  test('messages for people don\'t leave for Customer.io itself from what was pointed elsewhere', () => {
    const elsewhere = { CUSTOMERIO_URL: 'http://stand-in:8080' }
    expect(faultsOf({ ...all, ...elsewhere })).toEqual(['CUSTOMERIO_APP_URL: is missing; CUSTOMERIO_URL and APIS=track,transactional,broadcast need it'])
    expect(faultsOf({ ...all, ...elsewhere, CUSTOMERIO_APP_URL: 'nonsense' })).toEqual([expect.stringMatching(/^CUSTOMERIO_APP_URL: "nonsense" is not allowed/)])
    expect(faultsOf({ ...all, ...elsewhere, CUSTOMERIO_APP_URL: 'http://stand-in:8080' })).toEqual([])
    expect(faultsOf({ ...all, CUSTOMERIO_APP_URL: 'http://stand-in:8080' })).toEqual([])
    expect(faultsOf(elsewhere)).toEqual([])
  })

  test('what is wrong with APIS is one fault: nothing is concluded from it', () => {
    expect(faultsOf({ APIS: 'general', CUSTOMERIO_URL: 'http://stand-in:8080', ...fixed('90') })).toEqual([expect.stringMatching(/^APIS: "general" is not allowed; allowed: track \| transactional \| broadcast/)])
  })

  describe('each process needs a request a window of each of them, if they share by a divisor', () => {
    const notEnough = (api: string, divisor: number, left: number) => expect.stringMatching(new RegExp(`^RATE_LIMIT_DIVISOR: ${divisor} leaves each process less than one request a window for ${api} \\(limit - reserve ${left}\\); `
      + 'allowed: at most that, a larger limit by RATE_LIMITS_FILE, or another RATE_LIMIT_SHARE$'))
    const file = { RATE_LIMITS_FILE: '/more' }
    const holding = (text: string) => (path: string) => (path === '/more' ? text : noFiles(path))

    test('one broadcast in ten seconds is not divided', () => {
      expect(faultsOf({ ...all, ...fixed('1') })).toEqual([])
      expect(faultsOf({ ...all, ...fixed('2') })).toEqual([notEnough('broadcast', 2, 1)])
      expect(faultsOf({ ...all, ...fixed('2'), RATE_LIMIT_SHARE: 'partitions' })).toEqual([])
    })

    test('all that have too little are named', () => {
      expect(faultsOf({ ...all, ...fixed('101') })).toEqual([expect.stringMatching(/^RATE_LIMIT_DIVISOR: 101 .* RATE_LIMIT - RATE_LIMIT_RESERVE$/), notEnough('transactional', 101, 100), notEnough('broadcast', 101, 1)])
    })

    test('those that are not used are not counted', () => {
      expect(faultsOf({ ...all, APIS: 'transactional', ...fixed('100') })).toEqual([])
      expect(faultsOf({ ...all, APIS: 'transactional', ...fixed('101') })).toEqual([notEnough('transactional', 101, 100)])
    })

    test('the file says what there is', () => {
      expect(faultsOf({ ...all, ...file, ...fixed('2') }, holding('{"broadcast":{"limit":3,"reserve":1}}'))).toEqual([])
      expect(faultsOf({ ...all, ...file, ...fixed('3') }, holding('{"broadcast":{"limit":3,"reserve":1}}'))).toEqual([notEnough('broadcast', 3, 2)])
      expect(faultsOf({ ...all, ...file, ...fixed('3') }, holding('nonsense'))).toEqual([expect.stringMatching(/^RATE_LIMITS_FILE: /)])
    })
  })
})

describe('how the limit is shared', () => {
  const pod: Environment = { KUBERNETES_SERVICE_HOST: '10.0.0.1', POD_NAME: 'worker-0', POD_NAMESPACE: 'cio' }
  const kubernetes: Environment = { ...pod, RATE_LIMIT_SHARE: 'kubernetes', KUBERNETES_SERVICE_HOST: undefined }

  test.each<[string | undefined, Environment, string]>([
    [undefined, {}, 'partitions'],
    ['auto', {}, 'partitions'],
    ['auto', { KUBERNETES_SERVICE_HOST: '' }, 'partitions'],
    [undefined, pod, 'kubernetes'],
    ['auto', pod, 'kubernetes'],
    ['partitions', { KUBERNETES_SERVICE_HOST: '10.0.0.1' }, 'partitions'],
    ['fixed', { KUBERNETES_SERVICE_HOST: '10.0.0.1' }, 'fixed'],
    ['kubernetes', { POD_NAME: 'worker-0', POD_NAMESPACE: 'cio', KUBECONFIG: '/not/looked/at' }, 'kubernetes'],
  ])('RATE_LIMIT_SHARE=%s with %j is %s, and described so', (share, env, effective) => {
    const config = read({ ...env, RATE_LIMIT_SHARE: share })
    expect(config.RATE_LIMIT_SHARE).toBe(effective)
    expect(describeConfig(config)).toContain(`RATE_LIMIT_SHARE=${effective}`)
  })

  test('a pod that does not know its name has two ways out if nobody chose kubernetes, else one', () => {
    expect(faultsOf({ ...pod, POD_NAME: undefined })).toEqual([
      'POD_NAME: is missing; RATE_LIMIT_SHARE=auto is kubernetes in a pod, which needs it: '
      + 'set it by the downward API (metadata.name), or choose RATE_LIMIT_SHARE=partitions',
    ])
    expect(faultsOf({ ...kubernetes, POD_NAMESPACE: undefined })).toEqual([
      'POD_NAMESPACE: is missing; RATE_LIMIT_SHARE=kubernetes needs it: set it by the downward API (metadata.namespace)',
    ])
    expect(faultsOf({ ...pod, POD_NAME: 'A', POD_NAMESPACE: undefined })).toHaveLength(2)
  })

  test('time for the part of an outage there must be, unless there is no part', () => {
    const short = { RATE_LIMIT_OUTAGE_MS: '14999' }
    expect(faultsOf({ ...kubernetes, ...short })).toEqual([
      'RATE_LIMIT_OUTAGE_MS: 14999 is less than RATE_LIMIT_LEASE_MS 15000; '
      + 'allowed: at least RATE_LIMIT_LEASE_MS, or RATE_LIMIT_OUTAGE_PART=0',
    ])
    expect(faultsOf({ ...kubernetes, RATE_LIMIT_OUTAGE_MS: '15000' })).toEqual([])
    expect(faultsOf({ ...kubernetes, ...short, RATE_LIMIT_OUTAGE_PART: '0' })).toEqual([])
    expect(faultsOf({ ...short, RATE_LIMIT_SHARE: 'partitions' })).toEqual([])
  })
})

describe('the limits file', () => {
  const file = 'RATE_LIMITS_FILE: the file "/limits.json"'
  const holding = (text: string) => (path: string) => (path === '/limits.json' ? text : noFiles(path))
  const env: Environment = { RATE_LIMITS_FILE: '/limits.json' }

  test('goes before the environment, and is none of the files of secrets', () => {
    const config = read({ ...env, RATE_LIMIT: '200' }, holding('{"track":{"reserve":50}}'))
    expect(config.limits.track).toEqual({ limit: 200, reserve: 50, windowMs: 1_000, unit: 'request' })
    expect([config.RATE_LIMIT_RESERVE, config.fromFiles]).toEqual([20, new Map()])
  })

  test('that can\'t be used is a fault: all of its faults at once, and those of others', () => {
    expect(faultsOf(env)).toEqual([`${file} can't be read (ENOENT); give a readable file`])
    const both = '{"track":{"limit":0},"general":{"limit":1,"reserve":"x"}}'
    expect(faultsOf({ ...env, CONCURRENCY: '0' }, holding(both))).toEqual([
      expect.stringMatching(/^CONCURRENCY: /), `${file}: track.limit is 0; allowed: a whole number from 1 to 1000`,
      `${file}: general.reserve is "x"; allowed: a whole number from 0 to 999`,
    ])
    expect(faultsOf(env, holding('{"track":{"limit":20}}'))).toEqual([
      `${file}: track.reserve is 20 and leaves nothing of track.limit 20; allowed: less than it`,
    ])
  })

  test('and the environment are not compared where one of them is wrong by itself', () => {
    expect(faultsOf({ ...env, RATE_LIMIT: 'x' }, holding('{"track":{"reserve":50}}'))).toHaveLength(1)
    expect(faultsOf({ ...env, RATE_LIMIT: '20' }, holding('{"track":{"unit":"operation"}}'))).toEqual([
      expect.stringMatching(/^RATE_LIMIT_RESERVE: 20 /),
    ])
    expect(faultsOf({ ...env, ...fixed('90') }, holding('{"track":{"limit":'))).toEqual([expect.stringMatching(/is not JSON/)])
  })
})

describe('secrets', () => {
  const hidden = 'hidden-hidden'
  const files = (content: string) => (path: string) => (path === '/run/secrets/it' ? content : noFiles(path))

  test('are the keys whose name says so, and no others', () => {
    expect(secretKeys.toSorted()).toEqual(Object.keys(KEYS).filter((key) => /(API_KEY|PASSWORD|SECRET)$/.test(key)).toSorted())
  })

  test.each(secretKeys)('%s can be a file; its last line break is not part of it', (key) => {
    for (const end of ['', '\n', '\r\n']) expect(read({ [key]: undefined, [`${key}_FILE`]: '/run/secrets/it' }, files(`${hidden}${end}`))[key]).toBe(hidden)
    expect(read({ [key]: undefined, [`${key}_FILE`]: '/run/secrets/it' }, files(' a\n\n'))[key]).toBe(' a\n')
  })

  test('the value itself goes before the file', () => {
    expect(read({ CUSTOMERIO_API_KEY: 'direct', CUSTOMERIO_API_KEY_FILE: '/run/secrets/it' }, files(hidden)).CUSTOMERIO_API_KEY).toBe('direct')
  })

  test('a key that is no secret has no file', () => {
    expect(read({ CUSTOMERIO_SITE_ID_FILE: '/run/secrets/it' }, files(hidden)).CUSTOMERIO_SITE_ID).toBe('site')
  })

  test.each(['CUSTOMERIO_API_KEY_FILE', 'CUSTOMERIO_TRACK_API_KEY_FILE'])('%s that can\'t be read, or is empty, is the one fault', (name) => {
    const env = { CUSTOMERIO_API_KEY: undefined, [name]: '/run/secrets/it' }
    expect(faultsOf(env)).toEqual([`${name}: the file "/run/secrets/it" can't be read (ENOENT); give a readable file`])
    expect(faultsOf(env, files('\n'))).toEqual([`${name}: the file "/run/secrets/it" is empty; it must hold the Track API key of the workspace`])
  })

  test('what came from a file is known with its path, to be read again', () => {
    const env = { CUSTOMERIO_API_KEY: undefined, CUSTOMERIO_TRACK_API_KEY_FILE: '/run/secrets/it', KAFKA_TLS: 'true', KAFKA_TLS_CA_FILE: '/ca', KAFKA_SASL_PASSWORD: 'direct' }
    const config = read(env, (path) => (path === '/ca' ? 'PEM\n' : files(`${hidden}\n`)(path)))
    expect(config.fromFiles).toEqual(new Map([['KAFKA_TLS_CA_FILE', { path: '/ca', content: 'PEM' }], ['CUSTOMERIO_API_KEY', { path: '/run/secrets/it', content: hidden }]]))
  })

  test('a TLS file that can\'t be read, or is empty, is the one fault', () => {
    const env = { KAFKA_TLS: 'true', KAFKA_TLS_CA_FILE: '/nowhere' }
    expect(faultsOf(env)).toEqual(['KAFKA_TLS_CA_FILE: the file "/nowhere" can\'t be read (ENOENT); give a readable file'])
    expect(faultsOf(env, () => '\n')).toEqual(['KAFKA_TLS_CA_FILE: the file "/nowhere" is empty; it must hold PEM'])
  })

  test('a password file that can\'t be read is the one fault, too', () => {
    expect(faultsOf({ KAFKA_SASL_MECHANISM: 'plain', KAFKA_SASL_USERNAME: 'u', KAFKA_SASL_PASSWORD_FILE: '/nowhere' })).toHaveLength(1)
  })

  test('the old name of the API key works, and the new one goes before it', () => {
    expect(read({ CUSTOMERIO_API_KEY: undefined, CUSTOMERIO_TRACK_API_KEY: 'old' }).CUSTOMERIO_API_KEY).toBe('old')
    expect(read({ CUSTOMERIO_API_KEY: undefined, CUSTOMERIO_TRACK_API_KEY_FILE: '/run/secrets/it' }, files(hidden)).CUSTOMERIO_API_KEY).toBe(hidden)
    expect(read({ CUSTOMERIO_API_KEY: 'new', CUSTOMERIO_TRACK_API_KEY: 'old' }).CUSTOMERIO_API_KEY).toBe('new')
  })

  test('are in no line of the description, though everything else is', () => {
    const config = read({ ...Object.fromEntries(secretKeys.map((key) => [key, hidden])), KAFKA_BROKERS: 'a:1,b:2' })
    const lines = describeConfig(config)
    expect(lines.map((line) => line.split('=')[0])).toEqual(Object.keys(KEYS))
    expect(lines.join('\n')).not.toContain(hidden)
    expect(lines).toEqual(expect.arrayContaining(['KAFKA_BROKERS=a:1,b:2', 'CUSTOMERIO_API_KEY=********', 'CUSTOMERIO_URL=', 'RATE_LIMIT=100']))
  })

  test('are in no fault, and in no error, whatever else is wrong', () => {
    const env = { ...Object.fromEntries(secretKeys.map((key) => [key, hidden])), RATE_LIMIT: 'x', KAFKA_SASL_MECHANISM: 'plain', CUSTOMERIO_REGION: undefined }
    const error = (() => {
      try {
        return read(env)
      } catch (thrown) {
        return thrown as ConfigError
      }
    })()
    expect(error).toBeInstanceOf(ConfigError)
    expect(`${String(error)}${(error as ConfigError).stack}${JSON.stringify(error)}`).not.toContain(hidden)
  })

  test.each<[Key, string]>([
    ['CUSTOMERIO_URL', `https://user:${hidden}@proxy.example`],
    ['CUSTOMERIO_URL', `https://user:a/b@${hidden}@proxy.example`],
    ['KAFKA_SASL_OAUTH_TOKEN_URL', `https://user:${hidden}@proxy.example/token`],
    ['KAFKA_BROKERS', `user:${hidden}@kafka:9092`],
    ['CUSTOMERIO_URL', `https://user:${'x'.repeat(300)}${hidden}@proxy.example`],
  ])('credentials in %s are refused and not shown', (key, text) => {
    const faults = faultsOf({ [key]: text })
    expect(faults).toHaveLength(1)
    expect(faults[0]).not.toContain(hidden)
  })

  test('are known by value, for what must never print them', () => {
    const tls = { KAFKA_TLS: 'true', KAFKA_TLS_CA_FILE: '/ca', KAFKA_TLS_CERT_FILE: '/c', KAFKA_TLS_KEY_FILE: '/k' }
    expect(secretsOf(read({ KAFKA_SASL_PASSWORD: 'pw', ...tls }))).toEqual(new Map([
      ['KAFKA_TLS_KEY_FILE', 'PEM of /k'], ['KAFKA_SASL_PASSWORD', 'pw'], ['CUSTOMERIO_API_KEY', 'key-secret'],
    ]))
  })
})

describe('the fence', () => {
  const times = (session: number, rebalance: number, pause: number, arrival: number): Parameters<typeof fenceMs>[0] =>
    ({ KAFKA_SESSION_TIMEOUT_MS: session, KAFKA_REBALANCE_TIMEOUT_MS: rebalance, LONGEST_PAUSE_MS: pause, LATEST_ARRIVAL_MS: arrival })

  test('by default leaves ten seconds without an acknowledged heartbeat', () => {
    expect(fenceMs(read())).toBeCloseTo(10_000 - 80, 6)
  })

  test('ends early enough that what was sent last has arrived before anybody else can own the partition', () => {
    const ms = fc.integer({ min: 0, max: 1_800_000 })
    fc.assert(fc.property(ms, ms, ms, ms, (session, rebalance, pause, arrival) => {
      const fence = fenceMs(times(session, rebalance, pause, arrival))
      // its clock may be slow by 0.1 %: then its fence is longer than it thinks
      expect(Math.max(fence, 0) * 1.001).toBeLessThanOrEqual(Math.max(0, Math.min(session, rebalance) - pause - arrival))
    }))
  })

  test('any setting that is accepted leaves two heartbeats', () => {
    const ms = (min: number, max: number) => fc.integer({ min, max }).map(String)
    const env = fc.record({
      KAFKA_SESSION_TIMEOUT_MS: ms(2_000, 60_000), KAFKA_REBALANCE_TIMEOUT_MS: ms(2_000, 60_000), KAFKA_HEARTBEAT_INTERVAL_MS: ms(100, 5_000),
      LONGEST_PAUSE_MS: ms(0, 10_000), LATEST_ARRIVAL_MS: ms(100, 20_000), REQUEST_TIMEOUT_MS: fc.constant('100'),
    })
    fc.assert(fc.property(env, (given) => {
      const room = fenceMs(Object.fromEntries(Object.entries(given).map(([key, text]) => [key, Number(text)])) as unknown as Config) - 2 * Number(given.KAFKA_HEARTBEAT_INTERVAL_MS)
      expect(faultsOf(given).length).toBe(room >= 0 ? 0 : 1)
    }))
  })

  test('the margin covers clocks that drift by 0.1 % each, in opposite directions', () => {
    fc.assert(fc.property(fc.double({ min: 0, max: 1e7, noNaN: true }), (ms) => {
      expect(withMargin(ms) * 0.999).toBeGreaterThan(ms * 1.001)
    }))
  })
})
