import { Announcer } from '../../src/announcer.ts'
import { keptLog } from './helpers.ts'

function announcer() {
  const { lines, logger } = keptLog()
  const state = { now: 1_000 }
  const announces = new Announcer(logger, () => state.now)
  const said = () => lines.map((line) => {
    const { time, ...rest } = JSON.parse(line) as Record<string, unknown>
    expect(time).toEqual(expect.any(String))
    return rest
  })
  return { announces, state, said }
}

const open = { state: 'open', stops: false, message: 'open again' }
const closed = { state: 'closed', stops: true, message: 'closed' }

test('nothing is said of what runs from the beginning', () => {
  const { announces, said } = announcer()
  expect([announces.say({ what: 'gate' }, open), announces.say({ what: 'gate' }, open)]).toEqual([false, false])
  expect(said()).toEqual([])
})

test('one line when it stops, however often that is seen, and one when it goes on, with how long it lasted', () => {
  const { announces, state, said } = announcer()
  const changes = [closed, closed, open, open].map((each) => {
    state.now += 500
    return announces.say({ what: 'gate' }, { ...each, fields: { row: 1 } })
  })
  expect(changes).toEqual([true, false, true, false])
  expect(said()).toEqual([
    { level: 'warn', what: 'gate', to: 'closed', row: 1, msg: 'closed' },
    { level: 'info', what: 'gate', from: 'closed', to: 'open', lastedMs: 1_000, row: 1, msg: 'open again' },
  ])
})

test('from one stop to another is a change too; a stop may be an error', () => {
  const { announces, said } = announcer()
  announces.say({ what: 'breaker' }, closed)
  announces.say({ what: 'breaker' }, { state: 'refused', stops: true, message: 'refused', level: 'error' })
  expect(said().map(({ level, from, to, lastedMs }) => [level, from, to, lastedMs])).toEqual([['warn', undefined, 'closed', undefined], ['error', 'closed', 'refused', 0]])
})

test('each API by itself', () => {
  const { announces, said } = announcer()
  for (const api of ['track', 'broadcast']) announces.say({ what: 'gate', api }, closed)
  announces.say({ what: 'gate', api: 'broadcast' }, open)
  expect(announces.say({ what: 'gate', api: 'track' }, closed)).toBe(false)
  expect(said().map(({ what, api, to }) => [what, api, to])).toEqual([
    ['gate', 'track', 'closed'], ['gate', 'broadcast', 'closed'], ['gate', 'broadcast', 'open'],
  ])
})

test('each thing, and each partition, by itself', () => {
  const { announces, said } = announcer()
  for (const stop of [{ what: 'gate' }, { what: 'letters', partition: 0 }, { what: 'letters', partition: 1 }]) announces.say(stop, closed)
  announces.say({ what: 'letters', partition: 1 }, open)
  expect(said().map(({ what, partition, to }) => [what, partition, to])).toEqual([
    ['gate', undefined, 'closed'], ['letters', 0, 'closed'], ['letters', 1, 'closed'], ['letters', 1, 'open'],
  ])
})

test('another cause of the same stop is told, too; how long it lasted counts from the first', () => {
  const { announces, state, said } = announcer()
  for (const cause of ['rule a', 'rule a', 'rule b']) {
    state.now += 500
    announces.say({ what: 'share' }, { ...closed, cause })
  }
  announces.say({ what: 'share' }, open)
  expect(said().map(({ to, cause, lastedMs }) => [to, cause, lastedMs])).toEqual([
    ['closed', 'rule a', undefined], ['closed', 'rule b', 1_000], ['open', undefined, 1_000],
  ])
})
