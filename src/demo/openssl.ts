/** The judge that shares no code with the gateway. */
import { execFile } from 'node:child_process'
import { readFile, writeFile } from 'node:fs/promises'
import { devNull } from 'node:os'
import { join } from 'node:path'
import type { Authority } from './authority.js'

export interface Openssl {
  /** What `openssl cms -verify` has against a message; undefined if nothing. */
  complaint(message: Buffer): Promise<string | undefined>
}

/** Undefined where openssl is not installed. */
export async function findOpenssl(authority: Authority, directory: string): Promise<Openssl | undefined> {
  if ((await openssl(['version'])).failed) return undefined
  const trust = join(directory, 'openssl-trust.pem')
  await writeFile(trust, `${authority.certificate}${await readFile(authority.revocationList, 'utf8')}`)
  const args = ['cms', '-verify', '-inform', 'SMIME', '-CAfile', trust, '-crl_check', '-purpose', 'smimesign', '-out', devNull]
  return {
    async complaint(message) {
      const { failed, errors } = await openssl(args, message)
      return failed ? (errors.trim().split('\n').at(-1) ?? 'it failed') : undefined
    },
  }
}

function openssl(args: readonly string[], input?: Buffer): Promise<{ readonly failed: boolean; readonly errors: string }> {
  return new Promise((resolve) => {
    const child = execFile('openssl', args, (error, _, errors) => resolve({ failed: error !== null, errors }))
    // It may have made up its mind before it has read all.
    child.stdin?.on('error', () => undefined)
    child.stdin?.end(input)
  })
}
