import { SlotLimiter } from '../../src/limiter/limiter.ts'
import { PartitionShare } from '../../src/limiter/partitions.ts'
jest.useFakeTimers({ doNotFake: ['setImmediate', 'nextTick', 'queueMicrotask'] })
const flush = () => new Promise((r) => setImmediate(r))
async function pass(ms: number) { for (let i = 0; i < ms; i++) { jest.advanceTimersByTime(1); await flush() } }
const after = (ms: number, run: () => void) => { setTimeout(run, Math.ceil(ms) + 1) }
const clock = () => performance.now()
test('fence', async () => {
  let fenced = true
  const share = new PartitionShare({ limit: 10, windowMs: 100, clock, after, fenced: () => fenced })
  const limiter = new SlotLimiter({ share, windowMs: 100, latestArrivalMs: 300, concurrency: 5, clock, after })
  let sent = 0
  const pump = () => { if (fenced || limiter.usable() === 0) return; limiter.usePart(1); for (let q = limiter.queued(); q < 5; q++) limiter.take(() => fenced ? undefined : async () => { sent++; const sentAt = clock(); await new Promise((r) => setTimeout(r, 10)); return { answered: true, sentAt } }, pump) }
  share.onChange(pump)
  share.assigned([0, 1], 2)
  await pass(10); fenced = false; pump()
  await pass(1000)
  console.log('sent in 1 s', sent)
  fenced = true
  await pass(500)
  const before = sent
  fenced = false; pump()
  await pass(1000)
  console.log('after the fence', sent - before, limiter.stats(), limiter.usable())
})
test('wall clock steps back', async () => {
  const share = new PartitionShare({ limit: 10, windowMs: 100, clock, after, fenced: () => false })
  const limiter = new SlotLimiter({ share, windowMs: 100, latestArrivalMs: 300, concurrency: 5, clock, after })
  let sent = 0
  const pump = () => { if (limiter.usable() === 0) return; for (let q = limiter.queued(); q < 5; q++) limiter.take(() => async () => { sent++; const sentAt = clock(); await new Promise((r) => setTimeout(r, 10)); return { answered: true, sentAt } }, pump) }
  share.onChange(pump)
  share.assigned([0, 1], 2)
  await pass(1100)
  console.log('sent in 1 s', sent)
  jest.setSystemTime(Date.now() - 3600_000)
  const before = sent
  const p = performance.now()
  await pass(1000)
  console.log('after the step', sent - before, limiter.stats(), performance.now() - p)
})
