// What must never be seen in a worker's log, metrics and answers: the people of the generated traffic, and the secrets of its own settings.

/** Ids, addresses, names, orders and goods of the shop whose traffic the tests publish: see shop.ts. */
const PEOPLE = /cus_1\d{5}|example\.com|shop\.example|anon-\d|ord_\d|Chloé|Gülşen|Dmitri|Eun-ji|陽子|Sencha|Stoneware|Cast-iron|Linen tea|Chestnut|Paring|SENTINEL/
const SECRETS = /_(?:API_KEY|PASSWORD|SECRET)$/

/** @param env the worker's settings */
export function isPrivate(line: string, env: Readonly<Record<string, string>>): boolean {
  return PEOPLE.test(line) || Object.entries(env).some(([key, value]) => SECRETS.test(key) && value.length >= 4 && line.includes(value))
}
