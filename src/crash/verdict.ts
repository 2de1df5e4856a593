/** Whether the clients were told the truth: what they were promised, set against what is there. */
import type { Attempt } from './clients.js'
import type { Evidence, LedgerEvent, LedgerMessage, Letter } from './evidence.js'

export interface Verdict {
  /** What was promised with a 250, or certified, and is not there: one line each. */
  readonly lost: readonly string[]
  /** Certified twice. */
  readonly duplicateReceipts: readonly string[]
  /** In a mailbox without a ledger that certifies it, or not as it was certified; or certified though the client was refused. */
  readonly uncertifiedSent: readonly string[]
  /** Left in a queue. */
  readonly leftover: readonly string[]
  /** Times that a mailbox got what it had already: LMTP cannot do better. */
  readonly duplicateDeliveries: number
  /** Receipts among these that the register had already: the process died after the commit. The gate lets no such envelope pass. */
  readonly recordedTwice: number
  /** Certified, but the client has not heard of it. */
  readonly unheard: number
}

/** What the ledger says of recipients in the end, and the paper that their sender gets. */
const OUTCOMES: Readonly<Record<string, string>> = { delivered: 'delivery', 'not-delivered': 'non-delivery' }
/** What is owed once per recipient, or once per message. */
const ISSUED = new Set(['acceptance', 'non-acceptance', 'transport', 'take-charge', 'delivery', 'non-delivery', 'time-limit'])

/** `isKnown` tells whether there is a mailbox of that address. */
export function judge(evidence: Evidence, isKnown: (address: string) => boolean): Verdict {
  const issued = evidence.events.filter(({ type }) => ISSUED.has(type))
  const shelf = new Shelf(evidence.letters)
  const messages = groupBy(evidence.messages, ({ clientMessageId }) => clientMessageId)
  const events = groupBy(issued, ({ identifier }) => identifier)
  const lost: string[] = []
  const uncertified: string[] = []
  const duplicates = duplicatesAmong(issued)
  let unheard = 0
  for (const attempt of evidence.attempts) {
    const [message, ...more] = messages.get(attempt.id) ?? []
    if (more.length > 0) duplicates.push(`${attempt.id} is certified ${more.length + 1} times`)
    if (message === undefined) {
      if (attempt.answer === 'accepted') lost.push(`${attempt.id} is in no ledger`)
      continue
    }
    if (isUnheard(attempt, evidence)) unheard++
    else if (attempt.answer !== 'accepted')
      uncertified.push(`${attempt.id} was ${attempt.answer}, and certified as ${message.identifier}`)
    lost.push(...missingOf(attempt, message, events.get(message.identifier) ?? [], shelf, isKnown))
  }
  return {
    lost,
    duplicateReceipts: duplicates,
    uncertifiedSent: [...uncertified, ...strangersAmong(evidence.letters, issued)],
    leftover: evidence.queued,
    duplicateDeliveries: shelf.repetitions,
    recordedTwice: recordedTwiceAmong(evidence),
    unheard,
  }
}

/** Nobody could tell the client whether it was certified. */
function isUnheard({ answer }: Attempt, { commitsMayBeUncertain }: Evidence): boolean {
  return answer === 'silence' || (answer === 'deferred' && commitsMayBeUncertain)
}

/** What is where: mailboxes by the messages in them. */
class Shelf {
  private readonly copies = new Map<string, number>()

  constructor(letters: readonly Letter[]) {
    for (const { mailbox, messageId } of letters) this.copies.set(`${mailbox} ${messageId}`, this.count(mailbox, messageId) + 1)
  }

  has(mailbox: string, messageId: string): boolean {
    return this.count(mailbox, messageId) > 0
  }

  get repetitions(): number {
    return [...this.copies.values()].reduce((sum, count) => sum + count - 1, 0)
  }

  private count(mailbox: string, messageId: string): number {
    return this.copies.get(`${mailbox} ${messageId}`) ?? 0
  }
}

/** Each delivery of a receipt is a row of the register, and each needs one. Of an envelope there is one in any case. */
function recordedTwiceAmong({ events, letters }: Evidence): number {
  const rows = events.filter(({ type }) => type === 'mailbox-delivery').length
  return Math.max(0, rows - new Set(letters.map(({ mailbox, messageId }) => `${mailbox} ${messageId}`)).size)
}

/** One line for each thing that a certified message owes and nobody has got. */
function missingOf(
  { id, from, to }: Attempt,
  { outcomes }: LedgerMessage,
  events: readonly LedgerEvent[],
  shelf: Shelf,
  isKnown: (address: string) => boolean,
): string[] {
  const missing: string[] = []
  const find = (type: string, recipient?: string): LedgerEvent | undefined =>
    events.find((event) => event.type === type && (recipient === undefined || event.recipients.includes(recipient)))
  const expect = (mailbox: string, type: string, recipient?: string): void => {
    const event = find(type, recipient)
    const what = `${id}: ${type}${recipient === undefined ? '' : ` about ${recipient}`}`
    if (event === undefined) missing.push(`${what} was never issued`)
    else if (!shelf.has(mailbox, event.messageId)) missing.push(`${what} is not in ${mailbox}`)
  }
  expect(from, 'acceptance')
  for (const recipient of to) {
    const outcome = outcomes.get(recipient)
    const owed = isKnown(recipient) ? 'delivered' : 'not-delivered'
    if (outcome !== owed) missing.push(`${id}: the outcome of ${recipient} is ${outcome ?? 'open'}, not ${owed}`)
    if (owed === 'delivered') expect(recipient, 'transport')
    expect(from, OUTCOMES[owed] ?? owed, recipient)
    if (find('take-charge', recipient) === undefined) missing.push(`${id}: nobody has taken charge of ${recipient}`)
  }
  return missing
}

/** One line for each thing that was issued again; a recipient has one outcome, whichever. */
function duplicatesAmong(issued: readonly LedgerEvent[]): string[] {
  const seen = new Set<string>()
  const duplicates: string[] = []
  for (const { type, identifier, recipients } of issued) {
    const isOutcome = type === 'delivery' || type === 'non-delivery'
    const about = isOutcome || type === 'take-charge' || type === 'time-limit' ? recipients : ['all']
    for (const each of about) {
      const key = `${identifier}: ${isOutcome ? 'outcome' : type} about ${each}`
      if (seen.has(key)) duplicates.push(key)
      seen.add(key)
    }
  }
  return duplicates
}

/** One line for each message in a mailbox that no ledger knows, or that is not what its sender wrote. */
function strangersAmong(letters: readonly Letter[], issued: readonly LedgerEvent[]): string[] {
  const known = new Set(issued.map(({ messageId }) => messageId))
  return letters.flatMap(({ mailbox, messageId, kind, intact }) => {
    if (kind === undefined) return [`${messageId} in ${mailbox} is no PEC message`]
    if (!known.has(messageId)) return [`${kind} ${messageId} in ${mailbox} is in no ledger`]
    return intact ? [] : [`${messageId} in ${mailbox} does not hold what its sender wrote`]
  })
}

function groupBy<T>(items: readonly T[], keyOf: (item: T) => string): ReadonlyMap<string, readonly T[]> {
  const groups = new Map<string, T[]>()
  for (const item of items) {
    const group = groups.get(keyOf(item))
    if (group === undefined) groups.set(keyOf(item), [item])
    else group.push(item)
  }
  return groups
}
