/** Entries for the ledger's tests: the least that the types ask, with what a test is about laid over it. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { momentOf } from '../../src/pec/moment.js'
import type { Claim, Entry, MessageFacts, RecipientFacts, QuarantinedMessage, RegisterEvent } from '../../src/points/ports.js'

export const NOON = new Date('2026-03-02T12:00:00Z')

export function after(minutes: number): Date {
  return new Date(NOON.getTime() + minutes * 60_000)
}

export function entryOf(step: string, parts: Partial<Omit<Entry, 'step' | 'at'>> = {}, at = NOON): Entry {
  return { step, at: momentOf(at), claims: [], events: [], ...parts }
}

export function claimOf(identifier: string, what: Claim['what'] = 'acceptance', recipient = ''): Claim {
  return { identifier, what, recipient }
}

export function certified(address: string): RecipientFacts {
  return { address, type: 'certified', primary: true }
}

export function factsOf(identifier: string, parts: Partial<MessageFacts> = {}): MessageFacts {
  return {
    identifier,
    clientMessageId: '<1@client.example>',
    sender: 'Alice@a.example',
    replyTo: 'alice@a.example',
    subject: 'Perché no?',
    receiptType: 'complete',
    provider: 'Provider A',
    own: true,
    acceptedAt: NOON,
    size: 2048,
    recipients: [certified('bob@b.example')],
    ...parts,
  }
}

export function eventOf(identifier: string, parts: Partial<RegisterEvent> = {}): RegisterEvent {
  return {
    type: 'acceptance',
    identifier,
    messageId: `receipt-${identifier}`,
    sender: 'alice@a.example',
    recipients: ['bob@b.example'],
    subject: 'Perché no?',
    provider: 'Provider A',
    outcome: 'accepted',
    daticert: undefined,
    signature: undefined,
    ...parts,
  }
}

export function quarantinedOf(identifier: string, parts: Partial<QuarantinedMessage> = {}): QuarantinedMessage {
  return {
    id: `file-${identifier}`,
    identifier,
    reason: 'virus',
    signature: 'Test.Eicar',
    sha256: 'ab'.repeat(32),
    size: 2048,
    until: after(1000),
    provider: 'Provider A',
    sender: 'alice@a.example',
    ...parts,
  }
}

/** A path for a ledger, in a folder that goes with the test. */
export async function ledgerPath(test: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'pec-ledger-'))
  test.after(() => rm(folder, { recursive: true, force: true }))
  return join(folder, 'ledger.db')
}

/** For assert.rejects. */
export function failure(code: string, temporary: boolean): { name: string; code: string; temporary: boolean } {
  return { name: 'PecError', code, temporary }
}
