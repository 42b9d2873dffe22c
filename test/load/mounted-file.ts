import { mkdir, mkdtemp, rename, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** A file as a mounted ConfigMap has it: reached through a link to the folder of its version, and the link is changed at once. */
export interface MountedFile {
  path: string
  put(content: string): Promise<void>
  remove(): Promise<void>
}

export async function mountFile(name: string, content: string): Promise<MountedFile> {
  const folder = await mkdtemp(join(tmpdir(), 'customerio-mounted-'))
  let versions = 0
  const put = async (content: string): Promise<void> => {
    const version = `..version-${(versions += 1)}`
    await mkdir(join(folder, version))
    await writeFile(join(folder, version, name), content)
    await symlink(version, join(folder, '..data_next'))
    await rename(join(folder, '..data_next'), join(folder, '..data'))
  }
  await put(content)
  await symlink(join('..data', name), join(folder, name))
  return { path: join(folder, name), put, remove: async () => rm(folder, { recursive: true, force: true }) }
}
