/**
 * The original: a submitted message as it goes, certified, into the transport envelope. RFC 6109 §2.2.1
 */
import { isAddress, parseAddresses } from '../mail/address.js'
import { decodeWords } from '../mail/encoded-word.js'
import { allValues, firstValue, formatField, headerBytes, withoutFields, type Header } from '../mail/header.js'
import { toSevenBit } from '../mail/seven-bit.js'
import { concatenate, slice, type Source } from '../mail/source.js'
import { MAX_TEXT } from './certification.js'
import { messageIdOf, readHead } from './head.js'
import { FIELD, receiptTypeOf, type ReceiptType } from './kinds.js'
import { oneLine } from './one-line.js'

export interface Original {
  /** The whole message, 7-bit, under its new Message-ID. */
  readonly source: Source
  /** Its header, as it stands in the source. */
  readonly header: Header
  /** Without angle brackets. */
  readonly identifier: string
  /** The Message-ID that the client gave it, with angle brackets. */
  readonly clientMessageId: string | undefined
  /** Decoded; undefined without a Subject. */
  readonly subject: string | undefined
  /** The first address of From; '' if it has none. */
  readonly from: string
  readonly to: readonly string[]
  readonly cc: readonly string[]
  /** The addresses of Reply-To, else of From, with commas between; as many as can be certified. */
  readonly replyTo: string
  /** As the client asked; complete if it did not, or in words we do not know. */
  readonly receiptType: ReceiptType
}

/**
 * Makes the original of a submitted message: re-encoded where it is not 7-bit, its Message-ID replaced by the identifier and kept
 * as X-Riferimento-Message-ID, every other byte as it was. Nothing is copied: the result reads from the source.
 * Throws PecError 'malformed' if the header is longer than 1 MiB.
 */
export async function prepareOriginal(submitted: Source, identifier: string): Promise<Original> {
  const message = await toSevenBit(submitted)
  const { header, end } = await readHead(message)
  const clientMessageId = messageIdOf(header)
  const kept = headerBytes(withoutFields(header, 'Message-ID', FIELD.reference))
  const added = Buffer.concat([
    // The last field may have lost its line end, and the header its blank line.
    kept.length === 0 || kept.subarray(-2).equals(CRLF) ? NOTHING : CRLF,
    formatField('Message-ID', `<${identifier}>`),
    clientMessageId === undefined ? NOTHING : formatField(FIELD.reference, clientMessageId),
    end === message.size ? CRLF : NOTHING,
  ])
  const source = concatenate([kept, added, slice(message, end, message.size)])
  const prepared = (await readHead(source)).header
  return { source, header: prepared, identifier, clientMessageId, ...factsOf(prepared) }
}

const CRLF = Buffer.from('\r\n')
const NOTHING = Buffer.alloc(0)

function factsOf(header: Header): Omit<Original, 'source' | 'header' | 'identifier' | 'clientMessageId'> {
  const from = addressesIn(header, 'From')[0] ?? ''
  const replyTo = addressesIn(header, 'Reply-To')
  return {
    subject: subjectOf(header),
    from,
    to: addressesIn(header, 'To'),
    cc: addressesIn(header, 'Cc'),
    replyTo: replyTo.length > 0 ? listed(replyTo) : from,
    receiptType: receiptTypeOf(firstValue(header, FIELD.receiptType) ?? '') ?? 'complete',
  }
}

/** With commas between; those at the end that are too many to be certified are left out. */
function listed(addresses: readonly string[]): string {
  const list = addresses.join(', ')
  return list.length <= MAX_TEXT ? list : list.slice(0, list.lastIndexOf(',', MAX_TEXT))
}

/** The Subject, decoded and on one line; undefined if there is none. */
export function subjectOf(header: Header): string | undefined {
  const written = firstValue(header, 'Subject')
  return written === undefined ? undefined : oneLine(decodeWords(written).slice(0, MAX_TEXT))
}

/** The valid addresses of every field of this name, in order. */
export function addressesIn(header: Header, name: string): readonly string[] {
  return allValues(header, name).flatMap((value) =>
    parseAddresses(value)
      .map(({ address }) => address)
      .filter(isAddress),
  )
}
