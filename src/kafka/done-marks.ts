/**
 * What is done beyond the committed offset, carried in the commit's own metadata, so that after a rebalance or a crash the next owner does
 * not send it again. Pure.
 *
 * Form: "done1:" and a bitmap in base64; bit i stands for offset position + 1 + i (the record at the position itself is never done).
 */
const FORM = 'done1:'
/** The broker's default for offset.metadata.max.bytes. */
export const MOST_METADATA_BYTES = 4_096

export interface DoneMarks {
  readonly metadata: string
  /** First offset that does not fit: from there on nothing is marked. */
  readonly end: number
}

/**
 * @param done offsets beyond `position`
 * @param most bytes that the broker takes as metadata; what does not fit is left out, and is sent again after a crash
 */
export function encodeDone(position: number, done: Iterable<number>, most = MOST_METADATA_BYTES): DoneMarks {
  const room = Math.max(0, Math.floor((most - FORM.length) / 4) * 3 * 8)
  const end = position + 1 + room
  const bits = [...done].map((offset) => offset - position - 1).filter((bit) => bit >= 0 && bit < room)
  if (bits.length === 0) return { metadata: '', end }
  const bytes = Buffer.alloc(Math.floor(bits.reduce((most, bit) => Math.max(most, bit), 0) / 8) + 1)
  for (const bit of bits) bytes.writeUInt8(bytes.readUInt8(bit >> 3) | (1 << (bit & 7)), bit >> 3)
  return { metadata: FORM + bytes.toString('base64'), end }
}

/** @returns offsets that are done; none if the metadata is somebody else's */
export function decodeDone(position: number, metadata: string | null): Set<number> {
  const done = new Set<number>()
  if (!metadata?.startsWith(FORM)) return done
  const bytes = Buffer.from(metadata.slice(FORM.length), 'base64')
  for (const [index, byte] of bytes.entries()) {
    for (let bit = 0; bit < 8; bit += 1) if (byte & (1 << bit)) done.add(position + 1 + index * 8 + bit)
  }
  return done
}
