// What the stand-in answers: its everyday faults, and on top of them those of the disturbances that are on.

import type { FaultPlan } from '../stand-in/faults.ts'

export interface Answers {
  /** @param what a name of its own */
  begin(what: string, plan: FaultPlan): Promise<void>
  end(what: string): Promise<void>
}

/** @param set makes the stand-in follow a plan */
export function createAnswers(everyday: FaultPlan, set: (plan: FaultPlan) => Promise<void>): Answers {
  const on = new Map<string, FaultPlan>()
  let setting = Promise.resolve()
  // one after the other, each with what is on by then: the last one that arrives is right
  const follow = async (): Promise<void> => {
    const mine = setting.catch(() => {}).then(async () => set(composed(everyday, [...on.values()])))
    setting = mine
    await mine
  }
  return {
    begin: async (what, plan) => {
      on.set(what, plan)
      await follow()
    },
    end: async (what) => {
      on.delete(what)
      await follow()
    },
  }
}

/** The first rule that matches decides, so disturbances go before the everyday. */
export function composed(everyday: FaultPlan, on: readonly FaultPlan[]): FaultPlan {
  const latencyMs = on.findLast((plan) => plan.latencyMs !== undefined)?.latencyMs ?? everyday.latencyMs
  return { ...(latencyMs && { latencyMs }), rules: [...on, everyday].flatMap(({ rules }) => rules ?? []) }
}
