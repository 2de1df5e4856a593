/** The four-monthly statistics for AgID (O6): records P01 and P02, with the names of their fields. */
import { stringify } from 'csv-stringify/sync'
import { PecError } from '../errors.js'
import type { Figures, Span } from '../ledger/figures.js'
import type { EventType } from '../points/ports.js'
import { periodOfDay } from '../retrieval/period.js'
import type { Outage, OutageType } from './outage.js'

/** Four months: 1 January to April, 2 May to August, 3 September to December. */
export interface FourMonths {
  readonly year: number
  readonly number: 1 | 2 | 3
}

export interface P01 {
  readonly CodGestPEC: string
  readonly Quadrimestre: number
  readonly Anno: number
  readonly NumDomini: number
  readonly NumCaselle: number
  /** Acceptance receipts issued. */
  readonly MsgUscita: number
  /** Take-charge receipts issued to other providers. */
  readonly MsgIngresso: number
  readonly VirusIngresso: number
  readonly VirusUscita: number
}

export interface P02 {
  readonly CodGestPEC: string
  readonly Quadrimestre: number
  /** dd/mm */
  readonly Giorno: string
  readonly Anno: number
  readonly TipoDisservizio: OutageType
  /** Minutes. */
  readonly Durata: number
  readonly SLA: 'S' | 'N'
}

export interface AgidStatistics {
  readonly P01: P01
  readonly P02: readonly P02[]
}

const P01_FIELDS = [
  ...[
    'CodGestPEC',
    'Quadrimestre',
    'Anno',
    'NumDomini',
    'NumCaselle',
    'MsgUscita',
    'MsgIngresso',
    'VirusIngresso',
    'VirusUscita',
  ],
]
const P02_FIELDS = ['CodGestPEC', 'Quadrimestre', 'Giorno', 'Anno', 'TipoDisservizio', 'Durata', 'SLA']

export interface AgidSources {
  readonly figures: Pick<Figures, 'foreignTakeCharges' | 'virusesIn' | 'virusesOut'>
  readonly countEvents: (from: Date, to: Date) => Promise<ReadonlyMap<EventType, number>>
  readonly outages: (from: string, to: string) => Promise<readonly Outage[]>
  /** As they are now: the register does not tell how many there were. */
  readonly domains: number
  readonly mailboxes: number
}

/** The first day (included) and the last (excluded), YYYY-MM-DD. */
export function daysOf({ year, number }: FourMonths): { readonly first: string; readonly end: string } {
  const beginningOf = (index: number): string =>
    index === 3 ? `${year + 1}-01-01` : `${year}-${String(index * 4 + 1).padStart(2, '0')}-01`
  return { first: beginningOf(number - 1), end: beginningOf(number) }
}

/** From midnight to midnight of Italian legal time. */
export function spanOf(period: FourMonths): Span {
  const { first, end } = daysOf(period)
  return { from: periodOfDay(first).from, to: periodOfDay(end).from }
}

/** Both records, for the provider that AgID knows by this code. */
export async function agidStatistics(code: string, period: FourMonths, sources: AgidSources): Promise<AgidStatistics> {
  const { figures, countEvents, outages, domains, mailboxes } = sources
  const span = spanOf(period)
  const days = daysOf(period)
  const common = { CodGestPEC: code, Quadrimestre: period.number }
  const events = await countEvents(span.from, span.to)
  return {
    P01: {
      ...common,
      Anno: period.year,
      ...{ NumDomini: domains, NumCaselle: mailboxes },
      MsgUscita: events.get('acceptance') ?? 0,
      MsgIngresso: await figures.foreignTakeCharges(span),
      VirusIngresso: await figures.virusesIn(span),
      VirusUscita: await figures.virusesOut(span),
    },
    P02: (await outages(days.first, days.end)).map(({ day, type, minutes, sla }) => ({
      ...common,
      Giorno: day.split('-').slice(1).toReversed().join('/'),
      Anno: period.year,
      TipoDisservizio: type,
      Durata: minutes,
      SLA: sla ? 'S' : 'N',
    })),
  }
}

/** One of the records as CSV, with a line of names. */
export function csvOf(statistics: AgidStatistics, record: keyof AgidStatistics): string {
  const [rows, columns] = record === 'P01' ? [[statistics.P01], P01_FIELDS] : [statistics.P02, P02_FIELDS]
  return stringify([...rows], { header: true, columns })
}

/** Throws PecError 'configuration' for what is no four months of a year. */
export function fourMonthsOf(year: string, period: string): FourMonths {
  const number = Number(period)
  if (!/^20\d\d$/.test(year)) throw new PecError('configuration', `${year} is no year`)
  if (number !== 1 && number !== 2 && number !== 3)
    throw new PecError('configuration', `${period} is none of 1 (January to April), 2 (May to August), 3 (September to December)`)
  return { year: Number(year), number }
}
