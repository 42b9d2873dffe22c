// Workers that share the limit by a Lease: real processes as pods of a Deployment, at a real API server. Without one (see
// kubernetesMissing) these tests are skipped, and say so.

import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import type { V1PolicyRule } from '@kubernetes/client-node'
import { addPod, createDeployment, type TestDeployment, type Where } from '../support/kubernetes/deployment.ts'
import { kubernetesMissing, startKubernetes, type TestKubernetes } from '../support/kubernetes/index.ts'
import { chartRules, grant } from '../support/kubernetes/role.ts'
import { openScenario, type Scenario } from '../support/scenario.ts'
import { generateTraffic } from '../support/traffic.ts'
import type { Verdict } from '../support/verdict.ts'
import type { WorkerProcess } from '../support/worker-process.ts'

jest.setTimeout(300_000)

const missing = kubernetesMissing()
if (missing) console.warn(`Skipped: ${missing}`)
/** What takes the API server away: that of TEST_KUBECONFIG is not ours to harm. */
const describeHarm = process.env.TEST_KUBECONFIG ? describe.skip : describe

const LIMIT = 150
/** Short, so that an outage shows within seconds. */
const LEASE_MS = '4000'
/** So long that each looks silent to the others when it is over (7.5 s), and they take all but the floor. */
const OUTAGE_MS = 15_000
/** A busy machine takes its time; after this it is told what was there in place of what was waited for. */
const SETTLED_WITHIN_MS = 120_000
/** Three test files run side by side: a worker takes its time to start. */
const READY = { readyWithinMs: 60_000 }

const sumOf = (counts: readonly number[]): number => counts.reduce((sum, count) => sum + count, 0)

;(missing ? describe.skip : describe)('workers of a Deployment', () => {
  let kubernetes: TestKubernetes
  let where: Where
  let scenario: Scenario
  let logFolder: string

  beforeAll(async () => {
    kubernetes = await startKubernetes({ log: (line) => console.log(line) })
  }, 1_200_000)
  afterAll(() => kubernetes?.stop())

  beforeEach(async () => {
    where = { admin: kubernetes.admin, namespace: await kubernetes.admin.addNamespace() }
    logFolder = mkdtempSync(join(tmpdir(), 'customerio-test-'))
    scenario = await openScenario({ limit: LIMIT, logFolder, env: { RATE_LIMIT_SHARE: 'kubernetes', RATE_LIMIT_LEASE_MS: LEASE_MS } })
  })
  afterEach(async () => {
    await scenario?.close()
    rmSync(logFolder, { recursive: true, force: true })
  })

  /** A Deployment with a service account of these rights. */
  async function deploy(name = 'worker', rules: V1PolicyRule[] = chartRules(name)) {
    const deployment = await createDeployment(where, name)
    await kubernetes.kubeconfigFor(name, where.namespace)
    await grant(where, name, rules)
    return deployment
  }

  const envOf = async (pod: string, account: string): Promise<Record<string, string>> =>
    ({ POD_NAME: pod, POD_NAMESPACE: where.namespace, KUBECONFIG: await kubernetes.kubeconfigFor(account, where.namespace) })

  interface Pod { name: string; env: Record<string, string>; worker: WorkerProcess }

  async function addWorker(deployment: TestDeployment, env: Record<string, string> = {}): Promise<Pod> {
    const name = await deployment.addPod()
    const own = { ...await envOf(name, deployment.name), ...env }
    return { name, env: own, worker: await scenario.addWorker(own, READY) }
  }

  /** Told to stop, as a kubelet does it. */
  async function removeWorker(deployment: TestDeployment, { name, worker }: Pod): Promise<void> {
    await deployment.deletePod(name, { grace: true })
    expect(await worker.stop()).toEqual({ code: 0, signal: null })
    await deployment.deletePod(name)
  }

  interface Share { pod: string; slots: number; standing: string }

  async function shareOf({ name, worker }: Pod): Promise<Share> {
    // on a busy machine an answer may take too long: then the next look tells
    const text = await worker.metrics().catch(String)
    const slots = Number(/^customerio_worker_slots_owned\{api="track"\} (\d+)$/m.exec(text)?.[1])
    return { pod: name, slots, standing: /^customerio_worker_share_standing\{standing="(\w+)"\} 1$/m.exec(text)?.[1] ?? text.slice(0, 200) }
  }

  /**
   * Resolves with what these have once that is as it should be, and the same at two looks in a row: the pods are not asked at one instant, so a
   * single look may add what one had before to what another one has now.
   */
  async function settled(pods: readonly Pod[], isRight: (shares: readonly Share[]) => boolean): Promise<Share[]> {
    const deadline = performance.now() + SETTLED_WITHIN_MS
    for (let before = ''; ; await wait(50)) {
      const shares = await Promise.all(pods.map(shareOf))
      const now = JSON.stringify(shares)
      if (isRight(shares) && now === before) return shares
      if (performance.now() > deadline) throw new Error(`not settled within ${SETTLED_WITHIN_MS} ms: ${now}, and at the look before: ${before}`)
      before = now
    }
  }

  /** Resolves when these have all slots of the limit, each some. */
  const haveAll = async (pods: readonly Pod[]): Promise<Share[]> => settled(pods, (shares) =>
    shares.every(({ slots, standing }) => slots > 0 && standing === 'leased') && sumOf(shares.map(({ slots }) => slots)) === LIMIT)

  /** Text that has come up in the log of a worker that is not ready, by its number. */
  async function logged(worker: number, text: string): Promise<string> {
    for (;;) {
      const found = logOf(worker).split('\n').find((line) => line.includes(text))
      if (found !== undefined) return found
      await wait(50)
    }
  }
  const logOf = (worker: number): string => {
    try {
      return readFileSync(`${logFolder}/worker-${worker}.log`, 'utf8')
    } catch {
      return ''
    }
  }

  /** Who is in the ledger and has not left. */
  async function inLedger(deployment: string): Promise<string[]> {
    const name = `${deployment}-slots`
    const { metadata } = await kubernetes.admin.coordination.readNamespacedLease({ name, namespace: where.namespace })
    const text = metadata!.annotations!['customerio-worker/slots']!
    const { entries } = JSON.parse(text) as { entries: { pod: string; left?: boolean }[] }
    return entries.filter(({ left }) => !left).map(({ pod }) => pod)
  }

  function expectKept(verdict: Verdict): void {
    const { failures, refused429, delivered, deadLettered, published } = verdict
    expect({ failures, refused429, outcomes: delivered + deadLettered }).toEqual({ failures: [], refused429: 0, outcomes: published })
  }

  test('a roll-out, and kill -9 with a restart in place: the promises are kept', async () => {
    const deployment = await deploy()
    const items = generateTraffic({ events: 3_500, people: 200, seed: 1 })
    await scenario.publishItems(items.slice(0, 2_500))
    const old = await Promise.all([addWorker(deployment), addWorker(deployment), addWorker(deployment)])
    await haveAll(old)
    await deployment.rollOut()
    const pods: Pod[] = []
    for (const pod of old) {
      pods.push(await addWorker(deployment))
      await removeWorker(deployment, pod)
    }
    await scenario.publishItems(items.slice(2_500))
    const [victim, ...others] = pods as [Pod, ...Pod[]]
    await victim.worker.kill()
    const again = { ...victim, worker: await scenario.addWorker(victim.env, READY) }
    await haveAll([again, ...others])
    expectKept(await scenario.done())
  })

  describeHarm('an API server', () => test('that is away for longer than a lease: they go on with a part, and have all again', async () => {
    const deployment = await deploy()
    const pods = await Promise.all([addWorker(deployment), addWorker(deployment), addWorker(deployment)])
    // Nobody has work yet, so nobody hands slots over. What one has given up and another has not taken is nobody's for the whole outage, and one
    // that has just joined would go on with its single slot: half of the limit is only there if the parts are settled.
    const had = await haveAll(pods)
    await kubernetes.stopApi()
    try {
      // at once, so that they are at work when their leases lapse
      await scenario.publish({ events: 3_000, people: 200, seed: 2 })
      await wait(OUTAGE_MS)
      const have = await settled(pods, (shares) => shares.every(({ standing }) => standing === 'outage'))
      // half of its own, rounded down, but one at least
      expect(have).toEqual(had.map(({ pod, slots }) => ({ pod, slots: Math.max(1, Math.floor(slots / 2)), standing: 'outage' })))
      const before = await scenario.accepted()
      await scenario.delivered(before + 100)
    } finally {
      await kubernetes.startApi()
    }
    await haveAll(pods)
    expectKept(await scenario.done())
  }))

  test('a Role that lacks a verb: not ready, no slots, the rule in the log; ready as soon as the Role has it', async () => {
    const rules = chartRules('worker')
    const deployment = await deploy('worker', rules.filter(({ verbs }) => !verbs.includes('create')))
    const starting = addWorker(deployment)
    const rule = 'apiGroups: [\\"coordination.k8s.io\\"], resources: [\\"leases\\"], verbs: [\\"create\\"]'
    expect(JSON.parse(await logged(1, rule))).toMatchObject({ level: 'error' })
    const { port } = JSON.parse(await logged(1, 'http listening')) as { port: number }
    const ask = async (path: string) => fetch(`http://127.0.0.1:${port}${path}`)
    expect((await ask('/readyz')).status).toBe(503)
    expect((await ask('/healthz')).status).toBe(200)
    expect(await (await ask('/metrics')).text()).toMatch(/^customerio_worker_slots_owned\{api="track"\} 0$/m)
    const role = { name: 'worker', namespace: where.namespace }
    await kubernetes.admin.rbac.replaceNamespacedRole({ ...role, body: { metadata: { name: 'worker' }, rules } })
    await haveAll([await starting])
  })

  test('a pod of a StatefulSet: exit code 78, and what to set instead', async () => {
    await deploy()
    const uid = '0b3cf4bc-9a53-4c1b-8a2d-0d2e4c8f1a11'
    const owner = { apiVersion: 'apps/v1', kind: 'StatefulSet', name: 'worker', uid, controller: true }
    const pod = await addPod(where, { name: 'worker-0', owner })
    const { code, logs } = await scenario.runWorker(await envOf(pod, 'worker'))
    expect(code).toBe(78)
    expect(JSON.stringify(logs)).toMatch(/pod \S+worker-0\S+ belongs to StatefulSet .* set RATE_LIMIT_SHARE=partitions or fixed/)
  })

  test('a second Deployment of the namespace has a limit of its own', async () => {
    const [one, two] = [await deploy('one'), await deploy('two')]
    const pods = await Promise.all([addWorker(one), addWorker(two, { KAFKA_GROUP_ID: `${scenario.group}-two` })])
    await Promise.all(pods.map((pod) => haveAll([pod])))
    expect((await Promise.all(['one', 'two'].map(inLedger))).map((entries) => entries.length)).toEqual([1, 1])
  })

  test('SIGTERM: the ledger knows at once that it has left, and the others have its slots', async () => {
    const deployment = await deploy()
    const [first, second] = await Promise.all([addWorker(deployment), addWorker(deployment)])
    await haveAll([first, second])
    expect(await inLedger('worker')).toHaveLength(2)
    await removeWorker(deployment, first)
    expect(await inLedger('worker')).toHaveLength(1)
    await haveAll([second])
  })

  /** Preloaded: says so when anything asks for the client of Kubernetes. */
  const spy = `
    import { registerHooks } from 'node:module'
    registerHooks({ resolve: (name, context, next) => {
      if (name.startsWith('@kubernetes')) console.log('asked for ' + name)
      return next(name, context)
    } })`
  const spied = { ...READY, nodeFlags: ['--import', `data:text/javascript,${encodeURIComponent(spy)}`] }
  const asks = ({ logs }: WorkerProcess): boolean => logs.some(({ msg }) => msg?.startsWith('asked for @kubernetes'))

  test('the client of Kubernetes is loaded by who shares by Kubernetes, and by nobody else', async () => {
    const deployment = await deploy()
    const env = await envOf(await deployment.addPod(), 'worker')
    expect(asks(await scenario.addWorker(env, spied))).toBe(true)
    expect(asks(await scenario.addWorker({ ...env, RATE_LIMIT_SHARE: 'partitions' }, spied))).toBe(false)
  })
})
