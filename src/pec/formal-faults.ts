/**
 * What can be wrong with the form of a message that a provider signed: one table, in English for the log and in Italian for the
 * anomaly envelope. RFC 6109 §2.2.2
 */

export type FormalFaultKind = keyof typeof FORMAL_FAULTS

export interface FormalFault {
  readonly kind: FormalFaultKind
  /** For the log; may quote what was found. */
  readonly english: string
  /** For the text of an anomaly envelope; quotes nothing. */
  readonly italian: string
}

const FORMAL_FAULTS = {
  'enclosed-content': {
    english: 'the signature encloses its content instead of standing beside it',
    italian: 'la firma non è in formato multipart/signed',
  },
  'no-kind': {
    english: 'neither X-Trasporto nor X-Ricevuta has a known value',
    italian: 'il tipo di messaggio di posta certificata manca o non è riconosciuto',
  },
  'several-kinds': {
    english: 'X-Trasporto and X-Ricevuta occur more than once or together',
    italian: 'il messaggio dichiara più di un tipo di posta certificata',
  },
  'not-certified': {
    english: 'an anomaly envelope, which certifies nothing',
    italian: 'il messaggio è una busta di anomalia di un altro gestore',
  },
  'no-from': {
    english: 'From is missing or has not one address',
    italian: 'il mittente della busta manca o non è valido',
  },
  'other-from': {
    english: 'From names another sender than daticert.xml',
    italian: 'il mittente della busta è diverso da quello dei dati di certificazione',
  },
  structure: {
    english: 'the signed content is not a multipart/mixed that begins with a text',
    italian: 'la struttura del messaggio non è corretta',
  },
  'no-certification': {
    english: 'daticert.xml is missing',
    italian: 'i dati di certificazione mancano',
  },
  'several-certifications': {
    english: 'more than one daticert.xml',
    italian: 'i dati di certificazione sono presenti più volte',
  },
  'unreadable-certification': {
    english: 'daticert.xml cannot be read',
    italian: 'i dati di certificazione non sono leggibili',
  },
  'other-kind': {
    english: 'daticert.xml is of another kind than the header says',
    italian: 'il tipo dei dati di certificazione è diverso da quello del messaggio',
  },
  'other-identifier': {
    english: 'Message-ID is not the identifier of daticert.xml',
    italian: "l'identificativo dei dati di certificazione è diverso da quello del messaggio",
  },
  'no-recipient': {
    english: 'daticert.xml lacks the recipient that the message is about',
    italian: 'nei dati di certificazione manca il destinatario',
  },
  'no-original': {
    english: 'postacert.eml is missing',
    italian: 'il messaggio originale manca',
  },
  'several-originals': {
    english: 'more than one postacert.eml',
    italian: 'il messaggio originale è presente più volte',
  },
  'unreadable-original': {
    english: 'postacert.eml is not a plain message/rfc822',
    italian: 'il messaggio originale non è leggibile',
  },
  'unwanted-original': {
    english: 'a kind of message that must not carry postacert.eml',
    italian: 'il messaggio originale non deve essere presente',
  },
} as const satisfies Record<string, { readonly english: string; readonly italian: string }>

/** A fault of this kind; the detail is for the log. */
export function formalFault(kind: FormalFaultKind, detail?: string): FormalFault {
  const { english, italian } = FORMAL_FAULTS[kind]
  return { kind, english: detail === undefined ? english : `${english}: ${detail}`, italian }
}
