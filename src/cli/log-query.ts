/** How an operator says on the command line which events of the register he means. */
import { InvalidArgumentError, type Command } from 'commander'
import { PecError } from '../errors.js'
import type { Config } from '../config/config.js'
import type { SqlLedger } from '../ledger/ledger.js'
import type { RegisterQuery } from '../ledger/search.js'
import type { EventType } from '../points/ports.js'
import { archiveSource } from '../retrieval/archive-source.js'
import { EVENT_TYPES, eventTypeOf } from '../retrieval/event-types.js'
import { beginningAt, endAt, periodOfDay } from '../retrieval/period.js'
import { databaseSource, type EventSource } from '../retrieval/source.js'
import { warn } from './terminal.js'

/** What the options of a query are called on the command line. */
export interface QueryOptions {
  readonly identifier?: string
  readonly messageId?: string
  readonly sender?: string
  readonly recipient?: string
  readonly provider?: string
  readonly kind?: EventType
  readonly day?: string
  readonly from?: string
  readonly to?: string
  readonly archive?: true
}

export const ARCHIVE_OPTION = 'look in the archives of the days instead of the database, which may be away'

export const QUERY_HELP = `
All that is given must hold. Days are those of Italian legal time, as receipts tell it. A time is written 2026-03-02T12:00:00+01:00.
Kinds: ${EVENT_TYPES.join(', ')}.`

/** The options that choose events. */
export function withQueryOptions(command: Command): Command {
  return command
    .argument('<DIR>', 'the instance directory')
    .option('--identifier <ID>', 'of the message, as receipts tell it')
    .option('--message-id <ID>', "Message-ID that the sender's mail program gave")
    .option('--sender <ADDRESS>')
    .option('--recipient <ADDRESS>')
    .option('--provider <NAME>', 'the sending provider, as the register has it')
    .option('--kind <KIND>', 'of event', kindOf)
    .option('--day <DAY>', 'YYYY-MM-DD')
    .option('--from <DAY|TIME>', 'the beginning of a period')
    .option('--to <DAY|TIME>', 'its end; a day is included, a time is not')
    .option('--archive', ARCHIVE_OPTION)
}

/** Throws PecError 'configuration' for what is no day or time. */
export function queryOf({
  identifier,
  messageId,
  sender,
  recipient,
  provider,
  kind,
  day,
  from,
  to,
}: QueryOptions): RegisterQuery {
  if (day !== undefined && (from !== undefined || to !== undefined))
    throw new PecError('configuration', 'give a day, or a period from and to')
  return {
    ...(identifier === undefined ? {} : { identifier: withoutBrackets(identifier) }),
    ...(messageId === undefined ? {} : { clientMessageId: `<${withoutBrackets(messageId)}>` }),
    ...(sender === undefined ? {} : { sender }),
    ...(recipient === undefined ? {} : { recipient }),
    ...(provider === undefined ? {} : { provider }),
    ...(kind === undefined ? {} : { type: kind }),
    ...(day === undefined ? {} : periodOfDay(day)),
    ...(from === undefined ? {} : { from: beginningAt(from) }),
    ...(to === undefined ? {} : { to: endAt(to) }),
  }
}

export function withoutBrackets(identifier: string): string {
  return identifier.replace(/^<(.*)>$/s, '$1')
}

function kindOf(word: string): EventType {
  const type = eventTypeOf(word)
  if (type === undefined) throw new InvalidArgumentError(`Kinds are ${EVENT_TYPES.join(', ')}.`)
  return type
}

/** Where the events are looked for. */
export function sourceOf({ archive }: Pick<QueryOptions, 'archive'>, ledger: SqlLedger, config: Config): EventSource {
  return archive === true ? archiveSource(config.archive.directory, warn) : databaseSource(ledger)
}
