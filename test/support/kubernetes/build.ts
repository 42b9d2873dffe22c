import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { GO_ENVIRONMENT, run } from '../command.ts'
import { BINARIES, cacheDirectory, KUBERNETES_VERSION, LEAST_GO } from './settings.ts'

const PACKAGES: Record<(typeof BINARIES)[number], string> = {
  etcd: 'go.etcd.io/etcd/server/v3',
  'kube-apiserver': 'k8s.io/kubernetes/cmd/kube-apiserver',
}

const VERSION = `k8s.io/component-base/version.gitVersion=v${KUBERNETES_VERSION}`

/** Runs Go. Rejects with the last lines that it wrote. */
const go = async (args: string[], cwd: string): Promise<string> =>
  run('go', args, { cwd, env: GO_ENVIRONMENT }).catch((error: unknown) => { throw new Error(`Kubernetes could not be built: ${(error as Error).message}`) })

/**
 * A module that needs Kubernetes, in `folder`. The source of Kubernetes takes its own libraries from folders beside it, which its published
 * module is without: they are published, too, each by its own name and with a version of the same numbers.
 */
const writeModule = async (folder: string): Promise<void> => {
  await mkdir(folder, { recursive: true })
  const download = ['mod', 'download', '-json', `k8s.io/kubernetes@v${KUBERNETES_VERSION}`]
  const { GoMod } = JSON.parse(await go(download, folder)) as { GoMod: string }
  const libraries = [...(await readFile(GoMod, 'utf8')).matchAll(/^\s*(k8s\.io\/[\w-]+) => \.\//gm)].map(([, name]) => name)
  const lines = [
    'module kubernetes-for-tests',
    `go 1.${LEAST_GO}.0`,
    `require k8s.io/kubernetes v${KUBERNETES_VERSION}`,
    ...libraries.map((name) => `replace ${name} => ${name} v${KUBERNETES_VERSION.replace('1.', '0.')}`),
  ]
  await writeFile(path.join(folder, 'go.mod'), `${lines.join('\n')}\n`)
  const imports = Object.values(PACKAGES).map((name) => `import _ "${name}"\n`).join('')
  await writeFile(path.join(folder, 'tools.go'), `//go:build tools\n\npackage tools\n\n${imports}`)
  await go(['mod', 'tidy'], folder)
}

/**
 * Builds what is missing in `target`. Several processes may do so at once: each builds into a folder of its own, and a finished binary is
 * moved in as a whole.
 */
export const buildKubernetes = async (target: string, log: (line: string) => void): Promise<void> => {
  log(`building Kubernetes ${KUBERNETES_VERSION} with Go, which takes 5 to 10 minutes, the first time only ...`)
  const source = path.join(cacheDirectory(), 'src')
  await mkdir(target, { recursive: true })
  const work = await mkdtemp(path.join(cacheDirectory(), 'building-'))
  try {
    log('fetching its modules ...')
    await writeModule(source)
    for (const name of BINARIES) {
      if (existsSync(path.join(target, name))) continue
      const started = performance.now()
      log(`building ${name} ...`)
      await go(['build', '-trimpath', '-ldflags', `-s -w -X ${VERSION}`, '-o', path.join(work, name), PACKAGES[name]], source)
      await rename(path.join(work, name), path.join(target, name))
      log(`built ${name} in ${Math.round((performance.now() - started) / 1000)} s`)
    }
  } finally {
    await rm(work, { recursive: true, force: true })
  }
}
