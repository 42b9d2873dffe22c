const BLOCK = 512

const text = (bytes: Buffer): string => bytes.toString('latin1').replace(/\0.*$/s, '')

/** The content of a file in a tar archive. @throws Error if it is not in it */
export const tarEntry = (archive: Buffer, name: string): Buffer => {
  for (let at = 0; at + BLOCK <= archive.length;) {
    const header = archive.subarray(at, at + BLOCK)
    const size = Number.parseInt(text(header.subarray(124, 136)), 8) || 0
    if (text(header.subarray(0, 100)) === name) return archive.subarray(at + BLOCK, at + BLOCK + size)
    at += BLOCK + Math.ceil(size / BLOCK) * BLOCK
  }
  throw new Error(`the archive is without ${name}`)
}
