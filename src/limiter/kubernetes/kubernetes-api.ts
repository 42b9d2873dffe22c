// How the API server of Kubernetes is asked: with the token of the day, over a connection that is kept, for so long and no longer.
// The only module that imports @kubernetes/client-node.

import { readFileSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import type { AppsV1Api, CoordinationV1Api, CoreV1Api, KubeConfig, RequestContext, V1MicroTime } from '@kubernetes/client-node'
import { StartupError } from '../../errors.ts'
import { noAnswer, refusal, type Access } from './lease-errors.ts'

export type { V1Lease, V1ObjectMeta } from '@kubernetes/client-node'

interface Apis {
  readonly core: CoreV1Api
  readonly apps: AppsV1Api
  readonly coordination: CoordinationV1Api
}

interface Options {
  /** Path of a kubeconfig; undefined: the service account of the pod that this process is in. */
  readonly kubeconfig: string | undefined
  /** Most time that a request may take, with its connection. */
  readonly timeoutMs: number
}

/** What a request came to, apart from errors. */
export type Answer<T> = { readonly kind: 'done'; readonly body: T } | { readonly kind: 'missing' } | { readonly kind: 'conflict' }

type Client = typeof import('@kubernetes/client-node')
type Connections = ReturnType<RequestContext['getDispatcher']>

/** @throws StartupError if there is no way to an API server: the kubeconfig can't be used, or there is none and this is no pod */
export async function openKubernetesApi(options: Options): Promise<KubernetesApi> {
  // only here: 90 MB and half a second, which processes with another source of slots do not pay
  const client = await import('@kubernetes/client-node')
  try {
    serverOf(loadConfig(client, options.kubeconfig))
  } catch (error) {
    throw new StartupError(options.kubeconfig === undefined
      ? 'this process is not in a pod of Kubernetes (KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT are not set)'
      : `the kubeconfig ${options.kubeconfig} can't be used (${(error as NodeJS.ErrnoException).code ?? (error as Error).name})`)
  }
  return new KubernetesApi(client, options)
}

export class KubernetesApi {
  readonly #client: Client
  readonly #options: Options
  #connections: Connections
  #isClosed = false

  constructor(client: Client, options: Options) {
    this.#client = client
    this.#options = options
  }

  /**
   * One request, tried once. 'missing' is HTTP 404, 'conflict' 409.
   * @param access what the request needs, for the error
   * @throws AccessError, UnavailableError; after one of a write it is not known whether it was done
   */
  async ask<T>(access: Access, send: (apis: Apis) => Promise<T>): Promise<Answer<T>> {
    const timeOut = new AbortController()
    const timer = setTimeout(() => timeOut.abort(new DOMException('no answer in time', 'TimeoutError')), this.#options.timeoutMs)
    let used: Connections
    const prepare = (request: RequestContext): void => {
      if (this.#isClosed) throw new DOMException('closed', 'AbortError')
      // the client's own way is a new connection, with a TLS handshake, for every request
      used = this.#connections ??= request.getDispatcher()
      if (used) request.setDispatcher(used)
      request.setSignal(timeOut.signal)
      request.setHeaderParam('User-Agent', 'customerio-worker')
    }
    try {
      return { kind: 'done', body: await send(this.#apis(prepare)) }
    } catch (error) {
      if (!(error instanceof this.#client.ApiException)) {
        // the connection may be dead with nobody to tell, or made with a certificate of the past: the next request has a new one
        await this.#hangUp(used)
        throw noAnswer(error, access)
      }
      if (error.code === 404) return { kind: 'missing' }
      if (error.code === 409) return { kind: 'conflict' }
      throw refusal(error.code, error.body, access)
    } finally {
      clearTimeout(timer)
    }
  }

  /** A time as Kubernetes writes it in a Lease. `ms` since the epoch. */
  microTime(ms: number): V1MicroTime {
    return new this.#client.V1MicroTime(ms)
  }

  /** Ends connections; what is under way, or comes later, fails with an UnavailableError. */
  async close(): Promise<void> {
    this.#isClosed = true
    await this.#hangUp(this.#connections)
  }

  async #hangUp(connections: Connections): Promise<void> {
    if (connections === this.#connections) this.#connections = undefined
    await connections?.destroy()
  }

  /** Made anew for every request: the kubelet puts another token into the file, and the client by itself looks there once a minute. */
  #apis(prepare: (request: RequestContext) => void): Apis {
    const { createConfiguration, ServerConfiguration, CoreV1Api, AppsV1Api, CoordinationV1Api } = this.#client
    const config = loadConfig(this.#client, this.#options.kubeconfig)
    const pre = async (request: RequestContext): Promise<RequestContext> => {
      prepare(request)
      return request
    }
    const configuration = createConfiguration({
      baseServer: new ServerConfiguration(serverOf(config), {}),
      authMethods: { default: config },
      promiseMiddleware: [{ pre, post: async (response) => response }],
    })
    return { core: new CoreV1Api(configuration), apps: new AppsV1Api(configuration), coordination: new CoordinationV1Api(configuration) }
  }
}

function loadConfig({ KubeConfig, loadYaml }: Client, path: string | undefined): KubeConfig {
  const config = new KubeConfig()
  if (path === undefined) {
    config.loadFromCluster()
    return config
  }
  config.loadFromFile(path)
  // the client passes over the `tokenFile` of a user
  const { users } = loadYaml<{ users?: { name: string; user?: { tokenFile?: string } }[] }>(readFileSync(path, 'utf8'))
  for (const { name, user } of users ?? []) {
    if (!user?.tokenFile) continue
    Object.assign(config.getUser(name)!, { token: readFileSync(resolve(dirname(path), user.tokenFile), 'utf8').trim() })
  }
  return config
}

/** @throws TypeError if the config names no API server; without the variables of a pod it says `undefined:undefined` */
function serverOf(config: KubeConfig): string {
  const { server } = config.getCurrentCluster() ?? {}
  if (server === undefined || !URL.canParse(server)) throw new TypeError('no API server')
  return server
}
