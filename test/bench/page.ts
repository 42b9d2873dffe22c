/** The page with another text in the block of that name: it stands between `<!-- bench: name -->` and `<!-- bench: end -->`. Pure. @throws if there is no such block */
export function withBlock(page: string, name: string, text: string): string {
  const begin = `<!-- bench: ${name} -->\n`
  const from = page.indexOf(begin)
  const to = page.indexOf('<!-- bench: end -->', from)
  if (from < 0 || to < 0) throw new Error(`the page has no block "${name}"`)
  return `${page.slice(0, from + begin.length)}\`\`\`text\n${text}\n\`\`\`\n${page.slice(to)}`
}
