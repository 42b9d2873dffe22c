// Where workers have their slots from: pods of a Deployment at a real API server, or plain processes that share by partitions.

import { createDeployment } from '../support/kubernetes/deployment.ts'
import { startKubernetes } from '../support/kubernetes/index.ts'
import { chartRules, grant } from '../support/kubernetes/role.ts'
import type { Program } from './program.ts'
import type { SourceName } from './sharing-settings.ts'

/** What stands for a controller and a kubelet: neither runs. */
export interface Source {
  /** A place for a worker, and the settings that go with it: the same ones for whoever is started there again. */
  addPod(): Promise<{ name: string; env: Record<string, string> }>
  /** It is going down: its worker is about to be told so. */
  markPod(name: string): Promise<void>
  removePod(name: string): Promise<void>
  /** Pods that are added from now on are of another version. */
  rollOut(): Promise<void>
  /** Takes the API server away; there if there is one that is ours to harm. */
  outage?: { begin(): Promise<void>; end(): Promise<void> }
}

export async function openSource(name: SourceName, { say, atEnd }: Program): Promise<Source> {
  return name === 'kubernetes' ? byKubernetes(say, atEnd) : byPartitions()
}

function byPartitions(): Source {
  let added = 0
  const nothing = async (): Promise<void> => {}
  return {
    addPod: async () => ({ name: `worker-${(added += 1)}`, env: { RATE_LIMIT_SHARE: 'partitions' } }),
    markPod: nothing, removePod: nothing, rollOut: nothing,
  }
}

async function byKubernetes(say: Program['say'], atEnd: Program['atEnd']): Promise<Source> {
  const starting = startKubernetes({ log: say })
  atEnd(async () => (await starting.catch(() => undefined))?.stop())
  const kubernetes = await starting
  const namespace = await kubernetes.admin.addNamespace()
  const where = { admin: kubernetes.admin, namespace }
  const deployment = await createDeployment(where, 'worker')
  await kubernetes.kubeconfigFor('worker', namespace)
  await grant(where, 'worker', chartRules('worker'))
  say(`Kubernetes is up (${kubernetes.how}).`)
  return {
    addPod: async () => {
      const name = await deployment.addPod()
      const KUBECONFIG = await kubernetes.kubeconfigFor('worker', namespace)
      return { name, env: { RATE_LIMIT_SHARE: 'kubernetes', POD_NAME: name, POD_NAMESPACE: namespace, KUBECONFIG } }
    },
    markPod: async (name) => deployment.deletePod(name, { grace: true }),
    removePod: async (name) => deployment.deletePod(name),
    rollOut: async () => deployment.rollOut(),
    ...(kubernetes.how === 'processes' && {
      outage: { begin: async () => kubernetes.stopApi('SIGKILL'), end: async () => kubernetes.startApi() },
    }),
  }
}
