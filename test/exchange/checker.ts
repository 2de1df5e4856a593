/** pec_check.py, a judge that shares no code with us. */
import assert from 'node:assert/strict'
import { execFile, spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'

export const CONFORMANCE = join(__dirname, '..', '..', '..', 'shared', 'conformance')

const runs = (command: string, ...args: string[]): boolean => spawnSync(command, args).status === 0

/** Why tests with the conformance tools are skipped; false if they are there. */
export const lacking: string | false = !existsSync(join(CONFORMANCE, 'peer.py'))
  ? 'the conformance tools are not beside the repository'
  : !runs('xmllint', '--version') || !runs('openssl', 'version') || !runs('python3', '--version')
    ? 'openssl, xmllint or python3 is not installed'
    : false

/** Whom the signers are held against; nobody where it is left out. */
export interface Standards {
  readonly ca?: string
  readonly crl?: string
  readonly index?: string
}

/** Fails with what the checker says unless it finds nothing in these messages, each for itself or all as one exchange. */
export async function assertFlawless(paths: readonly string[], standards: Standards, mode?: 'exchange'): Promise<void> {
  assert.ok(paths.length > 0, 'nothing to check')
  const options = Object.entries(standards).flatMap(([name, path]) => [`--${name}`, path as string])
  const args = [join(CONFORMANCE, 'pec_check.py'), ...(mode === undefined ? [] : ['--exchange']), ...options, ...paths]
  const { stdout, stderr } = await promisify(execFile)('python3', args).catch((error: unknown) => error as Output)
  assert.equal(stdout.trim(), `${paths.length} messages, 0 findings`, stdout + stderr)
}

interface Output {
  readonly stdout: string
  readonly stderr: string
}
