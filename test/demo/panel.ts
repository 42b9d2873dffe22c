// The live view: on a terminal a panel that is drawn over and over, elsewhere a line every few seconds.

import { styleText } from 'node:util'
import { units, type Settings } from './settings.ts'
import type { Snapshot } from './watch.ts'

export interface View {
  /** The newest state of the run; drawn only as often as suits the output. */
  show(snapshot: Snapshot): void
  /** Something that happened, kept above the panel. */
  note(text: string): void
  /** Leaves the last panel standing. */
  close(): void
}

const lineEveryMs = 5_000
const barWidth = 30

/** @param output a terminal or not; times are shown since this call */
export function createView(output: NodeJS.WriteStream, settings: Settings): View {
  const started = performance.now()
  const since = () => clock(performance.now() - started)
  let drawn: string[] = []
  let lastLine = -Infinity

  function draw(lines: string[]): void {
    const up = drawn.length > 0 ? `\x1b[${drawn.length}A\x1b[0J` : ''
    drawn = lines.map((line) => line.slice(0, (output.columns || 80) - 1))
    output.write(`${up}${drawn.map((line) => `${line}\n`).join('')}`)
  }

  return {
    show(snapshot) {
      if (output.isTTY) return draw(panel(snapshot, settings, since()))
      if (performance.now() - lastLine < lineEveryMs) return
      lastLine = performance.now()
      output.write(`${summary(snapshot, settings, since())}\n`)
    },
    note(text) {
      const panelLines = drawn
      draw([])
      output.write(`${styleText('bold', `${since()}  ${text}`, { stream: output })}\n`)
      draw(panelLines)
    },
    close() {
      drawn = []
    },
  }
}

function panel(now: Snapshot, { events, limit, mode }: Settings, since: string): string[] {
  const done = now.delivered + now.deadLettered
  return [
    '',
    `${since}  rate       ${bar(now.rate / limit)} ${now.rate} of ${limit} ${units[mode]}s in the last second`,
    `      done       ${bar(done / events)} ${done} of ${events} events`,
    `      delivered ${now.delivered}   dead-lettered ${now.deadLettered}   sent again ${now.sentAgain}   lag ${now.lag}`,
    ...now.workers.map(
      ({ name, state, slots, partitions }) =>
        `      ${name}   ${state.padEnd(8)}  ${String(slots).padStart(3)} slots   ${partitions.length > 0 ? `partitions ${partitions.join(' ')}` : ''}`,
    ),
    '',
  ]
}

function summary(now: Snapshot, { limit }: Settings, since: string): string {
  const owners = now.workers.map(({ name, state, partitions }) => `${name} ${state === 'running' ? `[${partitions.join(' ')}]` : state}`)
  return (
    `${since}  rate ${now.rate}/${limit}  lag ${now.lag}  delivered ${now.delivered}  sent again ${now.sentAgain}  ` +
    `dead-lettered ${now.deadLettered}  ${owners.join('  ')}`
  )
}

function bar(share: number): string {
  const filled = Math.round(Math.min(1, Math.max(0, share)) * barWidth)
  return '█'.repeat(filled) + '░'.repeat(barWidth - filled)
}

function clock(ms: number): string {
  const seconds = Math.floor(ms / 1_000)
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`
}
