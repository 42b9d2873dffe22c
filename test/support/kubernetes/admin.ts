import { randomBytes } from 'node:crypto'
import type { KubeConfig } from '@kubernetes/client-node'
import type { AppsV1Api, AuthorizationV1Api, CoordinationV1Api, CoreV1Api, RbacAuthorizationV1Api } from '@kubernetes/client-node'
import { client, isStatus } from './client.ts'

/** All rights on the API server. */
export interface Admin {
  core: CoreV1Api
  apps: AppsV1Api
  coordination: CoordinationV1Api
  rbac: RbacAuthorizationV1Api
  authorization: AuthorizationV1Api
  /** A new namespace, with a name that nobody else has, in which pods can be made. */
  addNamespace(): Promise<string>
  /** Removes those that were added. */
  removeNamespaces(): Promise<void>
}

/** For a `create` that may come second. */
export const unlessThere = (error: unknown): void => {
  if (!isStatus(error, 409)) throw error
}

export const openAdmin = (config: KubeConfig): Admin => {
  const core = config.makeApiClient(client.CoreV1Api)
  const added: string[] = []
  return {
    core,
    apps: config.makeApiClient(client.AppsV1Api),
    coordination: config.makeApiClient(client.CoordinationV1Api),
    rbac: config.makeApiClient(client.RbacAuthorizationV1Api),
    authorization: config.makeApiClient(client.AuthorizationV1Api),
    addNamespace: async () => {
      const name = `test-${randomBytes(5).toString('hex')}`
      await core.createNamespace({ body: { metadata: { name } } })
      added.push(name)
      // no pod can be made before there is this one, which a controller makes if one runs
      await core.createNamespacedServiceAccount({ namespace: name, body: { metadata: { name: 'default' } } }).catch(unlessThere)
      return name
    },
    removeNamespaces: async () => {
      for (const name of added.splice(0)) await core.deleteNamespace({ name })
    },
  }
}
