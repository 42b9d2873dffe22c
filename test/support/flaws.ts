// The ways in which a record can be bad. Each is a record that no retry can mend, so it belongs in the dead-letter topic.

export interface FlawedRecord {
  key: string | null
  value: Buffer | null
}

export interface Flaw {
  name: string
  /**
   * @param person somebody who is signed up; a bad record sits among that person's good ones wherever it can have a key
   * @param marker goes into the body wherever there is one, so that a wrongly delivered record can be recognised
   */
  make(person: string, marker: string): FlawedRecord
}

/** A flaw of the envelope: JSON that parses. `change` gets a good track event. */
function envelope(name: string, change: (good: Envelope) => unknown, key?: string | null): Flaw {
  return {
    name,
    make: (person, marker) => ({
      key: key === undefined ? person : key,
      value: Buffer.from(JSON.stringify(change(goodTrack(person, marker)))),
    }),
  }
}

/** A flaw below JSON: raw bytes, or none. */
function raw(name: string, bytes: (person: string, marker: string) => Buffer | null): Flaw {
  return { name, make: (person, marker) => ({ key: person, value: bytes(person, marker) }) }
}

interface Envelope {
  type: string
  userId: string
  payload: { event: string; properties: Record<string, unknown> }
}

function goodTrack(person: string, marker: string): Envelope {
  return { type: 'track', userId: person, payload: { event: 'purchase', properties: { total: 12.9, _marker: marker } } }
}

// The sizes below are one over what Customer.io's Track API takes, in bytes; é is two bytes, so counting characters is not enough.
const longId = `${'é'.repeat(75)}x`
const longName = `${'é'.repeat(50)}x`

const timestamp = (name: string, value: unknown) => envelope(`timestamp ${name}`, (good) => ({ ...good, timestamp: value }))

const payload = (type: string, of: Record<string, unknown>) => (good: Envelope) => ({ ...good, type, payload: { ...of, ...good.payload.properties } })

/** Of what people do in the shop. */
export const flaws: readonly Flaw[] = [
  raw('not JSON', (person, marker) => Buffer.from(`{"type":"track","userId":"${person}","payload":{"event":"login","_marker":"${marker}"`)),
  raw('not UTF-8', (person, marker) =>
    Buffer.concat([
      Buffer.from(`{"type":"track","userId":"${person}","payload":{"event":"login","properties":{"_marker":"${marker}","name":"`),
      Buffer.from([0xc3, 0x28, 0xff]),
      Buffer.from('"}}}'),
    ]),
  ),
  raw('empty value', () => Buffer.alloc(0)),
  raw('tombstone', () => null),
  envelope('JSON array', (good) => [good]),
  envelope('JSON string', (good) => JSON.stringify(good)),
  envelope('unknown type', (good) => ({ ...good, type: 'teleport' })),
  envelope('device without a token', (good) => ({
    ...good,
    type: 'addDevice',
    payload: { device: { id: 'token-1', platform: 'ios' }, ...good.payload.properties },
  })),
  envelope('no userId', (good) => ({ type: good.type, payload: good.payload }), null),
  envelope('numeric userId', (good) => ({ ...good, userId: 4711 }), '4711'),
  envelope('userId too long', (good) => ({ ...good, userId: longId }), longId),
  envelope('no event name', (good) => ({ ...good, payload: { properties: good.payload.properties } })),
  envelope('event name too long', (good) => ({ ...good, payload: { ...good.payload, event: longName } })),
  envelope('data too large', (good) => ({
    ...good,
    payload: { ...good.payload, properties: { ...good.payload.properties, note: 'x'.repeat(100_000) } },
  })),
  timestamp('31 February', '2026-02-31'),
  timestamp('in words', 'yesterday'),
  timestamp('negative', -1),
  timestamp('far beyond any date', 1e30),
  raw('__proto__ in properties', (person, marker) =>
    Buffer.from(
      `{"type":"track","userId":${JSON.stringify(person)},"payload":{"event":"login",` +
        `"properties":{"_marker":"${marker}","__proto__":{"admin":true}}}}`,
    ),
  ),
]

/** Of every other operation of the Track API. */
const flawsOfOperations: readonly Flaw[] = [
  envelope('attribute value too long', payload('identify', { bio: `${'é'.repeat(500)}x` })),
  envelope('attribute name too long', payload('identify', { [`${'é'.repeat(75)}x`]: 1 })),
  envelope('too many attributes', payload('identify', Object.fromEntries(Array.from({ length: 301 }, (_, n) => [`a${n}`, n])))),
  envelope('device of no platform', payload('addDevice', { token: 'token-1', platform: 'web' })),
  envelope('merge with two ids', payload('merge', { primary: { id: 'a', email: 'a@example.com' }, secondary: { id: 'b' } })),
  envelope('no segment', payload('addToSegment', { segmentId: 0 })),
  envelope('form of two people', payload('formSubmit', { formId: 'f', data: { id: 'a', email: 'a@example.com' } })),
  envelope('form with a number', payload('formSubmit', { formId: 'f', data: { age: 7 } })),
  envelope('no such metric', payload('reportMetric', { deliveryId: 'd', metric: 'loved' })),
  envelope('no delivery', payload('unsubscribe', { deliveryId: '..' })),
  envelope('object without an id', payload('identifyObject', { objectTypeId: 1 })),
  envelope('object too large', payload('identifyObject', { objectTypeId: 1, objectId: 'acme', attributes: { note: 'x'.repeat(32_000) } })),
  envelope('no relationships', payload('addRelationships', { relationships: [] })),
]

/** Those that traffic with these operations has, each of them in turn. */
export const flawsOf = (operations: 'basic' | 'all'): readonly Flaw[] => (operations === 'basic' ? flaws : [...flaws, ...flawsOfOperations])
