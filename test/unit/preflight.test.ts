import { StartupError } from '../../src/errors.ts'
import type { ClusterAdmin } from '../../src/kafka/client/admin.ts'
import { preflight } from '../../src/kafka/preflight.ts'
import { createLogger } from '../../src/logger.ts'

/** A cluster with the topics `events` and `dlq`. */
const cluster = (partitions: number): ClusterAdmin => ({
  connect: async () => {}, stop: async () => {}, bounds: async () => new Map(), committed: async () => new Map(),
  partitions: async (topic) => ({ events: partitions, dlq: 1 })[topic],
  largestRecord: async (topic) => ({ events: 1_000_000, dlq: 2_000_000 })[topic],
})
const look = async (partitions: number, ...limits: Parameters<typeof preflight>[2]) =>
  preflight(cluster(partitions), { source: 'events', deadLetters: 'dlq' }, limits, createLogger('silent'))

test('as many partitions as each API has slots are fine', async () => {
  await expect(look(12, { api: 'track', limit: 12 }, { api: 'transactional', limit: 100 })).resolves.toBeUndefined()
})

test('where nothing is dealt to partitions, any number of them is fine', async () => {
  await expect(look(1_000)).resolves.toBeUndefined()
})

test('one partition more than slots is refused: the API, the figures, each way out', async () => {
  const refused = look(13, { api: 'track', limit: 12 }, { api: 'general', limit: 13 })
  await expect(refused).rejects.toBeInstanceOf(StartupError)
  await expect(refused).rejects.toThrow(new RegExp([
    '^RATE_LIMIT: 12 a window for track .* can\'t be shared among the 13 partitions of events: some would never be served; ',
    'use a topic of its own for these calls with at most 12 partitions, ',
    'a larger limit \\(RATE_LIMIT or RATE_LIMITS_FILE\\), or RATE_LIMIT_SHARE=fixed$',
  ].join('')))
})

test('each API that has too few slots is named, and only the settings that it has', async () => {
  const refused = look(2, { api: 'track', limit: 1 }, { api: 'general', limit: 10 }, { api: 'broadcast', limit: 1 })
  await expect(refused).rejects.toThrow(/1 a window for track .*; RATE_LIMITS_FILE: 1 a window for broadcast /)
  await expect(refused).rejects.toThrow(/for broadcast .* at most 1 partition, a larger limit \(RATE_LIMITS_FILE\), /)
  await expect(refused).rejects.not.toThrow(/general/)
})
