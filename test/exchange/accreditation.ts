/** Providers under one authority, in one index. */
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { mergeIndex } from '../../src/cli/merge-index.js'
import { Authority } from '../../src/demo/authority.js'
import { ownRecordLdif } from '../../src/providers/own-record.js'
import { readPem } from '../../src/smime/pem.js'
import type { Laboratory } from '../harness/laboratory.js'
import type { Keys } from './gateway.js'

export interface Accredited {
  readonly name: string
  readonly domain: string
}

/** The keys of each, in their order. */
export async function accredit(lab: Laboratory, providers: readonly Accredited[]): Promise<readonly Keys[]> {
  const folder = await lab.directory()
  const authority = await Authority.open(folder)
  const index = join(folder, 'index.ldif')
  const keys: Keys[] = []
  let ldif: Buffer | undefined
  for (const { name, domain } of providers) {
    const { key, certificate: cert } = (await authority.accredit(name, domain)).signing
    const certificates = readPem(await readFile(cert), 'CERTIFICATE')
    const record = ownRecordLdif({ name, certificates, mailReceipt: `ricevute@${domain}`, domains: [domain] })
    ldif = ldif === undefined ? record : mergeIndex(record, ldif)
    keys.push({ key, cert, trust: authority.anchor, crl: authority.revocationList, index })
  }
  await writeFile(index, ldif ?? '')
  return keys
}
