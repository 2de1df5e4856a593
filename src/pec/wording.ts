/**
 * The readable texts, in Italian: one function per message of RFC 6109 §3. They tell people what daticert.xml tells machines;
 * nothing ever reads them back.
 */
import type { ArrivalFacts } from './arrival-notice.js'
import type { CertifiedMessage, CertifiedRecipient } from './certification.js'
import type { ReceiptType, RecipientType } from './kinds.js'
import type { Moment } from './moment.js'
import { oneLine } from './one-line.js'

/** The transaction that a text tells of. */
export interface Told {
  readonly message: CertifiedMessage
  readonly moment: Moment
}

const TYPES: Readonly<Record<RecipientType, string>> = { certified: 'posta certificata', ordinary: 'posta ordinaria' }

const DELIVERIES: Readonly<Record<ReceiptType, string>> = {
  complete: 'Ricevuta di avvenuta consegna',
  brief: 'Ricevuta breve di avvenuta consegna',
  concise: 'Ricevuta sintetica di avvenuta consegna',
}

/** RFC 6109 §3.1.4 */
export function acceptanceText({ message, moment }: Told): string {
  return text(
    'Ricevuta di accettazione',
    `${when(moment)} il messaggio`,
    `${subjectOf(message)} proveniente da ${quoted(message.sender)}`,
    'ed indirizzato a:',
    ...message.recipients.map(({ address, type }) => `${oneLine(address)} ("${TYPES[type]}")`),
    'è stato accettato dal sistema ed inoltrato.',
    identifierOf(message),
  )
}

/** RFC 6109 §3.1.2 */
export function nonAcceptanceText({ message, moment }: Told, detail: string): string {
  return text(
    "Errore nell'accettazione del messaggio",
    `${when(moment)} nel messaggio`,
    `${subjectOf(message)} proveniente da ${quoted(message.sender)}`,
    'ed indirizzato a:',
    ...addresses(message.recipients),
    "è stato rilevato un problema che ne impedisce l'accettazione",
    `a causa di ${oneLine(detail)}.`,
    'Il messaggio non è stato accettato.',
    identifierOf(message),
  )
}

/** RFC 6109 §3.1.3 */
export function nonAcceptanceForVirusText({ message, moment }: Told, detail: string): string {
  return text(
    "Errore nell'accettazione del messaggio per presenza di virus",
    `${when(moment)} nel messaggio`,
    `${subjectOf(message)} proveniente da ${quoted(message.sender)}`,
    'ed indirizzato a:',
    ...addresses(message.recipients),
    `è stato rilevato un problema di sicurezza ${oneLine(detail)}.`,
    'Il messaggio non è stato accettato.',
    identifierOf(message),
  )
}

/** RFC 6109 §3.1.5 */
export function transportText({ message, moment }: Told): string {
  return text(
    'Messaggio di posta certificata',
    `${when(moment)} il messaggio`,
    `${subjectOf(message)} è stato inviato da ${quoted(message.sender)}`,
    'indirizzato a:',
    ...addresses(message.recipients),
    'Il messaggio originale è incluso in allegato.',
    identifierOf(message),
  )
}

/** RFC 6109 §3.2.1 */
export function takeChargeText({ message, moment }: Told, taken: readonly string[]): string {
  return text(
    'Ricevuta di presa in carico',
    `${when(moment)} il messaggio`,
    `${subjectOf(message)} proveniente da ${quoted(message.sender)}`,
    'ed indirizzato a:',
    ...taken.map(oneLine),
    'è stato accettato dal sistema.',
    identifierOf(message),
  )
}

/** RFC 6109 §3.2.2. The sender and recipients are those of the SMTP transaction; the faults, short phrases in Italian. */
export function anomalyText(told: {
  readonly moment: Moment
  readonly subject: string | undefined
  readonly sender: string
  readonly recipients: readonly string[]
  readonly faults: readonly string[]
}): string {
  return text(
    'Anomalia nel messaggio',
    `${when(told.moment)} è stato ricevuto`,
    `il messaggio ${subjectOf(told)} proveniente da ${quoted(told.sender)}`,
    'ed indirizzato a:',
    ...told.recipients.map(oneLine),
    'Tali dati non sono stati certificati per il seguente errore:',
    ...told.faults.map(oneLine),
    'Il messaggio originale è incluso in allegato.',
  )
}

/** RFC 6109 §3.2.3 */
export function virusDetectionText({ message, moment }: Told, recipient: string, detail: string): string {
  return text(
    'Avviso di rilevazione virus',
    `${when(moment)} nel messaggio`,
    `${subjectOf(message)} proveniente da ${quoted(message.sender)}`,
    `e destinato all'utente ${quoted(recipient)}`,
    `è stato rilevato un problema di sicurezza ${oneLine(detail)}.`,
    identifierOf(message),
  )
}

/** RFC 6109 §3.3.2 */
export function deliveryText({ message, moment }: Told, recipient: string, form: ReceiptType): string {
  return text(
    DELIVERIES[form],
    `${when(moment)} il messaggio`,
    `${subjectOf(message)} proveniente da ${quoted(message.sender)}`,
    `ed indirizzato a ${quoted(recipient)}`,
    'è stato consegnato nella casella di destinazione.',
    identifierOf(message),
  )
}

/** RFC 6109 §3.3.3 */
export function nonDeliveryText({ message, moment }: Told, recipient: string, detail: string): string {
  return text(
    'Avviso di mancata consegna',
    `${when(moment)} nel messaggio`,
    `${subjectOf(message)} proveniente da ${quoted(message.sender)}`,
    `e destinato all'utente ${quoted(recipient)}`,
    `è stato rilevato un errore ${oneLine(detail)}.`,
    'Il messaggio è stato rifiutato dal sistema.',
    identifierOf(message),
  )
}

/** RFC 6109 §3.2.4 */
export function nonDeliveryForVirusText({ message, moment }: Told, recipient: string, detail: string): string {
  return text(
    'Avviso di mancata consegna per virus',
    `${when(moment)} nel messaggio`,
    `${subjectOf(message)} destinato all'utente ${quoted(recipient)}`,
    `è stato rilevato un problema di sicurezza ${oneLine(detail)}.`,
    'Il messaggio non è stato consegnato.',
    identifierOf(message),
  )
}

/** The notice of twelve hours. RFC 6109 §3.1.6 */
export function firstTimeLimitText({ message, moment }: Told, recipient: string): string {
  return text(
    'Avviso di mancata consegna',
    `${when(moment)} il messaggio`,
    `${subjectOf(message)} proveniente da ${quoted(message.sender)}`,
    `e destinato all'utente ${quoted(recipient)}`,
    'non è stato consegnato nelle prime dodici ore dal suo invio. Non escludendo',
    "che questo possa avvenire in seguito, si ritiene utile considerare che l'invio",
    'potrebbe non andare a buon fine. Il sistema provvederà comunque ad inviare un',
    'ulteriore avviso di mancata consegna se nelle prossime dodici ore non vi sarà',
    'la conferma della ricezione da parte del destinatario.',
    identifierOf(message),
  )
}

/** The notice of twenty-four hours. RFC 6109 §3.1.6 */
export function secondTimeLimitText({ message, moment }: Told, recipient: string, detail: string): string {
  return text(
    'Avviso di mancata consegna',
    `${when(moment)} il messaggio`,
    `${subjectOf(message)} proveniente da ${quoted(message.sender)}`,
    `e destinato all'utente ${quoted(recipient)}`,
    'non è stato consegnato nelle ventiquattro ore successive al suo invio.',
    'Si ritiene che la spedizione debba considerarsi non andata a buon fine.',
    `Errore: ${oneLine(detail)}.`,
    identifierOf(message),
  )
}

/** A heading, an empty line, and the lines. */
/** Of a notice of arrival, which is ordinary mail (O8). */
export function arrivalText({ mailbox, details, moment }: ArrivalFacts): string {
  return text(
    'Avviso di arrivo',
    `${when(moment)} è arrivato un messaggio`,
    `nella casella di posta elettronica certificata ${quoted(mailbox)}.`,
    ...(details === undefined ? [] : ['', `Mittente: ${oneLine(details.sender)}`, `Oggetto: ${oneLine(details.subject ?? '')}`]),
    '',
    'Questo avviso è un messaggio di posta ordinaria e non certifica nulla: il messaggio',
    'si legge nella casella. Non si risponda a questo avviso.',
  )
}

function text(heading: string, ...lines: readonly string[]): string {
  return [heading, '', ...lines, ''].join('\r\n')
}

const quoted = (value: string): string => `"${oneLine(value)}"`
const subjectOf = (message: { readonly subject: string | undefined }): string => quoted(message.subject ?? '')
const identifierOf = (message: CertifiedMessage): string => `Identificativo messaggio: ${oneLine(message.identifier)}`
const addresses = (recipients: readonly CertifiedRecipient[]): readonly string[] =>
  recipients.map(({ address }) => oneLine(address))
const when = ({ day, hour, zone }: Moment): string => `Il giorno ${day} alle ore ${hour} (${zone})`
