// The Lease against a real API server. Without one (see kubernetesMissing) these tests are skipped, and say so.

import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { setTimeout as wait } from 'node:timers/promises'
import { promisify } from 'node:util'
import type { V1OwnerReference, V1PolicyRule } from '@kubernetes/client-node'
import { AccessError, NotADeploymentError, UnavailableError } from '../../src/limiter/kubernetes/lease-errors.ts'
import { openLeaseStore, type LeaseStore, type StoredText } from '../../src/limiter/kubernetes/lease-store.ts'
import { isStatus, mergePatch } from '../support/kubernetes/client.ts'
import { addPod, addReplicaSet, createDeployment, type Where } from '../support/kubernetes/deployment.ts'
import { kubernetesMissing, startKubernetes, type TestKubernetes } from '../support/kubernetes/index.ts'
import { chartRules, grant } from '../support/kubernetes/role.ts'
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.ts'

jest.mock('@kubernetes/client-node', () => jest.requireActual<{ client: unknown }>('../support/kubernetes/client.ts').client)
jest.setTimeout(60_000)

const missing = kubernetesMissing()
if (missing) console.warn(`Skipped: ${missing}`)
/** What takes the API server, or the namespace, away: those of TEST_KUBECONFIG are not ours to harm. */
const describeHarm = process.env.TEST_KUBECONFIG ? describe.skip : describe

/** Longer than a test may take: what ends before is not ended by this. */
const PATIENT_MS = 120_000
const HASTY_MS = 2_000

;(missing ? describe.skip : describe)('the Lease of a Deployment', () => {
  let kubernetes: TestKubernetes
  let where: Where
  let namespace: string
  const stores: LeaseStore[] = []

  beforeAll(async () => {
    kubernetes = await startKubernetes({ log: (line) => console.log(line) })
  }, 1_200_000)
  afterAll(() => kubernetes?.stop())

  beforeEach(async () => {
    namespace = await kubernetes.admin.addNamespace()
    where = { admin: kubernetes.admin, namespace }
  })
  afterEach(async () => {
    for (const store of stores.splice(0)) await store.close()
  })

  const open = async (podName: string, kubeconfig: string, timeoutMs = PATIENT_MS): Promise<LeaseStore> => {
    const store = await openLeaseStore({ podName, namespace, kubeconfig, timeoutMs })
    stores.push(store)
    return store
  }

  interface Deploy { name?: string; rules?: V1PolicyRule[]; timeoutMs?: number; server?: string }

  /** A Deployment with a service account and a store of one of its pods. */
  async function deploy({ name = 'worker', rules = chartRules(name), timeoutMs, server }: Deploy = {}) {
    const deployment = await createDeployment(where, name)
    const kubeconfig = await kubernetes.kubeconfigFor(name, namespace, server)
    await grant(where, name, rules)
    const pod = await deployment.addPod()
    return { deployment, kubeconfig, pod, store: await open(pod, kubeconfig, timeoutMs) }
  }

  const leases = () => kubernetes.admin.coordination
  const lease = (name = 'worker-slots') => leases().readNamespacedLease({ name, namespace })
  const patchLease = (body: object) => leases().patchNamespacedLease({ name: 'worker-slots', namespace, body }, mergePatch)
  const removeLease = () => leases().deleteNamespacedLease({ name: 'worker-slots', namespace })

  async function created(store: LeaseStore, text: string): Promise<StoredText> {
    const stored = await store.create(text)
    if (stored === 'conflict') throw new Error('there was a Lease already')
    return stored
  }

  /** What a read fails with that is never answered, while something is done to it again and again. */
  async function failureWhile(disturb: () => void | Promise<void>, store: LeaseStore): Promise<unknown> {
    const reading = store.read().then(() => 'an answer', (error: unknown) => error)
    for (;;) {
      await disturb()
      const outcome = await Promise.race([reading, wait(20)])
      if (outcome !== undefined) return outcome
    }
  }

  describe('where a process runs', () => {
    test('its Deployment is found by way of its ReplicaSet', async () => {
      const { deployment, pod, store } = await deploy()
      const { metadata: podMeta } = await kubernetes.admin.core.readNamespacedPod({ name: pod, namespace })
      const { metadata } = await kubernetes.admin.apps.readNamespacedDeployment({ name: 'worker', namespace })
      const deploymentCreatedAt = metadata!.creationTimestamp!.getTime()
      expect(await store.locate()).toEqual({
        podUid: podMeta!.uid, deployment: 'worker', deploymentUid: deployment.uid, deploymentCreatedAt, lease: 'worker-slots',
      })
    })

    test('after a roll-out pods of both ReplicaSets share a Lease', async () => {
      const { deployment, kubeconfig, store } = await deploy()
      await deployment.rollOut()
      const next = await open(await deployment.addPod(), kubeconfig)
      await created(store, 'of the old one')
      expect(await next.read()).toMatchObject({ text: 'of the old one' })
    })

    test('a second Deployment of the namespace has a Lease of its own, which the first one may not read', async () => {
      const allDeployments = { apiGroups: ['apps'], resources: ['deployments'], verbs: ['get'] }
      const [one, two] = [await deploy({ name: 'one', rules: [...chartRules('one'), allDeployments] }), await deploy({ name: 'two' })]
      await created(one.store, 'of one')
      expect(await two.store.read()).toBeUndefined()
      await created(two.store, 'of two')
      expect([(await one.store.read())?.text, (await two.store.read())?.text]).toEqual(['of one', 'of two'])
      await expect((await open(two.pod, one.kubeconfig)).read()).rejects.toThrow('resourceNames: ["two-slots"]')
    })

    test('a pod that is going down still finds its Deployment', async () => {
      const { deployment, pod, store } = await deploy()
      await deployment.deletePod(pod, { grace: true })
      expect(await store.locate()).toMatchObject({ deployment: 'worker' })
    })

    test('of a pod that is gone nothing is known', async () => {
      const { deployment, pod, store } = await deploy()
      await deployment.deletePod(pod)
      await expect(store.locate()).rejects.toThrow(new UnavailableError(`there is no such object (any more): pods "${pod}"`))
    })

    test('a Deployment made anew is not that of the pods of the old one', async () => {
      const { store } = await deploy()
      await kubernetes.admin.apps.deleteNamespacedDeployment({ name: 'worker', namespace, propagationPolicy: 'Background' })
      await createDeployment(where, 'worker')
      await expect(store.locate()).rejects.toThrow(UnavailableError)
    })

    const uid = '0b3cf4bc-9a53-4c1b-8a2d-0d2e4c8f1a11'
    const owner = (apiVersion: string, kind: string): V1OwnerReference => ({ apiVersion, kind, name: 'its-owner', uid, controller: true })
    const set = (owner?: V1OwnerReference) => addReplicaSet(where, { name: 'its-set', labels: { app: 'other' }, owner })
    test.each([
      ['a StatefulSet', async () => owner('apps/v1', 'StatefulSet'), /pod "alone" belongs to StatefulSet "its-owner"/],
      ['a DaemonSet', async () => owner('apps/v1', 'DaemonSet'), /pod "alone" belongs to DaemonSet "its-owner"/],
      ['a Job', async () => owner('batch/v1', 'Job'), /pod "alone" belongs to Job "its-owner"/],
      ['nobody', async () => undefined, /pod "alone" belongs to nobody/],
      ['a bare ReplicaSet', () => set(), /ReplicaSet "its-set" of pod "alone" belongs to nobody/],
      ['another\'s ReplicaSet', () => set(owner('argoproj.io/v1alpha1', 'Rollout')), /"its-set" of pod "alone" belongs to Rollout "its-/],
    ])('a pod of %s is refused, and what helps is said', async (_name, ownerOfPod, message) => {
      const { kubeconfig } = await deploy()
      const store = await open(await addPod(where, { name: 'alone', owner: await ownerOfPod() }), kubeconfig)
      const thrown: unknown = await store.locate().catch((error: unknown) => error)
      expect(thrown).toBeInstanceOf(NotADeploymentError)
      expect((thrown as Error).message).toMatch(message)
      expect((thrown as Error).message).toContain('RATE_LIMIT_SHARE=partitions or fixed')
    })
  })

  describe('the text', () => {
    test('is made, read, replaced', async () => {
      const { store } = await deploy()
      expect(await store.read()).toBeUndefined()
      const first = await created(store, 'first')
      expect(await store.read()).toEqual(first)
      const second = await store.replace('second', first)
      expect(await store.read()).toEqual(second)
      const { metadata } = await lease()
      const { uid, resourceVersion: version, creationTimestamp } = metadata!
      expect(second).toEqual({ text: 'second', version, uid, createdAt: creationTimestamp!.getTime() })
      expect(first).toEqual({ ...second as StoredText, text: 'first', version: expect.not.stringMatching(`^${version}$`) })
    })

    test('is made by one of two', async () => {
      const { deployment, kubeconfig, store } = await deploy()
      const other = await open(await deployment.addPod(), kubeconfig)
      await Promise.all([store.locate(), other.locate()])
      const made = await Promise.all([store.create('mine'), other.create('theirs')])
      expect(made.filter((result) => result === 'conflict')).toHaveLength(1)
      expect(await store.read()).toEqual(made.find((result) => result !== 'conflict'))
    })

    test('is replaced by one of two that know the same version', async () => {
      const { deployment, kubeconfig, store } = await deploy()
      const other = await open(await deployment.addPod(), kubeconfig)
      await created(store, 'first')
      const [mine, theirs] = [await store.read(), await other.read()] as [StoredText, StoredText]
      const written = await Promise.all([store.replace('mine', mine), other.replace('theirs', theirs)])
      expect(written.filter((result) => result === 'conflict')).toHaveLength(1)
      expect(await store.read()).toEqual(written.find((result) => result !== 'conflict'))
    })

    test('is not replaced after somebody changed anything in the Lease', async () => {
      const { store } = await deploy()
      const before = await created(store, 'first')
      await patchLease({ metadata: { labels: { team: 'shop' } } })
      expect(await store.replace('second', before)).toBe('conflict')
      expect((await store.read())?.text).toBe('first')
    })

    test('is not replaced after the Lease was deleted, nor is the Lease made anew', async () => {
      const { store } = await deploy()
      const before = await created(store, 'first')
      await removeLease()
      expect(await store.replace('second', before)).toBe('conflict')
      expect(await lease().catch((error: unknown) => isStatus(error, 404))).toBe(true)
      expect(await store.read()).toBeUndefined()
    })

    test('is not replaced in a Lease that was made anew', async () => {
      const { store } = await deploy()
      const before = await created(store, 'first')
      await removeLease()
      const anew = await created(store, 'anew')
      expect(anew.uid).not.toBe(before.uid)
      expect(await store.replace('second', before)).toBe('conflict')
      expect(await store.read()).toEqual(anew)
    })

    test('is written beside what others keep in the Lease', async () => {
      const { store } = await deploy()
      await created(store, 'first')
      const theirs = { labels: { team: 'shop' }, annotations: { note: 'do not touch' }, finalizers: ['example.org/hold'] }
      await patchLease({ metadata: theirs, spec: { leaseDurationSeconds: 30, leaseTransitions: 3 } })
      await store.replace('second', (await store.read())!)
      const { metadata, spec } = await lease()
      expect(metadata).toMatchObject({ ...theirs, annotations: { ...theirs.annotations, 'customerio-worker/slots': 'second' } })
      expect(spec).toMatchObject({ leaseDurationSeconds: 30, leaseTransitions: 3 })
      await patchLease({ metadata: { finalizers: null } })
    })

    test('of a Lease that has none is empty, and can be replaced', async () => {
      const { store } = await deploy()
      await leases().createNamespacedLease({ namespace, body: { metadata: { name: 'worker-slots' } } })
      expect(await store.create('first')).toBe('conflict')
      const before = await store.read()
      expect(before?.text).toBe('')
      expect(await store.replace('first', before!)).toMatchObject({ text: 'first' })
    })

    test('goes with who wrote it and when', async () => {
      const { deployment, kubeconfig, pod, store } = await deploy()
      await created(store, 'first')
      const { spec } = await lease()
      expect(spec?.holderIdentity).toBe(pod)
      const other = await open(await deployment.addPod(), kubeconfig)
      await wait(2)
      await other.replace('second', (await other.read())!)
      const { spec: later } = await lease()
      expect(later?.holderIdentity).not.toBe(pod)
      expect(Date.parse(String(later?.renewTime))).toBeGreaterThan(Date.parse(String(spec?.renewTime)))
    })
  })

  describe('access', () => {
    const rule = (resource: string) => chartRules('worker').filter(({ resources }) => resources![0] !== resource)
    const leaseVerbs = (verbs: string[]) => [...rule('leases'), { apiGroups: ['coordination.k8s.io'], resources: ['leases'], verbs }]
    const group = 'apiGroups: ["coordination.k8s.io"]'
    const ofTheLease = `${group}, resources: ["leases"], resourceNames: ["worker-slots"], verbs: ["get", "update"]`
    test.each([
      ['get pods', rule('pods'), 'apiGroups: [""], resources: ["pods"], verbs: ["get"]'],
      ['get replicasets', rule('replicasets'), 'apiGroups: ["apps"], resources: ["replicasets"], verbs: ["get"]'],
      ['get deployments', rule('deployments'), 'apiGroups: ["apps"], resources: ["deployments"], verbs: ["get"]'],
      ['create leases', leaseVerbs(['get', 'update']), `${group}, resources: ["leases"], verbs: ["create"]`],
      ['get leases', leaseVerbs(['create', 'update']), ofTheLease],
      ['update leases', leaseVerbs(['create', 'get']), ofTheLease],
    ])('without the right to %s the rule that is missing is said', async (_name, rules, missing) => {
      const { store } = await deploy({ rules })
      const thrown: unknown = await (async () => {
        await store.replace('second', await created(store, 'first'))
        await store.read()
      })().catch((error: unknown) => error)
      expect(thrown).toBeInstanceOf(AccessError)
      expect((thrown as Error).message).toMatch(/^not allowed to .*: the service account needs a Role with the rule (.*)$/)
      expect((thrown as Error).message.split(' with the rule ')[1]).toBe(missing)
    })

    test('a token that is no good is refused, and not repeated', async () => {
      const { kubeconfig, store } = await deploy()
      await kubernetes.putToken(kubeconfig, 'no-good-token')
      const thrown: unknown = await store.read().catch((error: unknown) => error)
      expect(thrown).toBeInstanceOf(AccessError)
      expect((thrown as Error).message).toMatch(/refused the token.*401/)
      expect(JSON.stringify(thrown, Object.getOwnPropertyNames(thrown))).not.toContain('no-good-token')
    })

    test('a token that is put in the place of another is used from the next request on', async () => {
      const { kubeconfig, store } = await deploy()
      await created(store, 'first')
      await kubernetes.kubeconfigFor('stranger', namespace)
      await kubernetes.putToken(kubeconfig, await kubernetes.tokenFor('stranger', namespace))
      await expect(store.read()).rejects.toThrow('not allowed to get or update leases "worker-slots"')
      await kubernetes.putToken(kubeconfig, await kubernetes.tokenFor('worker', namespace))
      expect(await store.read()).toMatchObject({ text: 'first' })
    })
  })

  describeHarm('an API server that', () => {
    test('is about to lose the namespace: that 403 is not laid at the Role\'s door', async () => {
      const { store } = await deploy()
      await store.locate()
      await kubernetes.admin.core.deleteNamespace({ name: namespace })
      const thrown: unknown = await store.create('first').catch((error: unknown) => error)
      expect(thrown).toBeInstanceOf(AccessError)
      expect((thrown as Error).message).toContain('not for want of a Role')
    })

    test('is down, and back with all that it kept', async () => {
      const { store } = await deploy()
      const before = await created(store, 'first')
      await kubernetes.stopApi()
      try {
        await expect(store.read()).rejects.toThrow(UnavailableError)
        await expect(store.replace('second', before)).rejects.toThrow(/ECONNREFUSED/)
      } finally {
        await kubernetes.startApi()
      }
      expect(await store.replace('second', before)).toMatchObject({ text: 'second', uid: before.uid })
    })

    test.each([
      ['a read', (store: LeaseStore) => store.read()],
      ['a write', (store: LeaseStore, before: StoredText) => store.replace('second', before)],
    ])('hangs: %s is given up, and the next one is answered', async (_name, ask) => {
      const { store } = await deploy({ timeoutMs: HASTY_MS })
      const before = await created(store, 'first')
      kubernetes.pauseApi()
      try {
        await expect(ask(store, before)).rejects.toThrow(/^no answer of the API server, .*"worker-slots" \(TimeoutError\)$/)
      } finally {
        kubernetes.resumeApi()
      }
      expect(await store.read()).toBeDefined()
    })

    test('hangs when there is no connection yet: that is given up, too', async () => {
      const { kubeconfig, pod } = await deploy()
      const store = await open(pod, kubeconfig, HASTY_MS)
      kubernetes.pauseApi()
      try {
        await expect(store.read()).rejects.toThrow(/TimeoutError/)
      } finally {
        kubernetes.resumeApi()
      }
    })

    test('hangs when the store is closed: what is under way ends', async () => {
      const { store } = await deploy()
      await created(store, 'first')
      kubernetes.pauseApi()
      try {
        expect(await failureWhile(() => store.close(), store)).toBeInstanceOf(UnavailableError)
      } finally {
        kubernetes.resumeApi()
      }
    })
  })

  describe('a connection', () => {
    let proxy: TcpProxy
    beforeEach(async () => {
      proxy = await startTcpProxy({ target: new URL(kubernetes.server).host })
    })
    afterEach(async () => {
      for (const store of stores.splice(0)) await store.close()
      await proxy.close()
    })
    const deployBehindProxy = (timeoutMs?: number) => deploy({ server: `https://${proxy.address}`, timeoutMs })

    test('that is kept from request to request', async () => {
      const { store } = await deployBehindProxy()
      await created(store, 'first')
      for (let count = 0; count < 5; count += 1) await store.read()
      expect(proxy.connections).toBe(1)
    })

    test('that is dead, with nobody told: the next request has a new one', async () => {
      const { store } = await deployBehindProxy(HASTY_MS)
      await created(store, 'first')
      proxy.silence()
      await expect(store.read()).rejects.toThrow(/TimeoutError/)
      expect(await store.read()).toMatchObject({ text: 'first' })
    })

    test('that is cut while the answer is under way', async () => {
      const { store } = await deployBehindProxy()
      await created(store, 'first')
      proxy.stall('down')
      expect(await failureWhile(() => proxy.reset(), store)).toBeInstanceOf(UnavailableError)
      proxy.heal()
      expect(await store.read()).toMatchObject({ text: 'first' })
    })
  })
})

test('the client is loaded when a store is opened, not before, in a process as it is started; no way to a cluster is said', async () => {
  const script = `
    import { registerHooks } from 'node:module'
    let loaded = false
    registerHooks({ resolve: (name, context, next) => {
      loaded ||= name.startsWith('@kubernetes')
      return next(name, context)
    } })
    const { openLeaseStore } = await import('./src/limiter/kubernetes/lease-store.ts')
    const before = loaded
    const thrown = []
    for (const kubeconfig of [undefined, '/no/such/file']) {
      await openLeaseStore({ podName: 'p', namespace: 'n', kubeconfig, timeoutMs: 1000 })
        .catch(({ name, message }) => thrown.push([name, message]))
    }
    console.log(JSON.stringify({ before, loaded, thrown }))`
  const { scripts: { start } } = JSON.parse(readFileSync('package.json', 'utf8')) as { scripts: { start: string } }
  const flags = start.split(' ').filter((word) => word.startsWith('--'))
  const args = [...flags, '--input-type=module', '-e', script]
  const { stdout } = await promisify(execFile)(process.execPath, args, { env: { PATH: process.env.PATH } })
  expect(JSON.parse(stdout)).toEqual({
    before: false,
    loaded: true,
    thrown: [
      ['StartupError', expect.stringContaining('not in a pod of Kubernetes')],
      ['StartupError', 'the kubeconfig /no/such/file can\'t be used (ENOENT)'],
    ],
  })
})
