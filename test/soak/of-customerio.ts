// Bad days of Customer.io: what it answers.

import type { FaultEffect, FaultPlan } from '../stand-in/faults.ts'
import { percent, type Disturbance, type Kind } from './disturbance.ts'

/** As many of the ways in which 429s come. */
const RETRY_AFTER: readonly { form: string; value?: () => string }[] = [
  { form: 'none' },
  { form: 'one second', value: () => '1' },
  { form: 'a fraction', value: () => '0.5' },
  { form: 'a date in 2 s', value: () => new Date(Date.now() + 2_000).toUTCString() },
  { form: 'a date long ago', value: () => 'Wed, 21 Oct 2015 07:28:00 GMT' },
  { form: 'negative', value: () => '-5' },
  { form: 'huge', value: () => '99999999999' },
  { form: 'no number', value: () => 'soon' },
]

/** @param plan made when it begins: a date in it counts from then */
function answering(name: string, kind: string, plan: () => FaultPlan): Disturbance {
  return {
    name: `Customer.io: ${name}`, over: `Customer.io: ${name}: over`, claims: [`answers: ${kind}`],
    begin: async ({ answers }) => answers.begin(kind, plan()),
    end: async ({ answers }) => answers.end(kind),
  }
}

/** What an operation of a batch fails of, though it is not its own fault. */
const PASSING_REASONS = ['internal', 'rate_limit', 'timeout', 'temporarily unavailable']

const some = (kind: string, ratio: number, effect: FaultEffect): FaultPlan => ({ rules: [{ name: kind, match: { ratio }, effect }] })

export const ofCustomerIo: readonly Kind[] = [
  {
    kind: 'errors', lastsMs: [3_000, 12_000],
    draw: (random) => {
      const [ratio, status, accept] = [random.pick([0.05, 0.3, 0.6]), random.pick([500, 503, 504, 520]), random.chance(0.3)]
      return answering(`${percent(ratio)} answered ${status}${accept ? ' though accepted' : ''}`, 'errors', () => some('errors', ratio, { status, accept }))
    },
  },
  {
    kind: 'down', lastsMs: [5_000, 20_000],
    draw: () => answering('down (503)', 'down', () => some('down', 1, { status: 503 })),
  },
  {
    kind: 'credentials refused', lastsMs: [5_000, 10_000],
    draw: (random) => {
      const status = random.pick([401, 401, 403])
      return answering(`refuses the credentials (${status})`, 'credentials refused', () => some('credentials refused', 1, { status }))
    },
  },
  {
    kind: 'hang', lastsMs: [3_000, 8_000],
    draw: (random) => {
      const [ratio, accept] = [random.pick([0.1, 0.5, 1]), random.chance(0.5)]
      return answering(`${percent(ratio)} never answered${accept ? ' though accepted' : ''}`, 'hang', () => some('hang', ratio, { hang: true, accept }))
    },
  },
  {
    kind: 'reset', lastsMs: [3_000, 8_000],
    draw: (random) => {
      const [ratio, reset] = [random.pick([0.1, 0.5, 1]), random.pick(['before', 'after'] as const)]
      return answering(`${percent(ratio)} reset ${reset} the effect`, 'reset', () => some('reset', ratio, { reset }))
    },
  },
  {
    kind: 'torn', lastsMs: [3_000, 8_000],
    draw: (random) => {
      const ratio = random.pick([0.1, 0.5, 1])
      return answering(`${percent(ratio)} accepted, the answer torn`, 'torn', () => some('torn', ratio, { torn: true, accept: true }))
    },
  },
  {
    kind: 'a proxy answers', lastsMs: [3_000, 8_000],
    draw: (random) => {
      const [ratio, accept] = [random.pick([0.2, 1]), random.chance(0.5)]
      const effect = { status: 502, accept, headers: { 'content-type': 'text/html' }, body: '<html><body><h1>502 Bad Gateway</h1></body></html>' }
      return answering(`${percent(ratio)} answered 502 in HTML${accept ? ' though accepted' : ''}`, 'a proxy answers', () => some('a proxy answers', ratio, effect))
    },
  },
  {
    kind: 'redirect', lastsMs: [3_000, 6_000],
    draw: (random) => {
      const ratio = random.pick([0.3, 1])
      const effect = { status: 307, headers: { location: 'https://track.customer.io.invalid/' } }
      return answering(`${percent(ratio)} redirected`, 'redirect', () => some('redirect', ratio, effect))
    },
  },
  {
    kind: 'throttled', lastsMs: [500, 3_000],
    draw: (random) => {
      const [ratio, { form, value }] = [random.pick([0.02, 0.3, 1]), random.pick(RETRY_AFTER)]
      const effect = () => ({ status: 429, ...(value && { headers: { 'retry-after': value() } }) })
      return answering(`${percent(ratio)} answered 429, Retry-After: ${form}`, 'throttled', () => some('throttled', ratio, effect()))
    },
  },
  {
    kind: 'slow', lastsMs: [4_000, 10_000],
    draw: (random) => {
      const latencyMs = random.pick<[number, number]>([[200, 400], [300, 900], [600, 2_500]])
      return answering(`answers take ${latencyMs.join(' to ')} ms`, 'slow', () => ({ latencyMs }))
    },
  },
  {
    kind: 'partly', lastsMs: [3_000, 10_000], fits: ({ mode }) => mode === 'batch',
    draw: (random) => {
      const [ratio, ofEach, reason, asStatus] = [random.pick([0.1, 0.5, 1]), random.pick([0.02, 0.3, 0.6, 1]), random.pick(PASSING_REASONS), random.pick([200, 207] as const)]
      return answering(`${percent(ofEach)} of the operations in ${percent(ratio)} of the batches fail for now (${asStatus})`, 'partly',
        () => some('partly', ratio, { partial: { ratio: ofEach, reason, asStatus } }))
    },
  },
  {
    kind: 'batches refused', lastsMs: [3_000, 8_000], fits: ({ mode }) => mode === 'batch',
    draw: (random) => {
      const [ratio, status, atLeastOperations] = [random.pick([0.3, 1]), random.pick([400, 413]), random.pick([2, 5, 20])]
      return answering(`${percent(ratio)} of the batches of ${atLeastOperations} and more refused (${status})`, 'batches refused',
        () => ({ rules: [{ name: 'batches refused', match: { ratio, atLeastOperations }, effect: { status } }] }))
    },
  },
]
