// What gets into the image, and what its list of parts says. Building it takes Docker: `make image`.

import { readFileSync } from 'node:fs'
import { isNeeded, librariesIn } from '../../scripts/image-files.ts'
import { completeBom, paragraphsOf, systemPackage } from '../../scripts/sbom.ts'

describe('the files of packages', () => {
  test.each(['index.js', 'index.cjs', 'index.mjs', 'package.json', 'snappy.linux-x64-gnu.node', 'LICENSE', 'LICENSE.md', 'NOTICE', 'commands.lua', 'src'])('%s stays', (name) => {
    expect(isNeeded(name)).toBe(true)
  })

  test.each(['index.d.ts', 'index.d.cts', 'source.ts', 'index.js.map', 'README.md', 'linux-x64.bare', '.package-lock.json', '.bin', '.eslintrc'])('%s does not', (name) => {
    expect(isNeeded(name)).toBe(false)
  })
})

test('the libraries that ldd finds, each once, the loader among them, but none that the kernel provides', () => {
  const ldd = [
    '/usr/local/bin/node:', '\tlinux-vdso.so.1 (0x00007f)', '\tlibc.so.6 => /lib/x/libc.so.6 (0x00007f)', '\t/lib64/ld-linux.so.2 (0x00007f)',
    'node_modules/snappy.node:', '\tlibc.so.6 => /lib/x/libc.so.6 (0x00007f)', '\tlibgcc_s.so.1 => /lib/x/libgcc_s.so.1 (0x00007f)',
  ].join('\n')
  expect(librariesIn(ldd)).toEqual(['/lib/x/libc.so.6', '/lib/x/libgcc_s.so.1', '/lib64/ld-linux.so.2'])
})

describe('the list of parts', () => {
  const ofNpm = (serialNumber: string, timestamp: string) => ({
    serialNumber, metadata: { timestamp, component: { 'bom-ref': 'worker@1.0.0', name: 'app' } },
    components: [{ 'bom-ref': 'a@1.0.0' }, { 'bom-ref': 'a-for-windows@1.0.0' }],
    dependencies: [{ ref: 'worker@1.0.0', dependsOn: ['a@1.0.0'] }, { ref: 'a@1.0.0', dependsOn: ['a-for-windows@1.0.0'] }, { ref: 'a-for-windows@1.0.0', dependsOn: [] }],
  })
  const parts = {
    name: 'worker', node: '24.0.0', system: [{ name: 'libc6', version: '2.36-9+deb12u1', architecture: 'amd64' }], installed: new Set(['a@1.0.0']), builtAt: 0,
  }

  test('has what is there, Node and the system\'s libraries, and nothing for other platforms', () => {
    const { components, dependencies, metadata } = completeBom(ofNpm('urn:1', 'now'), parts)
    expect(components.map((one) => one['bom-ref'])).toEqual(['a@1.0.0', 'pkg:generic/node@24.0.0', 'pkg:deb/debian/libc6@2.36-9%2Bdeb12u1?arch=amd64'])
    expect(dependencies).toEqual([{ ref: 'worker@1.0.0', dependsOn: ['a@1.0.0'] }, { ref: 'a@1.0.0', dependsOn: [] }])
    expect(metadata.component.name).toBe('worker')
  })

  test('is the same each time', () => {
    expect(completeBom(ofNpm('urn:2', 'later'), parts)).toEqual(completeBom(ofNpm('urn:1', 'now'), parts))
  })

  test('takes packages of Debian from the status of dpkg', () => {
    const status = 'Package: libc6\nVersion: 2.36-9\nArchitecture: amd64\nDescription: C\n more\n\nPackage: tar\nVersion: 1\nArchitecture: amd64\n'
    const found = paragraphsOf(status)
    expect([...found.keys()]).toEqual(['libc6', 'tar'])
    expect(systemPackage(found.get('libc6')!)).toEqual({ name: 'libc6', version: '2.36-9', architecture: 'amd64' })
  })
})

test('the builder is given every file that the Dockerfile copies from the repository', () => {
  const copied = [...readFileSync('Dockerfile', 'utf8').matchAll(/^COPY (?!--from)(.+) \S+$/gm)].flatMap(([, files]) => (files as string).split(' '))
  const given = [...readFileSync('.dockerignore', 'utf8').matchAll(/^!(.+)$/gm)].map(([, file]) => file as string)
  expect(copied.toSorted()).toEqual(given.toSorted())
})
