import { randomBytes } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { request } from 'node:https'
import os from 'node:os'
import path from 'node:path'
import { certificateAuthority } from '../kafka/certificates.ts'
import { onDeath } from '../kafka/guard.ts'
import { freePorts } from '../kafka/ports.ts'
import { createService, type Service } from './service.ts'

export interface ControlPlane {
  /** https://host:port */
  server: string
  /** Of an administrator. */
  kubeconfig: string
  /** For files that are to go with it. */
  directory: string
  api: Service
  /** Ends both processes by force and removes their data. */
  remove(): Promise<void>
}

/** Whether a GET says 200. */
const says200 = (url: string, headers: Record<string, string>, ca: string): Promise<boolean> =>
  new Promise((resolve) => {
    const asked = request(url, { headers, ca, timeout: 2_000, agent: false }, (response) => {
      response.resume()
      resolve(response.statusCode === 200)
    })
    asked.on('error', () => resolve(false)).on('timeout', () => asked.destroy()).end()
  })

const isHealthy = async (url: string): Promise<boolean> => {
  try {
    return (await fetch(url, { signal: AbortSignal.timeout(2_000) })).ok
  } catch {
    return false
  }
}

/**
 * etcd and kube-apiserver on 127.0.0.1, with roles (RBAC) and tokens of service accounts. Nothing else runs: no controller, scheduler or
 * kubelet. Their data lies in a directory under the system's temporary one. Both, and the data, end with this process, however it ends.
 */
export const startControlPlane = async (binaries: string, log: (line: string) => void): Promise<ControlPlane> => {
  const [port = 0, etcdPort = 0, peerPort = 0] = await freePorts(3)
  const [server, etcdUrl, peerUrl] = [`https://127.0.0.1:${port}`, `http://127.0.0.1:${etcdPort}`, `http://127.0.0.1:${peerPort}`]
  const directory = await mkdtemp(path.join(os.tmpdir(), 'kubernetes-'))
  const callOff = onDeath(['sh', '-c', 'cat "$1"/*.pid | xargs kill -KILL; sleep 1; rm -rf "$1"', 'sh', directory])
  const file = async (name: string, content: string): Promise<string> => {
    await writeFile(path.join(directory, name), content, { mode: 0o600 })
    return path.join(directory, name)
  }

  const authority = certificateAuthority('kubernetes-for-tests')
  const [tls, accounts] = [authority.issue('kube-apiserver', ['127.0.0.1', 'localhost']), authority.issue('service-accounts')]
  const token = randomBytes(16).toString('hex')
  const kubeconfig = await file('admin.kubeconfig', JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': 'test',
    contexts: [{ name: 'test', context: { cluster: 'test', user: 'admin' } }],
    clusters: [{ name: 'test', cluster: { server, 'certificate-authority-data': Buffer.from(authority.cert).toString('base64') } }],
    users: [{ name: 'admin', user: { token } }],
  }))

  const etcd = createService({
    name: 'etcd',
    command: path.join(binaries, 'etcd'),
    directory,
    serves: () => isHealthy(`${etcdUrl}/readyz`),
    log,
    args: [
      // the data never outlives the run
      '--unsafe-no-fsync',
      ...Object.entries({
        name: 'test', 'data-dir': path.join(directory, 'etcd'), 'log-level': 'warn',
        'listen-client-urls': etcdUrl, 'advertise-client-urls': etcdUrl,
        'listen-peer-urls': peerUrl, 'initial-advertise-peer-urls': peerUrl, 'initial-cluster': `test=${peerUrl}`,
      }).map(([name, value]) => `--${name}=${value}`),
    ],
  })
  const api = createService({
    name: 'kube-apiserver',
    command: path.join(binaries, 'kube-apiserver'),
    directory,
    serves: () => says200(`${server}/readyz`, { Authorization: `Bearer ${token}` }, authority.cert),
    log,
    args: Object.entries({
      'etcd-servers': etcdUrl, 'bind-address': '127.0.0.1', 'secure-port': String(port),
      // there is no network for it, and nobody looks for it by the Service `kubernetes`
      'advertise-address': '127.0.0.1', 'endpoint-reconciler-type': 'none', 'service-cluster-ip-range': '10.96.0.0/16',
      'tls-cert-file': await file('server.crt', tls.cert), 'tls-private-key-file': await file('server.key', tls.key),
      'authorization-mode': 'RBAC', 'token-auth-file': await file('tokens.csv', `${token},admin,admin,"system:masters"\n`),
      'service-account-issuer': server, 'service-account-key-file': await file('accounts.crt', accounts.cert),
      'service-account-signing-key-file': await file('accounts.key', accounts.key),
    }).map(([name, value]) => `--${name}=${value}`),
  })

  const remove = async (): Promise<void> => {
    await Promise.all([api.end('SIGKILL'), etcd.end('SIGKILL')])
    callOff()
    await rm(directory, { recursive: true, force: true })
  }
  try {
    await etcd.start()
    await api.start()
  } catch (error) {
    await remove()
    throw error
  }
  return { server, kubeconfig, directory, api, remove }
}
