import { SendEmailRequest, SendInAppRequest, SendPushRequest, SendSMSRequest } from 'customerio-node'
import type { APIClient, IdentifierType, TrackClient } from 'customerio-node'
import type { CustomerEvent } from '../event.ts'
import type { PayloadOf } from '../event-schema.ts'
import { lastUsedOf, operationOf } from './v2.ts'

/**
 * One event, one request to the Track API: v1, or v2's call for a single operation where v1 has none.
 * @throws RangeError if the event belongs to the App API
 */
export async function callTrack(client: TrackClient, event: CustomerEvent): Promise<unknown> {
  const { person, timestamp } = event
  switch (event.type) {
    case 'identify': return client.identify(person, { ...event.data, _timestamp: timestamp })
    case 'track': return client.track(person, happening(event))
    case 'page': return client.track(person, { ...happening(event), type: 'page' })
    case 'screen': return client.track(person, { ...happening(event), type: 'screen' })
    case 'trackAnonymous': return client.trackAnonymous(person, happening(event))
    case 'suppress': return client.suppress(person)
    case 'destroy': return client.destroy(person)
    case 'unsuppress': return client.unsuppress(person)
    case 'addDevice': {
      const { token, platform, attributes } = event.data as PayloadOf<'addDevice'>
      return client.addDevice(person, token, platform, { ...attributes, last_used: lastUsedOf(event) })
    }
    case 'deleteDevice': return client.deleteDevice(person, (event.data as PayloadOf<'deleteDevice'>).token)
    case 'merge': {
      const { primary, secondary } = event.data as PayloadOf<'merge'>
      return client.mergeCustomers(...identified(primary), ...identified(secondary))
    }
    case 'addToSegment': case 'removeFromSegment': return callSegment(client, [event])
    case 'unsubscribe': {
      const { deliveryId, unsubscribe } = event.data as PayloadOf<'unsubscribe'>
      return client.unsubscribe(deliveryId, unsubscribe)
    }
    case 'formSubmit': {
      const { formId, data } = event.data as PayloadOf<'formSubmit'>
      return client.submitForm(formId, data['id'] === undefined && data['email'] === undefined ? { ...data, id: person } : data)
    }
    case 'reportMetric': {
      const { deliveryId, metric, recipient, reason, href } = event.data as PayloadOf<'reportMetric'>
      // the recipient of an SMS may be a number; the client passes on what it gets
      return client.reportMetric({ delivery_id: deliveryId, metric, timestamp, recipient: recipient as string | undefined, reason, href })
    }
    case 'identifyObject': case 'deleteObject': case 'addRelationships': case 'deleteRelationships': return client.entity(operationOf(event))
    case 'email': case 'push': case 'sms': case 'inApp': case 'broadcast': throw new RangeError(`${event.type} is no call of the Track API`)
  }
}

/**
 * Many people into or out of one segment.
 * @param events of one carrier, at most 1,000
 * @throws RangeError if there is none, or the first is of another type
 */
export async function callSegment(client: TrackClient, events: readonly CustomerEvent[]): Promise<unknown> {
  const [first] = events
  const { segmentId, idType } = (first?.data ?? {}) as PayloadOf<'addToSegment'>
  const people = events.map(({ person }) => person)
  switch (first?.type) {
    case 'addToSegment': return client.addCustomersToSegment(segmentId, people, idType as IdentifierType | undefined)
    case 'removeFromSegment': return client.removeCustomersFromSegment(segmentId, people, idType as IdentifierType | undefined)
    default: throw new RangeError('no event of a segment')
  }
}

/**
 * One event, one request to the App API.
 * @throws RangeError if the event belongs to the Track API
 */
export async function callApp(client: APIClient, event: CustomerEvent): Promise<unknown> {
  const identifiers = { id: event.person }
  switch (event.type) {
    case 'email': {
      const { attachments = {}, ...message } = event.data as PayloadOf<'email'>
      const request = new SendEmailRequest({ identifiers, ...message } as ConstructorParameters<typeof SendEmailRequest>[0])
      for (const [name, data] of Object.entries(attachments)) request.attach(name, data, { encode: false })
      return client.sendEmail(request)
    }
    case 'push': {
      // the class has another name for this field than the call
      const { custom_device: device, ...message } = event.data as PayloadOf<'push'>
      return client.sendPush(new SendPushRequest({ identifiers, ...message, ...(device && { device }) } as ConstructorParameters<typeof SendPushRequest>[0]))
    }
    case 'sms': return client.sendSMS(new SendSMSRequest({ identifiers, ...event.data } as ConstructorParameters<typeof SendSMSRequest>[0]))
    case 'inApp': return client.sendInApp(new SendInAppRequest({ identifiers, ...event.data } as ConstructorParameters<typeof SendInAppRequest>[0]))
    case 'broadcast': {
      const { broadcastId, data, recipients } = event.data as PayloadOf<'broadcast'>
      return client.triggerBroadcast(broadcastId, data, recipients)
    }
    default: throw new RangeError(`${event.type} is no call of the App API`)
  }
}

const happening = ({ name, id, timestamp, data }: CustomerEvent) => ({ name, id, timestamp, data })

/** An identifier as customerio-node takes it: its kind, and what it is. */
function identified(identifier: PayloadOf<'merge'>['primary']): [IdentifierType, string] {
  const [[kind, value] = ['', '']] = Object.entries(identifier) as [string, string][]
  return [kind as IdentifierType, value]
}
