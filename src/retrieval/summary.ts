/** The readable summary of an extract, in Italian, for whoever asked for it: the same lines for text and PDF. */
import type { RegisterQuery } from '../ledger/search.js'
import type { CertificationData } from '../pec/certification.js'
import { ERROR_WORDS, KINDS } from '../pec/kinds.js'
import { momentOf } from '../pec/moment.js'
import { plainLine } from '../pec/one-line.js'
import type { Outcome, RecipientState } from '../points/ports.js'
import { EVENT_WORDS } from './event-types.js'
import { isWrong, type ExtractedEvent, type ExtractedMessage, type Extraction } from './extraction.js'
import type { SealedEvent } from './sealed-events.js'
import type { ProofFinding, SignatureCheck } from './signature-check.js'

export interface Block {
  readonly style: 'title' | 'heading' | 'event' | 'text'
  readonly lines: readonly string[]
}

/** The blocks of the summary. */
export function summaryOf(extraction: Extraction): readonly Block[] {
  const { request, provider, source, events, messages, seals } = extraction
  return [
    { style: 'title', lines: ['Estratto del registro dei messaggi di posta elettronica certificata'] },
    {
      style: 'text',
      lines: [
        `Gestore: ${plainLine(provider)}`,
        `Richiesto da: ${plainLine(request.requestedBy)}`,
        `Estratto il: ${told(request.at)}`,
        `Criteri: ${criteria(request.query)}`,
        `Fonte: ${source === 'database' ? 'base dati del registro' : 'archivi giornalieri del registro'}`,
        `Trovati: ${counted(events.length, 'evento', 'eventi')}, ${counted(messages.filter(({ identifier }) => identifier !== '').length, 'messaggio', 'messaggi')}`,
        ...problems(events),
      ],
    },
    ...messages.flatMap(messageBlocks),
    { style: 'heading', lines: ['Contenuto e verifica'] },
    { style: 'text', lines: closing([...seals.keys()]) },
  ]
}

/** The summary as plain text, UTF-8 with CRLF line ends. */
export function textOf(blocks: readonly Block[]): string {
  const lines = blocks.flatMap(({ style, lines: [first = '', ...others] }) => {
    if (style === 'title') return [first.toUpperCase(), '']
    if (style === 'heading') return [first, '-'.repeat(Math.min(first.length, 100)), ...others, '']
    return style === 'event' ? [first, ...others.map((line) => `    ${line}`), ''] : [first, ...others, '']
  })
  return `${lines.join('\r\n')}\r\n`
}

function problems(events: readonly ExtractedEvent[]): string[] {
  const wrong = events.filter(isWrong).length
  const same = events.filter(({ sealed }) => sealed?.as === 'same').length
  const untold = events.filter(({ sealed }) => sealed === undefined).length
  return [
    `Riscontro con gli archivi sigillati: ${same} identici, ${untold} non ancora o non più in archivio`,
    wrong === 0
      ? 'Firme, dati di certificazione e archivi: nessuna anomalia'
      : `ATTENZIONE: anomalie in ${counted(wrong, 'evento', 'eventi')}, indicate sotto`,
  ]
}

function messageBlocks({ identifier, message, events }: ExtractedMessage): Block[] {
  const facts =
    message === undefined
      ? subjectsOf(identifier, events).map((subject) => `Oggetto: ${plainLine(subject)}`)
      : [
          `Mittente: ${plainLine(message.sender)}`,
          ...message.recipients.map(recipientLine),
          `Oggetto: ${plainLine(message.subject ?? '(nessuno)')}`,
          ...(message.clientMessageId === undefined ? [] : [`Message-ID del mittente: ${plainLine(message.clientMessageId)}`]),
          `Accettato dal gestore ${plainLine(message.provider)}: ${told(message.acceptedAt)}`,
        ]
  const heading = identifier === '' ? 'Eventi senza identificativo' : `Messaggio ${plainLine(identifier)}`
  return [
    { style: 'heading', lines: [heading] },
    ...(facts.length === 0 ? [] : [{ style: 'text' as const, lines: facts }]),
    ...events.map(eventBlock),
  ]
}

/** Of a message that has left the database, or never was in it, the events tell. */
function subjectsOf(identifier: string, events: readonly ExtractedEvent[]): readonly string[] {
  return identifier === '' ? [] : [...new Set(events.flatMap(({ event }) => event.subject ?? []))]
}

const OUTCOMES: Readonly<Record<Outcome, string>> = {
  delivered: 'consegnato',
  'not-delivered': 'non consegnato',
  virus: 'non consegnato, per virus',
  expired: 'non consegnato entro i tempi massimi',
}

function recipientLine({ address, type, outcome, outcomeAt }: RecipientState): string {
  const kind = type === 'certified' ? 'posta certificata' : 'posta ordinaria'
  const end = outcome === undefined || outcomeAt === undefined ? '' : `: ${OUTCOMES[outcome]}, ${told(outcomeAt)}`
  return `Destinatario: ${plainLine(address)} (${kind})${end}`
}

function eventBlock({ event, checked, sealed, files }: ExtractedEvent): Block {
  const { at, type, identifier, sender, recipients, subject, provider, outcome, messageId } = event
  return {
    style: 'event',
    lines: [
      `${told(at)}: ${EVENT_WORDS[type].italian}`,
      ...(sender === '' ? [] : [`da: ${plainLine(sender)}`]),
      ...(recipients.length === 0 ? [] : [`a: ${recipients.map(plainLine).join(', ')}`]),
      ...(provider === '' ? [] : [`gestore: ${plainLine(provider)}`]),
      `esito nel registro: ${RECORDED[outcome] ?? `«${plainLine(outcome)}»`}`,
      ...(identifier !== '' || subject === undefined ? [] : [`oggetto: ${plainLine(subject)}`]),
      ...(messageId === '' ? [] : [`Message-ID: ${plainLine(messageId)}`]),
      ...(files.daticert === undefined ? [] : [`dati di certificazione: ${files.daticert}`]),
      ...(checked.data === undefined ? [] : certifiedLines(checked.data)),
      ...(files.signature === undefined ? [] : [`firma: ${files.signature}`]),
      ...(checked.signature === undefined ? [] : signatureLines(checked.signature)),
      ...(sealed === undefined ? [] : [SEALED[sealed.as](sealed.day)]),
      ...checked.findings.map(({ code }) => `ANOMALIA: ${FINDINGS[code]}`),
    ],
  }
}

const SEALED: Readonly<Record<SealedEvent['as'], (day: string) => string>> = {
  same: (day) => `identico nell'archivio sigillato del ${day}`,
  different: (day) => `ANOMALIA: nell'archivio sigillato del ${day} l'evento è diverso`,
  only: (day) => `ANOMALIA: l'evento è solo nell'archivio del ${day}, non più nella base dati`,
  absent: (day) => `ANOMALIA: l'archivio sigillato del ${day} non ha questo evento`,
  altered: (day) => `ANOMALIA: l'archivio del ${day} non è quello che fu sigillato`,
}

/** Outcomes that are always the same; others are quoted as they stand, be it what another host said. */
const RECORDED: Readonly<Record<string, string>> = {
  issued: 'emesso',
  stored: 'depositato',
  valid: 'valido',
  'asked for': 'richiesto',
  done: 'eseguito',
  complete: 'ricevuta completa',
  brief: 'ricevuta breve',
  concise: 'ricevuta sintetica',
  '12 hours': 'dopo 12 ore',
  '24 hours': 'dopo 24 ore',
}

function certifiedLines({ kind, provider, day, hour, zone, delivery, error, errorDetail }: CertificationData): string[] {
  const about = delivery === undefined ? '' : `, per ${plainLine(delivery)}`
  return [
    `certificano: ${KINDS[kind].certification ?? ''} di ${plainLine(provider)}, ${day} ${hour} ${zone}${about}`,
    ...(error === 'none'
      ? []
      : [`errore certificato: ${ERROR_WORDS[error]}${errorDetail === undefined ? '' : `, ${plainLine(errorDetail)}`}`]),
  ]
}

const FINDINGS: Readonly<Record<ProofFinding['code'], string>> = {
  'data-unreadable': 'i dati di certificazione non sono leggibili',
  'data-of-another': 'i dati di certificazione riguardano un altro messaggio',
  'signature-invalid': 'la firma non è valida',
  'signer-untrusted': 'il certificato del firmatario non è attendibile',
}

function signatureLines({ fault, certificate, signingTime, digest, contentDigest, standing, records }: SignatureCheck): string[] {
  if (fault !== undefined || certificate === undefined) return ['la firma NON è valida']
  const signer = certificate.organization ?? certificate.commonName ?? certificate.emails[0] ?? 'firmatario senza nome'
  const time = signingTime === undefined ? '' : `, apposta il ${told(signingTime)}`
  const trust = standing?.trust === 'trusted' ? 'attendibile' : 'NON attendibile'
  const listed = records.length === 0 ? "non presente nell'indice attuale" : "presente nell'indice dei gestori"
  return [
    `firma valida di ${plainLine(signer)}${time}`,
    `certificato n. ${certificate.serialNumber.toString('hex')}: ${trust}, ${listed}`,
    `impronta ${digest ?? ''} del contenuto firmato: ${contentDigest ?? ''}`,
  ]
}

function criteria({ identifier, clientMessageId, sender, recipient, provider, type, from, to }: RegisterQuery): string {
  const marks = [
    ...named('identificativo', identifier),
    ...named('Message-ID del mittente', clientMessageId),
    ...named('mittente', sender),
    ...named('destinatario', recipient),
    ...named('gestore mittente', provider),
    ...named('evento', type && EVENT_WORDS[type].italian),
    ...named('dal', from && told(from)),
    ...named('fino al', to && told(to)),
  ]
  return marks.length === 0 ? 'nessuno (tutto il registro)' : marks.join('; ')
}

function named(label: string, value: string | undefined): string[] {
  return value === undefined ? [] : [`${label} ${plainLine(value)}`]
}

function closing(archived: readonly string[]): string[] {
  return [
    'registro.jsonl e registro.csv: gli eventi, come stanno nel registro; orari UTC.',
    'prove/: dati di certificazione (daticert.xml) e firme (smime.p7s) dei messaggi, come furono emessi o ricevuti.',
    'Gli estratti già prodotti e le conservazioni disposte non vi sono compresi, se non richiesti come tali.',
    'Il registro conserva le firme, non i messaggi: una firma attesta che il gestore ha firmato un contenuto con quella impronta.',
    'Chi possiede il messaggio ne verifica il contenuto per intero: openssl cms -verify -in messaggio.eml -CAfile autorita.pem',
    ...(archived.length === 0
      ? ['Per i giorni degli eventi non vi sono ancora archivi sigillati.']
      : [
          `archivio/: indici, firme e marche temporali degli archivi sigillati dei giorni (UTC) ${archived.join(', ')}.`,
          'Firma: openssl cms -verify -binary -inform DER -in GIORNO.json.p7s -content GIORNO.json -CAfile autorita.pem -out /dev/null',
          'Marca: openssl ts -verify -in GIORNO.json.p7s.tsr -data GIORNO.json.p7s -CAfile autorita_tsa.pem',
        ]),
  ]
}

function counted(count: number, one: string, many: string): string {
  return `${count} ${count === 1 ? one : many}`
}

/** 02/03/2026 12:00:00 +0100, in Italian legal time. */
function told(date: Date): string {
  const { day, hour, zone } = momentOf(date)
  return `${day} ${hour} ${zone}`
}
