import { Attributes } from './attributes.ts'
import { byKey, fingerprint } from './canonical.ts'
import type { Device, Event, Json, PersonEffect } from './effect.ts'

/** An event as the stand-in keeps it: its data as `fingerprint` writes it. */
export type KeptEvent = Omit<Event, 'data'> & { data: string }

/** A person as GET /stand-in/people/{id} shows them. `events` are the latest that are kept of `eventCount`, in order of arrival. */
export interface PersonView {
  id: string
  attributes: Json
  suppressed: boolean
  destroyed: boolean
  /** By token. */
  devices: Device[]
  segments: string[]
  eventCount: number
  events: KeptEvent[]
}

interface Person {
  attributes: Attributes
  suppressed: boolean
  destroyed: boolean
  devices: Map<string, Device>
  segments: Set<string>
  eventCount: number
  events: KeptEvent[]
}

/** The state is there to see effects in tests, so it is bounded: the first PEOPLE_KEPT people; later ones are not known. */
export const PEOPLE_KEPT = 20_000
/** Of all people together. When so many are there, a person's next one takes the place of their oldest; without one it is only counted. */
export const EVENTS_KEPT = 100_000

/**
 * The people that the accepted operations made, by v1 and v2 alike. Of what Customer.io does not document, we picked:
 * - A person is known by one text, be it an id, an email or a cio_id ("cio_…"): the path of a v1 call does not tell these apart either.
 * - A suppressed person's operations succeed and do nothing; a destroyed one comes back by the next operation that tells of them.
 * - An event, a device, a segment or a relationship makes a person known; what only removes does not.
 * - A device is its person's own, and does not move when another person has the same token. The later call says what it is like.
 * - A merge gives the primary all that it does not have itself, and destroys the secondary; an unknown secondary gives nothing.
 */
export class People {
  readonly #people = new Map<string, Person>()
  readonly #eventsKept: number
  #events = 0

  constructor(eventsKept = EVENTS_KEPT) {
    this.#eventsKept = eventsKept
  }

  /** Applies a valid operation; false if it did nothing. `nowS` is Unix seconds: the time of an identify that carries none. */
  apply(effect: PersonEffect, nowS: number): boolean {
    switch (effect.kind) {
      case 'identify': {
        const isKnown = this.#people.get(effect.person)?.destroyed === false
        if (effect.onlyIfKnown && !isKnown) return false
        const person = this.#told(effect.person)
        person?.attributes.set(effect.attributes, effect.timestamp ?? nowS)
        return person !== undefined
      }
      case 'event': {
        const person = this.#told(effect.person)
        if (person !== undefined) this.#keep(person, effect.event)
        return person !== undefined
      }
      case 'addDevice':
        return this.#told(effect.person)?.devices.set(effect.device.token, effect.device) !== undefined
      case 'addToSegment':
        return this.#told(effect.person)?.segments.add(effect.segment) !== undefined
      case 'deleteDevice':
        return this.#people.get(effect.person)?.devices.delete(effect.token) ?? false
      case 'removeFromSegment':
        return this.#people.get(effect.person)?.segments.delete(effect.segment) ?? false
      case 'merge':
        return this.#merge(effect.person, effect.secondary)
      case 'destroy':
        return this.#forget(effect.person, false)
      case 'suppress':
        return this.#forget(effect.person, true)
      case 'unsuppress': {
        const person = this.#find(effect.person)
        if (person !== undefined) person.suppressed = false
        return person !== undefined
      }
    }
  }

  /** Makes a person known; false if that cannot be: they are suppressed, or too many are known. */
  tell(id: string): boolean {
    return this.#told(id) !== undefined
  }

  /** What is known of a person; undefined if nothing is. */
  view(id: string): PersonView | undefined {
    const person = this.#people.get(id)
    if (person === undefined) return undefined
    const { suppressed, destroyed, eventCount, events } = person
    return {
      id, attributes: person.attributes.view(), suppressed, destroyed,
      devices: [...person.devices].toSorted(byKey).map(([, device]) => device), segments: [...person.segments].toSorted(), eventCount, events,
    }
  }

  ids(): string[] {
    return [...this.#people.keys()].toSorted()
  }

  /** The person, made if need be; undefined if there is no more room. */
  #find(id: string): Person | undefined {
    const known = this.#people.get(id)
    if (known !== undefined || this.#people.size >= PEOPLE_KEPT) return known
    const person = nobody()
    this.#people.set(id, person)
    return person
  }

  /** The person of whom something is told, alive again if they were destroyed; undefined if suppressed, or if there is no more room. */
  #told(id: string): Person | undefined {
    const person = this.#find(id)
    if (person === undefined || person.suppressed) return undefined
    person.destroyed = false
    return person
  }

  #forget(id: string, isSuppressed: boolean): boolean {
    const person = this.#find(id)
    if (person === undefined) return false
    this.#events -= person.events.length
    Object.assign(person, nobody(), { destroyed: true, suppressed: person.suppressed || isSuppressed })
    return true
  }

  #merge(id: string, secondaryId: string): boolean {
    const secondary = this.#people.get(secondaryId)
    if (secondary === undefined || secondary.destroyed) return false
    const primary = this.#told(id)
    if (primary === undefined) return false
    primary.attributes.fillUp(secondary.attributes)
    for (const [token, device] of secondary.devices) if (!primary.devices.has(token)) primary.devices.set(token, device)
    for (const segment of secondary.segments) primary.segments.add(segment)
    primary.eventCount += secondary.eventCount
    primary.events = [...primary.events, ...secondary.events]
    Object.assign(secondary, nobody(), { destroyed: true })
    return true
  }

  #keep(person: Person, event: Event): void {
    person.eventCount++
    if (this.#events >= this.#eventsKept) {
      if (person.events.shift() === undefined) return
      this.#events--
    }
    person.events.push(keptOf(event))
    this.#events++
  }
}

/** An event as it is kept. */
export function keptOf({ data, ...event }: Event): KeptEvent {
  return { ...event, data: fingerprint(data) }
}

function nobody(): Person {
  return {
    attributes: new Attributes(), suppressed: false, destroyed: false, devices: new Map(), segments: new Set(), eventCount: 0, events: [],
  }
}
