/** A line a test as soon as it is through, whichever process runs it. jest's own reporter speaks up only at the end of a whole file. */
export default class Progress {
  onTestCaseResult({ path }: { path: string }, { fullName, status, duration }: { fullName: string; status: string; duration?: number | null }): void {
    if (status !== 'passed' && status !== 'failed') return
    const file = path.replace(/^.*\/test\//, '').replace(/\.test\.ts$/, '')
    console.log(`${status === 'passed' ? '  ok  ' : 'FAILED'} ${String(Math.round((duration ?? 0) / 1000)).padStart(3)} s  ${file}: ${fullName}`)
  }
}
