import { inflateRawSync } from 'node:zlib'

const END = 0x06054b50
const [STORED, DEFLATED] = [0, 8]

/** The content of a file in a zip archive (of less than 4 GiB). @throws Error if it is not in it, or packed in another way */
export const zipEntry = (archive: Buffer, name: string): Buffer => {
  // the directory is at the end, before a comment that may have 64 KiB
  let end = archive.length - 22
  while (archive.readUInt32LE(end) !== END) end -= 1
  let at = archive.readUInt32LE(end + 16)
  for (let left = archive.readUInt16LE(end + 10); left > 0; left -= 1) {
    const [nameLength, extraLength, commentLength] = [28, 30, 32].map((offset) => archive.readUInt16LE(at + offset)) as [number, number, number]
    if (archive.toString('utf8', at + 46, at + 46 + nameLength) === name) return unpacked(archive, at)
    at += 46 + nameLength + extraLength + commentLength
  }
  throw new Error(`the archive is without ${name}`)
}

/** @param at of its entry in the directory */
const unpacked = (archive: Buffer, at: number): Buffer => {
  const [method, size, local] = [archive.readUInt16LE(at + 10), archive.readUInt32LE(at + 20), archive.readUInt32LE(at + 42)]
  // lengths of name and extra may differ from those in the directory
  const begin = local + 30 + archive.readUInt16LE(local + 26) + archive.readUInt16LE(local + 28)
  const packed = archive.subarray(begin, begin + size)
  if (method === STORED) return packed
  if (method === DEFLATED) return inflateRawSync(packed)
  throw new Error(`the archive packs in a way (${method}) that is not known here`)
}
