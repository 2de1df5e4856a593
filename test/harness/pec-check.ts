/** The checker of PEC messages that shares no code with us; it stands beside the repository. */
import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const CHECKER = join(__dirname, '..', '..', '..', 'shared', 'conformance', 'pec_check.py')

const runs = (command: string, ...args: string[]): boolean => spawnSync(command, args).status === 0

/** For the option `skip` of a test. */
export const pecCheckIsMissing = !existsSync(CHECKER)
  ? 'the conformance tools are not beside the repository'
  : !runs('xmllint', '--version') || !runs('openssl', 'version') || !runs('python3', '--version')
    ? 'openssl, xmllint or python3 is not installed'
    : false

/** What it finds in these messages: `N messages, M findings` is its last line. */
export function pecCheck(messages: readonly Buffer[], ...options: readonly string[]): string {
  const folder = mkdtempSync(join(tmpdir(), 'pec-check-'))
  try {
    const paths = messages.map((message, n) => {
      const path = join(folder, `${n}.eml`)
      writeFileSync(path, message)
      return path
    })
    const { stdout, stderr } = spawnSync('python3', [CHECKER, ...options, ...paths], { encoding: 'utf8' })
    return (stdout + stderr).trim()
  } finally {
    rmSync(folder, { recursive: true })
  }
}
