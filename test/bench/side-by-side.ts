/** Runs all of the tasks, so many at a time. */
export async function sideBySide<T>(concurrency: number, tasks: readonly T[], run: (task: T) => Promise<unknown>): Promise<void> {
  let next = 0
  const work = async (): Promise<void> => {
    while (next < tasks.length) {
      const task = tasks[next] as T
      next += 1
      await run(task)
    }
  }
  await Promise.all(Array.from({ length: concurrency }, work))
}
