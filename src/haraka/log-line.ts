/** The lines of the log, before they are written: Haraka's own and ours, all through one place. */
import type { Next } from './types.js'

/** What Haraka hands to its `log` hooks. */
export interface LogItem {
  data: string
}

// Line ends and escape sequences of terminals, and marks that turn the direction of what follows.
const UNPRINTABLE = /[\p{Cc}\u200e\u200f\u2028-\u202e\u2066-\u2069]/gu

/** Text that cannot end its line, nor move a reader's cursor: control characters are written as escapes. */
export function printable(text: string): string {
  return text.replace(UNPRINTABLE, (character) => `\\u{${character.charCodeAt(0).toString(16)}}`)
}

/** A `log` hook: clients choose much of what is logged, from the name in EHLO to the one they log in with. */
export function cleanLine(next: Next, _logger: unknown, item: LogItem): void {
  item.data = printable(item.data)
  next()
}
