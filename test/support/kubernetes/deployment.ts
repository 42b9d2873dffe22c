// A Deployment with its ReplicaSets and pods, as its controllers and a kubelet would write them: none of those runs in tests.

import { randomBytes } from 'node:crypto'
import type { V1OwnerReference, V1PodSpec } from '@kubernetes/client-node'
import type { Admin } from './admin.ts'
import { mergePatch } from './client.ts'

export interface TestDeployment {
  name: string
  uid: string
  /** Adds a pod of the newest ReplicaSet. Its name. */
  addPod(): Promise<string>
  /** With `grace` it stays, marked as going down, until it is deleted without: as a kubelet does when the processes have ended. */
  deletePod(pod: string, options?: { grace?: boolean }): Promise<void>
  /** Another ReplicaSet, of the next revision: the newest from now on. */
  rollOut(): Promise<void>
}

export interface Where {
  admin: Admin
  namespace: string
}

const suffix = (): string => randomBytes(3).toString('hex')

/** A node that does not exist, so that a pod has its grace. A cluster of TEST_KUBECONFIG collects such pods after a minute or so. */
const podSpec = (): V1PodSpec => ({
  nodeName: 'no-such-node', automountServiceAccountToken: false, containers: [{ name: 'worker', image: 'customerio-worker:test' }],
})

const ownedBy = (kind: string, name: string, uid: string): V1OwnerReference =>
  ({ apiVersion: 'apps/v1', kind, name, uid, controller: true, blockOwnerDeletion: true })

/** A pod that says it runs. Its name. */
export const addPod = async (
  { admin, namespace }: Where,
  { name = `pod-${suffix()}`, owner, labels }: { name?: string; owner?: V1OwnerReference; labels?: Record<string, string> } = {},
): Promise<string> => {
  const metadata = { name, labels, ownerReferences: owner && [owner] }
  await admin.core.createNamespacedPod({ namespace, body: { metadata, spec: podSpec() } })
  const status = { phase: 'Running', startTime: new Date(), conditions: [{ type: 'Ready', status: 'True' }] }
  await admin.core.patchNamespacedPodStatus({ name, namespace, body: { status } }, mergePatch)
  return name
}

/** A ReplicaSet of no pods. */
export const addReplicaSet = async (
  { admin, namespace }: Where,
  { name, labels, owner, revision }: { name: string; labels: Record<string, string>; owner?: V1OwnerReference; revision?: number },
): Promise<V1OwnerReference> => {
  const annotations = revision === undefined ? undefined : { 'deployment.kubernetes.io/revision': String(revision) }
  const { metadata } = await admin.apps.createNamespacedReplicaSet({
    namespace,
    body: {
      metadata: { name, labels, annotations, ownerReferences: owner && [owner] },
      spec: { replicas: 0, selector: { matchLabels: labels }, template: { metadata: { labels }, spec: podSpec() } },
    },
  })
  return ownedBy('ReplicaSet', name, metadata!.uid!)
}

export const createDeployment = async (where: Where, name: string): Promise<TestDeployment> => {
  const { admin: { core, apps }, namespace } = where
  const app = { app: name }
  const template = { metadata: { labels: app }, spec: podSpec() }
  const { metadata } = await apps.createNamespacedDeployment({
    namespace,
    // paused: where controllers do run they leave it as it is
    body: { metadata: { name }, spec: { paused: true, replicas: 0, selector: { matchLabels: app }, template } },
  })
  const uid = metadata!.uid!
  let [revision, labels, newest] = [0, app as Record<string, string>, undefined as V1OwnerReference | undefined]
  const sets: string[] = []

  /** Writes the numbers of pods, of each ReplicaSet and of all. */
  const count = async (): Promise<void> => {
    const { items } = await core.listNamespacedPod({ namespace, labelSelector: `app=${name}` })
    const spec = (replicas: number) => ({ spec: { replicas } })
    const status = (replicas: number) => ({ status: { replicas, readyReplicas: replicas, availableReplicas: replicas } })
    for (const set of sets) {
      const pods = items.filter(({ metadata }) => metadata!.ownerReferences?.[0]?.name === set).length
      await apps.patchNamespacedReplicaSet({ name: set, namespace, body: spec(pods) }, mergePatch)
      await apps.patchNamespacedReplicaSetStatus({ name: set, namespace, body: status(pods) }, mergePatch)
    }
    await apps.patchNamespacedDeployment({ name, namespace, body: spec(items.length) }, mergePatch)
    await apps.patchNamespacedDeploymentStatus({ name, namespace, body: status(items.length) }, mergePatch)
  }

  const deployment: TestDeployment = {
    name,
    uid,
    rollOut: async () => {
      revision += 1
      labels = { ...app, 'pod-template-hash': suffix() }
      const set = `${name}-${labels['pod-template-hash']}`
      newest = await addReplicaSet(where, { name: set, labels, revision, owner: ownedBy('Deployment', name, uid) })
      sets.push(set)
      const body = { metadata: { annotations: { 'deployment.kubernetes.io/revision': String(revision) } } }
      await apps.patchNamespacedDeployment({ name, namespace, body }, mergePatch)
    },
    addPod: async () => {
      const pod = await addPod(where, { name: `${newest!.name}-${suffix()}`, owner: newest!, labels })
      await count()
      return pod
    },
    deletePod: async (pod, { grace = false } = {}) => {
      await core.deleteNamespacedPod({ name: pod, namespace, gracePeriodSeconds: grace ? 30 : 0 })
      await count()
    },
  }
  await deployment.rollOut()
  return deployment
}
