// A cluster of one node in a container.

import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { platform, tmpdir } from 'node:os'
import { join } from 'node:path'
import { GenericContainer, Wait } from 'testcontainers'
import type { Program } from '../load/program.ts'
import { run } from '../support/command.ts'
import type { Settings } from './settings.ts'

const API_PORT = 6443
const STARTED_WITHIN_MS = 180_000

/** Rejects if Docker is not there, or can't pull. */
export async function startK3s({ k3sImage, image, host }: Settings, { say, atEnd }: Program): Promise<{ kubeconfig: string; host: string; importImage: string }> {
  say(`Starting ${k3sImage} in Docker (pulled first if it is not here) ...`)
  await run('docker', ['image', 'inspect', image]).catch(() => {
    throw new Error(`there is no image ${image}; \`make image\` makes it`)
  })
  const container = await new GenericContainer(k3sImage)
    .withPrivilegedMode()
    .withTmpFs({ '/run': 'rw', '/var/run': 'rw' })
    .withCommand(['server', '--disable=traefik,servicelb', '--tls-san=127.0.0.1', '--tls-san=localhost'])
    .withExposedPorts(API_PORT)
    .withWaitStrategy(Wait.forLogMessage(/Node controller sync successful/))
    .withStartupTimeout(STARTED_WITHIN_MS)
    .start()
  atEnd(async () => container.stop())
  const folder = await mkdtemp(join(tmpdir(), 'customerio-e2e-'))
  atEnd(async () => rm(folder, { recursive: true, force: true }))
  const kubeconfig = join(folder, 'kubeconfig')
  const { output } = await container.exec(['cat', '/etc/rancher/k3s/k3s.yaml'])
  const server = `https://${container.getHost()}:${container.getMappedPort(API_PORT)}`
  await writeFile(kubeconfig, output.replace(/https:\/\/127\.0\.0\.1:\d+/, server), { mode: 0o600 })
  return { kubeconfig, host: host ?? await addressOfThisMachine(), importImage: `docker exec -i ${container.getId()} ctr -n k8s.io images import -` }
}

/** As containers see it. */
async function addressOfThisMachine(): Promise<string> {
  if (platform() !== 'linux') return 'host.docker.internal'
  return (await run('docker', ['network', 'inspect', 'bridge', '--format', '{{(index .IPAM.Config 0).Gateway}}'])).trim()
}
