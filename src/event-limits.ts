// What Customer.io's documentation says that it takes, as questions that the schema and the quick check (event-plain.ts) ask alike. Pure.

/** Bytes, as UTF-8. */
export const LIMITS = {
  personId: 150,
  eventName: 100,
  attributeName: 150,
  attributeValue: 1_000,
  eventData: 100_000,
  /** One operation of v2. It is documented as 32 kB: taken for the smaller of its two meanings. */
  operation: 32_000,
  /** The data of a broadcast's trigger. */
  broadcastData: 50_000,
  /** All attachments of an email together, once decoded. */
  attachments: 2_000_000,
} as const
/** Attributes of a person. */
export const MOST_ATTRIBUTES = 300
/** People that a broadcast's trigger may name. */
export const MOST_RECIPIENTS = 10_000
/** 1970 to 2100 in Unix seconds: more than that is milliseconds by mistake. */
export const LAST_SECOND = 4_102_444_800
/** Of the envelope's own id, characters: ours. */
export const LONGEST_EVENT_ID = 1_000

/** Attributes of an identify that steer the call and are not stored. */
const STEERING: ReadonlySet<string> = new Set(['_timestamp', '_update', 'cio_relationships'])

/** A UTF-16 unit takes three bytes at most, so most texts need no counting. */
export const fits = (text: string, bytes: number): boolean => text.length * 3 <= bytes || Buffer.byteLength(text) <= bytes

export const isBlank = (text: string): boolean => text.trim() === ''

/** Ids end up in a URL path: the segments "." and ".." would change it. */
export const isDots = (text: string): boolean => text === '.' || text === '..'

export const isObject = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null && !Array.isArray(value)

/** @returns whole Unix seconds; undefined if they are outside of 1970 to 2100 */
export function unixSeconds(timestamp: number | string): number | undefined {
  const seconds = Math.floor(typeof timestamp === 'string' ? Date.parse(timestamp) / 1000 : timestamp)
  return seconds > 0 && seconds <= LAST_SECOND ? seconds : undefined
}

/** What is wrong with attributes. */
export interface AttributeFault {
  readonly reason: 'too_many_attributes' | 'attribute_name_too_long' | 'attribute_value_too_long'
  /** Of the attribute. */
  readonly name: string | undefined
  readonly message: string
}

/** Customer.io would refuse such attributes, or cut them. */
export function attributeFault(attributes: Readonly<Record<string, unknown>>): AttributeFault | undefined {
  const names = Object.keys(attributes)
  if (names.length > MOST_ATTRIBUTES && names.filter((name) => !STEERING.has(name)).length > MOST_ATTRIBUTES) {
    return { reason: 'too_many_attributes', name: undefined, message: `has more than ${MOST_ATTRIBUTES} attributes` }
  }
  for (const name of names) {
    if (!fits(name, LIMITS.attributeName)) return { reason: 'attribute_name_too_long', name, message: `the name of an attribute is over ${LIMITS.attributeName} bytes` }
    if (!valueFits(attributes[name]) && !STEERING.has(name)) return { reason: 'attribute_value_too_long', name, message: `is over ${LIMITS.attributeValue} bytes` }
  }
  return undefined
}

function valueFits(value: unknown): boolean {
  if (typeof value === 'string') return fits(value, LIMITS.attributeValue)
  return typeof value !== 'object' || value === null || fits(JSON.stringify(value), LIMITS.attributeValue)
}
