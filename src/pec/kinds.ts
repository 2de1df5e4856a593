/**
 * The messages of RFC 6109 and the words they are told by on the wire: Appendix A of the RFC as a dictionary. Italian stands
 * here, in the wording and in the certification data, and nowhere else.
 */

/** Every message that a PEC provider makes. A non-acceptance or non-delivery for a virus is told by its error. */
export type Kind =
  | 'acceptance'
  | 'non-acceptance'
  | 'take-charge'
  | 'delivery'
  | 'non-delivery'
  | 'time-limit'
  | 'virus-detection'
  | 'transport'
  | 'anomaly'

export type CertifiedKind = Exclude<Kind, 'anomaly'>
export type NotificationKind = Exclude<Kind, 'transport' | 'anomaly'>

export type RecipientType = 'certified' | 'ordinary'
export type ReceiptType = 'complete' | 'brief' | 'concise'
export type ErrorKind = 'none' | 'no-recipient' | 'no-domain' | 'virus' | 'other'

/** The header fields of PEC. Names are compared without case on input. */
export const FIELD = {
  receipt: 'X-Ricevuta',
  transport: 'X-Trasporto',
  security: 'X-VerificaSicurezza',
  sender: 'X-Mittente',
  receiptType: 'X-TipoRicevuta',
  reference: 'X-Riferimento-Message-ID',
} as const

/** How much ordinary mail looks like spam, as a field of its anomaly envelope tells. */
export type SpamLevel = 'low' | 'medium' | 'high'
export const SPAM_FIELD = 'X-Spam-Level'

/** The only value of X-VerificaSicurezza. */
export const SECURITY_ERROR = 'errore'

/** Local part of the address that every message of a provider comes from, and the display name of envelopes. */
export const SERVICE_LOCAL_PART = 'posta-certificata'
export const ON_BEHALF_OF = 'Per conto di: '

/** The names of the parts. RFC 6109 §4.3 calls the XML certdata.xml, a slip of its translation. */
export const PART = { certification: 'daticert.xml', original: 'postacert.eml', signature: 'smime.p7s' } as const

export interface KindWords {
  readonly field: typeof FIELD.receipt | typeof FIELD.transport
  readonly value: string
  /** `tipo` of daticert.xml; undefined for the kind that has none. */
  readonly certification: string | undefined
  readonly subject: string
  /** The prefix when the error is a virus, where it differs. */
  readonly virusSubject: string | undefined
  /** Whether postacert.eml must, may or must not be there. */
  readonly original: 'required' | 'optional' | 'forbidden'
}

const receipt = (value: string, subject: string, virusSubject?: string): KindWords => ({
  field: FIELD.receipt,
  value,
  certification: value,
  subject,
  virusSubject,
  original: value === 'avvenuta-consegna' ? 'optional' : 'forbidden',
})

const envelope = (value: string, certification: string | undefined, subject: string): KindWords => ({
  field: FIELD.transport,
  value,
  certification,
  subject,
  virusSubject: undefined,
  original: 'required',
})

/** One row per kind. RFC 6109 §3, Appendix A */
export const KINDS: Readonly<Record<Kind, KindWords>> = {
  acceptance: receipt('accettazione', 'ACCETTAZIONE: '),
  'non-acceptance': receipt('non-accettazione', 'AVVISO DI NON ACCETTAZIONE: ', 'AVVISO DI NON ACCETTAZIONE PER VIRUS: '),
  'take-charge': receipt('presa-in-carico', 'PRESA IN CARICO: '),
  delivery: receipt('avvenuta-consegna', 'CONSEGNA: '),
  'non-delivery': receipt('errore-consegna', 'AVVISO DI MANCATA CONSEGNA: ', 'AVVISO DI MANCATA CONSEGNA PER VIRUS: '),
  'time-limit': receipt('preavviso-errore-consegna', 'AVVISO DI MANCATA CONSEGNA PER SUP. TEMPO MASSIMO: '),
  'virus-detection': receipt('rilevazione-virus', 'PROBLEMA DI SICUREZZA: '),
  transport: envelope('posta-certificata', 'posta-certificata', 'POSTA CERTIFICATA: '),
  anomaly: envelope('errore', undefined, 'ANOMALIA MESSAGGIO: '),
}

export const RECIPIENT_WORDS: Readonly<Record<RecipientType, string>> = { certified: 'certificato', ordinary: 'esterno' }
export const RECEIPT_WORDS: Readonly<Record<ReceiptType, string>> = { complete: 'completa', brief: 'breve', concise: 'sintetica' }
export const ERROR_WORDS: Readonly<Record<ErrorKind, string>> = {
  none: 'nessuno',
  'no-recipient': 'no-dest',
  'no-domain': 'no-dominio',
  virus: 'virus',
  other: 'altro',
}

/** The words of a table, lower case, each with the name it stands for. */
function reversed<T extends string>(words: Readonly<Record<T, string | undefined>>): ReadonlyMap<string, T> {
  const names = Object.keys(words) as T[]
  return new Map(names.flatMap((name) => (words[name] === undefined ? [] : [[words[name].toLowerCase(), name] as const])))
}

function column(read: (words: KindWords) => string | undefined): Record<Kind, string | undefined> {
  const rows = Object.entries(KINDS).map(([kind, words]) => [kind, read(words)])
  return Object.fromEntries(rows) as Record<Kind, string | undefined>
}

const receipts = reversed(column((words) => (words.field === FIELD.receipt ? words.value : undefined)))
const transports = reversed(column((words) => (words.field === FIELD.transport ? words.value : undefined)))
const certifications = reversed(column((words) => words.certification))
const recipientTypes = reversed(RECIPIENT_WORDS)
const receiptTypes = reversed(RECEIPT_WORDS)
const errorKinds = reversed(ERROR_WORDS)

const plain = (word: string): string => word.trim().toLowerCase()

/** The kind that a value of X-Ricevuta claims. */
export function kindOfReceipt(value: string): Kind | undefined {
  return receipts.get(plain(value))
}

/** The kind that a value of X-Trasporto claims. */
export function kindOfTransport(value: string): Kind | undefined {
  return transports.get(plain(value))
}

/** The kind that `tipo` of daticert.xml names. */
export function kindOfCertification(word: string): CertifiedKind | undefined {
  const kind = certifications.get(plain(word))
  return kind === 'anomaly' ? undefined : kind
}

export function recipientTypeOf(word: string): RecipientType | undefined {
  return recipientTypes.get(plain(word))
}

export function receiptTypeOf(word: string): ReceiptType | undefined {
  return receiptTypes.get(plain(word))
}

export function errorKindOf(word: string): ErrorKind | undefined {
  return errorKinds.get(plain(word))
}

/** What the Subject of a message of this kind begins with. */
export function subjectPrefix(kind: Kind, error: ErrorKind = 'none'): string {
  const { subject, virusSubject } = KINDS[kind]
  return error === 'virus' && virusSubject !== undefined ? virusSubject : subject
}
