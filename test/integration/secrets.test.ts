import { mkdir, mkdtemp, rename, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { openCluster, type TestCluster } from '../support/kafka/cluster.ts'
import { openScenario, type Scenario } from '../support/scenario.ts'
import { credentials } from '../support/stage.ts'
import type { WorkerProcess } from '../support/worker-process.ts'

jest.setTimeout(240_000)

/** A secret as Kubernetes mounts one: a file by way of a link to a folder, which is replaced as a whole. */
async function mountSecret(first: string) {
  const folder = await mkdtemp(join(tmpdir(), 'secret-'))
  let version = 0
  const write = async (value: string): Promise<void> => {
    const data = `..2026_${version += 1}`
    await mkdir(join(folder, data))
    await writeFile(join(folder, data, 'secret'), `${value}\n`)
    await symlink(data, join(folder, '..data_tmp'))
    await rename(join(folder, '..data_tmp'), join(folder, '..data'))
  }
  await write(first)
  await symlink(join('..data', 'secret'), join(folder, 'secret'))
  return { path: join(folder, 'secret'), write, remove: async () => rm(folder, { recursive: true }) }
}

/** Resolves once the worker's log has a line that `is` so. */
async function logged(worker: WorkerProcess, is: (line: Record<string, unknown>) => boolean): Promise<void> {
  while (!worker.logs.some(is)) await wait(20)
}

/** Settings that take a secret from a file, and look at it often. */
const secret = (name: string, path: string): Record<string, string> => ({ [name]: '', [`${name}_FILE`]: path, SECRETS_INTERVAL_MS: '200' })

describe('a secret that is changed while the worker runs', () => {
  let scenario: Scenario
  let mounted: Awaited<ReturnType<typeof mountSecret>>

  let cluster: TestCluster | undefined

  afterEach(async () => {
    await scenario.close()
    await mounted.remove()
    await cluster?.stop()
  })

  test('the API key: refused until the right one is there, then everything is delivered and nothing was given up', async () => {
    mounted = await mountSecret('an-old-key-1')
    scenario = await openScenario()
    await scenario.publish({ events: 200, people: 50, seed: 1 })
    const worker = await scenario.addWorker(secret('CUSTOMERIO_API_KEY', mounted.path))
    await logged(worker, ({ to }) => to === 'refused')
    await mounted.write('an-old-key-2')
    await logged(worker, ({ setting, msg }) => setting === 'CUSTOMERIO_API_KEY' && msg === 'secret changed')
    await mounted.write(credentials.apiKey)
    expect((await scenario.done()).failures).toEqual([])
    expect(worker.logs.filter((line) => /an-old-key/.test(JSON.stringify(line)))).toEqual([])
  })

  test('the password at Kafka: logins that are refused meanwhile end nothing', async () => {
    cluster = await openCluster({ proxied: true, security: { sasl: 'scram-sha-512' } })
    mounted = await mountSecret(cluster.access.password)
    scenario = await openScenario({ cluster, env: { ...cluster.access.env, ...secret('KAFKA_SASL_PASSWORD', mounted.path) } })
    const worker = await scenario.addWorker()
    await scenario.publish({ events: 200, people: 50, seed: 1 })
    await scenario.delivered(50)
    await cluster.access.setPassword('another-password')
    for (const { proxy } of cluster.brokers) proxy?.reset()
    await logged(worker, ({ msg }) => String(msg).includes('invalid credentials'))
    await scenario.publish({ events: 200, people: 50, seed: 2 })
    await mounted.write('another-password')
    expect((await scenario.done()).failures).toEqual([])
    expect((await worker.stop()).code).toBe(0)
  })
})
