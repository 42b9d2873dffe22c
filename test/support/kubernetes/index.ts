// A real API server of Kubernetes for tests: with roles, and it can fall ill.

import { mkdtemp, rm } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { onFreePorts } from '../kafka/ports.ts'
import { openAccounts, type Accounts } from './accounts.ts'
import { kubernetesBinaries } from './binaries.ts'
import { client } from './client.ts'
import { startControlPlane } from './control-plane.ts'
import { openAdmin, type Admin } from './admin.ts'

export { kubernetesMissing } from './binaries.ts'

export interface TestKubernetes extends Accounts {
  how: 'external' | 'processes'
  /** Path of a kubeconfig of an administrator. */
  kubeconfig: string
  /** https://host:port */
  server: string
  admin: Admin
  /** Takes the API server away; all that it keeps is there when it comes back, at the same address. */
  stopApi(signal?: 'SIGKILL' | 'SIGTERM'): Promise<void>
  startApi(): Promise<void>
  /** The API server takes connections, and says nothing any more. */
  pauseApi(): void
  resumeApi(): void
  /** Ends it and removes what it left; an external one loses the namespaces that the tests made. May be called more than once. */
  stop(): Promise<void>
}

/**
 * The cluster of TEST_KUBECONFIG, else etcd and kube-apiserver of our own. With those no controllers run: tests write what the controller
 * of a Deployment would (deployment.ts).
 */
export const startKubernetes = async ({ log }: { log: (line: string) => void }): Promise<TestKubernetes> => {
  const external = process.env.TEST_KUBECONFIG
  if (external) return openExternal(external)
  const binaries = kubernetesBinaries()
  const { server, kubeconfig, directory, api, remove } = await onFreePorts(() => startControlPlane(binaries, log))
  const config = configFrom(kubeconfig)
  const admin = openAdmin(config)
  return {
    how: 'processes', kubeconfig, server, admin, ...openAccounts(config, admin, directory),
    stopApi: (signal = 'SIGKILL') => api.end(signal),
    startApi: () => api.start(),
    pauseApi: () => api.signal('SIGSTOP'),
    resumeApi: () => api.signal('SIGCONT'),
    stop: remove,
  }
}

const openExternal = async (kubeconfig: string): Promise<TestKubernetes> => {
  const config = configFrom(kubeconfig)
  const admin = openAdmin(config)
  const directory = await mkdtemp(path.join(os.tmpdir(), 'kubernetes-'))
  const notOurs = (): never => {
    throw new Error('the cluster of TEST_KUBECONFIG is not ours to harm')
  }
  return {
    how: 'external', kubeconfig, server: config.getCurrentCluster()!.server, admin, ...openAccounts(config, admin, directory),
    stopApi: notOurs, startApi: notOurs, pauseApi: notOurs, resumeApi: notOurs,
    stop: async () => {
      await admin.removeNamespaces()
      await rm(directory, { recursive: true, force: true })
    },
  }
}

const configFrom = (kubeconfig: string) => {
  const config = new client.KubeConfig()
  config.loadFromFile(kubeconfig)
  return config
}
