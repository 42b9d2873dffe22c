// A story is played: what happens to processes, and to where their slots are kept.

import type { Sender } from './sender.ts'
import { LATEST_ARRIVAL_MS, LIMIT_SPREAD_MS, LONGEST_PAUSE_MS, WINDOW_MS, type Act, type Played, type Story } from './story.ts'
import { World } from './world.ts'

/** What one way of sharing brings along. */
export interface Cast<T extends Sender> {
  /** Where slots are kept: the API, or the group. */
  readonly service: { awayUntil: number; slowUntil: number }
  /** @param n counts the starts, from 1 @param predecessor in whose place it starts */
  start(n: number, limit: number, predecessor?: T): T
  /** What is kept there is lost, if that can be. */
  lose?(textOnly: boolean): void
}

/** How often the sum of what could be sent is looked at, ms. */
const WATCH_MS = 20
const STARTS_WITHIN_MS = 500

/** @param cast is given the part of the requests that are not answered now */
export function playStory<T extends Sender>(story: Story, tell: ((line: string) => void) | undefined, cast: (world: World, unanswered: () => number) => Cast<T>): Played {
  const world = new World({ seed: story.seed, windowMs: WINDOW_MS, latestArrivalMs: LATEST_ARRIVAL_MS, longestPauseMs: LONGEST_PAUSE_MS, tell })
  let [limit, hangsUntil, born] = [story.limit, -Infinity, 0]
  let processes: T[] = []
  const { service, start, lose } = cast(world, () => (world.now < hangsUntil ? 1 : story.unanswered))
  const add = (predecessor?: T): void => {
    const process = start((born += 1), limit, predecessor)
    processes.push(process)
    world.tell(`${process.name} starts${predecessor ? ` in the place of ${predecessor.name}` : ''}`)
  }
  const act = ({ what, who = 0, ms = 0, value = 0 }: Act): void => {
    processes = processes.filter(({ isDead }) => !isDead)
    const one = processes[who % Math.max(1, processes.length)]
    world.tell(`${what} ${one?.name ?? ''} ${ms || ''} ${value || ''}`)
    switch (what) {
      case 'start': add(); break
      case 'outage': service.awayUntil = world.now + ms; break
      case 'slow': service.slowUntil = world.now + ms; break
      case 'hang': hangsUntil = world.now + ms; break
      case 'delete': lose?.(value === 1); break
      case 'limit':
        limit = value
        for (const process of processes) process.after(world.random.below(LIMIT_SPREAD_MS), () => process.reads(value))
        break
      case 'leave': one?.after(0, () => one.leave()); break
      case 'kill': one?.die(); break
      case 'restart':
        if (!one) break
        one.die()
        world.in(ms, () => add(one))
        break
      case 'freeze': one?.freeze(ms); break
      case 'cut': if (one) one.cutUntil = world.now + ms; break
      case 'lose answers': if (one) one.loseAnswersUntil = world.now + ms; break
      case 'appetite':
        if (one) one.appetite = value === 0 ? Infinity : value - 1
        one?.pump()
    }
  }
  const watch = (): void => {
    world.checkSum(processes.reduce((sum, process) => sum + process.free(), 0))
    world.in(WATCH_MS, watch)
  }
  for (let n = 0; n < story.processes; n += 1) world.in(world.random.below(STARTS_WITHIN_MS), () => add())
  for (const one of story.acts) world.in(one.at, () => act(one))
  watch()
  world.play(story.ms)
  return { violation: world.violation, windows: world.windows, fullest: world.fullest }
}
