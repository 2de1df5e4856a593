/**
 * daticert.xml, the certification data: what a PEC message states, for machines. Written and read. RFC 6109 §4.4
 */
import {
  ERROR_WORDS,
  KINDS,
  RECEIPT_WORDS,
  RECIPIENT_WORDS,
  errorKindOf,
  kindOfCertification,
  receiptTypeOf,
  recipientTypeOf,
  type CertifiedKind,
  type ErrorKind,
  type ReceiptType,
  type RecipientType,
} from './kinds.js'
import { dateOf } from './moment.js'
import { oneLine } from './one-line.js'
import { XmlFault, escapeXml, readXml, type Element } from './xml.js'

export interface CertifiedRecipient {
  readonly address: string
  readonly type: RecipientType
}

/** What every message about one original says of it, alike. */
export interface CertifiedMessage {
  /** Without angle brackets. */
  readonly identifier: string
  /** With angle brackets. */
  readonly clientMessageId: string | undefined
  readonly sender: string
  /** All recipients of the original. */
  readonly recipients: readonly CertifiedRecipient[]
  /** Addresses, with commas between. */
  readonly replyTo: string
  readonly subject: string | undefined
}

export interface CertificationData extends CertifiedMessage {
  readonly kind: CertifiedKind
  readonly error: ErrorKind
  /** Name of the provider that made this message. */
  readonly provider: string
  /** dd/mm/yyyy */
  readonly day: string
  /** hh:mm:ss */
  readonly hour: string
  /** As written, e.g. +0100; dateOf() takes the three together. */
  readonly zone: string
  /** The type that the sender asked for. */
  readonly receiptType: ReceiptType | undefined
  /** The one recipient that the message is about. */
  readonly delivery: string | undefined
  readonly takenInCharge: readonly string[]
  readonly errorDetail: string | undefined
}

export type CertificationVerdict =
  { readonly ok: true; readonly data: CertificationData } | { readonly ok: false; readonly reason: string }

/** Characters of a subject, or of a list of addresses, that are certified; what is longer is cut by prepareOriginal and refused here. */
export const MAX_TEXT = 65_536
/** Bytes of daticert.xml that are read. */
export const MAX_CERTIFICATION = 8 * 1024 * 1024
const MAX_RECIPIENTS = 10_000
const MAX_FIELD = 4096
const LIMITS = { depth: 6, elements: 2 * MAX_RECIPIENTS + 100, text: MAX_TEXT }

const element = (name: string, text: string | undefined, attributes = ''): readonly string[] =>
  text === undefined ? [] : [`<${name}${attributes}>${escapeXml(oneLine(text))}</${name}>`]

/** daticert.xml, UTF-8 with CRLF line ends. Control characters in the values become spaces. */
export function writeCertification(data: CertificationData): Buffer {
  const lines = [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<postacert tipo="${KINDS[data.kind].certification ?? ''}" errore="${ERROR_WORDS[data.error]}">`,
    '<intestazione>',
    ...element('mittente', data.sender),
    ...data.recipients.flatMap(({ address, type }) => element('destinatari', address, ` tipo="${RECIPIENT_WORDS[type]}"`)),
    ...element('risposte', data.replyTo),
    ...element('oggetto', data.subject),
    '</intestazione>',
    '<dati>',
    ...element('gestore-emittente', data.provider),
    `<data zona="${escapeXml(oneLine(data.zone))}">`,
    ...element('giorno', data.day),
    ...element('ora', data.hour),
    '</data>',
    ...element('identificativo', data.identifier),
    ...element('msgid', data.clientMessageId),
    ...(data.receiptType === undefined ? [] : [`<ricevuta tipo="${RECEIPT_WORDS[data.receiptType]}"/>`]),
    ...element('consegna', data.delivery),
    ...data.takenInCharge.flatMap((address) => element('ricezione', address)),
    ...element('errore-esteso', data.errorDetail),
    '</dati>',
    '</postacert>',
    '',
  ]
  return Buffer.from(lines.join('\r\n'), 'utf8')
}

/**
 * What daticert.xml says, or why it cannot be taken for certification data. The elements must stand in the DTD's order; stray
 * text between them, unknown attributes and a DOCTYPE without entities are tolerated, for they are met in the field.
 */
export function readCertification(xml: Buffer): CertificationVerdict {
  if (xml.length > MAX_CERTIFICATION) return { ok: false, reason: `longer than ${MAX_CERTIFICATION} bytes` }
  try {
    return { ok: true, data: dataOf(readXml(xml, LIMITS)) }
  } catch (error) {
    if (error instanceof XmlFault) return { ok: false, reason: error.message }
    throw error
  }
}

/** The children of an element, taken one after the other in the DTD's order. */
class Sequence {
  private readonly parent: Element
  private at = 0

  constructor(parent: Element, name: string) {
    if (parent.name !== name) throw new XmlFault(`${parent.name} in place of ${name}`)
    this.parent = parent
  }

  /** The next children if they have this name, at least `least` and at most `most` of them. */
  take(name: string, least: number, most: number): readonly Element[] {
    const from = this.at
    while (this.parent.children[this.at]?.name === name) this.at++
    const taken = this.parent.children.slice(from, this.at)
    if (taken.length < least) throw new XmlFault(`${name} is missing in ${this.parent.name}`)
    if (taken.length > most) throw new XmlFault(`more than ${most} ${name} in ${this.parent.name}`)
    return taken
  }

  one(name: string): Element {
    const [child] = this.take(name, 1, 1)
    if (child === undefined) throw new XmlFault(`${name} is missing in ${this.parent.name}`)
    return child
  }

  maybe(name: string): Element | undefined {
    return this.take(name, 0, 1)[0]
  }

  end(): void {
    const next = this.parent.children[this.at]
    if (next !== undefined) throw new XmlFault(`${next.name} is out of place in ${this.parent.name}`)
  }
}

function dataOf(root: Element): CertificationData {
  const top = new Sequence(root, 'postacert')
  const kind = word(root, 'tipo', kindOfCertification)
  const error = word(root, 'errore', errorKindOf, 'nessuno')

  const header = new Sequence(top.one('intestazione'), 'intestazione')
  const sender = address(header.one('mittente'))
  const recipients = header.take('destinatari', 1, MAX_RECIPIENTS).map((item) => ({
    address: address(item),
    type: word(item, 'tipo', recipientTypeOf, 'certificato'),
  }))
  const replyTo = value(header.one('risposte'), MAX_TEXT)
  const subject = optional(header.maybe('oggetto'), (item) => value(item, MAX_TEXT))
  header.end()

  const dati = new Sequence(top.one('dati'), 'dati')
  const provider = value(dati.one('gestore-emittente'))
  const when = whenOf(dati.one('data'))
  const identifier = identifierOf(dati.one('identificativo'))
  const clientMessageId = optional(dati.maybe('msgid'), value)
  const receiptType = optional(dati.maybe('ricevuta'), (item) => word(item, 'tipo', receiptTypeOf))
  const delivery = optional(dati.maybe('consegna'), address)
  const takenInCharge = dati.take('ricezione', 0, MAX_RECIPIENTS).map(address)
  const errorDetail = optional(dati.maybe('errore-esteso'), (item) => value(item, MAX_TEXT))
  dati.end()
  top.end()
  return {
    ...{ kind, error, sender, recipients, replyTo, subject, provider, ...when, identifier },
    ...{
      clientMessageId: clientMessageId === '' ? undefined : clientMessageId,
      receiptType,
      delivery,
      takenInCharge,
      errorDetail,
    },
  }
}

function optional<T>(item: Element | undefined, read: (item: Element) => T): T | undefined {
  return item === undefined ? undefined : read(item)
}

/** The text of an element that has no children. */
function value(item: Element, most = MAX_FIELD): string {
  const [child] = item.children
  if (child !== undefined) throw new XmlFault(`${child.name} is out of place in ${item.name}`)
  const text = oneLine(item.text)
  if (text.length > most) throw new XmlFault(`${item.name} is longer than ${most} characters`)
  return text
}

function address(item: Element): string {
  const text = value(item)
  if (!/^[^@].*@[^\s<>@]+$/u.test(text)) throw new XmlFault(`${item.name} is not a mail address`)
  return text
}

function identifierOf(item: Element): string {
  const text = value(item)
  if (!/^[^\s<>]+$/u.test(text)) throw new XmlFault(`${item.name} is not an identifier`)
  return text
}

/** An attribute whose values are listed in the DTD. */
function word<T>(item: Element, attribute: string, meaning: (word: string) => T | undefined, missing?: string): T {
  const written = item.attributes[attribute] ?? missing
  const known = written === undefined ? undefined : meaning(written)
  if (known === undefined) throw new XmlFault(`${attribute} of ${item.name} is ${written === undefined ? 'missing' : 'unknown'}`)
  return known
}

function whenOf(item: Element): { readonly day: string; readonly hour: string; readonly zone: string } {
  const sequence = new Sequence(item, 'data')
  const day = value(sequence.one('giorno'))
  const hour = value(sequence.one('ora'))
  sequence.end()
  const zone = (item.attributes.zona ?? '').trim()
  if (dateOf({ day, hour, zone }) === undefined) throw new XmlFault('giorno, ora and zona tell no time')
  return { day, hour, zone }
}
