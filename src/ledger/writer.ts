/** Writes an entry: all the rows of one transaction, in statements as few as its lists allow. */
import type { Kysely } from 'kysely'
import { PecError } from '../errors.js'
import type { Claim, Entry, MessageFacts, QuarantinedMessage, RegisterEvent } from '../points/ports.js'
import type { SqlDialect } from './dialect.js'
import { addressKey, keyOf } from './keys.js'
import { prepareStepQueries } from './queries.js'
import { GIVEN_UP, ROWS_PER_STEP, type Tables } from './schema.js'
import { prepare, prepareForKeys, prepareInsert, type Executor } from './statements.js'

/** Rejects with PecError 'conflict' if the step or one of the claims is taken; whatever was written must then be rolled back. */
export type EntryWriter = (on: Executor, entry: Entry) => Promise<void>

// The width of event.provider: the only text that is searched as it stands.
const LONGEST_NAME = 255

export function entryWriter(db: Kysely<Tables>, dialect: SqlDialect): EntryWriter {
  const { step: known, newStep: step } = prepareStepQueries(db)
  const claim = prepareInsert(db, dialect, 'claim', ['identifier', 'what', 'recipient'], 'new')
  const message = messageWriter(db, dialect)
  const quarantine = quarantineWriter(db, dialect)
  const register = registerWriter(db, dialect)
  // The first word counts: what is set stays.
  const takeCharge = prepareForKeys((keys) =>
    db
      .updateTable('recipient')
      .set({ taken_at: 0 })
      .where('identifier', '=', '')
      .where('taken_at', 'is', null)
      .where('recipient', 'in', keys),
  )
  const conclude = prepare(
    db
      .updateTable('recipient')
      .set((eb) => ({ open_since: eb.lit(null), outcome: '', outcome_at: 0 }))
      .where('identifier', '=', '')
      .where('recipient', '=', '')
      .where('outcome', 'is', null),
  )

  return async (on, entry) => {
    const at = entry.at.date.getTime()
    let number: number
    try {
      await claim(on, entry.claims.map(claimRow))
      const inserted = await step(on, keyOf(entry.step), at)
      number = Number(inserted.insertId)
    } catch (error) {
      if (!dialect.isDuplicate(error)) throw error
      const { rows } = await known(on, keyOf(entry.step))
      if (rows[0]?.committed_at === GIVEN_UP) throw tooLate(entry.step, error)
      throw new PecError('conflict', `step ${entry.step} comes second: a claim of it is taken`, { cause: error })
    }
    const first = number * ROWS_PER_STEP
    if (entry.message !== undefined) await message(on, entry.message, first)
    if (entry.takenInCharge !== undefined) {
      const { identifier, recipients } = entry.takenInCharge
      await takeCharge(on, [at, keyOf(identifier)], recipients.map(addressKey))
    }
    for (const { identifier, recipient, outcome } of entry.outcomes ?? []) {
      await conclude(on, outcome, at, keyOf(identifier), addressKey(recipient))
    }
    if (entry.quarantined !== undefined) await quarantine(on, entry.quarantined, at)
    await register(on, entry.events, at, first)
  }
}

/** The gate has dropped its messages. */
function tooLate(step: string, cause: unknown): PecError {
  return new PecError('ledger', `step ${step} took so long that it was given up`, { temporary: true, undone: true, cause })
}

function claimRow({ identifier, what, recipient }: Claim): string[] {
  return [keyOf(identifier), what, addressKey(recipient)]
}

type MessageWriter = (on: Executor, facts: MessageFacts, first: number) => Promise<void>

function messageWriter(db: Kysely<Tables>, dialect: SqlDialect): MessageWriter {
  const message = prepareInsert(
    db,
    dialect,
    'message',
    [
      'identifier',
      'client_message_id',
      'sender',
      'reply_to',
      'subject',
      'receipt_type',
      'provider',
      'own',
      'accepted_at',
      'size',
    ],
    'unless-known',
  )
  const recipient = prepareInsert(
    db,
    dialect,
    'recipient',
    ['identifier', 'recipient', 'address', 'position', 'type', 'is_primary', 'open_since'],
    'unless-known',
  )
  return async (on, facts, first) => {
    const identifier = keyOf(facts.identifier)
    const acceptedAt = facts.acceptedAt.getTime()
    await message(on, [
      [
        identifier,
        facts.clientMessageId ?? null,
        facts.sender,
        facts.replyTo,
        facts.subject ?? null,
        facts.receiptType,
        facts.provider,
        facts.own ? 1 : 0,
        acceptedAt,
        facts.size,
      ],
    ])
    checkNumber(facts.recipients)
    await recipient(
      on,
      facts.recipients.map(({ address, type, primary }, index) => [
        identifier,
        addressKey(address),
        address,
        first + index,
        type,
        primary ? 1 : 0,
        facts.own && type === 'certified' ? acceptedAt : null,
      ]),
    )
  }
}

type QuarantineWriter = (on: Executor, kept: QuarantinedMessage, at: number) => Promise<void>

function quarantineWriter(db: Kysely<Tables>, dialect: SqlDialect): QuarantineWriter {
  const insert = prepareInsert(
    db,
    dialect,
    'quarantine',
    ['id', 'identifier', 'reason', 'signature', 'sha256', 'size', 'since', 'until', 'provider', 'sender'],
    'new',
  )
  return (on, { id, identifier, reason, signature, sha256, size, until, provider, sender }, at) =>
    insert(on, [[id, keyOf(identifier), reason, signature, sha256, size, at, until.getTime(), provider, sender]])
}

type RegisterWriter = (on: Executor, events: readonly RegisterEvent[], at: number, first: number) => Promise<void>

function registerWriter(db: Kysely<Tables>, dialect: SqlDialect): RegisterWriter {
  const event = prepareInsert(
    db,
    dialect,
    'event',
    ['id', 'at', 'type', 'identifier', 'message_id', 'sender', 'sender_address', 'recipients', 'subject', 'provider', 'outcome'],
    'new',
  )
  const recipient = prepareInsert(db, dialect, 'event_recipient', ['recipient', 'at', 'event_id'], 'new')
  const evidence = prepareInsert(db, dialect, 'evidence', ['event_id', 'daticert', 'signature'], 'new')

  return async (on, events, at, first) => {
    checkNumber(events)
    const eventRows = events.map((e, index) => [
      first + index,
      at,
      e.type,
      keyOf(e.identifier),
      keyOf(e.messageId),
      addressKey(e.sender),
      e.sender,
      JSON.stringify(e.recipients),
      e.subject ?? null,
      e.provider.slice(0, LONGEST_NAME),
      e.outcome,
    ])
    const recipientRows = events.flatMap((e, index) =>
      [...new Set(e.recipients.map(addressKey))].map((key) => [key, at, first + index]),
    )
    const evidenceRows = events.flatMap((e, index) =>
      e.daticert === undefined && e.signature === undefined ? [] : [[first + index, e.daticert ?? null, e.signature ?? null]],
    )
    await event(on, eventRows)
    await recipient(on, recipientRows)
    await evidence(on, evidenceRows)
  }
}

function checkNumber(rows: readonly unknown[]): void {
  if (rows.length > ROWS_PER_STEP) throw new PecError('malformed', `${rows.length} rows in one step, at most ${ROWS_PER_STEP}`)
}
