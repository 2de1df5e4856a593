/**
 * Why a message is not taken for a certified one on account of whom it comes from: in English for the log, in Italian for the
 * anomaly envelope. RFC 6109 §2.2.2, §7
 */

export type OriginFaultKind = keyof typeof ORIGIN_FAULTS

export interface OriginFault {
  readonly kind: OriginFaultKind
  /** For the log; may quote what was found. */
  readonly english: string
  /** For the text of an anomaly envelope; quotes nothing. */
  readonly italian: string
}

const ORIGIN_FAULTS = {
  unsigned: {
    english: 'the message is not signed',
    italian: 'il messaggio non è firmato digitalmente',
  },
  'signature-malformed': {
    english: 'the message claims a signature, but is not built like a signed one',
    italian: 'la struttura della firma digitale del messaggio non è corretta',
  },
  'signature-invalid': {
    english: 'the signature does not verify',
    italian: 'la firma digitale del messaggio non è valida',
  },
  'signer-unknown': {
    english: "the signer's certificate is not in the index of providers",
    italian: "il messaggio non è firmato da un gestore dell'indice dei gestori di posta certificata",
  },
  'certificate-untrusted': {
    english: "the signer's certificate is not to be trusted",
    italian: 'il certificato di firma del gestore non è valido o è stato revocato',
  },
  'from-not-certified': {
    english: "the address of From is not in the signer's certificate",
    italian: "l'indirizzo del gestore non corrisponde al certificato di firma",
  },
  'from-not-managed': {
    english: 'the index does not give the domain of From to the signer',
    italian: "il dominio del gestore non risulta nell'indice dei gestori di posta certificata",
  },
  'sender-not-managed': {
    english: "the index does not give the sender's domain to the signer",
    italian: 'il dominio del mittente non è gestito dal gestore che ha firmato il messaggio',
  },
  'recipient-not-managed': {
    english: 'the index does not give the domain that the receipt is about to the signer',
    italian: 'il dominio del destinatario non è gestito dal gestore che ha firmato la ricevuta',
  },
  'recipient-not-named': {
    english: 'the recipient is not among those of daticert.xml',
    italian: 'il destinatario non è indicato nei dati di certificazione',
  },
  'sender-invalid': {
    english: 'the sender of daticert.xml is not a mail address',
    italian: 'il mittente dei dati di certificazione non è un indirizzo valido',
  },
  'identifier-taken': {
    english: 'the identifier belongs to another message',
    italian: "l'identificativo del messaggio è già di un altro messaggio",
  },
} as const satisfies Record<string, { readonly english: string; readonly italian: string }>

/** A fault of this kind; the detail is for the log. */
export function originFault(kind: OriginFaultKind, detail?: string): OriginFault {
  const { english, italian } = ORIGIN_FAULTS[kind]
  return { kind, english: detail === undefined ? english : `${english}: ${detail}`, italian }
}
