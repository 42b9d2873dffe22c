// What valid operations do to the stand-in's state.

import type { Sending } from './routes.ts'

export type Json = Record<string, unknown>

/** An event as it came. `timestamp` is in Unix seconds. */
export interface Event { id: string | null; name: string; type: 'event' | 'page' | 'screen'; timestamp: number | null; data: Json }

/** `lastUsed` is in Unix seconds; null = not told. */
export interface Device { token: string; platform: string; lastUsed: number | null; attributes: Json }

/** A person's relationship to an object, which is named "type/id". */
export interface Link { person: string; object: string; attributes: Json }

export interface Relate { kind: 'addRelationships' | 'deleteRelationships'; links: Link[] }

/** `timestamp` is in Unix seconds; null = not told. */
export interface Metric { delivery: string; metric: string; timestamp: number | null; recipient: string | null; reason: string | null; href: string | null }

/** A message that was asked for. `at`: ms on the stand-in's clock. */
export interface Send {
  kind: Sending | 'broadcast'
  /** Of a transactional message: the id it was answered with. */
  delivery_id: string | null
  to: string | null
  identifiers: Json | null
  transactional_message_id: string | number | null
  broadcast_id: string | null
  marker: string | null
  at: number
  /** All that was said, as `fingerprint` writes it. */
  body: string
}

/** What one effect does to people. `timestamp` is in Unix seconds, null = the time it is applied. */
export type PersonEffect =
  | { kind: 'identify'; person: string; attributes: Json; timestamp: number | null; onlyIfKnown: boolean; relate: Relate | null }
  | { kind: 'event'; person: string; event: Event }
  | { kind: 'destroy' | 'suppress' | 'unsuppress'; person: string }
  | { kind: 'addDevice'; person: string; device: Device }
  | { kind: 'deleteDevice'; person: string; token: string }
  | { kind: 'addToSegment' | 'removeFromSegment'; person: string; segment: string }
  /** `person` is the one that stays. */
  | { kind: 'merge'; person: string; secondary: string }

/** What a valid operation does. */
export type Effect =
  | PersonEffect
  | { kind: 'anonymousEvent'; anonymousId: string | null; event: Event }
  | { kind: 'identifyObject'; object: string; attributes: Json; timestamp: number | null; relate: Relate | null }
  | { kind: 'deleteObject'; object: string }
  | Relate
  | { kind: 'form'; form: string; person: string; data: Json }
  | { kind: 'metric'; metric: Metric }
  | { kind: 'unsubscribe'; delivery: string; unsubscribed: boolean }
  | { kind: 'send'; send: Omit<Send, 'at'> }
