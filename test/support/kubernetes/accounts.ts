import { readFileSync } from 'node:fs'
import { rename, writeFile } from 'node:fs/promises'
import path from 'node:path'
import type { KubeConfig } from '@kubernetes/client-node'
import { unlessThere, type Admin } from './admin.ts'

/** Service accounts, as a pod has one. */
export interface Accounts {
  /**
   * Path of a kubeconfig with a fresh token of the service account, which is made if it is not there yet. Each call has files of its own.
   * @param server a way to the API server in place of the straight one: https://127.0.0.1:port of a proxy
   */
  kubeconfigFor(serviceAccount: string, namespace: string, server?: string): Promise<string>
  /** A fresh token of the service account, good for an hour. */
  tokenFor(serviceAccount: string, namespace: string): Promise<string>
  /** Puts a token in the place of the one that the kubeconfig names, as the kubelet does: the file changes at once and as a whole. */
  putToken(kubeconfig: string, token: string): Promise<void>
}

export const openAccounts = (config: KubeConfig, admin: Admin, directory: string): Accounts => {
  const cluster = config.getCurrentCluster()!
  const authority = cluster.caData ?? (cluster.caFile && readFileSync(cluster.caFile, 'base64'))
  let files = 0

  const putToken = async (kubeconfig: string, token: string): Promise<void> => {
    await writeFile(`${kubeconfig}.next`, token, { mode: 0o600 })
    await rename(`${kubeconfig}.next`, `${kubeconfig}.token`)
  }
  const tokenFor = async (name: string, namespace: string): Promise<string> => {
    const body = { spec: { audiences: [], expirationSeconds: 3600 } }
    return (await admin.core.createNamespacedServiceAccountToken({ name, namespace, body })).status!.token!
  }
  return {
    tokenFor,
    putToken,
    kubeconfigFor: async (serviceAccount, namespace, server = cluster.server) => {
      await admin.core.createNamespacedServiceAccount({ namespace, body: { metadata: { name: serviceAccount } } }).catch(unlessThere)
      const kubeconfig = path.join(directory, `account-${files += 1}.kubeconfig`)
      await putToken(kubeconfig, await tokenFor(serviceAccount, namespace))
      await writeFile(kubeconfig, JSON.stringify({
        apiVersion: 'v1',
        kind: 'Config',
        'current-context': 'test',
        contexts: [{ name: 'test', context: { cluster: 'test', user: serviceAccount, namespace } }],
        clusters: [{ name: 'test', cluster: { server, 'certificate-authority-data': authority } }],
        users: [{ name: serviceAccount, user: { tokenFile: `${path.basename(kubeconfig)}.token` } }],
      }))
      return kubeconfig
    },
  }
}
