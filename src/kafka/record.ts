/** A record as it came from Kafka; its buffers are copies, so that a pending record does not keep a whole fetch in memory. */
export interface KafkaRecord {
  readonly topic: string
  readonly partition: number
  readonly offset: number
  /** ms since the epoch; -1 if the record has none */
  readonly timestamp: number
  readonly key: Buffer | null
  readonly value: Buffer | null
  readonly headers: Readonly<Record<string, Buffer | readonly Buffer[]>>
}

/** Bytes that the record takes, without bookkeeping. */
export function sizeOf(record: KafkaRecord): number {
  let bytes = (record.key?.length ?? 0) + (record.value?.length ?? 0)
  for (const [name, value] of Object.entries(record.headers)) {
    bytes += name.length
    if (Buffer.isBuffer(value)) bytes += value.length
    else for (const part of value) bytes += part.length
  }
  return bytes
}

/** The first value of a header, as text. */
export function headerText(record: KafkaRecord, name: string): string | undefined {
  const value = record.headers[name]
  const first = Array.isArray(value) ? value[0] : value
  return first?.toString()
}
