// kafkajs's own reading and writing of record batches, which has no types: the tests hold our codecs against it.
declare module 'kafkajs/src/protocol/decoder.js' {
  export default class Decoder {
    constructor(buffer: Buffer)
    forward(bytes: number): void
  }
}

declare module 'kafkajs/src/protocol/recordBatch/v0/decoder.js' {
  import type Decoder from 'kafkajs/src/protocol/decoder.js'
  export interface DecodedRecord { offset: string; timestamp: string; key: Buffer | null; value: Buffer | null; headers: Record<string, Buffer> }
  export default function decode(decoder: Decoder): Promise<{ records: DecodedRecord[] }>
}

declare module 'kafkajs/src/protocol/recordBatch/v0/index.js' {
  const batch: { RecordBatch(options: { compression: number; firstOffset: number; lastOffsetDelta: number; firstTimestamp: number; maxTimestamp: number; records: object[] }): Promise<{ buffer: Buffer }> }
  export default batch
}

declare module 'kafkajs/src/protocol/recordBatch/record/v0/index.js' {
  export default function record(options: { offsetDelta: number; timestampDelta: number; key: Buffer | null; value: Buffer | null; headers: Record<string, Buffer> }): object
}

declare module 'kafkajs/src/broker/index.js' {
  type Method = (...args: unknown[]) => Promise<unknown>
  const Broker: { prototype: Record<'fetch' | 'offsetCommit' | 'produce' | 'joinGroup' | 'syncGroup' | 'leaveGroup', Method> }
  export default Broker
}

declare module 'kafkajs/src/protocol/encoder.js' {
  export default class Encoder {
    readonly buffer: Buffer
  }
}
