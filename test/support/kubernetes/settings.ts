import path from 'node:path'

/** What is built if there are no binaries yet. */
export const KUBERNETES_VERSION = '1.36.3'

/** The oldest Go that builds it. */
export const LEAST_GO = 26

export const BINARIES = ['etcd', 'kube-apiserver'] as const

/** What is built stays here between runs, under the repository's root. */
export const cacheDirectory = (): string => path.resolve('.cache', 'kubernetes')
