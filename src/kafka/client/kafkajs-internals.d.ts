declare module 'kafkajs/src/network/requestQueue/index.js' {
  const RequestQueue: { prototype: { pending: unknown[]; throttledUntil: number; scheduleCheckPendingRequests(): void } }
  export default RequestQueue
}
