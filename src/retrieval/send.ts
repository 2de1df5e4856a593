/** An extract on its way to whoever asked for it: by certified mail. */
import { basename } from 'node:path'
import { PecError } from '../errors.js'
import { domainOf, isAddress } from '../mail/address.js'
import type { ProviderIndex } from '../points/ports.js'
import { sendFrom, type ServiceMailbox } from '../service-mailbox.js'

/** Throws PecError 'configuration' unless the address is of a provider that the index lists: extracts go by PEC only (L5). */
export function checkCertified(address: string, index: Pick<ProviderIndex, 'byDomain'>): void {
  if (!isAddress(address)) throw new PecError('configuration', `${address} is no mail address`)
  if (index.byDomain(domainOf(address)) === undefined)
    throw new PecError(
      'configuration',
      `${address} is no certified mail by the index of providers: extracts are sent by PEC only, and this one was not`,
    )
}

/** Resolves with what the gateway answered once it has accepted the message. Rejects with PecError 'configuration' or 'queue'. */
export function sendExtract(path: string, to: string, from: ServiceMailbox): Promise<string> {
  return sendFrom(from, {
    to,
    subject: 'Estratto del registro dei messaggi di posta elettronica certificata',
    text: "In allegato l'estratto del registro che è stato richiesto. Si inizi da riepilogo.pdf o da riepilogo.txt.\n",
    attachments: [{ filename: basename(path), path, contentType: 'application/zip' }],
  })
}
