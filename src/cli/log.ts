/** `pec log`: what the register says (L5). */
import { Command, InvalidArgumentError } from 'commander'
import { PecError } from '../errors.js'
import type { Config } from '../config/config.js'
import { archiveSource } from '../retrieval/archive-source.js'
import { databaseSource, type EventSource } from '../retrieval/source.js'
import { findingsOf, timelineOf, type MessageRegister } from '../retrieval/timeline.js'
import { readInstance } from './instance.js'
import { extractCommand } from './log-extract.js'
import { eventFacts, timelineFacts } from './log-facts.js'
import { eventLine, timelineLines } from './log-report.js'
import { ARCHIVE_OPTION, QUERY_HELP, queryOf, withoutBrackets, withQueryOptions, type QueryOptions } from './log-query.js'
import { openCheckMeans, withRegister } from './register.js'
import { say, warn } from './terminal.js'

interface SearchOptions extends QueryOptions {
  readonly limit: number
  readonly json?: true
}

type ShowOptions = Pick<SearchOptions, 'archive' | 'json'>

export function logCommand(): Command {
  return new Command('log')
    .description('search the register, tell what happened to a message, extract what proves it')
    .addCommand(
      withQueryOptions(new Command('search'))
        .description('list the events of the register that fit')
        .option('--limit <NUMBER>', 'the most events that are listed', positive, 1000)
        .option('--json', 'print one JSON object to a line')
        .addHelpText('after', QUERY_HELP)
        .action(search),
    )
    .addCommand(
      new Command('show')
        .description('tell all that is known of a message: its events, receipts and signatures, checked')
        .argument('<DIR>', 'the instance directory')
        .argument('<IDENTIFIER>', 'the identifier, as receipts tell it')
        .option('--archive', ARCHIVE_OPTION)
        .option('--json', 'print one JSON object')
        .addHelpText(
          'after',
          '\nExit status: 0, or 1 if anything is wrong with what was certified or nothing is known of the message.',
        )
        .action(show),
    )
    .addCommand(extractCommand())
}

interface Place {
  readonly source: EventSource
  readonly register: MessageRegister
  readonly config: Config
}

/** Archives are looked into without the database, which may be away. */
async function withSource(
  directory: string,
  { archive }: Pick<QueryOptions, 'archive'>,
  use: (place: Place) => Promise<void>,
): Promise<void> {
  if (archive !== true) {
    await withRegister(directory, (ledger, config) => use({ source: databaseSource(ledger), register: ledger, config }))
    return
  }
  const config = readInstance(directory)
  const nothing = { message: () => Promise.resolve(undefined), quarantinedOf: () => Promise.resolve([]) }
  await use({ source: archiveSource(config.archive.directory, warn), register: nothing, config })
}

function positive(text: string): number {
  if (!/^[1-9]\d{0,8}$/.test(text)) throw new InvalidArgumentError('It must be a positive number.')
  return Number(text)
}

async function search(directory: string, options: SearchOptions): Promise<void> {
  const query = queryOf(options)
  await withSource(directory, options, async ({ source }) => {
    let listed = 0
    for await (const event of source.search(query)) {
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

async function show(directory: string, identifier: string, options: ShowOptions): Promise<void> {
  await withSource(directory, options, async ({ source, register, config }) => {
    const means = await openCheckMeans(config)
    const timeline = await timelineOf(withoutBrackets(identifier), source, register, means)
    if (timeline.events.length === 0) throw new PecError('configuration', `the register knows nothing of ${identifier}`)
    if (options.json === true) say(JSON.stringify(timelineFacts(timeline, means.now), undefined, 2))
    else for (const line of timelineLines(timeline)) say(line)
    if (findingsOf(timeline).length > 0) process.exitCode = 1
  })
}
