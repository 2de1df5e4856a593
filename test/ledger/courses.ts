/** Entries as the points write them: one of each course that a message can take. */
import type { SqlLedger } from '../../src/ledger/ledger.js'
import type { Claim, Entry, RegisterEvent } from '../../src/points/ports.js'
import { claimOf, entryOf, eventOf, factsOf, NOON, quarantinedOf } from './entries.js'

const SENDER = 'alice@a.example'
export const BOB = 'bob@b.example'

export function issuedRow(type: RegisterEvent['type'], identifier: string, parts: Partial<RegisterEvent> = {}): RegisterEvent {
  return eventOf(identifier, { type, daticert: Buffer.from('<postacert/>'), signature: Buffer.from('0'), ...parts })
}

let steps = 0
export const stepOf = (parts: Partial<Omit<Entry, 'step' | 'at'>>, at = NOON): Entry => entryOf(`step-${++steps}`, parts, at)

export function accepted(identifier: string, parts: Partial<Omit<Entry, 'step' | 'at'>> = {}): Entry {
  return stepOf({
    message: factsOf(identifier),
    claims: [claimOf(identifier), ...(parts.claims ?? [])],
    events: [issuedRow('acceptance', identifier), issuedRow('transport', identifier), ...(parts.events ?? [])],
    ...(parts.takenInCharge === undefined ? {} : { takenInCharge: parts.takenInCharge }),
  })
}

/** Between two of our users. */
export function local(identifier: string): Entry {
  return accepted(identifier, {
    claims: [claimOf(identifier, 'take-charge', BOB)],
    events: [eventOf(identifier, { type: 'reception' }), issuedRow('take-charge', identifier)],
    takenInCharge: { identifier, recipients: [BOB] },
  })
}

export function concluded(identifier: string, type: 'delivery' | 'non-delivery', outcome: string): Entry {
  return stepOf({
    claims: [claimOf(identifier, 'outcome', BOB)],
    events: [issuedRow(type, identifier, { outcome })],
    outcomes: [{ identifier, recipient: BOB, outcome: type === 'delivery' ? 'delivered' : 'not-delivered' }],
  })
}

/** From another provider. */
export function received(identifier: string, virus?: string): Entry {
  const claims: Claim[] = [claimOf(identifier, 'take-charge'), claimOf(identifier, 'take-charge', BOB)]
  return stepOf({
    message: factsOf(identifier, { own: false, provider: 'Provider B' }),
    claims: virus === undefined ? claims : [...claims, claimOf(identifier, 'outcome', BOB)],
    events: [
      eventOf(identifier, { type: 'reception', provider: 'Provider B' }),
      issuedRow('take-charge', identifier),
      ...(virus === undefined ? [] : [issuedRow('virus-detection', identifier, { outcome: `virus: ${virus}` })]),
    ],
    takenInCharge: { identifier, recipients: [BOB] },
    ...(virus === undefined
      ? {}
      : { outcomes: [{ identifier, recipient: BOB, outcome: 'virus' as const }], quarantined: quarantinedOf(identifier) }),
  })
}

export function refused(identifier: string, virus?: string): Entry {
  return stepOf({
    claims: [claimOf(identifier)],
    events: [issuedRow('non-acceptance', identifier, { outcome: virus === undefined ? 'from-missing' : `virus: ${virus}` })],
    ...(virus === undefined ? {} : { quarantined: quarantinedOf(identifier) }),
  })
}

/** A receipt of another provider about a message of ours. */
export function answered(identifier: string, outcome: 'delivered' | 'virus'): Entry {
  return stepOf({
    claims: [claimOf(identifier, 'outcome', BOB), claimOf(`${'0'.repeat(40)}${identifier}`, 'received', SENDER)],
    events: [
      eventOf(identifier, { type: 'receipt-reception', provider: 'Provider B' }),
      ...(outcome === 'virus' ? [issuedRow('non-delivery', identifier, { outcome: 'virus: Test' })] : []),
    ],
    outcomes: [{ identifier, recipient: BOB, outcome }],
  })
}

export function expired(identifier: string): Entry {
  return stepOf({
    claims: [claimOf(identifier, 'time-limit-24', BOB)],
    events: [issuedRow('time-limit', identifier, { outcome: '24 hours' })],
    outcomes: [{ identifier, recipient: BOB, outcome: 'expired' }],
  })
}

export async function commit(ledger: SqlLedger, entries: readonly Entry[]): Promise<void> {
  for (const entry of entries) await ledger.commit(entry)
}

/** One of each course that a message can take. */
export const COURSES: readonly Entry[] = [
  local('waiting@a'),
  ...[local('delivered@a'), concluded('delivered@a', 'delivery', 'complete')],
  ...[local('refused@a'), concluded('refused@a', 'non-delivery', '5.1.1')],
  ...[accepted('answered@a'), answered('answered@a', 'delivered')],
  ...[accepted('infected@a'), answered('infected@a', 'virus')],
  ...[accepted('expired@a'), expired('expired@a')],
  ...[accepted('late@a'), expired('late@a'), concluded('late@a', 'delivery', 'complete')],
  ...[received('received@b'), concluded('received@b', 'delivery', 'brief')],
  received('virus@b', 'Test'),
  refused('formal@a'),
  refused('virus@a', 'Test'),
  stepOf({ events: [eventOf('', { type: 'refusal' }), eventOf('', { type: 'anomaly' })] }),
  stepOf({ events: [eventOf('unknown@x', { type: 'receipt-reception' }), eventOf('unknown@x', { type: 'relay' })] }),
]
