/** The formal checks on a submitted message. RFC 6109 §3.1.1 */
import { domainOf, isAddress, parseAddresses } from '../mail/address.js'
import { allValues, type Header } from '../mail/header.js'
import type { FormalException } from '../pec/formal-exception.js'

/** Addresses that notices name one by one before they only count: a notice must stay readable. */
const NAMED = 20

export interface FormalLimits {
  readonly recipients: number
  /** Size times recipients, in bytes. */
  readonly bytesTimesRecipients: number
}

export interface Submitted {
  readonly header: Header
  /** Whether a blank line ends the header section. */
  readonly headerEnds: boolean
  /** Whether it has a CR or an LF that is not part of a CRLF. */
  readonly hasBareLineEnd: boolean
  /** Bytes of the whole message. */
  readonly size: number
  /** Reverse path. */
  readonly sender: string
  /** Forward paths. */
  readonly recipients: readonly string[]
}

/**
 * Every exception found, in the order of RFC 6109 §3.1.1; an empty list lets the message into the PEC system. Addresses are
 * compared without case. `Bcc:` may be present only if empty; the size counts once per recipient.
 */
export function findFormalExceptions(submitted: Submitted, limits: FormalLimits): FormalException[] {
  return [
    ...structureExceptions(submitted),
    ...fromExceptions(submitted),
    ...recipientExceptions(submitted),
    ...bccExceptions(submitted.header),
    ...sizeExceptions(submitted, limits),
  ]
}

/** RFC 5322 §3.6: these fields occur once at the most. */
const ONCE = ['From', 'Sender', 'Reply-To', 'To', 'Cc', 'Bcc', 'Message-ID', 'Subject', 'Date']

function structureExceptions({ header, headerEnds, hasBareLineEnd }: Submitted): FormalException[] {
  const exceptions: FormalException[] = []
  // Without the blank line the body is taken for lines of the header: that is told already.
  if (!headerEnds) exceptions.push({ kind: 'no-header-end' })
  else if (header.fields.some(({ name }) => name === '')) exceptions.push({ kind: 'not-a-field' })
  if (hasBareLineEnd) exceptions.push({ kind: 'bare-line-end' })
  for (const name of ONCE) if (allValues(header, name).length > 1) exceptions.push({ kind: 'duplicate-header', name })
  return exceptions
}

function fromExceptions({ header, sender }: Submitted): FormalException[] {
  const values = allValues(header, 'From')
  if (values.length === 0) return [{ kind: 'from-missing' }]
  const [from, ...more] = values.flatMap(parseAddresses)
  if (from === undefined || more.length > 0 || !isAddress(from.address)) return [{ kind: 'from-invalid' }]
  if (from.address.toLowerCase() !== sender.toLowerCase())
    return [{ kind: 'sender-differs', from: from.address, reversePath: sender }]
  return []
}

function recipientExceptions({ header, recipients }: Submitted): FormalException[] {
  const exceptions: FormalException[] = []
  const named = new Set<string>()
  for (const name of ['To', 'Cc']) {
    const addresses = allValues(header, name).flatMap(parseAddresses)
    for (const { address } of addresses) if (isAddress(address)) named.add(comparable(address))
    if (name === 'To' && !addresses.some(({ address }) => isAddress(address))) exceptions.push({ kind: 'to-missing' })
    else if (addresses.some(({ address }) => !isAddress(address))) exceptions.push({ kind: 'address-invalid', name })
  }
  const asked = new Set(recipients.map(comparable))
  const hidden = [...asked].filter((address) => !named.has(address)).slice(0, NAMED)
  const missing = [...named].filter((address) => !asked.has(address)).slice(0, NAMED)
  exceptions.push(...hidden.map((address) => ({ kind: 'recipient-not-in-header' as const, address })))
  exceptions.push(...missing.map((address) => ({ kind: 'recipient-not-in-envelope' as const, address })))
  return exceptions
}

function bccExceptions(header: Header): FormalException[] {
  return allValues(header, 'Bcc').some((value) => value !== '') ? [{ kind: 'bcc-present' }] : []
}

function sizeExceptions({ size, recipients }: Submitted, limits: FormalLimits): FormalException[] {
  const exceptions: FormalException[] = []
  const count = recipients.length
  if (count > limits.recipients) exceptions.push({ kind: 'too-many-recipients', count, limit: limits.recipients })
  const bytes = size * count
  if (bytes > limits.bytesTimesRecipients) exceptions.push({ kind: 'too-large', bytes, limit: limits.bytesTimesRecipients })
  return exceptions
}

function comparable(address: string): string {
  return address.slice(0, address.lastIndexOf('@') + 1).toLowerCase() + domainOf(address)
}
