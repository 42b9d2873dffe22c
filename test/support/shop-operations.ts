// What happens around the shop's customers beside shopping: every other call of the Track API. Pure; all chance comes from `random`.

import type { Random } from './random.ts'
import type { Payload } from './shop.ts'

/** An event as a producer would publish it, and what a test has to know of it. */
export interface Operation {
  envelope: { type: string; userId?: string; payload?: Payload }
  /** Whose order it belongs to; also the record's key. */
  lane: string
  /** Puts a marker where it travels with the call; without it the call has no place for one, and there is at most one such call a lane. */
  mark?: (payload: Payload, marker: string) => Payload
}

const platforms = ['ios', 'android'] as const
const models = ['pixel 9', 'iphone 17', 'tablet'] as const
const companies = ['acme', 'globex', 'initech', 'zoë & söhne'] as const
const metrics = ['opened', 'delivered', 'converted', 'clicked', 'bounced'] as const

/** Where the marker goes, by the field of the payload that has free names in it. */
const markedIn = (field: 'attributes' | 'data') => (payload: Payload, marker: string): Payload =>
  ({ ...payload, [field]: { ...(payload[field] as Payload | undefined), _marker: marker } })

const markedRelationship = (payload: Payload, marker: string): Payload => {
  const [first, ...others] = payload.relationships as { attributes?: Payload }[]
  return { ...payload, relationships: [{ ...first, attributes: { ...first?.attributes, _marker: marker } }, ...others] }
}

/** Remembers what may be done only once: two calls without a marker could not be told apart. */
export function openAccounts(random: Random) {
  const once = new Set<string>()
  let deliveries = 0
  let objects = 0

  function addDevice(userId: string): Operation {
    const payload = {
      token: `${userId}-device-${random.below(3)}`, platform: random.pick(platforms),
      ...(random.chance(0.5) && { lastUsed: 1_767_600_000 + random.below(3_600) }), attributes: { device_model: random.pick(models) },
    }
    return { envelope: { type: 'addDevice', userId, payload }, lane: userId, mark: markedIn('attributes') }
  }

  function submitForm(userId: string): Operation {
    const data = { topic: random.pick(['returns', 'newsletter', 'tea club']), ...(random.chance(0.5) && { id: userId }) }
    return { envelope: { type: 'formSubmit', userId, payload: { formId: `form-${random.below(3)}`, data } }, lane: userId, mark: markedIn('data') }
  }

  function relate(userId: string): Operation {
    const relationships = [{ objectTypeId: 1, objectId: random.pick(companies), attributes: { role: random.pick(['buyer', 'boss']) } }]
    return { envelope: { type: 'addRelationships', userId, payload: { relationships } }, lane: userId, mark: markedRelationship }
  }

  /** Objects of a type of their own: those of the relationships above may be touched by many lanes at once. */
  function identifyObject(): Operation {
    const number = random.chance(0.6) || objects === 0 ? (objects += 1) : 1 + random.below(objects)
    if (once.has(`deleteObject object-${number}`)) return identifyObject()
    const relationships = [{ userId: `member-${number}`, attributes: { role: 'owner' } }]
    const payload = { objectTypeId: '2', objectId: `object-${number}`, attributes: { seats: random.below(90) }, ...(random.chance(0.3) && { relationships }) }
    return { envelope: { type: 'identifyObject', payload }, lane: `2/object-${number}`, mark: markedIn('attributes') }
  }

  function deleteObject(): Operation | undefined {
    const number = 1 + random.below(objects + 1)
    if (number > objects || once.has(`deleteObject object-${number}`)) return undefined
    once.add(`deleteObject object-${number}`)
    return { envelope: { type: 'deleteObject', payload: { objectTypeId: '2', objectId: `object-${number}` } }, lane: `2/object-${number}` }
  }

  /** Names a delivery and nobody: the record's key tells whose order it belongs to. */
  function ofDelivery(): Operation {
    const deliveryId = `dlv-${(deliveries += 1)}`
    const envelope = random.chance(0.5)
      ? { type: 'unsubscribe', payload: { deliveryId, ...(random.chance(0.3) && { unsubscribe: false }) } }
      : { type: 'reportMetric', payload: { deliveryId, metric: random.pick(metrics), ...(random.chance(0.5) && { recipient: `${deliveryId}@example.com` }) } }
    return { envelope, lane: deliveryId }
  }

  /** What a person does once, each of the kinds in turn. */
  function onceOnly(userId: string): Operation | undefined {
    const payloads: Record<string, Payload> = {
      addToSegment: { segmentId: 1 + random.below(4) },
      removeFromSegment: { segmentId: 1 + random.below(4) },
      deleteDevice: { token: `${userId}-device-0` },
      // nobody else ever speaks of the secondary: what becomes of it must not depend on which lane is faster
      merge: { primary: { id: userId }, secondary: random.chance(0.5) ? { email: `${userId.replace('@', '.')}@old.example.com` } : { id: `${userId}-old` } },
      deleteRelationships: { relationships: [{ objectTypeId: 1, objectId: random.pick(companies) }] },
    }
    const type = Object.keys(payloads).find((kind) => !once.has(`${kind} ${userId}`))
    if (type === undefined) return undefined
    once.add(`${type} ${userId}`)
    return { envelope: { type, userId, payload: payloads[type] as Payload }, lane: userId }
  }

  return {
    /** @returns what somebody who is signed up, or something beside them, does next */
    next(userId: string): Operation {
      const kind = random.next()
      if (kind < 0.2) return addDevice(userId)
      if (kind < 0.35) return submitForm(userId)
      if (kind < 0.5) return relate(userId)
      if (kind < 0.6) return identifyObject()
      if (kind < 0.65) return deleteObject() ?? identifyObject()
      if (kind < 0.75) return ofDelivery()
      return onceOnly(userId) ?? addDevice(userId)
    },
  }
}
