import { GroupLag, STANDS_STILL_MS } from '../../src/kafka/group-lag.ts'

const EVERY_MS = 5_000

/** A topic, and a group that is looked at every 5 s. */
function groupOf(partitions: number) {
  const group = new GroupLag()
  const ends = Array.from({ length: partitions }, () => 0)
  const committed = new Map<number, number>()
  const earliest = Array.from({ length: partitions }, () => 0)
  let now = 1_000_000
  const look = (afterMs = EVERY_MS) => {
    now += afterMs
    return group.look(new Map(ends.map((end, partition) => [partition, { earliest: earliest[partition] as number, end }])), committed, now)
  }
  const publish = (partition: number, records: number): void => { ends[partition] = (ends[partition] as number) + records }
  return { look, publish, ends, earliest, committed }
}

test('backlog and partitions are of the whole topic: a partition without a commit begins at its first record', () => {
  const { look, publish, committed, earliest } = groupOf(4)
  expect(look()).toEqual({ arrivalPerSecond: NaN, backlog: 0, partitionsWithLag: 0 })
  publish(0, 100)
  publish(1, 50)
  publish(2, 7)
  committed.set(0, 60).set(2, 7)
  earliest[1] = 30
  expect(look()).toMatchObject({ backlog: 40 + 20, partitionsWithLag: 3 })
})

test('a commit that retention has passed counts from the first record', () => {
  const { look, publish, committed, earliest } = groupOf(1)
  look()
  publish(0, 100)
  committed.set(0, 10)
  earliest[0] = 90
  expect(look()).toMatchObject({ backlog: 10 })
})

test('a commit ahead of an end that was read before is no backlog', () => {
  const { look, publish, committed } = groupOf(1)
  look()
  publish(0, 10)
  committed.set(0, 12)
  expect(look()).toMatchObject({ backlog: 0, partitionsWithLag: 1 })
})

describe('arrivals', () => {
  test('are a mean over the last minute', () => {
    const { look, publish, committed } = groupOf(2)
    look()
    const rates = Array.from({ length: 36 }, (_, at) => {
      // 40 a second for a minute, then none
      if (at < 12) publish(at % 2, 200)
      for (const partition of [0, 1]) committed.set(partition, 1e9)
      return look().arrivalPerSecond
    })
    expect([rates[0], rates[11], rates[17], rates[23], rates[35]]).toEqual([40, 40, 20, 0, 0])
  })

  test('make a group that keeps up count all partitions that get something, though nothing is left at a look', () => {
    const { look, publish, committed } = groupOf(6)
    look()
    for (const partition of [0, 1, 2]) {
      publish(partition, 10)
      committed.set(partition, 10)
    }
    expect(look()).toMatchObject({ backlog: 0, partitionsWithLag: 3 })
    expect(look()).toMatchObject({ backlog: 0, partitionsWithLag: 0 })
  })

  test('of a topic that was made anew are not negative, nor all that it holds', () => {
    const { look, publish, ends, committed } = groupOf(1)
    publish(0, 1_000)
    committed.set(0, 1_000)
    look()
    ends[0] = 300
    committed.clear()
    expect(look().arrivalPerSecond).toBe(0)
    publish(0, 50)
    expect(look().arrivalPerSecond).toBe(5)
  })

  test('of a partition that was added count from when it was first seen', () => {
    const { look, publish, ends, earliest } = groupOf(1)
    look()
    publish(0, 50)
    ends[1] = 700
    earliest[1] = 0
    expect(look().arrivalPerSecond).toBe(10)
  })
})

describe('a partition that stands still', () => {
  /** Two partitions with arrivals; the commits of one move. */
  function poisoned() {
    const { look, publish, committed } = groupOf(2)
    look()
    return {
      committed,
      step: () => {
        publish(0, 100)
        publish(1, 100)
        committed.set(0, (committed.get(0) ?? 0) + 100)
        return look()
      },
    }
  }

  test('counts as a partition, and after a minute no more as backlog, however much piles up', () => {
    const { step } = poisoned()
    const looks = Array.from({ length: 40 }, step)
    // it had nothing to do at the look before the first of these
    const at = STANDS_STILL_MS / EVERY_MS - 1
    expect(looks.slice(0, at).map(({ backlog }) => backlog)).toEqual(Array.from({ length: at }, (_, i) => 100 * (i + 1)))
    expect(looks.slice(at).every(({ backlog, partitionsWithLag }) => backlog === 0 && partitionsWithLag === 2)).toBe(true)
  })

  test('is backlog again when it moves', () => {
    const { step, committed } = poisoned()
    for (let i = 0; i < 40; i += 1) step()
    committed.set(1, 500)
    expect(step().backlog).toBe(41 * 100 - 500)
  })

  test('from the first look on is not known to: there is no backlog to tell until it moves, or has stood for a minute', () => {
    const { look, publish, committed } = groupOf(2)
    publish(0, 500)
    publish(1, 300)
    expect(look().backlog).toBeNaN()
    committed.set(0, 100)
    expect(look().backlog).toBeNaN()
    committed.set(0, 200)
    expect(look(STANDS_STILL_MS).backlog).toBe(300)
  })

  test('an idle partition does not: what comes after hours counts at once', () => {
    const { look, publish } = groupOf(1)
    look()
    look(10 * STANDS_STILL_MS)
    publish(0, 20)
    expect(look().backlog).toBe(20)
  })
})
