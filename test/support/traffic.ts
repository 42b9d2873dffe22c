// Seeded traffic of an online shop, good events with a share of bad ones, as records ready to be published.

import { flawsOf, type Flaw } from './flaws.ts'
import { randomUlid, seededChoices, type Random } from './random.ts'
import { openAccounts, type Operation } from './shop-operations.ts'
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
  /**
   * basic (default): people sign up, shop and leave, and a seed gives the same bytes for ever. all: every operation of the Track API among it.
   */
  operations?: 'basic' | 'all'
}

export interface TrafficItem {
  /** Unique; also the header `marker`, and `_marker` in the body where there is one. */
  marker: string
  key: Buffer | null
  value: Buffer | null
  headers: Record<string, string>
  /** userId, anonymousId, an object or a delivery; of a bad record its key. Whose order the record belongs to. */
  person: string | null
  /** The envelope's type; of a bad record what is wrong with it. */
  type: string
  /** The id that the producer chose, if it did. */
  eventId: string | null
  expect: 'delivered' | 'dead-letter'
  /** Whether the call to Customer.io has a place for the marker. If not, there is at most one such call of the person. */
  hasBody: boolean
}

type Event = { type: string; payload?: Payload } & ({ userId: string; anonymousId?: never } | { anonymousId: string; userId?: never })

// A fixed day, so that a seed gives the same bytes whenever it is run.
const firstEventMs = Date.UTC(2026, 0, 5, 9)
const meanGapMs = 800

/** @returns records in the order in which they are to be published; a person's first is the sign-up, a suppress or destroy is the last */
export function generateTraffic(options: TrafficOptions): TrafficItem[] {
  const { events, people, badShare = 0.03, seed, hot = 0, operations = 'basic' } = options
  const random = seededChoices(seed)
  const flaws = flawsOf(operations)
  const shop = operations === 'basic' ? openShop(random, people, hot) : withAllOperations(random, openShop(random, people, hot))
  const items: TrafficItem[] = []
  let now = firstEventMs
  let bad = 0
  for (let index = 0; index < events; index += 1) {
    now += random.below(2 * meanGapMs)
    const marker = `m-${seed}-${index}`
    if (shop.hasCustomers() && random.chance(badShare)) {
      items.push(badItem(flaws, bad, shop.someCustomer(), marker))
      bad += 1
    } else {
      items.push(goodItem(random, shop.nextOperation(now), marker, now))
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
    yield goodItem(random, operationOf(event), `m-${seed}-${index}`, now)
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

  function nextOperation(now: number): Operation {
    return operationOf(nextEvent(now))
  }

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
    nextOperation,
    hasCustomers: () => customers.size > 0,
    someCustomer: () => random.pick([...customers]),
  }
}

/** The same shop, with every other operation of the Track API in between; who was suppressed may be let in again. */
function withAllOperations(random: Random, shop: ReturnType<typeof openShop>): ReturnType<typeof openShop> {
  const accounts = openAccounts(random)
  const suppressed: string[] = []
  return {
    ...shop,
    nextOperation(now) {
      if (shop.hasCustomers() && random.chance(0.4)) return accounts.next(shop.someCustomer())
      const userId = random.chance(0.005) ? suppressed.shift() : undefined
      if (userId !== undefined) return { envelope: { type: 'unsuppress', userId }, lane: userId }
      const operation = shop.nextOperation(now)
      if (operation.envelope.type === 'suppress') suppressed.push(operation.lane)
      return operation
    },
  }
}

function operationOf(event: Event): Operation {
  const lane = event.userId ?? event.anonymousId
  return { envelope: event, lane, ...(event.payload && { mark: event.type === 'identify' ? markAttributes : markProperties }) }
}

function goodItem(random: Random, { envelope: event, lane, mark }: Operation, marker: string, now: number): TrafficItem {
  const eventId = random.chance(0.5) ? randomUlid(random, now) : null
  const envelope = {
    ...event,
    ...(event.payload && { payload: mark ? mark(event.payload, marker) : event.payload }),
    ...(eventId !== null && { id: eventId }),
    ...producerTime(lane, now),
  }
  return {
    marker,
    key: Buffer.from(lane),
    value: Buffer.from(JSON.stringify(envelope)),
    headers: { marker },
    person: lane,
    type: event.type,
    eventId,
    expect: 'delivered',
    hasBody: mark !== undefined,
  }
}

const markAttributes = (payload: Payload, marker: string): Payload => ({ ...payload, _marker: marker })

const markProperties = (payload: Payload, marker: string): Payload => ({ ...payload, properties: { ...(payload.properties as Payload), _marker: marker } })

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
function badItem(flaws: readonly Flaw[], count: number, person: string, marker: string): TrafficItem {
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
