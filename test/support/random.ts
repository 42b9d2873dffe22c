// Choices that can be repeated: the same seed gives the same ones on every machine.

import { seededRandom } from '../stand-in/random.ts'

export interface Random {
  /** A number in [0, 1). */
  next(): number
  /** A whole number in [0, below). */
  below(below: number): number
  chance(probability: number): boolean
  pick<T>(list: readonly T[]): T
}

/** @param seed any whole number; only its low 32 bits count */
export function seededChoices(seed: number): Random {
  const next = seededRandom(seed)
  const below = (limit: number) => Math.floor(next() * limit)
  return {
    next,
    below,
    chance: (probability) => next() < probability,
    pick: <T>(list: readonly T[]) => {
      if (list.length === 0) throw new RangeError('nothing to pick from')
      return list[below(list.length)] as T
    },
  }
}

const crockford = '0123456789ABCDEFGHJKMNPQRSTVWXYZ'

/** A ULID (26 characters of Crockford's base 32): 48 bits of time, 80 random bits. */
export function randomUlid(random: Random, timeMs: number): string {
  let time = ''
  for (let rest = timeMs, i = 0; i < 10; i += 1) {
    time = crockford.charAt(rest % 32) + time
    rest = Math.floor(rest / 32)
  }
  return time + Array.from({ length: 16 }, () => crockford.charAt(random.below(32))).join('')
}
