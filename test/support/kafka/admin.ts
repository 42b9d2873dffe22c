import type { Admin } from 'kafkajs'
import { setTimeout as delay } from 'node:timers/promises'
import { kafkaClient } from '../kafka-client.ts'

/** Runs `work` with a connected kafkajs admin and disconnects it whatever happens. */
export const withAdmin = async <T>(brokers: string[], work: (admin: Admin) => Promise<T>): Promise<T> => {
  const admin = kafkaClient(brokers, 'test-admin').admin()
  try {
    await admin.connect()
    return await work(admin)
  } finally {
    await admin.disconnect()
  }
}

/**
 * Resolves once consumer groups work, not only the port: the first request for a group makes the broker create its offsets
 * topic, and a consumer that joins meanwhile crashes and restarts. Throws the last error after `timeoutMs`.
 */
export const waitForGroups = async (brokers: string[], timeoutMs = 30_000): Promise<void> => {
  const deadline = Date.now() + timeoutMs
  for (;;) {
    try {
      await withAdmin(brokers, (admin) => admin.fetchOffsets({ groupId: 'readiness-of-the-broker' }))
      return
    } catch (error) {
      if (Date.now() > deadline) throw error
      await delay(100)
    }
  }
}
