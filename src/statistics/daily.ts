/** What happened on each day (O6): messages, receipts, notices, viruses, delays. */
import { PecError } from '../errors.js'
import type { Figures } from '../ledger/figures.js'
import type { EventType } from '../points/ports.js'
import { dayAfter, periodOfDay } from '../retrieval/period.js'

export interface DailyFigures {
  /** YYYY-MM-DD, of Italian legal time. */
  readonly day: string
  /** Messages of our users that were accepted. */
  readonly accepted: number
  readonly notAccepted: number
  /** Envelopes that came in, from other providers or our own users. */
  readonly received: number
  readonly takenInCharge: number
  readonly delivered: number
  readonly notDelivered: number
  /** Notices of missed time limits. */
  readonly late: number
  readonly anomalies: number
  readonly refused: number
  readonly virusesIn: number
  readonly virusesOut: number
  /** From acceptance to the outcome, of messages accepted on this day, in seconds. */
  readonly meanDelay: number
  readonly longestDelay: number
}

export interface DailySources {
  readonly figures: Pick<Figures, 'virusesIn' | 'virusesOut' | 'delays'>
  readonly countEvents: (from: Date, to: Date) => Promise<ReadonlyMap<EventType, number>>
}

/** Figures of the days from one to another, both included, one after the other. Rejects with PecError 'configuration' for what is none. */
export async function* dailyFigures(first: string, last: string, sources: DailySources): AsyncGenerator<DailyFigures> {
  if (periodOfDay(last).to <= periodOfDay(first).from) throw new PecError('configuration', `${last} is before ${first}`)
  for (let day = first; day <= last; day = dayAfter(day)) yield await figuresOf(day, sources)
}

async function figuresOf(day: string, { figures, countEvents }: DailySources): Promise<DailyFigures> {
  const span = periodOfDay(day)
  const events = await countEvents(span.from, span.to)
  const count = (type: EventType): number => events.get(type) ?? 0
  const delays = await figures.delays(span)
  return {
    day,
    ...{ accepted: count('acceptance'), notAccepted: count('non-acceptance') },
    ...{ received: count('reception'), takenInCharge: count('take-charge') },
    ...{ delivered: count('delivery'), notDelivered: count('non-delivery'), late: count('time-limit') },
    ...{ anomalies: count('anomaly'), refused: count('refusal') },
    ...{ virusesIn: await figures.virusesIn(span), virusesOut: await figures.virusesOut(span) },
    ...{ meanDelay: Math.round(delays.mean / 1000), longestDelay: Math.round(delays.longest / 1000) },
  }
}
