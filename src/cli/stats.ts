/** `pec stats`: what happened, day by day, and what AgID is told (O6). */
import { Command, Option } from 'commander'
import { stringify } from 'csv-stringify/sync'
import { monthsAfter } from '../archive/day.js'
import { serviceAddress } from '../keys.js'
import type { Span } from '../ledger/figures.js'
import type { SqlLedger } from '../ledger/ledger.js'
import { legalDay } from '../retrieval/period.js'
import { agidStatistics, csvOf, fourMonthsOf, spanOf } from '../statistics/agid.js'
import { dailyFigures, type DailyFigures } from '../statistics/daily.js'
import { reading } from './accounts.js'
import { withRegister } from './register.js'
import { say, warn } from './terminal.js'

interface DailyOptions {
  readonly from?: string
  readonly to?: string
  readonly format: 'json' | 'csv'
}

interface AgidOptions {
  readonly year: string
  readonly period: string
  readonly code: string
  readonly csv?: 'P01' | 'P02'
}

export function statsCommand(): Command {
  return new Command('stats')
    .description('figures of the service')
    .addCommand(
      new Command('daily')
        .description('messages, receipts, notices, viruses and delays (seconds) of each day')
        .argument('<DIR>', 'the instance directory')
        .option('--from <DAY>', 'YYYY-MM-DD (default: today)')
        .option('--to <DAY>', 'YYYY-MM-DD, included (default: today)')
        .addOption(new Option('--format <FORMAT>').choices(['csv', 'json']).default('csv'))
        .action(daily),
      { isDefault: true },
    )
    .addCommand(
      new Command('agid')
        .description(
          'records P01 and P02 of four months, as JSON or CSV; domains and mailboxes (of users, not closed) are counted as they are now',
        )
        .argument('<DIR>', 'the instance directory')
        .requiredOption('--year <YEAR>')
        .requiredOption('--period <NUMBER>', '1 January to April, 2 May to August, 3 September to December')
        .requiredOption('--code <CODE>', 'by which AgID knows the provider (CodGestPEC)')
        .addOption(new Option('--csv <RECORD>', 'only this record, as CSV').choices(['P01', 'P02']))
        .action(agid),
    )
}

async function daily(directory: string, options: DailyOptions): Promise<void> {
  const today = legalDay(new Date())
  const { from = options.to ?? today, to = today, format } = options
  await withRegister(directory, async (ledger) => {
    let header = true
    for await (const figures of dailyFigures(from, to, sourcesOf(ledger))) {
      say(format === 'json' ? JSON.stringify(figures) : csvLines(figures, header))
      header = false
    }
  })
}

function csvLines(figures: DailyFigures, header: boolean): string {
  return stringify([figures], { header }).trimEnd()
}

async function agid(directory: string, { year, period, code, csv }: AgidOptions): Promise<void> {
  const fourMonths = fourMonthsOf(year, period)
  await withRegister(directory, (ledger) =>
    reading(directory, async (accounts, config) => {
      for (const doubt of doubtsAbout(spanOf(fourMonths), config.archive.months, new Date())) warn(doubt)
      const [domains, mailboxes] = await Promise.all([accounts.domains(), accounts.list()])
      const own = [serviceAddress(config).toLowerCase(), config.provider.receipts]
      const statistics = await agidStatistics(code, fourMonths, {
        ...sourcesOf(ledger),
        outages: (from, to) => ledger.outages.list(from, to),
        domains: domains.length,
        mailboxes: mailboxes.filter(({ address, state }) => state !== 'closed' && !own.includes(address.toLowerCase())).length,
      })
      say(csv === undefined ? JSON.stringify(statistics, undefined, 2) : csvOf(statistics, csv).trimEnd())
    }),
  )
}

function doubtsAbout({ from, to }: Span, months: number, now: Date): readonly string[] {
  const isPurged = monthsAfter(legalDay(from), months) <= legalDay(now)
  return [
    ...(to > now ? ['These four months are not over: the figures are those until now.'] : []),
    ...(isPurged ? [`Events leave the register after ${months} months: these figures may be too low.`] : []),
  ]
}

function sourcesOf(ledger: SqlLedger): Parameters<typeof dailyFigures>[2] & { readonly figures: SqlLedger['figures'] } {
  return { figures: ledger.figures, countEvents: (from, to) => ledger.countEvents(from, to) }
}
