import { NotADeploymentError, UnavailableError } from './lease-errors.ts'

/** Where a process runs. */
export interface Place {
  readonly podUid: string
  readonly deployment: string
  readonly deploymentUid: string
  /** Milliseconds since the epoch by the API server's clock, in whole seconds. */
  readonly deploymentCreatedAt: number
  /** Name of the Lease that the pods of this Deployment, and no others, share. */
  readonly lease: string
}

/** What is known of a pod, a ReplicaSet or a Deployment. */
export interface Known {
  readonly uid: string
  readonly createdAt: number
  /** The owner that manages it. */
  readonly owner: Owner | undefined
}

interface Owner {
  readonly apiVersion: string
  readonly kind: string
  readonly name: string
  readonly uid: string
}

export type Resource = 'pods' | 'replicasets' | 'deployments'

/**
 * From the pod to its Deployment.
 * @param look undefined if there is no such object
 * @throws NotADeploymentError, UnavailableError if one of the three is gone: the pod will be, too; and what `look` throws
 */
export async function findPlace(podName: string, look: (resource: Resource, name: string) => Promise<Known | undefined>): Promise<Place> {
  /** Of the same name, but with another uid, is what was made after it was gone. */
  const find = async (resource: Resource, name: string, uid?: string): Promise<Known> => {
    const found = await look(resource, name)
    if (found && (uid === undefined || found.uid === uid)) return found
    throw new UnavailableError(`there is no such object (any more): ${resource} "${name}"`)
  }
  const pod = await find('pods', podName)
  const set = ownerOf(pod, `pod "${podName}"`, 'ReplicaSet')
  const { name, uid } = ownerOf(await find('replicasets', set.name, set.uid), `ReplicaSet "${set.name}" of pod "${podName}"`, 'Deployment')
  const { createdAt } = await find('deployments', name, uid)
  return { podUid: pod.uid, deployment: name, deploymentUid: uid, deploymentCreatedAt: createdAt, lease: `${name}-slots` }
}

function ownerOf({ owner }: Known, what: string, kind: 'ReplicaSet' | 'Deployment'): Owner {
  if (owner?.kind === kind && owner.apiVersion.startsWith('apps/')) return owner
  const whose = owner ? `${owner.kind} "${owner.name}"` : 'nobody'
  throw new NotADeploymentError(`${what} belongs to ${whose}: only pods of a Deployment share slots by a Lease; `
    + 'set RATE_LIMIT_SHARE=partitions or fixed')
}
