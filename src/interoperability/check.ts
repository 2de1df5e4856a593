/**
 * A test message to a mailbox of another provider (O7): what its provider owes us for it, and whether and when that came. The receipts
 * are looked for in the register, which has what came in already judged.
 */
import { reasonOf } from '../errors.js'
import type { RegisterPage, RegisterQuery } from '../ledger/search.js'
import { domainOf } from '../mail/address.js'
import { readCertification } from '../pec/certification.js'
import type { Clock, EventType, ProviderIndex, RecipientState, RegisterEvent, StoredMessage } from '../points/ports.js'
import { EVENT_WORDS } from '../retrieval/event-types.js'

/** What came of one test message: it passed if there are no faults. */
export interface Exchange {
  readonly mailbox: string
  /** Of the mailbox, as the index has it; undefined where it has none. */
  readonly provider: string | undefined
  /** Of the message, once our access point has given it one. */
  readonly identifier: string | undefined
  readonly sentAt: Date
  readonly seconds: Times
  /** In English, one for each thing that is wrong. */
  readonly faults: readonly string[]
}

/** Seconds: from the submission to our answer, and from the acceptance to what the register has, which tells whole ones. */
export interface Times {
  readonly acceptance?: number
  readonly takeCharge?: number
  readonly delivery?: number
}

export interface CheckMeans {
  /** Our mailbox that sends, and the one to which other providers send receipts for ourselves. */
  readonly mailbox: string
  readonly receipts: string
  /** Hands a test message over; resolves with the answer of our access point. */
  readonly send: (to: string) => Promise<string>
  readonly register: {
    message(identifier: string): Promise<StoredMessage | undefined>
    search(query: RegisterQuery, limit: number): Promise<RegisterPage>
    evidenceOf(event: number): Promise<Pick<RegisterEvent, 'daticert'>>
  }
  readonly index: Pick<ProviderIndex, 'byDomain'>
  readonly clock: Clock
  /** Seconds after which a receipt is missing. */
  readonly patience: number
  /** Waits between two looks; rejects if nobody wants to know any more. */
  readonly pause: () => Promise<void>
}

/** More rows about one exchange tell nothing new. */
const MOST_ROWS = 100

/** Rejects with PecError 'ledger', temporary, and with what `pause` rejects with; all else is a fault of the exchange. */
export async function checkMailbox(mailbox: string, means: CheckMeans): Promise<Exchange> {
  const sentAt = means.clock()
  const provider = means.index.byDomain(domainOf(mailbox))?.name
  const nothing = { mailbox, provider, identifier: undefined, sentAt, seconds: {} }
  if (provider === undefined) return { ...nothing, faults: ['its domain is in no record of the index: nothing was sent'] }
  const begun = performance.now()
  const answer = await means.send(mailbox).catch((error: unknown) => ({ fault: reasonOf(error) }))
  if (typeof answer !== 'string') return { ...nothing, faults: [answer.fault] }
  const identifier = answer.split(' ').find((word) => word.includes('@'))
  if (identifier === undefined) return { ...nothing, faults: [`our access point gave no identifier: ${answer}`] }
  const acceptance = Math.round(performance.now() - begun) / 1000
  const receipts = await awaitReceipts(identifier, mailbox, begun, means)
  const complained = await complaints(identifier, means)
  const isUnknown = receipts === undefined && complained.length === 0
  return {
    ...{ mailbox, provider, identifier, sentAt, seconds: { acceptance, ...receipts?.seconds } },
    faults: [
      ...(isUnknown ? ['it was accepted, but the register has nothing of it: is it the register of the same gateway?'] : []),
      ...(receipts?.missing ?? []),
      ...complained,
      ...(await anomalies(sentAt, provider, means)),
    ],
  }
}

interface Receipts {
  readonly seconds: Omit<Times, 'acceptance'>
  readonly missing: readonly string[]
}

/** Undefined where our access point has not accepted the message. */
async function awaitReceipts(
  identifier: string,
  mailbox: string,
  begun: number,
  { register, patience, pause }: CheckMeans,
): Promise<Receipts | undefined> {
  for (;;) {
    const message = await register.message(identifier)
    const recipient = message?.recipients.find(({ address }) => address.toLowerCase() === mailbox)
    if (message === undefined || recipient === undefined) return undefined
    const missing = missingFrom(recipient)
    if (missing.length > 0 && performance.now() - begun < patience * 1000) {
      await pause()
      continue
    }
    const { takenInChargeAt: charged, outcome, outcomeAt } = recipient
    const since = (at: Date): number => Math.max(0, (at.getTime() - message.acceptedAt.getTime()) / 1000)
    return {
      seconds: {
        ...(charged === undefined ? {} : { takeCharge: since(charged) }),
        ...(outcomeAt === undefined || outcome !== 'delivered' ? {} : { delivery: since(outcomeAt) }),
      },
      missing: missing.map((receipt) => `no valid ${receipt} receipt within ${patience} s`),
    }
  }
}

/** Whoever has refused a message owes nothing more for it. */
function missingFrom({ takenInChargeAt, outcome }: RecipientState): string[] {
  if (outcome !== undefined && outcome !== 'delivered') return []
  return [...(takenInChargeAt === undefined ? ['take-charge'] : []), ...(outcome === undefined ? ['delivery'] : [])]
}

const COMPLAINTS: ReadonlySet<EventType> = new Set(['non-acceptance', 'non-delivery', 'delivery-failure', 'time-limit'])

/** What went wrong by the register: notices, ours and theirs, and refusals. */
async function complaints(identifier: string, { register }: CheckMeans): Promise<string[]> {
  const { events } = await register.search({ identifier }, MOST_ROWS)
  const found = events.map(async ({ id, type, outcome }) => {
    if (COMPLAINTS.has(type)) return `${EVENT_WORDS[type].english}: ${outcome}`
    if (type !== 'receipt-reception' || !/^(?:non-delivery|virus-detection)/.test(outcome)) return undefined
    const detail = detailIn(await register.evidenceOf(id))
    return `received: ${outcome}${detail === undefined ? '' : `: ${detail}`}`
  })
  return (await Promise.all(found)).filter((complaint) => complaint !== undefined)
}

/** Why, in the words of their provider. */
function detailIn({ daticert }: Pick<RegisterEvent, 'daticert'>): string | undefined {
  const verdict = daticert === undefined ? undefined : readCertification(daticert)
  return verdict?.ok === true ? verdict.data.errorDetail : undefined
}

/** What came from the provider meanwhile and was no valid receipt: the missing one is probably among it. */
async function anomalies(since: Date, provider: string, means: CheckMeans): Promise<string[]> {
  // The register tells whole seconds.
  const from = new Date(Math.floor(since.getTime() / 1000) * 1000)
  const found = [means.mailbox, means.receipts].map(async (recipient) => {
    const { events } = await means.register.search({ recipient, type: 'anomaly', from }, MOST_ROWS)
    return events.filter((event) => [event.provider, means.index.byDomain(domainOf(event.sender))?.name].includes(provider))
  })
  return (await Promise.all(found))
    .flat()
    .map(({ sender, outcome }) => `no valid message, from ${sender === '' ? 'nobody' : sender}: ${outcome}`)
}
