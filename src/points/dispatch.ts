/** Which way a message of ours goes: into a mailbox of our own, or to another host. */
import { domainOf } from '../mail/address.js'
import type { Source } from '../mail/source.js'
import type { House } from './house.js'
import type { Dispatch } from './ports.js'

/** A receipt or notice, to the one it is for. Its reverse path is the provider's own address (pec.md 17.11). */
export function notificationTo(
  to: string,
  identifier: string,
  message: Source,
  { directory, issuer }: Pick<House, 'directory' | 'issuer'>,
): Dispatch {
  const kind = directory.managesDomain(domainOf(to)) ? 'deliver-other' : 'send-receipt'
  return { from: issuer.address, to: [to], message, errand: { kind, identifier } }
}

/** A message for mailboxes of ours that owes nothing: one file each, for Haraka mixes up the LMTP replies of several recipients. */
export function deliveries(
  from: string,
  recipients: readonly string[],
  message: Source,
  errand: { readonly kind: 'deliver-other' | 'deliver-anomaly'; readonly identifier: string },
): Dispatch[] {
  return recipients.map((recipient) => ({ from, to: [recipient], message, errand }))
}
