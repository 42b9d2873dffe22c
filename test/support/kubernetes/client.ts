import path from 'node:path'
import { runInThisContext } from 'node:vm'

type Client = typeof import('@kubernetes/client-node')

/**
 * The client, for processes and for Jest alike. Jest puts a module loader of its own in the place of Node's, and that one takes no package
 * that has nothing but ES modules; outside of its context Node's is still there.
 *
 * A test file that runs the lease store itself needs a line more:
 * `jest.mock('@kubernetes/client-node', () => jest.requireActual('../support/kubernetes/client.ts').client)`
 */
const { createRequire } = runInThisContext('process.getBuiltinModule("node:module")') as typeof import('node:module')
export const client = createRequire(path.resolve('package.json'))('@kubernetes/client-node') as Client

/** Whether the API server answered with this HTTP status. */
export const isStatus = (error: unknown, status: number): boolean => error instanceof client.ApiException && error.code === status

/** For patches that say only what changes. */
export const mergePatch = client.setHeaderOptions('Content-Type', client.PatchStrategy.MergePatch)
