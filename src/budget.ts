// How the members of the Kafka group speak of the limits that they share: what each says when it joins, and what the leader deals it.

/** What a member says of the limit of one API. */
export interface Budget {
  /** The limit as this member reads it now, in slots: a whole number from 1. */
  readonly limit: number
  /** Slots that it could put to use. Infinity = all: it is short of them, or can't tell. */
  readonly wanted: number
}
/** By API. Of one that is missing nothing is known. */
export type Budgets = Readonly<Record<string, Budget>>

/** Who is to have a part. */
export interface Claimant {
  readonly id: string
  /** Partitions that it owns from now on. */
  readonly partitions: number
  readonly budgets: Budgets
}

/** What a member was dealt of the limit of one API, for one generation of the group. */
export interface Part {
  /** The limit that was dealt, in all: over the members of the generation the slots add up to this at most. */
  readonly limit: number
  readonly slots: number
}
/** By API. One that is missing was not dealt to this member: it has no slots. */
export type Parts = Readonly<Record<string, Part>>
