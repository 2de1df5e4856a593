/** The mailboxes of the provider's own, from which extracts and test messages are sent, and those to which test messages go. */
import { readFile } from 'node:fs/promises'
import type { Config } from '../config/config.js'
import { openDirectory } from '../directory/open-directory.js'
import type { OwnDirectory } from '../directory/own-directory.js'
import { domainOf } from '../mail/address.js'
import { readIndex } from '../providers/provider-index.js'
import type { ServiceMailbox } from '../service-mailbox.js'
import { refuse } from './examination.js'

export async function lookAtServiceMailboxes(config: Config): Promise<string> {
  const { retrieval, interoperability, clientCertificates } = config
  const services = [retrieval, interoperability?.from].filter((service) => service !== undefined)
  if (services.length === 0) return 'none send extracts or test messages: [retrieval] and [interoperability] name none'
  const clock = (): Date => new Date()
  const directory = await openDirectory(config, clock, () => undefined)
  try {
    const faults = await Promise.all(services.map((service) => faultOf(service, directory)))
    const bare =
      clientCertificates?.login === 'required' ? services.filter(({ mailbox }) => !clientCertificates.exempt.has(mailbox)) : []
    refuse([
      ...faults.filter((fault) => fault !== undefined),
      ...bare.map(({ mailbox }) => `[client_certificates] login is required, and ${mailbox}, which shows none, is not in exempt`),
      ...(await strangersAmong(interoperability?.to ?? [], config)),
    ])
  } finally {
    await directory.close()
  }
  return `${services.map(({ mailbox }) => mailbox).join(' and ')} can send`
}

async function faultOf({ mailbox, passwordFile }: ServiceMailbox, directory: OwnDirectory): Promise<string | undefined> {
  const opened = await directory.authenticate(mailbox, (await readFile(passwordFile, 'utf8')).trim())
  if (opened === undefined) return `the password in ${passwordFile} does not open ${mailbox}`
  if (opened.temporary) return `the password of ${mailbox} is a temporary one`
  return opened.state === 'active' ? undefined : `${mailbox} is ${opened.state}`
}

/** Mailboxes that are of no provider. */
async function strangersAmong(mailboxes: readonly string[], { index: { file } }: Config): Promise<string[]> {
  if (mailboxes.length === 0) return []
  const { index } = readIndex(await readFile(file))
  return mailboxes
    .filter((mailbox) => index.byDomain(domainOf(mailbox)) === undefined)
    .map((mailbox) => `[interoperability] to: the domain of ${mailbox} is in no record of the index`)
}
