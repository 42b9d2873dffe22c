declare module 'kafkajs/src/consumer/consumerGroup.js' {
  const ConsumerGroup: { prototype: { joinAndSync(): Promise<void> } }
  export default ConsumerGroup
}

declare module 'kafkajs/src/network/requestQueue/index.js' {
  const RequestQueue: { prototype: { pending: unknown[]; throttledUntil: number; scheduleCheckPendingRequests(): void } }
  export default RequestQueue
}
