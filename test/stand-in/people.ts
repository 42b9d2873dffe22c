/** An event as the stand-in keeps it. `timestamp` is in Unix seconds. */
export interface KeptEvent { id: string | null; name: string; type: 'event' | 'page' | 'screen'; timestamp: number | null }

/** What a valid call does to the stand-in. `timestamp` is in Unix seconds, null = the time it is applied. */
export type Effect =
  | { kind: 'identify'; person: string; attributes: Record<string, unknown>; timestamp: number | null; onlyIfKnown: boolean }
  | { kind: 'event'; person: string | null; event: KeptEvent }
  | { kind: 'destroy' | 'suppress' | 'unsuppress'; person: string }

/** A person as GET /stand-in/people/{id} shows them. `events` are the latest EVENTS_KEPT of `eventCount`. */
export interface PersonView {
  id: string
  attributes: Record<string, unknown>
  suppressed: boolean
  destroyed: boolean
  eventCount: number
  events: KeptEvent[]
}

interface Person {
  attributes: Map<string, { value: unknown; timestamp: number }>
  suppressed: boolean
  destroyed: boolean
  eventCount: number
  events: KeptEvent[]
}

/** The state is there to see effects in tests, so it is bounded: the first PEOPLE_KEPT people, the latest EVENTS_KEPT events of each. */
export const PEOPLE_KEPT = 20_000
export const EVENTS_KEPT = 50

/**
 * The people that the accepted calls made. Of what Customer.io does not document, we picked: a timestamp orders each attribute
 * by itself, and the later call wins a tie; a suppressed person's calls succeed and do nothing; an event makes a person known.
 */
export class People {
  readonly #people = new Map<string, Person>()

  /** Applies a valid call. `nowS` is Unix seconds: the time of an identify that carries none. */
  apply(effect: Effect, nowS: number): void {
    if (effect.person === null) return
    const known = this.#people.get(effect.person)
    if (known === undefined && this.#people.size >= PEOPLE_KEPT) return
    const person = known ?? nobody()
    switch (effect.kind) {
      case 'identify':
        if (person.suppressed || (effect.onlyIfKnown && (known === undefined || known.destroyed))) return
        setAttributes(person, effect.attributes, effect.timestamp ?? nowS)
        break
      case 'event':
        if (person.suppressed) return
        person.destroyed = false
        person.eventCount++
        person.events.push(effect.event)
        if (person.events.length > EVENTS_KEPT) person.events.shift()
        break
      case 'destroy':
      case 'suppress':
        Object.assign(person, nobody(), { destroyed: true, suppressed: person.suppressed || effect.kind === 'suppress' })
        break
      case 'unsuppress':
        person.suppressed = false
        break
    }
    this.#people.set(effect.person, person)
  }

  /** What is known of a person; undefined if nothing is. */
  view(id: string): PersonView | undefined {
    const person = this.#people.get(id)
    if (person === undefined) return undefined
    return { id, ...person, attributes: Object.fromEntries([...person.attributes].map(([name, { value }]) => [name, value])) }
  }
}

function nobody(): Person {
  return { attributes: new Map(), suppressed: false, destroyed: false, eventCount: 0, events: [] }
}

function setAttributes(person: Person, attributes: Record<string, unknown>, timestamp: number): void {
  person.destroyed = false
  for (const [name, value] of Object.entries(attributes)) {
    const before = person.attributes.get(name)
    if (before === undefined || before.timestamp <= timestamp) person.attributes.set(name, { value, timestamp })
  }
}
