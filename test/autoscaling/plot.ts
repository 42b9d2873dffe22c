// The simulated days as a picture: replicas, lag and rebalances under both signals. SVG, readable on light and on dark ground.

import { SPEC, type WorkerKind } from './stage.ts'
import type { Minute, Outcome, Signal } from './simulate.ts'

export interface Day { readonly kind: WorkerKind; readonly outcomes: Readonly<Record<Signal, Outcome>> }
/** Those that are drawn, in the order of drawing. */
const DRAWN = ['lag', 'usefulReplicas'] as const
type Drawn = (typeof DRAWN)[number]

const LEFT = 64
const GAP = 56
const WIDTH = 390
const REPLICAS_HEIGHT = 96
const LAG_HEIGHT = 72
const ROW = REPLICAS_HEIGHT + LAG_HEIGHT + 84
const TOP = 56
/** Minutes of the day. */
const VIEWS = [{ from: 0, to: 1_440, everyHours: 4 }, { from: 630, to: 810, everyHours: 1 }] as const
type View = (typeof VIEWS)[number]

const STYLE = `
  text { font: 12px system-ui, sans-serif; fill: #1f2328 }
  .small { font-size: 10px; fill: #59636e }
  .title { font-weight: 600 }
  .axis { stroke: #d1d9e0; stroke-width: 1; fill: none }
  .line { stroke-width: 1.6; fill: none; stroke-linejoin: round }
  .lag { stroke: #bc4c00 }
  .usefulReplicas { stroke: #0969da }
  .tick { stroke-width: 1 }
  @media (prefers-color-scheme: dark) {
    text { fill: #f0f6fc }
    .small { fill: #9198a1 }
    .axis { stroke: #3d444d }
    .lag { stroke: #f0883e }
    .usefulReplicas { stroke: #58a6ff }
  }
`

const at = (value: number): string => String(Math.round(value * 10) / 10)
const text = (x: number, y: number, words: string, { kind = '', anchor = 'start' } = {}): string =>
  `<text x="${at(x)}" y="${at(y)}"${kind && ` class="${kind}"`}${anchor === 'start' ? '' : ` text-anchor="${anchor}"`}>${words}</text>`

/** A large number in few letters. */
const short = (value: number): string => (value >= 1e6 ? `${value / 1e6}M` : value >= 1e3 ? `${value / 1e3}k` : String(value))

/** The next round number from `value` on. */
function roundUp(value: number): number {
  const power = 10 ** Math.floor(Math.log10(Math.max(1, value)))
  return ([1, 2, 5, 10].find((step) => step * power >= value) as number) * power
}

/** A line through the values of the view's minutes: of each step of some minutes the most, and only where it changes. */
function lineOf(values: readonly number[], view: View, signal: Drawn, place: { x: number; y: number; height: number; most: number }): string {
  const step = Math.max(1, (view.to - view.from) / 360)
  const points: { x: number; y: number }[] = []
  for (let minute = view.from; minute < view.to; minute += step) {
    const value = Math.max(...values.slice(minute, minute + step))
    points.push({ x: place.x + ((minute - view.from) / (view.to - view.from)) * WIDTH, y: place.y + place.height * (1 - value / place.most) })
  }
  const turns = points.filter(({ y }, i) => i === 0 || i === points.length - 1 || at(y) !== at((points[i - 1] as { y: number }).y) || at(y) !== at((points[i + 1] as { y: number }).y))
  return `<polyline class="line ${signal}" points="${turns.map(({ x, y }) => `${at(x)},${at(y)}`).join(' ')}"/>`
}

/** Minutes with a rebalance, as ticks: those of each signal in a row of its own. */
function ticksOf(minutes: readonly Minute[], view: View, signal: Drawn, x: number, y: number): string[] {
  return minutes.flatMap(({ rebalances }, minute) => {
    if (minute < view.from || minute >= view.to || rebalances === (minutes[minute - 1]?.rebalances ?? 0)) return []
    const tick = at(x + ((minute - view.from) / (view.to - view.from)) * WIDTH)
    return [`<path class="tick ${signal}" d="M${tick},${at(y)}v6"/>`]
  })
}

function panel({ outcomes }: Day, view: View, x: number, y: number): string[] {
  const mostLag = roundUp(Math.max(1_000, ...DRAWN.map((signal) => outcomes[signal].mostLag)))
  const lagY = y + REPLICAS_HEIGHT + 34
  const frame = (top: number, height: number, most: number): string[] => [
    `<path class="axis" d="M${at(x)},${at(top)}v${height}h${WIDTH}"/>`,
    text(x - 6, top + 8, short(most), { kind: 'small', anchor: 'end' }), text(x - 6, top + height, '0', { kind: 'small', anchor: 'end' }),
  ]
  const hours = Array.from({ length: 25 }, (_, hour) => hour).filter((hour) => hour % view.everyHours === 0 && hour * 60 >= view.from && hour * 60 <= view.to)
  return [
    ...frame(y, REPLICAS_HEIGHT, SPEC.maxReplicas), ...frame(lagY, LAG_HEIGHT, mostLag),
    ...hours.map((hour) => text(x + ((hour * 60 - view.from) / (view.to - view.from)) * WIDTH, lagY + LAG_HEIGHT + 14, `${hour}:00`, { kind: 'small', anchor: 'middle' })),
    ...DRAWN.flatMap((signal, row) => [
      lineOf(outcomes[signal].minutes.map(({ replicas }) => replicas), view, signal, { x, y, height: REPLICAS_HEIGHT, most: SPEC.maxReplicas }),
      lineOf(outcomes[signal].minutes.map(({ lag }) => lag), view, signal, { x, y: lagY, height: LAG_HEIGHT, most: mostLag }),
      ...ticksOf(outcomes[signal].minutes, view, signal, x, y + REPLICAS_HEIGHT + 5 + row * 9),
    ]),
  ]
}

/** The picture as the text of an SVG file. Pure. */
export function plot(days: readonly Day[]): string {
  const width = LEFT + VIEWS.length * WIDTH + GAP + 16
  const rows = days.flatMap((day, index) => {
    const y = TOP + index * ROW + 22
    return [
      text(LEFT, y - 10, `${day.kind.name}: ${day.kind.about}`, { kind: 'title' }),
      text(LEFT - 48, y + REPLICAS_HEIGHT / 2, 'pods', { kind: 'small' }), text(LEFT - 58, y + REPLICAS_HEIGHT + 16, 'rebalances', { kind: 'small' }),
      text(LEFT - 48, y + REPLICAS_HEIGHT + 34 + LAG_HEIGHT / 2, 'lag', { kind: 'small' }),
      ...VIEWS.flatMap((view, column) => panel(day, view, LEFT + column * (WIDTH + GAP), y)),
    ]
  })
  const legend = DRAWN.flatMap((signal, index) => [
    `<path class="line ${signal}" d="M${LEFT + index * 150},26h24"/>`, text(LEFT + index * 150 + 30, 30, signal),
  ])
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${TOP + days.length * ROW}" role="img" aria-label="Replicas, rebalances and lag over a day under both signals">`,
    `<style>${STYLE}</style>`, ...legend, ...rows, '</svg>', '',
  ].join('\n')
}
