// Seeded traffic of an online shop, good events with a share of bad ones, as records ready to be published.

import { flaws } from './flaws.ts'
import { randomUlid, seededChoices, type Random } from './random.ts'
import { customerId, pageView, profileUpdate, screenView, shopping, signUp, type Payload } from './shop.ts'

export interface TrafficOptions {
  /** How many records. */
  events: number
  /** How many people the shop has at a time. Somebody who leaves for good is replaced by somebody new. */
  people: number
  /** Share of bad records, 0 to 1. */
  badShare?: number
  seed: number
  /** Share of all records that belong to one single person, who never leaves, 0 to 1. */
  hot?: number
}

export interface TrafficItem {
  /** Unique; also the header `marker`, and `_marker` in the body where there is one. */
  marker: string
  key: Buffer | null
  value: Buffer | null
  headers: Record<string, string>
  /** userId, or anonymousId; of a bad record its key. Whose order the record belongs to. */
  person: string | null
  /** The envelope's type; of a bad record what is wrong with it. */
  type: string
  /** The id that the producer chose, if it did. */
  eventId: string | null
  expect: 'delivered' | 'dead-letter'
  /** Whether the call to Customer.io has a body, so that the marker travels with it. */
  hasBody: boolean
}

type Event = { type: string; payload?: Payload } & ({ userId: string; anonymousId?: never } | { anonymousId: string; userId?: never })

// A fixed day, so that a seed gives the same bytes whenever it is run.
const firstEventMs = Date.UTC(2026, 0, 5, 9)
const meanGapMs = 800

/** @returns records in the order in which they are to be published; a person's first is the sign-up, a suppress or destroy is the last */
export function generateTraffic(options: TrafficOptions): TrafficItem[] {
  const { events, people, badShare = 0.03, seed, hot = 0 } = options
  const random = seededChoices(seed)
  const shop = openShop(random, people, hot)
  const items: TrafficItem[] = []
  let now = firstEventMs
  let bad = 0
  for (let index = 0; index < events; index += 1) {
    now += random.below(2 * meanGapMs)
    const marker = `m-${seed}-${index}`
    if (shop.hasCustomers() && random.chance(badShare)) {
      items.push(badItem(bad, shop.someCustomer(), marker))
      bad += 1
    } else {
      items.push(goodItem(random, shop.nextEvent(now), marker, now))
    }
  }
  return items
}

/** So many people who come once each: most sign up, the others only look around. Made one at a time, so that a million need no memory. */
export function* newcomers(people: number, seed: number): Generator<TrafficItem> {
  const random = seededChoices(seed)
  let now = firstEventMs
  for (let index = 0; index < people; index += 1) {
    now += random.below(2 * meanGapMs)
    const id = customerId(index)
    const event: Event = random.chance(0.2)
      ? { type: 'trackAnonymous', anonymousId: `anon-${index}`, payload: shopping(random) }
      : { type: 'identify', userId: id, payload: signUp(random, id, now) }
    yield goodItem(random, event, `m-${seed}-${index}`, now)
  }
}

export interface TrackOptions {
  /** Bytes of the properties as JSON; the least that is possible if it is less than that. */
  dataBytes?: number
  id?: string
  timestamp?: number | string
  /** Why it must become a dead letter. */
  flaw?: string
}

/** One track event, made to measure. */
export function trackOf(person: string, marker: string, { dataBytes = 0, id, timestamp, flaw }: TrackOptions): TrafficItem {
  const least = { _marker: marker }
  const missing = dataBytes - JSON.stringify({ ...least, note: '' }).length
  const properties = missing < 0 ? least : { ...least, note: 'x'.repeat(missing) }
  const envelope = { type: 'track', userId: person, payload: { event: 'purchase', properties }, ...(id !== undefined && { id }), ...(timestamp !== undefined && { timestamp }) }
  return {
    marker,
    key: Buffer.from(person),
    value: Buffer.from(JSON.stringify(envelope)),
    headers: { marker },
    person,
    type: flaw ?? 'track',
    eventId: id ?? null,
    expect: flaw === undefined ? 'delivered' : 'dead-letter',
    hasBody: flaw === undefined,
  }
}

/** The people of the shop, and what one of them does next. */
function openShop(random: Random, people: number, hot: number) {
  // A seat is empty (null) until its person has signed up, and again when that person has left for good.
  const seats: (string | null)[] = Array.from({ length: people }, () => null)
  const customers = new Set<string>()
  let signUps = 0
  let visits = 0
  // Five visitors at a time, each replaced after about ten looks around.
  const visitor = () => `anon-${seats.length}-${Math.floor((visits += 1) / 50)}-${random.below(5)}`

  function nextEvent(now: number): Event {
    const isHot = random.chance(hot)
    const seat = isHot ? 0 : random.below(people)
    if (!isHot && random.chance(0.08)) return { type: 'trackAnonymous', anonymousId: visitor(), payload: shopping(random) }
    const userId = seats[seat] ?? null
    if (userId === null) {
      const id = customerId((signUps += 1))
      seats[seat] = id
      customers.add(id)
      return { type: 'identify', userId: id, payload: signUp(random, id, now) }
    }
    const kind = random.next()
    if (kind < 0.006 && (hot === 0 || seat !== 0)) {
      seats[seat] = null
      customers.delete(userId)
      return { type: random.pick(['suppress', 'destroy']), userId }
    }
    if (kind < 0.15) return { type: 'identify', userId, payload: profileUpdate(random) }
    if (kind < 0.35) return { type: 'page', userId, payload: pageView(random) }
    if (kind < 0.45) return { type: 'screen', userId, payload: screenView(random) }
    return { type: 'track', userId, payload: shopping(random) }
  }

  return {
    nextEvent,
    hasCustomers: () => customers.size > 0,
    someCustomer: () => random.pick([...customers]),
  }
}

function goodItem(random: Random, event: Event, marker: string, now: number): TrafficItem {
  const person = event.userId ?? event.anonymousId
  const eventId = random.chance(0.5) ? randomUlid(random, now) : null
  const envelope = {
    ...event,
    ...(event.payload && { payload: markPayload(event.type, event.payload, marker) }),
    ...(eventId !== null && { id: eventId }),
    ...producerTime(person, now),
  }
  return {
    marker,
    key: Buffer.from(person),
    value: Buffer.from(JSON.stringify(envelope)),
    headers: { marker },
    person,
    type: event.type,
    eventId,
    expect: 'delivered',
    hasBody: event.payload !== undefined,
  }
}

function markPayload(type: string, payload: Payload, marker: string): Payload {
  if (type === 'identify') return { ...payload, _marker: marker }
  return { ...payload, properties: { ...(payload.properties as Payload), _marker: marker } }
}

/**
 * Producers differ: some give the time in seconds, some as ISO text, some leave it to the record's own. It hangs on the person, so that
 * one person's times all come from one clock and never run backwards.
 */
function producerTime(person: string, now: number): { timestamp?: number | string } {
  switch (Buffer.from(person).reduce((sum, byte) => sum + byte, 0) % 3) {
    case 0:
      return {}
    case 1:
      return { timestamp: Math.floor(now / 1000) }
    default:
      return { timestamp: new Date(now).toISOString() }
  }
}

/** Takes the flaws in turn, so that each of them comes up. */
function badItem(count: number, person: string, marker: string): TrafficItem {
  const flaw = flaws[count % flaws.length]
  if (flaw === undefined) throw new RangeError('no such flaw')
  const { key, value } = flaw.make(person, marker)
  return {
    marker,
    key: key === null ? null : Buffer.from(key),
    value,
    headers: { marker },
    person: key,
    type: flaw.name,
    eventId: null,
    expect: 'dead-letter',
    hasBody: false,
  }
}
