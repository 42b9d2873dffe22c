import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import path from 'node:path'
import { buildKubernetes } from './build.ts'
import { BINARIES, cacheDirectory, LEAST_GO } from './settings.ts'

const NONE = 'No Kubernetes for the tests:'

const missingIn = (folder: string): string[] => BINARIES.filter((name) => !existsSync(path.join(folder, name)))

const builtFolder = (): string => path.join(cacheDirectory(), 'bin')

const whyNoBuild = (): string | undefined => {
  const { stdout, error } = spawnSync('go', ['version'], { encoding: 'utf8' })
  if (error) return 'Go is not installed'
  const version = /go1\.(\d+)/.exec(stdout)
  return Number(version?.[1]) >= LEAST_GO ? undefined : `Go 1.${LEAST_GO} or newer is needed, this one is ${version?.[0] ?? 'unknown'}`
}

/** Why no Kubernetes can be had, and what would help; undefined if one can. Starts and builds nothing. */
export const kubernetesMissing = (): string | undefined => {
  if (process.env.TEST_KUBECONFIG) return undefined
  const given = process.env.TEST_KUBERNETES_BIN
  if (given) {
    const missing = missingIn(given)
    return missing.length > 0 ? `${NONE} TEST_KUBERNETES_BIN (${given}) is without ${missing.join(' and ')}.` : undefined
  }
  const why = missingIn(builtFolder()).length > 0 ? whyNoBuild() : undefined
  return why && `${NONE} ${why}. Install Go 1.${LEAST_GO} or newer; or set TEST_KUBERNETES_BIN to a folder with `
    + `${BINARIES.join(' and ')}, or TEST_KUBECONFIG to a kubeconfig of an administrator.`
}

/** The folder with the binaries: that of TEST_KUBERNETES_BIN, else what was built before, else built now, which takes minutes. */
export const kubernetesBinaries = async (log: (line: string) => void): Promise<string> => {
  const missing = kubernetesMissing()
  if (missing) throw new Error(missing)
  if (process.env.TEST_KUBERNETES_BIN) return process.env.TEST_KUBERNETES_BIN
  const folder = builtFolder()
  if (missingIn(folder).length > 0) await buildKubernetes(folder, log)
  return folder
}
