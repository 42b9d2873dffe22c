/**
 * What is done beyond the committed offset, carried in the commit's own metadata, so that after a rebalance or a crash the next owner does
 * not send it again. Pure.
 *
 * Form: "done2:POSITION:GAPS". The position is named, since tools that copy commits to other offsets copy the metadata too. GAPS, in base64,
 * are whole numbers from the position on: how many are done up to the next open offset, and so on; the last one is how many are done behind the
 * last open offset that is told of. A number is its binary digits, the lowest first, two bits each: is there another digit, and the digit. The
 * bits that are left over say "another digit", and so are no number.
 *
 * So what it takes follows the open offsets, not what is done between them. And it never takes more for the same stretch later: two gaps that
 * become one (their sum and one more) take no more digits than the two had. So what one commit tells, later ones tell too, which the lanes that
 * went on after it rely on. Lengths of runs would take less at times, and more when a run of open ones breaks up.
 */
const formOf = (position: number): string => `done2:${position}:`
const LONGEST_FORM = formOf(Number.MAX_SAFE_INTEGER).length
/** The broker's default for offset.metadata.max.bytes. */
export const MOST_METADATA_BYTES = 4_096

/** What is known to be done of a partition: everything from `start` up to `end` but what is open. */
export class Done {
  readonly start: number
  readonly end: number
  /** Offsets in order, all within start and end. */
  readonly open: readonly number[]

  constructor(start: number, open: readonly number[], end: number) {
    this.start = start
    this.open = open
    this.end = end
  }

  get size(): number {
    return this.end - this.start - this.open.length
  }

  has(offset: number): boolean {
    if (offset >= this.end || offset < this.start) return false
    let [low, high] = [0, this.open.length - 1]
    while (low <= high) {
      const middle = (low + high) >> 1
      const found = this.open[middle] as number
      if (found === offset) return false
      if (found < offset) low = middle + 1
      else high = middle - 1
    }
    return true
  }

  /** What either knows, from the start of this one on. One that starts later says nothing of what lies between, and is left out. */
  with(other: Done): Done {
    if (other.start > this.start) return this
    const [longer, shorter] = other.end > this.end ? [other, this] : [this, other]
    return new Done(this.start, longer.open.filter((offset) => offset >= this.start && !shorter.has(offset)), longer.end)
  }
}

export interface DoneMarks {
  readonly metadata: string
  /** From this offset on nothing is told; Infinity if everything is. */
  readonly end: number
}

/**
 * @param position the offset that is committed
 * @param open offsets from `position` on that are not done, in order
 * @param end everything between `position` and `end` is done but for `open`
 * @param most bytes that the broker takes as metadata; what does not fit is left out, and is sent again after a crash
 */
export function encodeDone(position: number, open: Iterable<number>, end: number, most = MOST_METADATA_BYTES): DoneMarks {
  const digits = new Digits(Math.max(0, Math.floor((most - LONGEST_FORM) / 4) * 3))
  const told = tell(digits, position, open, end)
  const gaps = digits.toString()
  return { metadata: gaps === '' ? '' : formOf(position) + gaps, end: told }
}

/** @returns the offset from which on nothing is told */
function tell(digits: Digits, position: number, open: Iterable<number>, end: number): number {
  let at = position
  for (const offset of open) {
    const told = digits.add(offset - at)
    if (told < offset - at) return at + told
    at = offset + 1
  }
  const told = digits.add(end - at)
  return told < end - at ? at + told : Infinity
}

/** @returns what is done; nothing if the metadata is somebody else's, or of another position */
export function decodeDone(position: number, metadata: string | null): Done {
  const open: number[] = []
  let end = position
  const form = formOf(position)
  if (metadata?.startsWith(form)) {
    let first = true
    for (const gap of numbersOf(Buffer.from(metadata.slice(form.length), 'base64'))) {
      const next = end + gap + (first ? 0 : 1)
      if (!Number.isSafeInteger(next)) break
      if (!first) open.push(end)
      end = next
      first = false
    }
  }
  return new Done(position, open, end)
}

/** Numbers, digit by digit, in as many bytes as there are. */
class Digits {
  readonly #bytes: Buffer
  /** In digits: how many are written, and how many of them up to the last number that is not 0. What comes behind that says nothing. */
  #written = 0
  #used = 0

  constructor(bytes: number) {
    this.#bytes = Buffer.alloc(bytes, 0xff)
  }

  /** @returns what was written: the number, or less if there is no room for it */
  add(number: number): number {
    const room = this.#bytes.length * 4 - this.#written
    const told = Math.min(number, 2 ** room - 1)
    if (room === 0) return told
    let rest = told
    do {
      const digit = rest % 2
      rest = (rest - digit) / 2
      this.#write((rest > 0 ? 2 : 0) + digit)
    } while (rest > 0)
    if (told > 0) this.#used = this.#written
    return told
  }

  toString(): string {
    return this.#bytes.toString('base64', 0, Math.ceil(this.#used / 4))
  }

  #write(bits: number): void {
    const index = this.#written >> 2
    const shift = 6 - 2 * (this.#written & 3)
    this.#bytes[index] = ((this.#bytes[index] as number) & ~(3 << shift)) | (bits << shift)
    this.#written += 1
  }
}

function* numbersOf(bytes: Buffer): Generator<number, void> {
  let [number, scale] = [0, 1]
  for (const byte of bytes) {
    for (let shift = 6; shift >= 0; shift -= 2) {
      const bits = (byte >> shift) & 3
      number += (bits & 1) * scale
      scale *= 2
      if (bits & 2) continue
      yield number
      number = 0
      scale = 1
    }
  }
}
