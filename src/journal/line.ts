/** The lines of the flat logs that an occurrence makes: the fields of L7, as src/journal/README.md describes them. */
import type { EventType, RegisterEvent } from '../points/ports.js'
import type { Client, Occurrence, Part, Registered } from '../watch/occurrence.js'
import type { Component } from './flat-log-name.js'

/** The columns that are in a line where they apply, in this order, after those of every line. */
export interface Columns {
  readonly event: string
  /** The original's identifier. */
  readonly identifier?: string | undefined
  /** Of the message that was issued or came in. */
  readonly message_id?: string | undefined
  readonly sender?: string | undefined
  readonly recipients?: readonly string[] | undefined
  /** Address, and name where it has one, of the other end. */
  readonly external_server?: string | undefined
  /** The sending provider. */
  readonly provider?: string | undefined
  readonly user?: string | undefined
  readonly session?: string | undefined
  readonly outcome: string
  readonly size?: number | undefined
  /** Milliseconds that it took. */
  readonly duration?: number | undefined
  readonly key?: string | undefined
  readonly certificate_serial?: string | undefined
  readonly signed_digest?: string | undefined
  /** The mark of a client's certificate. */
  readonly certificate?: string | undefined
}

export interface Line {
  readonly component: Component
  /** When it happened. */
  readonly at: Date
  readonly columns: Columns
}

export function linesOf(occurrence: Occurrence): readonly Line[] {
  if (occurrence.kind === 'registered') return registeredLines(occurrence)
  const line = lineOf(occurrence)
  return line === undefined ? [] : [{ ...line, at: occurrence.at }]
}

type Single = Exclude<Occurrence, Registered>

function lineOf(occurrence: Single): Omit<Line, 'at'> | undefined {
  const { kind } = occurrence
  switch (kind) {
    case 'tls': {
      const { point, client, session, protocol, cipher } = occurrence
      const outcome = [protocol, cipher].filter((word) => word !== undefined).join(' ')
      return of(point, { event: 'tls-session', external_server: nameOf(client), session, outcome })
    }
    case 'authentication': {
      const { client, session, user, passed, certificate, fault } = occurrence
      const outcome = `${passed ? 'passed' : 'failed'}${fault === undefined ? '' : `: client certificate: ${fault}`}`
      return of('access', { event: kind, external_server: nameOf(client), user, session, outcome, certificate })
    }
    case 'relay-attempt': {
      const { client, session, sender, recipient } = occurrence
      const between = { sender, recipients: [recipient], external_server: nameOf(client) }
      return of('reception', { event: kind, ...between, session, outcome: 'refused' })
    }
    case 'refusal': {
      const { point, client, session, command, sender, recipients, reply, temporary } = occurrence
      const outcome = `${temporary ? 'refused for now' : 'refused'} at ${command}: ${reply}`
      return of(point, { event: 'smtp-refusal', sender, recipients, external_server: nameOf(client), session, outcome })
    }
    case 'reception': {
      const { point, client, session, sender, recipients, size, outcome, identifier, milliseconds } = occurrence
      const between = { identifier, sender, recipients, external_server: nameOf(client) }
      return of(point, { event: 'message-taken', ...between, session, outcome, size, duration: tenths(milliseconds) })
    }
    case 'deferral': {
      const { identifier, sender, recipients, domain, reason, delay } = occurrence
      const between = { identifier, sender, recipients, external_server: domain }
      return of('delivery', { event: kind, ...between, outcome: `next attempt in ${delay} s: ${reason}` })
    }
    case 'virus': {
      const { identifier, sender, provider, signature } = occurrence.kept
      return of('antivirus', { event: kind, identifier, sender, provider, outcome: `kept in quarantine: ${signature}` })
    }
    case 'scan': {
      const { found, size, milliseconds } = occurrence
      if (found === undefined) return undefined
      return of('antivirus', { event: 'scan', outcome: `infected: ${found}`, size, duration: tenths(milliseconds) })
    }
    case 'spam': {
      const { client, session, sender, recipients, level } = occurrence
      return of('reception', { event: 'spam-mark', sender, recipients, external_server: nameOf(client), session, outcome: level })
    }
    case 'signature': {
      const { key, serial, digest, milliseconds } = occurrence
      const made = { key, certificate_serial: serial, signed_digest: digest, duration: tenths(milliseconds) }
      return of('signer', { event: kind, outcome: 'signed', ...made })
    }
    case 'index-synchronised': {
      const { records, domains, faults } = occurrence
      const outcome = [`${records} records with ${domains} domains`, ...faults].join('; ')
      return of('directory', { event: kind, outcome })
    }
    case 'index-refused':
      return of('directory', { event: kind, outcome: occurrence.reason })
    case 'index-changed':
      return of('directory', { event: kind, external_server: occurrence.source, outcome: occurrence.change })
    case 'crl-refreshed':
      return of('directory', { event: kind, external_server: occurrence.source, outcome: 'refreshed' })
    case 'crl-failed':
      return of('directory', { event: kind, external_server: occurrence.source, outcome: occurrence.reason })
    case 'ocsp-answer': {
      const { responder, outcome, failure, milliseconds } = occurrence
      return of('directory', {
        event: kind,
        external_server: responder,
        outcome: failure ?? outcome,
        duration: tenths(milliseconds),
      })
    }
    case 'failure': {
      const { part, code, reason } = occurrence
      return of(componentOfPart(part), { event: 'failure', outcome: `${part} does not work (${code}): ${reason}` })
    }
    case 'recovery':
      return of(componentOfPart(occurrence.part), { event: kind, outcome: `${occurrence.part} works again` })
    case 'interoperability':
      // The register's event has it.
      return undefined
    case 'notice-left-out':
      return of('delivery', { event: kind, recipients: [occurrence.mailbox], outcome: 'left out: too many within the hour' })
    case 'reloaded':
      return of('gateway', { event: kind, outcome: `${occurrence.what}: ${occurrence.detail}` })
    case 'started':
    case 'ending':
      return of('gateway', { event: kind, outcome: kind })
  }
}

function of(component: Component, columns: Columns): Omit<Line, 'at'> {
  return { component, columns }
}

function registeredLines({ at, events }: Registered): readonly Line[] {
  return events.map((event) => ({ component: componentOfEvent(event.type), at, columns: registerColumns(event) }))
}

/** Without the subject, which the register has: no rule asks for it here. */
function registerColumns({ type, identifier, messageId, sender, recipients, provider, outcome }: RegisterEvent): Columns {
  return {
    event: type,
    identifier: identifier || undefined,
    message_id: messageId || undefined,
    ...{ sender, recipients, provider, outcome },
  }
}

function componentOfEvent(type: EventType): Component {
  switch (type) {
    case 'acceptance':
    case 'non-acceptance':
    case 'transport':
      return 'access'
    case 'time-limit':
      return 'deadlines'
    case 'delivery':
    case 'non-delivery':
    case 'mailbox-delivery':
    case 'delivery-failure':
    case 'relay':
    case 'copy':
    case 'arrival-notice':
    case 'option-failure':
      return 'delivery'
    case 'interoperability':
      return 'gateway'
    default:
      return 'reception'
  }
}

function componentOfPart(part: Part): Component {
  switch (part) {
    case 'antivirus':
    case 'quarantine':
      return 'antivirus'
    case 'signer':
      return 'signer'
    case 'index':
    case 'index-age':
    case 'index-source':
    case 'crl':
    case 'crl-age':
    case 'directory':
      return 'directory'
    default:
      return 'gateway'
  }
}

function nameOf({ ip, host }: Client): string {
  return host === undefined ? ip : `${host} [${ip}]`
}

function tenths(milliseconds: number): number {
  return Math.round(milliseconds * 10) / 10
}
