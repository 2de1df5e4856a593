/** Times as an operator writes them: days of Italian legal time, as receipts tell them, or moments. */
import { PecError } from '../errors.js'
import { dateOf, momentOf } from '../pec/moment.js'

export interface Period {
  /** Included. */
  readonly from: Date
  /** Excluded. */
  readonly to: Date
}

const DAY = /^(\d{4})-(\d\d)-(\d\d)$/
const DAY_MS = 86_400_000

/** A day, `YYYY-MM-DD`, from midnight to midnight. Throws PecError 'configuration' if there is no such day. */
export function periodOfDay(day: string): Period {
  return { from: midnight(day), to: midnight(dayAfter(day)) }
}

/** When a period begins: with a day, or at a moment such as `2026-03-02T12:00:00Z`. Throws PecError 'configuration'. */
export function beginningAt(text: string): Date {
  return DAY.test(text) ? midnight(text) : momentAt(text)
}

/** When a period ends: after a day, or at a moment. Throws PecError 'configuration'. */
export function endAt(text: string): Date {
  return DAY.test(text) ? periodOfDay(text).to : momentAt(text)
}

/** The day of Italian legal time, `YYYY-MM-DD`. */
export function legalDay(date: Date): string {
  return momentOf(date).day.split('/').toReversed().join('-')
}

export function dayAfter(day: string): string {
  return new Date(Date.parse(`${day}T00:00:00Z`) + DAY_MS).toISOString().slice(0, 10)
}

function midnight(text: string): Date {
  const [, year = '', month = '', day = ''] = DAY.exec(text) ?? []
  const near = new Date(`${text}T00:00:00Z`)
  // The clocks change at 1:00 UTC: the offset at midnight UTC is that of the legal midnight of the same day.
  const zone = Number.isNaN(near.getTime()) ? '' : momentOf(near).zone
  const date = dateOf({ day: `${day}/${month}/${year}`, hour: '00:00:00', zone })
  if (date === undefined) throw new PecError('configuration', `${text} is no day: write YYYY-MM-DD`)
  return date
}

function momentAt(text: string): Date {
  const date = new Date(text)
  if (!/^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)$/.test(text) || Number.isNaN(date.getTime()))
    throw new PecError('configuration', `${text} is no time: write YYYY-MM-DD, or YYYY-MM-DDTHH:MM:SS with Z or +01:00 behind it`)
  return date
}
