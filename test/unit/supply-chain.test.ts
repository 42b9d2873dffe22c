// What comes from others: packages are pinned, their contents are known, and a known hole in one makes CI red.

import { spawnSync } from 'node:child_process'
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

type Packages = Record<string, string>
interface Locked { version?: string; resolved?: string; integrity?: string; dev?: boolean; optional?: boolean; hasInstallScript?: boolean }

const manifest = JSON.parse(readFileSync('package.json', 'utf8')) as { dependencies: Packages; devDependencies: Packages; scripts: Packages }
const lock = JSON.parse(readFileSync('package-lock.json', 'utf8')) as { packages: Record<string, Locked> }
const locked = Object.entries(lock.packages).filter(([path]) => path !== '')

test.each(Object.entries({ ...manifest.dependencies, ...manifest.devDependencies }))('%s %s is one exact version, the one that is locked', (name, version) => {
  expect(version).toMatch(/^\d+\.\d+\.\d+$/)
  expect(lock.packages[`node_modules/${name}`]?.version).toBe(version)
})

test('the lock file knows the content of every package; but for packages of other platforms that only development would use', () => {
  const unknown = locked.filter(([, { integrity }]) => !integrity?.startsWith('sha512-'))
  expect(unknown.filter(([, { dev, optional }]) => !(dev && optional)).map(([path]) => path)).toEqual([])
})

test('the lock file names no place to fetch from but the public registry', () => {
  const places = new Set(locked.flatMap(([, { resolved }]) => (resolved ? [new URL(resolved).host] : [])))
  expect([...places].filter((host) => host !== 'registry.npmjs.org')).toEqual([])
})

test('no package of production runs a script when it is installed', () => {
  expect(locked.filter(([, { dev, hasInstallScript }]) => !dev && hasInstallScript).map(([path]) => path)).toEqual([])
})

test('the worker runs without the right to turn text into code: by npm start, in the image, and in the tests', () => {
  const [, byStart] = /^exec node (.*) src\/main\.ts$/.exec(manifest.scripts['start'] ?? '') ?? []
  const [, byImage] = /^CMD \["node", (.*), "src\/main\.ts"\]$/m.exec(readFileSync('Dockerfile', 'utf8')) ?? []
  expect(byStart?.split(' ')).toContain('--disallow-code-generation-from-strings')
  expect(JSON.parse(`[${byImage}]`)).toEqual(byStart?.split(' '))
  // that of npm start
  expect(readFileSync('test/support/worker-process.ts', 'utf8')).toContain('spawn(process.execPath, [...startFlags, ')
})

describe('make audit', () => {
  /** Runs it with an npm that prints `output` and ends with `code`. */
  function auditWith(output: string, code: number): { code: number | null; output: string } {
    const folder = mkdtempSync(join(tmpdir(), 'audit-'))
    writeFileSync(join(folder, 'output'), output)
    writeFileSync(join(folder, 'npm'), `#!/bin/sh\ncat ${join(folder, 'output')}\nexit ${code}\n`)
    chmodSync(join(folder, 'npm'), 0o755)
    const { status, stdout } = spawnSync(process.execPath, ['scripts/audit.ts'], { encoding: 'utf8', env: { PATH: `${folder}:${process.env.PATH}` } })
    rmSync(folder, { recursive: true })
    return { code: status, output: stdout }
  }
  const finding = { undici: { severity: 'high', range: '<7.0.0', via: [{ title: 'Request smuggling', url: 'https://example.org/1' }, 'other'] } }

  test('is red for a finding, and names it', () => {
    const { code, output } = auditWith(JSON.stringify({ auditReportVersion: 2, vulnerabilities: finding }), 1)
    expect([code, output]).toEqual([1, 'audit: high: undici <7.0.0: Request smuggling https://example.org/1; other\naudit: 1 packages with a known hole\n'])
  })

  test('is green without one, and for a lesser one', () => {
    expect(auditWith(JSON.stringify({ auditReportVersion: 2, vulnerabilities: {} }), 0)).toEqual({ code: 0, output: 'audit: 0 packages with a known hole, none of level high or above\n' })
    const low = { tdigest: { severity: 'low', range: '*', via: ['x'] } }
    expect(auditWith(JSON.stringify({ auditReportVersion: 2, vulnerabilities: low }), 0).code).toBe(0)
  })

  test.each([
    ['an error of npm', JSON.stringify({ message: 'request to https://registry failed\nmore', error: { summary: 'x' } }), 'audit: skipped, the registry gives no answer (request to https://registry failed)\n'],
    ['a registry without the endpoint', JSON.stringify({ error: { code: 'E405', summary: 'Method Not Allowed' } }), 'audit: skipped, the registry gives no answer (Method Not Allowed)\n'],
    ['no JSON', 'oops', 'audit: skipped, the registry gives no answer\n'],
  ])('is not red for a lack of network, but says so: %s', (_name, output, line) => {
    expect(auditWith(output, 1)).toEqual({ code: 0, output: line })
  })
})
