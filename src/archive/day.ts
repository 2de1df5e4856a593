/** Days of the register: UTC, by their names YYYY-MM-DD. */

const DAY_MS = 86_400_000

export function dayOf(time: Date): string {
  return time.toISOString().slice(0, 10)
}

/** From (included) and to (excluded). */
export function periodOf(day: string): { readonly from: Date; readonly to: Date } {
  const from = new Date(`${day}T00:00:00.000Z`)
  return { from, to: new Date(from.getTime() + DAY_MS) }
}

export function dayAfter(day: string): string {
  return dayOf(periodOf(day).to)
}

export function isDay(text: string): boolean {
  return /^\d{4}-\d\d-\d\d$/.test(text) && !Number.isNaN(periodOf(text).from.getTime()) && dayOf(periodOf(text).from) === text
}

/** The day on which what begins with a day may go; where its month has no such day, some days later. */
export function monthsAfter(day: string, months: number): string {
  const { from } = periodOf(day)
  from.setUTCMonth(from.getUTCMonth() + months)
  return dayOf(from)
}
