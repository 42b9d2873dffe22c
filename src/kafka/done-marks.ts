/**
 * What is done beyond the committed offset, carried in the commit's own metadata, so that after a rebalance or a crash the next owner does
 * not send it again. Pure.
 *
 * Form: "done1:POSITION:BITMAP", the bitmap in base64; bit i stands for offset position + 1 + i (the record at the position itself is never
 * done). The position is named, since tools that copy commits to other offsets copy the metadata too.
 */
const formOf = (position: number): string => `done1:${position}:`
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
  const room = Math.max(0, Math.floor((most - formOf(position).length) / 4) * 3 * 8)
  const end = position + 1 + room
  const bits = [...done].map((offset) => offset - position - 1).filter((bit) => bit >= 0 && bit < room)
  if (bits.length === 0) return { metadata: '', end }
  const bytes = Buffer.alloc(Math.floor(bits.reduce((most, bit) => Math.max(most, bit), 0) / 8) + 1)
  for (const bit of bits) bytes.writeUInt8(bytes.readUInt8(bit >> 3) | (1 << (bit & 7)), bit >> 3)
  return { metadata: formOf(position) + bytes.toString('base64'), end }
}

/** @returns offsets that are done; none if the metadata is somebody else's, or of another position */
export function decodeDone(position: number, metadata: string | null): Set<number> {
  const done = new Set<number>()
  const form = formOf(position)
  if (!metadata?.startsWith(form)) return done
  const bytes = Buffer.from(metadata.slice(form.length), 'base64')
  for (const [index, byte] of bytes.entries()) {
    for (let bit = 0; bit < 8; bit += 1) if (byte & (1 << bit)) done.add(position + 1 + index * 8 + bit)
  }
  return done
}
