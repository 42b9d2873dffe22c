// What people do in an online shop, as the envelopes that such a shop would put on Kafka. Pure; all chance comes from `random`.

import type { Random } from './random.ts'

export type Payload = Record<string, unknown>

const products = [
  { sku: 'TEA-014', name: 'Sencha, 100 g', price: 12.9 },
  { sku: 'MUG-202', name: 'Stoneware mug', price: 18 },
  { sku: 'POT-007', name: 'Cast-iron pot, 1.2 l', price: 89.5 },
  { sku: 'TOW-031', name: 'Linen tea towel', price: 9.75 },
  { sku: 'HON-118', name: 'Chestnut honey, 250 g', price: 7.4 },
  { sku: 'KNF-555', name: 'Paring knife', price: 34.2 },
] as const
const firstNames = ['Anna', 'Bilal', 'Chloé', 'Dmitri', 'Eun-ji', 'Femi', 'Gülşen', 'Hugo', 'Ines', '陽子'] as const
const plans = ['guest', 'member', 'gold'] as const
const pages = ['/', '/tea', '/kitchen', '/sale', '/account/orders', '/help/returns?from=mail'] as const
const screens = ['Home', 'Search', 'Product', 'Basket', 'Order status'] as const

/** Ids as shops have them: most are numbers of their own making, some are e-mail addresses, which a URL path must escape. */
export function customerId(number: number): string {
  return number % 7 === 3 ? `zoë.${number}+shop@example.com` : `cus_${String(100_000 + number)}`
}

/** Attributes of somebody who has just signed up. */
export function signUp(random: Random, id: string, timeMs: number): Payload {
  const firstName = random.pick(firstNames)
  return {
    email: id.includes('@') ? id : `${id}@example.com`,
    first_name: firstName,
    plan: random.pick(plans),
    created_at: Math.floor(timeMs / 1000),
    newsletter: random.chance(0.4),
  }
}

/** A later change of somebody's attributes. */
export function profileUpdate(random: Random): Payload {
  return random.pick<() => Payload>([
    () => ({ plan: random.pick(plans) }),
    () => ({ newsletter: random.chance(0.5) }),
    () => ({ first_name: random.pick(firstNames), city: random.pick(['Bergen', 'Kraków', 'Porto', 'Wien']) }),
    () => ({ lifetime_value: Math.round(random.next() * 90_000) / 100, last_device: random.pick(['ios', 'android', 'web']) }),
  ])()
}

/** The payload of a track event: mostly carts and logins, fewer purchases. */
export function shopping(random: Random): { event: string; properties: Payload } {
  const product = random.pick(products)
  const kind = random.next()
  if (kind < 0.25) return { event: 'login', properties: { method: random.pick(['password', 'link', 'passkey']) } }
  if (kind < 0.55) return { event: 'product_viewed', properties: { ...product } }
  if (kind < 0.8) return { event: 'cart_updated', properties: { items: [{ ...product, quantity: 1 + random.below(3) }] } }
  const quantity = 1 + random.below(4)
  const total = Math.round(product.price * quantity * 100) / 100
  return { event: 'purchase', properties: { order: `ord_${random.below(1e9)}`, items: [{ ...product, quantity }], total, currency: 'EUR' } }
}

/** The payload of a page view on the web. */
export function pageView(random: Random): { name: string; properties: Payload } {
  const path = random.pick(pages)
  return { name: `https://shop.example${path}`, properties: { path, referrer: random.pick(['', 'https://search.example/', 'newsletter']) } }
}

/** The payload of a screen view in the app. */
export function screenView(random: Random): { name: string; properties: Payload } {
  return { name: random.pick(screens), properties: { app_version: `4.${random.below(9)}.0` } }
}
