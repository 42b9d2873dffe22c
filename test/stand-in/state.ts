import { Attributes } from './attributes.ts'
import { byKey, canonical, fingerprint } from './canonical.ts'
import type { Effect, Json, Metric, Relate, Send } from './effect.ts'
import { EVENTS_KEPT, keptOf, People } from './people.ts'
import type { KeptEvent, PersonView } from './people.ts'
import { Relationships } from './relationships.ts'

/**
 * Everything that took effect, in a form that two runs can be compared by: sorted, without the order of arrival, and without what differs
 * from run to run (times of the stand-in's clock, ids that it gave).
 */
export interface StateView {
  /** By id. Their events by time, id, and what they say. */
  people: (PersonView & { relationships: { object: string; attributes: Json }[] })[]
  /** Of people who are not known yet. By time, id, and what they say. */
  anonymousEvents: AnonymousEvent[]
  /** By name, which is "type/id". */
  objects: { object: string; attributes: Json; relationships: { person: string; attributes: Json }[] }[]
  forms: { form: string; person: string; data: string }[]
  /** By delivery: what was reported of it, and whether its recipient unsubscribed (true), took that back (false), or neither (null). */
  deliveries: { delivery: string; unsubscribed: boolean | null; metrics: Omit<Metric, 'delivery'>[] }[]
  sends: Omit<Send, 'at' | 'delivery_id'>[]
}

type AnonymousEvent = KeptEvent & { anonymousId: string | null }

/** Of anonymous events, objects, forms, deliveries and sends, of each: the first that come. More are counted nowhere. */
export const RECORDS_KEPT = 20_000

/**
 * All that the accepted operations did, whichever API they came by. Of what Customer.io does not document, we picked, besides what people.ts
 * and attributes.ts say:
 * - A relationship makes both sides known; that of a suppressed person does nothing. Deleting an object deletes its relationships.
 * - The same metric of the same delivery at the same time is reported once. A form submitted twice is submitted twice.
 * - An anonymous event stays one, whoever is identified later on.
 * - Whose delivery an unsubscribe is for is not known here: it is noted at the delivery.
 * - A message sent changes no person.
 */
export class State {
  readonly #people: People
  readonly #relationships = new Relationships()
  readonly #anonymousEvents: AnonymousEvent[] = []
  readonly #objects = new Map<string, Attributes>()
  readonly #forms: { form: string; person: string; data: string }[] = []
  readonly #deliveries = new Map<string, { unsubscribed: boolean | null; metrics: Map<string, Omit<Metric, 'delivery'>> }>()
  readonly #sends: Send[] = []

  /** `eventsKept`: see EVENTS_KEPT. */
  constructor(eventsKept = EVENTS_KEPT) {
    this.#people = new People(eventsKept)
  }

  /** Applies a valid operation. `nowS` is Unix seconds: the time of an identify that carries none. `at`: ms on the stand-in's clock. */
  apply(effect: Effect, nowS: number, at: number): void {
    switch (effect.kind) {
      case 'identify':
        if (this.#people.apply(effect, nowS) && effect.relate !== null) this.#relate(effect.relate)
        return
      case 'anonymousEvent':
        if (this.#anonymousEvents.length < RECORDS_KEPT) this.#anonymousEvents.push({ anonymousId: effect.anonymousId, ...keptOf(effect.event) })
        return
      case 'identifyObject':
        this.#object(effect.object)?.set(effect.attributes, effect.timestamp ?? nowS)
        if (effect.relate !== null) this.#relate(effect.relate)
        return
      case 'deleteObject':
        this.#objects.delete(effect.object)
        return this.#relationships.forgetObject(effect.object)
      case 'addRelationships':
      case 'deleteRelationships':
        return this.#relate(effect)
      case 'merge':
        if (this.#people.apply(effect, nowS)) this.#relationships.merge(effect.person, effect.secondary)
        return
      case 'destroy':
      case 'suppress':
        this.#people.apply(effect, nowS)
        return this.#relationships.forgetPerson(effect.person)
      case 'form':
        this.#people.tell(effect.person)
        if (this.#forms.length < RECORDS_KEPT) this.#forms.push({ form: effect.form, person: effect.person, data: fingerprint(effect.data) })
        return
      case 'metric': {
        const { delivery, ...metric } = effect.metric
        this.#delivery(delivery)?.metrics.set(`${metric.metric} ${metric.timestamp}`, metric)
        return
      }
      case 'unsubscribe': {
        const delivery = this.#delivery(effect.delivery)
        if (delivery !== undefined) delivery.unsubscribed = effect.unsubscribed
        return
      }
      case 'send':
        if (this.#sends.length < RECORDS_KEPT) this.#sends.push({ ...effect.send, at })
        return
      default:
        this.#people.apply(effect, nowS)
    }
  }

  /** What is known of a person; undefined if nothing is. */
  person(id: string): PersonView | undefined {
    return this.#people.view(id)
  }

  /** In order of arrival. */
  sends(): readonly Send[] {
    return this.#sends
  }

  view(): StateView {
    const people = this.#people.ids().map((id) => {
      const person = this.#people.view(id)!
      return { ...person, events: sorted(person.events, byTime), relationships: this.#relationships.ofPerson(id) }
    })
    const objects = [...this.#objects].toSorted(byKey).map(([object, attributes]) => ({
      object, attributes: attributes.view(), relationships: this.#relationships.ofObject(object),
    }))
    const deliveries = [...this.#deliveries].toSorted(byKey).map(([delivery, { unsubscribed, metrics }]) => ({
      delivery, unsubscribed, metrics: [...metrics].toSorted(byKey).map(([, metric]) => metric),
    }))
    const sends = this.#sends.map(({ at: _at, delivery_id: _id, ...send }) => send)
    const byText = (value: object) => [0, canonical(value)] as const
    return { people, anonymousEvents: sorted(this.#anonymousEvents, byTime), objects, forms: sorted(this.#forms, byText), deliveries, sends: sorted(sends, byText) }
  }

  #relate({ kind, links }: Relate): void {
    for (const link of links) {
      if (kind === 'deleteRelationships') this.#relationships.remove(link)
      else if (this.#people.tell(link.person) && this.#object(link.object) !== undefined) this.#relationships.add(link)
    }
  }

  #object(object: string): Attributes | undefined {
    return kept(this.#objects, object, () => new Attributes())
  }

  #delivery(delivery: string) {
    return kept(this.#deliveries, delivery, () => ({ unsubscribed: null as boolean | null, metrics: new Map<string, Omit<Metric, 'delivery'>>() }))
  }
}

/** The value of the key, made if need be; undefined if there is no more room. */
function kept<V>(map: Map<string, V>, key: string, make: () => V): V | undefined {
  const known = map.get(key)
  if (known !== undefined || map.size >= RECORDS_KEPT) return known
  const value = make()
  map.set(key, value)
  return value
}

function byTime({ timestamp, ...rest }: KeptEvent): readonly [number, string] {
  return [timestamp ?? -1, canonical(rest)]
}

function sorted<T>(list: readonly T[], keyOf: (value: T) => readonly [number, string]): T[] {
  return list.map((value) => ({ value, key: keyOf(value) }))
    .toSorted(({ key: [a, textA] }, { key: [b, textB] }) => a - b || (textA < textB ? -1 : Number(textA > textB)))
    .map(({ value }) => value)
}
