// As much of PromQL as a test needs to see which metrics and labels an expression speaks of. Whether it is right, promtool tells.

const WORDS = new Set(['and', 'or', 'unless', 'by', 'without', 'on', 'ignoring', 'group_left', 'group_right', 'offset', 'bool', 'start', 'end', 'inf', 'nan'])
const NAME = /[a-zA-Z_:][\w:]*/g
const LABELS_OF_GROUPS = /\b(?:by|without|on|ignoring|group_left|group_right)\s*\(([^)]*)\)/g

/** Without what can look like a name: texts, selectors, ranges, lists of labels. */
const bare = (expr: string): string => expr
  .replaceAll(/"(?:[^"\\]|\\.)*"/g, '""').replaceAll(/\{[^}]*\}/g, '').replaceAll(/\[[^\]]*\]/g, '')
  .replaceAll(LABELS_OF_GROUPS, ' ').replaceAll(/\boffset\s+\S+/g, ' ').replaceAll(/(?<![\w:])\d[\w.]*/g, ' ')

/** Names of the metrics of an expression, recorded ones among them. */
export const metricsOf = (expr: string): string[] =>
  [...new Set([...bare(expr).matchAll(NAME)].filter(({ 0: name, index }) => !WORDS.has(name.toLowerCase()) && !/^\s*\(/.test(bare(expr).slice(index + name.length))).map(([name]) => name))]

/** Labels that an expression groups, matches and selects by. */
export const labelsOf = (expr: string): string[] => {
  const grouped = [...expr.matchAll(LABELS_OF_GROUPS)].flatMap(([, labels]) => (labels as string).split(','))
  const selected = [...expr.matchAll(/\{([^}]*)\}/g)].flatMap(([, selectors]) => [...(selectors as string).matchAll(/(\w+)\s*(?:=~|!~|!=|=)/g)].map(([, label]) => label as string))
  return [...new Set([...grouped, ...selected].map((label) => label.trim()).filter(Boolean))]
}
