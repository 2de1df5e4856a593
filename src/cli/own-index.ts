/** The index file of an instance, and our own place in it. */
import { readFile, stat } from 'node:fs/promises'
import type { Config } from '../config/config.js'
import { readCertificate } from '../keys.js'
import { withOwnDomain } from '../providers/own-record.js'
import { replaceFile } from '../replace-file.js'

/** In one step: a running gateway never reads half a file. */
export function replaceIndex(path: string, ldif: Buffer): Promise<void> {
  return replaceFile(path, ldif, 0o644)
}

/** As `replaceIndex`, with a change of our own record: what it says of others is as old as before. */
export async function replaceOwnRecord(path: string, ldif: Buffer): Promise<void> {
  await replaceFile(path, ldif, 0o644, (await stat(path)).mtime)
}

/** The index file with this domain among ours, and whether that is new. Rejects with PecError 'index' if it is another provider's. */
export async function indexWithDomain(
  { index, signer }: Config,
  domain: string,
): Promise<{ readonly ldif: Buffer; readonly isNew: boolean }> {
  const present = await readFile(index.file)
  const ldif = withOwnDomain(present, await readCertificate(signer.certificate), domain)
  return { ldif, isNew: ldif !== present }
}
