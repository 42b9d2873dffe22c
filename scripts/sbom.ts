// What an image is made of, as CycloneDX: what npm says of the packages, and what it can't know: Node itself and the system's libraries. Pure.

interface Component {
  type: string
  name: string
  version: string
  purl: string
  'bom-ref': string
}

/** As `npm sbom --sbom-format=cyclonedx` writes it; only what is touched here is named. A reference is name@version. */
export interface Bom {
  serialNumber?: string
  metadata: { timestamp: string; component: { 'bom-ref': string; name: string } }
  components: { 'bom-ref': string }[]
  dependencies: { ref: string; dependsOn: string[] }[]
}

/** A package of Debian. */
export interface SystemPackage {
  name: string
  version: string
  architecture: string
}

const component = (type: string, name: string, version: string, purl: string): Component => ({ type, name, version, purl, 'bom-ref': purl })

export interface Parts {
  /** Of the worker. */
  name: string
  /** Node's version. */
  node: string
  system: readonly SystemPackage[]
  /** name@version of the packages that are there: npm's list is made from the lock file, which has native packages for all platforms. */
  installed: ReadonlySet<string>
  /** Seconds since 1970. */
  builtAt: number
}

/** The same for the same image: without the random number that npm gives it. */
export function completeBom(ofNpm: Bom, { name, node, system, installed, builtAt }: Parts): Omit<Bom, 'serialNumber'> {
  const { metadata, components, dependencies, ...rest } = ofNpm
  delete rest.serialNumber
  const own = metadata.component['bom-ref']
  const isThere = (ref: string) => ref === own || installed.has(ref)
  return {
    ...rest,
    // npm names it after the folder
    metadata: { ...metadata, timestamp: new Date(builtAt * 1_000).toISOString(), component: { ...metadata.component, name } },
    components: [
      ...components.filter((one) => isThere(one['bom-ref'])),
      component('application', 'node', node, `pkg:generic/node@${node}`),
      ...system.map(({ name, version, architecture }) =>
        component('library', name, version, `pkg:deb/debian/${name}@${encodeURIComponent(version)}?arch=${architecture}`)),
    ],
    dependencies: dependencies.filter(({ ref }) => isThere(ref)).map(({ ref, dependsOn }) => ({ ref, dependsOn: dependsOn.filter(isThere) })),
  }
}

/** The paragraphs of dpkg's status file, by the name of the package. */
export function paragraphsOf(status: string): Map<string, string> {
  return new Map(status.split(/\n\n+/).flatMap((text) => {
    const name = fieldOf(text, 'Package')
    return name === undefined ? [] : [[name, `${text.trim()}\n`] as const]
  }))
}

/** @param paragraph of dpkg's status file */
export function systemPackage(paragraph: string): SystemPackage {
  const [name, version, architecture] = ['Package', 'Version', 'Architecture'].map((field) => fieldOf(paragraph, field))
  if (name === undefined || version === undefined || architecture === undefined) throw new TypeError('a package without name, version or architecture')
  return { name, version, architecture }
}

function fieldOf(paragraph: string, field: string): string | undefined {
  return new RegExp(`^${field}: (.+)$`, 'm').exec(paragraph)?.[1]
}
