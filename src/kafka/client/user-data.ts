import type { Budget, Budgets, Part, Parts } from '../../budget.ts'

/** What a member tells the leader with each join. */
export interface MemberData {
  /** Partitions that it owned before. */
  readonly owned: readonly number[]
  readonly budgets: Budgets
  /** How often it has asked for a new deal: Kafka lets a member begin a rebalance only if what it tells has changed. */
  readonly asked: number
}

/** What the leader tells a member with its assignment. */
export interface AssignmentData {
  /** Partitions of the topic. */
  readonly partitions: number
  /** What this member was dealt. Only that: Kafka keeps the group in one record, and everybody's parts for each would be the square. */
  readonly slots: Parts
}

/** JSON writes Infinity as null. */
export const encodeUserData = (data: MemberData | AssignmentData): Buffer => Buffer.from(JSON.stringify(data))

/** Never throws: what can't be read of a member's word is not known, and the leader goes on. */
export function decodeMemberData(userData: Buffer | null | undefined): Pick<MemberData, 'owned' | 'budgets'> {
  const { owned, budgets } = parsed(userData)
  return {
    owned: Array.isArray(owned) ? owned.filter((partition): partition is number => Number.isInteger(partition)) : [],
    budgets: entriesOf(budgets, budgetOf),
  }
}

/** A part that can't be read is none: without it nothing is sent. @throws if it is not of this kind of consumer */
export function decodeAssignmentData(userData: Buffer | null | undefined): AssignmentData {
  const { partitions, slots } = parsed(userData)
  if (!isCount(partitions, 1)) {
    throw new Error('the assignment does not carry the number of partitions: another kind of consumer is in this group')
  }
  return { partitions, slots: entriesOf(slots, partOf) }
}

function budgetOf({ limit, wanted }: Record<string, unknown>): Budget | undefined {
  if (!isCount(limit, 1)) return undefined
  return { limit, wanted: typeof wanted === 'number' && wanted >= 0 ? wanted : Infinity }
}

function partOf({ limit, slots }: Record<string, unknown>): Part | undefined {
  return isCount(limit, 1) && isCount(slots, 0) && slots <= limit ? { limit, slots } : undefined
}

const isCount = (value: unknown, least: number): value is number => Number.isSafeInteger(value) && (value as number) >= least
const isObject = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null

function parsed(userData: Buffer | null | undefined): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(userData?.toString() ?? '')
    return isObject(value) ? value : {}
  } catch {
    return {}
  }
}

function entriesOf<T>(value: unknown, read: (entry: Record<string, unknown>) => T | undefined): Record<string, T> {
  const entries = isObject(value) ? Object.entries(value) : []
  return Object.fromEntries(entries.flatMap(([name, entry]) => {
    const known = isObject(entry) ? read(entry) : undefined
    return known === undefined ? [] : [[name, known]]
  }))
}
