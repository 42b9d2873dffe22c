// The commands of docs/kubernetes.md, run as they stand, one after the other, before an API server. What needs pods is held against what is there.

import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { CHART } from '../../scripts/chart-files.ts'
import { kubernetesMissing, startKubernetes, type TestKubernetes } from '../support/kubernetes/index.ts'
import { tools } from './chart.ts'

const page = readFileSync('docs/kubernetes.md', 'utf8')
const blocks = [...page.matchAll(/^( *)```sh\n(.*?)^ *```$/gms)].map(([, indent, block]) => block!.replaceAll(new RegExp(`^${indent}`, 'gm'), ''))
/** They wait for pods, ask one, or for a Lease that a pod makes: no pod runs here. */
const ofPods = /rollout status|rollout restart| logs |--raw|get lease|helm test|delete lease/
const withApi = tools && !kubernetesMissing() ? describe : describe.skip

withApi('docs/kubernetes.md', () => {
  test('every command can be run', async () => {
    const kubernetes: TestKubernetes = await startKubernetes({ log: (line) => console.log(line) })
    const folder = mkdtempSync(path.join(os.tmpdir(), 'chart-docs-'))
    try {
      const plain = await kubernetes.admin.addNamespace()
      for (const name of ['helm', 'k8s']) symlinkSync(path.resolve(name), path.join(folder, name))
      const bin = path.join(folder, 'bin')
      mkdirSync(bin)
      for (const [name, file] of Object.entries(tools!)) symlinkSync(file, path.join(bin, name))
      const env = { ...process.env, KUBECONFIG: kubernetes.kubeconfig, PATH: `${bin}:${process.env.PATH}` }
      for (const block of blocks) {
        // the second way to install has a namespace of its own, as no cluster has both
        const script = block.split('\n').filter((line) => !ofPods.test(line)).join('\n').replace(/^namespace: customerio$/m, `namespace: ${plain}`)
        const { status, stderr } = spawnSync('sh', ['-eu'], { cwd: folder, input: script, encoding: 'utf8', env })
        expect({ script, status, stderr }).toEqual({ script, status: 0, stderr: '' })
      }
    } finally {
      rmSync(folder, { recursive: true, force: true })
      await kubernetes.stop()
    }
  }, 180_000)
})

test('what is asked of pods names what is there', () => {
  const asked = blocks.flatMap((block) => block.split('\n')).filter((line) => ofPods.test(line))
  expect(asked.length).toBeGreaterThan(5)
  for (const line of asked) expect(line).toMatch(/deployment\/customerio-worker( |$)|lease customerio-worker-slots|services\/customerio-worker:http\/proxy\/readyz\?verbose|^helm test customerio-worker /)
})

test('every value that is named exists', () => {
  const values = readFileSync(`${CHART}/README.md`, 'utf8')
  const groups = [...values.matchAll(/^\| (?:\*\*)?`([\w.]+)`/gm)].map(([, name]) => name!)
  const named = [...page.matchAll(/`([a-z]\w*\.[\w.]+)(?:=\w+)?`/g)].map(([, name]) => name!).filter((name) => !/^(k8s|external|sending|max|values)\b/.test(name))
  expect(named.length).toBeGreaterThan(10)
  expect(named.filter((name) => !groups.some((value) => name === value || value.startsWith(`${name}.`) || (name.startsWith(`${value}.`) && /^(limits|secret\.values|settings)/.test(value))))).toEqual([])
})
