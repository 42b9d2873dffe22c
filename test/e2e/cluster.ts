// The cluster that the run takes place on: that of E2E_KUBECONFIG, else k3s in Docker.

import { client } from '../support/kubernetes/client.ts'
import { openAdmin, type Admin } from '../support/kubernetes/admin.ts'
import type { Program } from '../load/program.ts'
import { SettingsError } from '../support/settings.ts'
import { run } from '../support/command.ts'
import { startK3s } from './k3s.ts'
import type { Settings } from './settings.ts'
import { until } from './until.ts'

export interface Cluster {
  kubeconfig: string
  admin: Admin
  /** Made for this run. */
  namespace: string
  /** The address by which its pods, and its API server, reach this machine. */
  host: string
  kubectl(args: readonly string[], input?: string): Promise<string>
  helm(args: readonly string[], input?: string): Promise<string>
  /** Whether an API of another server stands behind the API server, and serves. */
  serves(apiService: string): Promise<boolean>
}

/** What a cluster has to be, wherever it comes from. */
interface Place {
  kubeconfig: string
  host: string
  importImage: string | undefined
}

const HELP = 'Set E2E_KUBECONFIG to a kubeconfig of a cluster that is for this run alone, and E2E_HOST to the address by which its pods reach this machine.'
const GONE_WITHIN_MS = 90_000

export async function openCluster(settings: Settings, program: Program): Promise<Cluster> {
  const { kubeconfig, host, importImage } = await placeOf(settings, program)
  const config = new client.KubeConfig()
  config.loadFromFile(kubeconfig)
  const admin = openAdmin(config)
  await admin.core.listNode().catch((error: unknown) => {
    throw new SettingsError(`The cluster of ${kubeconfig} does not answer: ${String(error)}`)
  })
  if (importImage) {
    program.say(`Taking ${settings.image} into the cluster ...`)
    await run('sh', ['-c', `docker save "$1" | (${importImage})`, 'sh', settings.image])
  }
  const env = { KUBECONFIG: kubeconfig }
  const kubectl: Cluster['kubectl'] = async (args, input) => run(settings.kubectl, args, { env, ...(input !== undefined && { input }) })
  const namespace = await admin.addNamespace()
  program.atEnd(async () => {
    await admin.removeNamespaces()
    await until('the namespace is gone', GONE_WITHIN_MS, async () => (await kubectl(['get', 'namespace', namespace, '--ignore-not-found', '-o', 'name'])) === '')
  })
  return {
    kubeconfig, admin, namespace, host, kubectl,
    helm: async (args, input) => run(settings.helm, [...args, '--namespace', namespace], { env, ...(input !== undefined && { input }) }),
    serves: async (name) => {
      const path = '{.status.conditions[?(@.type=="Available")].status}'
      return (await kubectl(['get', 'apiservice', name, '--ignore-not-found', '-o', `jsonpath=${path}`])) === 'True'
    },
  }
}

async function placeOf(settings: Settings, program: Program): Promise<Place> {
  const { kubeconfig, host, importImage } = settings
  if (kubeconfig === undefined) {
    return startK3s(settings, program).catch((error: unknown) => {
      throw new SettingsError(`No cluster: E2E_KUBECONFIG is not set, and k3s can't be started in Docker (${(error as Error).message}).\n${HELP}`)
    })
  }
  if (host === undefined) throw new SettingsError(`E2E_HOST is not set. ${HELP}`)
  return { kubeconfig, host, importImage }
}
