import { accessSync, constants } from 'node:fs'
import path from 'node:path'

/** The program of this name that a shell would start: in the first folder of PATH that has it. */
export const onPath = (name: string, folders = process.env.PATH ?? ''): string | undefined =>
  folders.split(path.delimiter).filter(Boolean).map((folder) => path.resolve(folder, name)).find(canRun)

export function canRun(file: string): boolean {
  try {
    accessSync(file, constants.X_OK)
    return true
  } catch {
    return false
  }
}
