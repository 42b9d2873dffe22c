// What the run on a cluster can be told by its environment.

import { canRun, onPath } from '../support/on-path.ts'
import { SettingsError, wholeNumber } from '../support/settings.ts'

export interface Settings {
  /** Of an administrator of a cluster that is for this run alone. None: one is started in Docker. */
  kubeconfig: string | undefined
  /** Name of the image, as pods name it. */
  image: string
  /** A shell command that takes the image into the cluster, from stdin as `docker save` writes it. None: the cluster can pull it. */
  importImage: string | undefined
  /** The image of k3s, for a cluster in Docker. */
  k3sImage: string
  /** The address by which pods, and the API server, reach this machine. */
  host: string | undefined
  /** A shell command that ends the API server, waits some 20 s, and resolves when it is back. */
  restartApi: string | undefined
  kubectl: string
  helm: string
  prometheus: string
  /** Requests in any second. */
  limit: number
  /** Only steps of these names; none: all. */
  steps: string[]
}

/** @throws SettingsError that says which variable is wrong, and what is allowed; or which program is missing */
export function readSettings(env: NodeJS.ProcessEnv): Settings {
  const given = (name: string): string | undefined => env[name] || undefined
  return {
    kubeconfig: given('E2E_KUBECONFIG'),
    image: env.E2E_IMAGE || 'customerio-worker:dev',
    importImage: given('E2E_IMPORT'),
    k3sImage: env.E2E_K3S_IMAGE || 'rancher/k3s:v1.33.1-k3s1',
    host: given('E2E_HOST'),
    restartApi: given('E2E_RESTART_API'),
    kubectl: program(env, 'E2E_KUBECTL', 'kubectl'),
    helm: program(env, 'E2E_HELM', 'helm'),
    prometheus: program(env, 'E2E_PROMETHEUS', 'prometheus'),
    limit: wholeNumber(env, 'LIMIT', { min: 24, max: 200 }) ?? 40,
    steps: (env.E2E_STEPS ?? '').split(',').filter(Boolean),
  }
}

/** The path of a program: of the variable, else of PATH. */
function program(env: NodeJS.ProcessEnv, variable: string, name: string): string {
  const given = env[variable]
  const found = given ? [given].find(canRun) : onPath(name, env.PATH ?? '')
  if (found === undefined) throw new SettingsError(`${name} is missing: put it into a folder of PATH, or name it by ${variable}.`)
  return found
}
