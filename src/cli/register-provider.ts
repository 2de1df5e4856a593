/** What a new instance knows of users and providers: its own domain, its service mailboxes, its own record in the index. */
import { randomBytes } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { addDomain, addMailbox } from '../directory/directory-edit.js'
import { domainOf } from '../mail/address.js'
import { SERVICE_LOCAL_PART } from '../pec/kinds.js'
import { ownRecordLdif } from '../providers/own-record.js'
import { readPem } from '../smime/pem.js'
import { mergeIndex } from './merge-index.js'

/** The provider's domain, with the mailboxes that other providers and mail systems write to. Nobody knows their passwords. */
export async function writeDirectory(root: string, domain: string, receipts: string): Promise<void> {
  const path = join(root, 'directory.json')
  for (const name of new Set([domain, domainOf(receipts)])) await addDomain(path, name)
  for (const address of new Set([`${SERVICE_LOCAL_PART}@${domain}`, receipts])) {
    await addMailbox(path, { address, password: randomBytes(24).toString('base64url') })
  }
}

export interface OwnEntry {
  readonly name: string
  readonly domain: string
  readonly receipts: string
  /** An index to begin with. */
  readonly index: string | undefined
}

/** The index: what the operator has, with our own record in it. */
export async function writeIndex(root: string, { name, domain, receipts, index }: OwnEntry): Promise<void> {
  const certificates = readPem(await readFile(join(root, 'config', 'pec_certificate.pem')), 'CERTIFICATE').slice(0, 1)
  const domains = [...new Set([domain, domainOf(receipts)])]
  const own = ownRecordLdif({
    ...{ name: name.trim(), certificates, mailReceipt: receipts, domains },
    ldifLocation: `https://${domain}/provider.ldif.p7m`,
  })
  const given = index === undefined ? undefined : await readFile(index)
  await writeFile(join(root, 'config', 'pec_index.ldif'), given === undefined ? own : mergeIndex(own, given))
}
