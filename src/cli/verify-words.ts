/** English words for the kinds of message, and values from outside made fit for a terminal. */
import type { CertificationData } from '../pec/certification.js'
import type { Kind } from '../pec/kinds.js'
import { momentOf } from '../pec/moment.js'
import { plainLine } from '../pec/one-line.js'

export interface KindDescription {
  readonly name: string
  readonly meaning: string
}

export const DESCRIPTIONS: Readonly<Record<Kind, KindDescription>> = {
  acceptance: { name: 'Acceptance receipt', meaning: "The sender's provider accepted the message and sent it on." },
  'non-acceptance': {
    name: 'Notice of non-acceptance',
    meaning: "The sender's provider refused the message and did not send it.",
  },
  'take-charge': { name: 'Take-charge receipt', meaning: "The recipients' provider took charge of the message." },
  delivery: { name: 'Delivery receipt', meaning: "The recipient's provider put the message into the recipient's mailbox." },
  'non-delivery': { name: 'Notice of non-delivery', meaning: 'The message was not delivered to this recipient.' },
  'time-limit': { name: 'Notice of a missed time limit', meaning: 'No delivery to this recipient was certified in time.' },
  'virus-detection': {
    name: 'Notice of virus detection',
    meaning: "The recipient's provider found a virus and did not deliver.",
  },
  transport: { name: 'Transport envelope', meaning: 'A certified message on its way; the original is attached.' },
  anomaly: {
    name: 'Anomaly envelope',
    meaning: 'Mail that is not certified, as a provider received it: it certifies nothing about that mail.',
  },
}

/** What a message of this kind is, in one sentence. */
export function describe(kind: Kind | undefined): string {
  if (kind === undefined) return 'No PEC message.'
  const { name, meaning } = DESCRIPTIONS[kind]
  return `${name}. ${meaning}`
}

const LONGEST = 1000

/** A text from outside on one line of a terminal: nothing in it that steers the terminal or hides. */
export function shown(text: string): string {
  const line = plainLine(text)
  return line.length > LONGEST ? `${line.slice(0, LONGEST)}...` : line
}

/** 2024-11-05 10:00:00 +0100, in Italian legal time. */
export function shownTime(date: Date): string {
  const { day, hour, zone } = momentOf(date)
  return certifiedTime({ day, hour, zone })
}

/** The time of certification data, as they have it but for the order. */
export function certifiedTime({ day, hour, zone }: Pick<CertificationData, 'day' | 'hour' | 'zone'>): string {
  return `${day.split('/').toReversed().join('-')} ${hour} ${zone}`
}
