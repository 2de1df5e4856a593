/** What clamd answers, read strictly: what is neither a clean bill nor a find says nothing. */
import type { ScanVerdict } from '../points/ports.js'

export type Answer =
  | ScanVerdict
  /** A limit of clamd.conf ended the scan: it tells that by names that are no virus, where AlertExceedsMax is on. */
  | { readonly verdict: 'limit'; readonly name: string }
  | { readonly verdict: 'none'; readonly said: string }

const CLEAN = 'stream: OK'
const FOUND = /^stream: ([^\0\r\n]+) FOUND$/
/** With ExtendedDetectionInfo in clamd.conf, a hash and a size follow the name. */
const EXTENDED = /\([0-9a-f]{32,64}:\d{1,20}\)$/
const LIMIT = 'Heuristics.Limits.Exceeded'
const LONGEST_NAME = 200

export function readAnswer(answer: string): Answer {
  const line = answer.replace(/\0$/, '').trimEnd()
  if (line === CLEAN) return { verdict: 'clean' }
  const found = FOUND.exec(line)?.[1]
  if (found === undefined) return { verdict: 'none', said: visible(line) }
  const name = visible(found.replace(EXTENDED, ''))
  return { verdict: name.startsWith(LIMIT) ? 'limit' : 'infected', name }
}

/** Names go into notices, logs and replies. */
function visible(text: string): string {
  return text.replace(/[^\x20-\x7e]/g, '?').slice(0, LONGEST_NAME)
}
