/** What happens in a demonstration, told to a person line by line as it happens. */
import { parseAddresses } from '../mail/address.js'
import { firstValue, parseHeader } from '../mail/header.js'
import { KINDS, RECEIPT_WORDS, type Kind } from '../pec/kinds.js'
import type { Verified } from './verification.js'

const NAMES: Readonly<Record<Kind, string>> = {
  acceptance: 'Acceptance receipt',
  'non-acceptance': 'Non-acceptance notice',
  'take-charge': 'Take-charge receipt',
  delivery: 'Delivery receipt',
  'non-delivery': 'Non-delivery notice',
  'time-limit': 'Time limit notice',
  'virus-detection': 'Virus notice',
  transport: 'Transport envelope',
  anomaly: 'Anomaly envelope',
}

const INDENT = ' '.repeat(24)

export class Timeline {
  private readonly print: (line: string) => void
  private start: Date | undefined

  constructor(print: (line: string) => void) {
    this.print = print
  }

  /** A line that belongs to no moment. */
  say(line = ''): void {
    this.print(line)
  }

  /** Something that happened; the first one is what all others are counted from. */
  tell(at: Date, what: string, ...more: readonly string[]): void {
    const since = this.start === undefined ? '' : `+${((at.getTime() - this.start.getTime()) / 1000).toFixed(2)} s`
    this.start ??= at
    this.print(`${clockTime(at)}  ${since.padStart(8)}  ${what}`)
    for (const line of more) this.print(`${INDENT}${line}`)
  }

  /** A message that has arrived, and how it was verified. */
  arrival({ letter, passed, faults, certified }: Verified): void {
    const { inbox, arrivedAt, bytes } = letter
    const checks = `verified: ${passed.length === 0 ? 'nothing' : passed.join(', ')}`
    const wrong = faults.map((fault) => `WRONG: ${fault}`)
    if (certified === undefined) {
      this.tell(arrivedAt, `A message that is not certified, in the mailbox of ${inbox}`, checks, ...wrong)
      return
    }
    const { kind, provider } = certified
    const word = KINDS[kind].value
    const reason = reasonOf(certified)
    this.tell(
      arrivedAt,
      `${NAMES[kind]}${variantOf(certified)} (${word})${about(certified)}`,
      `${provider} <${senderOf(bytes)}> to ${inbox}`,
      ...(reason === '' ? [] : [`"${reason}"`]),
      checks,
      ...wrong,
    )
  }
}

type Certified = NonNullable<Verified['certified']>

/** What one word of the wire stands for two of. */
function variantOf(certified: Certified): string {
  if (certified.kind === 'anomaly') return ''
  const { kind, data } = certified
  if (kind === 'time-limit') return data.error === 'none' ? ' of 12 hours' : ' of 24 hours'
  return data.error === 'virus' && kind !== 'virus-detection' ? ' for a virus' : ''
}

function about(certified: Certified): string {
  if (certified.kind === 'anomaly') return ''
  const { kind, data, original } = certified
  if (kind === 'take-charge') return `: ${data.takenInCharge.join(', ')}`
  if (data.delivery === undefined) return ''
  const form =
    kind === 'delivery' && data.receiptType !== undefined
      ? `, ${original === undefined ? 'without the message' : `with the message (${RECEIPT_WORDS[data.receiptType]})`}`
      : ''
  return `: ${data.delivery}${form}`
}

function reasonOf(certified: Certified): string {
  return certified.kind === 'anomaly' ? certified.reason : (certified.data.errorDetail ?? '')
}

function senderOf(message: Buffer): string {
  const end = message.indexOf('\r\n\r\n')
  const header = parseHeader(message.subarray(0, end === -1 ? message.length : end + 2))
  return parseAddresses(firstValue(header, 'From') ?? '')[0]?.address ?? ''
}

/** hh:mm:ss.mmm of the local clock. */
function clockTime(at: Date): string {
  return `${at.toTimeString().slice(0, 8)}.${String(at.getMilliseconds()).padStart(3, '0')}`
}
