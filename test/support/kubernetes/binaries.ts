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
  const missing = missingIn(given ?? builtFolder())
  if (missing.length === 0) return undefined
  if (given) return `${NONE} TEST_KUBERNETES_BIN (${given}) is without ${missing.join(' and ')}.`
  return `${NONE} \`make kubernetes\` builds ${BINARIES.join(' and ')} (with Go 1.${LEAST_GO} or newer, once, 5 to 10 minutes); or set TEST_KUBERNETES_BIN `
    + 'to a folder that has them, or TEST_KUBECONFIG to a kubeconfig of an administrator.'
}

/** The folder with the binaries. @throws Error if there are none */
export const kubernetesBinaries = (): string => {
  const missing = kubernetesMissing()
  if (missing) throw new Error(missing)
  return process.env.TEST_KUBERNETES_BIN ?? builtFolder()
}

/** Builds what is not there yet. @throws Error that says what is missing for that */
export const makeKubernetes = async (log: (line: string) => void): Promise<string> => {
  const folder = builtFolder()
  if (missingIn(folder).length === 0) return folder
  const why = whyNoBuild()
  if (why) throw new Error(`${NONE} ${why}.`)
  await buildKubernetes(folder, log)
  return folder
}
