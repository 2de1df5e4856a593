/** `pec log`: what the register says (L5). */
import { Command, InvalidArgumentError } from 'commander'
import { PecError } from '../errors.js'
import type { RegisterQuery } from '../ledger/search.js'
import type { EventType } from '../points/ports.js'
import { EVENT_TYPES, eventTypeOf } from '../retrieval/event-types.js'
import { beginningAt, endAt, periodOfDay } from '../retrieval/period.js'
import { databaseSource } from '../retrieval/source.js'
import { findingsOf, timelineOf } from '../retrieval/timeline.js'
import { eventFacts, timelineFacts } from './log-facts.js'
import { eventLine, timelineLines } from './log-report.js'
import { openCheckMeans, withRegister } from './register.js'
import { say, warn } from './terminal.js'

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
}

interface SearchOptions extends QueryOptions {
  readonly limit: number
  readonly json?: true
}

const HELP = `
All that is given must hold. Days are those of Italian legal time, as receipts tell it. A time is written 2026-03-02T12:00:00+01:00.
Kinds: ${EVENT_TYPES.join(', ')}.`

export function logCommand(): Command {
  return new Command('log')
    .description('search the register, and tell what happened to a message')
    .addCommand(
      withQueryOptions(new Command('search'))
        .description('list the events of the register that fit')
        .option('--limit <NUMBER>', 'the most events that are listed', positive, 1000)
        .option('--json', 'print one JSON object to a line')
        .addHelpText('after', HELP)
        .action(search),
    )
    .addCommand(
      new Command('show')
        .description('tell all that is known of a message: its events, receipts and signatures, checked')
        .argument('<DIR>', 'the instance directory')
        .argument('<IDENTIFIER>', 'the identifier, as receipts tell it')
        .option('--json', 'print one JSON object')
        .addHelpText(
          'after',
          '\nExit status: 0, or 1 if anything is wrong with what was certified or nothing is known of the message.',
        )
        .action(show),
    )
}

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

function positive(text: string): number {
  if (!/^[1-9]\d{0,8}$/.test(text)) throw new InvalidArgumentError('It must be a positive number.')
  return Number(text)
}

async function search(directory: string, options: SearchOptions): Promise<void> {
  const query = queryOf(options)
  await withRegister(directory, async (ledger) => {
    let listed = 0
    for await (const event of databaseSource(ledger).search(query)) {
      if (listed === options.limit) {
        warn(`There are more than these ${listed} events: narrow the search, or raise --limit.`)
        return
      }
      say(options.json === true ? JSON.stringify(eventFacts(event)) : eventLine(event))
      listed++
    }
    if (listed === 0) warn('Nothing in the register fits.')
  })
}

async function show(directory: string, identifier: string, options: { readonly json?: true }): Promise<void> {
  await withRegister(directory, async (ledger, config) => {
    const means = await openCheckMeans(config)
    const timeline = await timelineOf(withoutBrackets(identifier), databaseSource(ledger), ledger, means)
    if (timeline.events.length === 0) throw new PecError('configuration', `the register knows nothing of ${identifier}`)
    if (options.json === true) say(JSON.stringify(timelineFacts(timeline, means.now), undefined, 2))
    else for (const line of timelineLines(timeline)) say(line)
    if (findingsOf(timeline).length > 0) process.exitCode = 1
  })
}
