/**
 * The one temporal value of a transaction (RFC 6109 §4.1, §4.2): read once, then shown alike in header, text and certification
 * data, in Italian legal time.
 */

export interface Moment {
  /** Whole seconds. */
  readonly date: Date
  /** dd/mm/yyyy */
  readonly day: string
  /** hh:mm:ss */
  readonly hour: string
  /** Offset from UTC, e.g. +0100. */
  readonly zone: string
  /** For a Date field. */
  readonly rfc5322: string
}

const WEEKDAYS = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat']
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']
const MINUTE = 60_000
const QUARTER = 15 * MINUTE

const rome = new Intl.DateTimeFormat('en-GB', { timeZone: 'Europe/Rome', timeZoneName: 'longOffset' })

// Offsets change on a quarter of an hour, and Intl costs more than the rest of a Moment: the last answer is kept.
let known = { quarter: Number.NaN, minutes: 0 }

/** Minutes that Italian legal time is ahead of UTC. */
function offsetAt(time: number): number {
  const quarter = Math.floor(time / QUARTER)
  if (known.quarter !== quarter) {
    const name = rome.formatToParts(time).find((part) => part.type === 'timeZoneName')?.value ?? ''
    const match = /^GMT([+-])(\d\d):(\d\d)/.exec(name)
    const minutes = match === null ? 0 : Number(match[2]) * 60 + Number(match[3])
    known = { quarter, minutes: match?.[1] === '-' ? -minutes : minutes }
  }
  return known.minutes
}

const two = (value: number): string => String(value).padStart(2, '0')

/** The moment of a date; fractions of a second are dropped. Throws RangeError if the date is invalid. */
export function momentOf(date: Date): Moment {
  const time = Math.floor(date.getTime() / 1000) * 1000
  const offset = offsetAt(time)
  // The legal time, read with the UTC methods.
  const legal = new Date(time + offset * MINUTE)
  const [year, month, day] = [legal.getUTCFullYear(), legal.getUTCMonth(), legal.getUTCDate()]
  const hour = `${two(legal.getUTCHours())}:${two(legal.getUTCMinutes())}:${two(legal.getUTCSeconds())}`
  const ahead = Math.abs(offset)
  const zone = `${offset < 0 ? '-' : '+'}${two(Math.floor(ahead / 60))}${two(ahead % 60)}`
  return {
    date: new Date(time),
    day: `${two(day)}/${two(month + 1)}/${year}`,
    hour,
    zone,
    rfc5322: `${WEEKDAYS[legal.getUTCDay()] ?? ''}, ${two(day)} ${MONTHS[month] ?? ''} ${year} ${hour} ${zone}`,
  }
}

/** The date that these strings tell; undefined if they tell none. The zone may be written with a colon, as the RFC prints it. */
export function dateOf(written: { readonly day: string; readonly hour: string; readonly zone: string }): Date | undefined {
  const day = /^(\d\d)\/(\d\d)\/(\d{4})$/.exec(written.day)
  const zone = /^([+-])(\d\d):?(\d\d)$/.exec(written.zone)
  if (day === null || zone === null || !/^\d\d:\d\d:\d\d$/.test(written.hour)) return undefined
  const [, date = '', month = '', year = ''] = day
  const [, sign = '', hours = '', minutes = ''] = zone
  // Date takes 31 April for 1 May.
  if (Number(date) > new Date(Date.UTC(Number(year), Number(month), 0)).getUTCDate()) return undefined
  const time = Date.parse(`${year}-${month}-${date}T${written.hour}${sign}${hours}:${minutes}`)
  return Number.isNaN(time) ? undefined : new Date(time)
}
