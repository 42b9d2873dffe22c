// Known holes of level high or above in the packages that production needs: make audit
// Ends with 1 if there is one. Without an answer of the registry (offline, or a mirror that has no audit) there is nothing to be red for.
import { spawnSync } from 'node:child_process'

interface Report {
  /** Only in an answer of the registry, not in an error of npm. */
  auditReportVersion?: number
  vulnerabilities?: Record<string, { severity: string; range: string; via: (string | { title: string; url: string })[] }>
  message?: string
  error?: { summary?: string }
}

const { stdout, status } = spawnSync('npm', ['audit', '--omit=dev', '--audit-level=high', '--json', '--fetch-retries=1', '--fetch-timeout=20000'], { encoding: 'utf8' })

function reportOf(text: string | null): Report {
  try {
    return JSON.parse(text ?? '') as Report
  } catch {
    return {}
  }
}

const { auditReportVersion, vulnerabilities = {}, message, error } = reportOf(stdout)
if (auditReportVersion === undefined) {
  const why = message ?? error?.summary ?? ''
  console.log(`audit: skipped, the registry gives no answer${why && ` (${why.split('\n')[0]})`}`)
} else {
  for (const [name, { severity, range, via }] of Object.entries(vulnerabilities)) {
    console.log(`audit: ${severity}: ${name} ${range}: ${via.map((cause) => (typeof cause === 'string' ? cause : `${cause.title} ${cause.url}`)).join('; ')}`)
  }
  console.log(`audit: ${Object.keys(vulnerabilities).length} packages with a known hole${status === 0 ? ', none of level high or above' : ''}`)
  process.exitCode = status === 0 ? 0 : 1
}
