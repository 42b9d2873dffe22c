// Preloaded into workers by test/load/skew.ts, to measure what handing slots over is good for: everybody says that they want all, always,
// and asks for no new deal, so the limit is split evenly for good.

import { SlotLimiter } from '../../src/limiter/limiter.ts'
import { Redeal } from '../../src/limiter/redeal.ts'

const { demand } = SlotLimiter.prototype
SlotLimiter.prototype.demand = function wantsAll() {
  return { ...demand.call(this), wanted: Infinity }
}
Redeal.prototype.look = () => false
