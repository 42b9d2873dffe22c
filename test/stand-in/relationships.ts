import { byKey } from './canonical.ts'
import type { Json, Link } from './effect.ts'

/** Who is related to which object, with the attributes of the relationship; known from both sides. */
export class Relationships {
  readonly #ofPeople = new Map<string, Map<string, Json>>()
  readonly #ofObjects = new Map<string, Map<string, Json>>()

  /** The attributes replace those of the same relationship before: how they are merged is not documented. */
  add({ person, object, attributes }: Link): void {
    within(this.#ofPeople, person).set(object, attributes)
    within(this.#ofObjects, object).set(person, attributes)
  }

  remove({ person, object }: Pick<Link, 'person' | 'object'>): void {
    this.#ofPeople.get(person)?.delete(object)
    this.#ofObjects.get(object)?.delete(person)
  }

  forgetPerson(person: string): void {
    for (const object of this.#ofPeople.get(person)?.keys() ?? []) this.#ofObjects.get(object)?.delete(person)
    this.#ofPeople.delete(person)
  }

  forgetObject(object: string): void {
    for (const person of this.#ofObjects.get(object)?.keys() ?? []) this.#ofPeople.get(person)?.delete(object)
    this.#ofObjects.delete(object)
  }

  /** Gives the primary the relationships of the secondary that it does not have itself. */
  merge(primary: string, secondary: string): void {
    const own = this.#ofPeople.get(primary)
    for (const [object, attributes] of this.#ofPeople.get(secondary) ?? []) {
      if (own?.has(object) !== true) this.add({ person: primary, object, attributes })
    }
    this.forgetPerson(secondary)
  }

  ofPerson(person: string): { object: string; attributes: Json }[] {
    return [...this.#ofPeople.get(person) ?? []].toSorted(byKey).map(([object, attributes]) => ({ object, attributes }))
  }

  ofObject(object: string): { person: string; attributes: Json }[] {
    return [...this.#ofObjects.get(object) ?? []].toSorted(byKey).map(([person, attributes]) => ({ person, attributes }))
  }
}

function within(maps: Map<string, Map<string, Json>>, key: string): Map<string, Json> {
  let map = maps.get(key)
  if (map === undefined) maps.set(key, map = new Map())
  return map
}
