// One text that the pods of a Deployment share, kept in an annotation of one Lease. A write names the version that it replaces (optimistic
// concurrency): of two that replace the same one, the API server takes the first and tells the second.

import { wall } from '../../clock.ts'
import { openKubernetesApi, type KubernetesApi, type V1Lease, type V1ObjectMeta } from './kubernetes-api.ts'
import { UnavailableError, type Access } from './lease-errors.ts'
import { findPlace, type Known, type Place, type Resource } from './place.ts'

export type { Place }

const ANNOTATION = 'customerio-worker/slots'
const LEASES = { apiGroup: 'coordination.k8s.io', resource: 'leases' }

export interface StoredText {
  /** Empty if the Lease has no such annotation: somebody else made it, or took the text away. */
  readonly text: string
  /** resourceVersion of the Lease: another one after every change of anything in it. */
  readonly version: string
  /** Of the Lease: another one after it was deleted and made again. */
  readonly uid: string
  /** Milliseconds since the epoch by the API server's clock, in whole seconds. */
  readonly createdAt: number
}

/**
 * Nothing is tried twice. Every method but `close` may throw an AccessError or an UnavailableError; after one of a write it is not known
 * whether the text was written.
 */
export interface LeaseStore {
  /**
   * Where this process runs. Asked once, in three requests, by the first call of any method.
   * @throws NotADeploymentError
   */
  locate(): Promise<Place>
  /** The text as it is now, by a majority of etcd; undefined if there is no Lease. */
  read(): Promise<StoredText | undefined>
  /** Makes the Lease. 'conflict' if there is one. */
  create(text: string): Promise<StoredText | 'conflict'>
  /** @param before as this store gave it. 'conflict' if the Lease has changed since, is gone, or is another one */
  replace(text: string, before: StoredText): Promise<StoredText | 'conflict'>
  /** Ends connections; what is under way, or comes later, fails with an UnavailableError. */
  close(): Promise<void>
}

export interface LeaseStoreOptions {
  /** Of this process. */
  readonly podName: string
  readonly namespace: string
  /** Path of a kubeconfig; undefined: the service account of the pod that this process is in. */
  readonly kubeconfig: string | undefined
  /** Most time that a request may take, with its connection. */
  readonly timeoutMs: number
}

/** @throws StartupError if there is no way to an API server */
export async function openLeaseStore(options: LeaseStoreOptions): Promise<LeaseStore> {
  return new KubernetesLeaseStore(await openKubernetesApi(options), options)
}

class KubernetesLeaseStore implements LeaseStore {
  readonly #api: KubernetesApi
  readonly #podName: string
  readonly #namespace: string
  /** What was read, whole: a write gives back what others keep in the Lease. */
  readonly #leases = new WeakMap<StoredText, V1Lease>()
  #place: Place | undefined

  constructor(api: KubernetesApi, { podName, namespace }: LeaseStoreOptions) {
    this.#api = api
    this.#podName = podName
    this.#namespace = namespace
  }

  async locate(): Promise<Place> {
    return this.#place ??= await findPlace(this.#podName, (resource, name) => this.#look(resource, name))
  }

  async read(): Promise<StoredText | undefined> {
    const [namespace, { lease: name }] = [this.#namespace, await this.locate()]
    const answer = await this.#api.ask(rightsOn(name), ({ coordination }) => coordination.readNamespacedLease({ name, namespace }))
    return answer.kind === 'done' ? this.#stored(answer.body) : undefined
  }

  async create(text: string): Promise<StoredText | 'conflict'> {
    const [namespace, { lease: name }] = [this.#namespace, await this.locate()]
    // no owner: with one it would go with the Deployment, and the next one's pods would use slots that pods of the old one still do
    const body = this.#signed({ metadata: { name } }, text)
    const access = { ...LEASES, verbs: ['create'] }
    const answer = await this.#api.ask(access, ({ coordination }) => coordination.createNamespacedLease({ namespace, body }))
    if (answer.kind === 'missing') throw new UnavailableError(`there is no namespace "${namespace}" (any more)`)
    return answer.kind === 'done' ? this.#stored(answer.body) : 'conflict'
  }

  async replace(text: string, before: StoredText): Promise<StoredText | 'conflict'> {
    const [namespace, { lease: name }] = [this.#namespace, await this.locate()]
    const lease = this.#leases.get(before)
    if (!lease) throw new Error('`before` is not what this store gave')
    // the uid is in it, too: without, a PUT of a Lease that is gone would make it anew
    const body = this.#signed(lease, text)
    const answer = await this.#api.ask(rightsOn(name), ({ coordination }) => coordination.replaceNamespacedLease({ name, namespace, body }))
    return answer.kind === 'done' ? this.#stored(answer.body) : 'conflict'
  }

  async close(): Promise<void> {
    await this.#api.close()
  }

  async #look(resource: Resource, name: string): Promise<Known | undefined> {
    const namespace = this.#namespace
    const access = { apiGroup: resource === 'pods' ? '' : 'apps', resource, verbs: ['get'] }
    const answer = await this.#api.ask<{ metadata?: V1ObjectMeta }>(access, ({ core, apps }) => {
      switch (resource) {
        case 'pods': return core.readNamespacedPod({ name, namespace })
        case 'replicasets': return apps.readNamespacedReplicaSet({ name, namespace })
        case 'deployments': return apps.readNamespacedDeployment({ name, namespace })
      }
    })
    if (answer.kind !== 'done') return undefined
    const { uid, creationTimestamp, ownerReferences } = answer.body.metadata as Required<V1ObjectMeta>
    return { uid, createdAt: creationTimestamp.getTime(), owner: ownerReferences?.find(({ controller }) => controller) }
  }

  /** `lease` with the text, and with who wrote it and when, for people who look. */
  #signed({ metadata, spec, ...rest }: V1Lease, text: string): V1Lease {
    return {
      ...rest,
      // managedFields are the API server's own affair, and more than half of the object
      metadata: { ...metadata, annotations: { ...metadata?.annotations, [ANNOTATION]: text }, managedFields: undefined },
      spec: { ...spec, holderIdentity: this.#podName, renewTime: this.#api.microTime(wall()) },
    }
  }

  #stored(lease: V1Lease): StoredText {
    const { annotations, resourceVersion, uid, creationTimestamp } = lease.metadata as Required<V1ObjectMeta>
    const stored = { text: annotations?.[ANNOTATION] ?? '', version: resourceVersion, uid, createdAt: creationTimestamp.getTime() }
    this.#leases.set(stored, lease)
    return stored
  }
}

const rightsOn = (lease: string): Access => ({ ...LEASES, resourceName: lease, verbs: ['get', 'update'] })
