/** What a commit and each retrieval cost in a ledger of some size. */
import { median, percentile } from '../bench/figures.js'
import type { Position, RegisterQuery } from '../ledger/search.js'
import { momentOf } from '../pec/moment.js'
import type { Entry, MessageFacts, RegisterEvent } from '../points/ports.js'
import type { GrowingDatabase } from './database.js'
import { BEGINNING, foreignProvider, OWN_DOMAIN, OWN_PROVIDER, userAt } from './traffic.js'

export interface CommitFigures {
  /** Medians over the rounds of a local message with its delivery: two commits, six events. CPU of the database included. */
  readonly cpuMs: number
  readonly wallMs: number
}

export interface QueryFigures {
  /** Milliseconds of one page of 100 events. */
  readonly p50: number
  readonly max: number
  /** Events found over all runs. */
  readonly events: number
}

const SENT = 2000
/** Bytes of a daticert.xml and of a signature. */
const DATICERT = Buffer.alloc(1400, 'd')
const SIGNATURE = Buffer.alloc(2900, 's')

/** Commits messages as the points do, `perRound` in each of `rounds`, and takes the middle of the rounds. */
export async function measureCommits(
  database: GrowingDatabase,
  run: string,
  rounds: number,
  perRound: number,
): Promise<CommitFigures> {
  const cpu: number[] = []
  const wall: number[] = []
  for (let round = 0; round < rounds; round++) {
    const before = { cpu: process.cpuUsage(), server: database.cpuMs(), time: performance.now() }
    for (let n = 0; n < perRound; n++) await commitExchange(database, `${run}-${round}-${n}`)
    const used = process.cpuUsage(before.cpu)
    cpu.push(((used.user + used.system) / 1000 + database.cpuMs() - before.server) / perRound)
    wall.push((performance.now() - before.time) / perRound)
  }
  return { cpuMs: median(cpu), wallMs: median(wall) }
}

// Few enough for SQLite's journal to hold all that they write.
const EXCHANGES = 10

/** What an exchange makes the database do (`GrowingDatabase.effort`): the same in every run, however busy the machine. */
export async function measureEffort(database: GrowingDatabase, run: string): Promise<number> {
  await commitExchange(database, `${run}-first`)
  await database.settle()
  const before = await database.effort()
  for (let n = 0; n < EXCHANGES; n++) await commitExchange(database, `${run}-${n}`)
  return ((await database.effort()) - before) / EXCHANGES
}

/** A message between two of our users, and its delivery. */
export async function commitExchange({ ledger }: Pick<GrowingDatabase, 'ledger'>, name: string): Promise<void> {
  const now = new Date()
  const identifier = `pec${now.toISOString().replace(/\D/g, '').slice(0, 14)}${name}@${OWN_DOMAIN}`
  const number = Math.floor(Math.random() * SENT)
  const [sender, recipient] = [userAt(number, OWN_DOMAIN), userAt(number * 7 + 1, OWN_DOMAIN)]
  const facts: MessageFacts = {
    ...{ identifier, sender, replyTo: sender, clientMessageId: `<${name}@client.example>`, subject: 'Pratica' },
    ...{ receiptType: 'complete', provider: OWN_PROVIDER, own: true, acceptedAt: now, size: 20_480 },
    recipients: [{ address: recipient, type: 'certified', primary: true }],
  }
  const row = (type: RegisterEvent['type'], signed: boolean): RegisterEvent => ({
    ...{ type, identifier, sender, recipients: [recipient], subject: 'Pratica', provider: OWN_PROVIDER, outcome: 'issued' },
    messageId: signed ? `${type}-${identifier}` : '',
    ...(signed ? { daticert: DATICERT, signature: SIGNATURE } : { daticert: undefined, signature: undefined }),
  })
  const at = momentOf(now)
  const accepted: Entry = {
    ...{ step: `${identifier} accepted`, at, message: facts, takenInCharge: { identifier, recipients: [recipient] } },
    claims: [
      { identifier, what: 'acceptance', recipient: '' },
      { identifier, what: 'take-charge', recipient },
    ],
    events: [row('acceptance', true), row('transport', true), row('reception', false), row('take-charge', true)],
  }
  const delivered: Entry = {
    ...{ step: `${identifier} delivered`, at, claims: [{ identifier, what: 'outcome', recipient }] },
    events: [row('mailbox-delivery', false), row('delivery', true)],
    outcomes: [{ identifier, recipient, outcome: 'delivered' }],
  }
  await ledger.commit(accepted)
  await ledger.commit(delivered)
}

const DAY = 86_400_000
const PAGE = 100

/** The retrievals of L5, each with other values in each run; `span` is how many milliseconds the register covers. */
const RETRIEVALS: Readonly<Record<string, (run: number, span: number, known: Known) => RegisterQuery>> = {
  identifier: (_run, _span, { identifier }) => ({ identifier }),
  clientMessageId: (_run, _span, { clientMessageId }) => ({ clientMessageId }),
  sender: (run) => ({ sender: userAt(run * 997, OWN_DOMAIN) }),
  recipient: (run) => ({ recipient: userAt(run * 991, OWN_DOMAIN) }),
  provider: (run) => ({ provider: foreignProvider(run) }),
  day: (run, span) => ({ from: someDay(run, span), to: new Date(someDay(run, span).getTime() + DAY) }),
  period: (run, span) => ({ from: someDay(run, span), to: new Date(BEGINNING + span) }),
  kind: (run) => ({ type: run % 2 === 0 ? 'delivery' : 'relay' }),
  rareKind: () => ({ type: 'virus-detection' }),
  senderAndDay: (run, span) => ({
    ...{ sender: userAt(run * 997, OWN_DOMAIN), from: someDay(run, span) },
    to: new Date(someDay(run, span).getTime() + 30 * DAY),
  }),
  senderAndRecipient: (_run, _span, { sender, recipient }) => ({ sender, recipient }),
  providerAndKind: (run) => ({ provider: foreignProvider(run), type: 'reception' }),
  recipientAndKindInAMonth: (run, span, { recipient }) => ({
    ...{ recipient, type: 'acceptance', from: someDay(run, span) },
    to: new Date(someDay(run, span).getTime() + 30 * DAY),
  }),
}

/** Some message of the register. */
interface Known {
  readonly identifier: string
  readonly clientMessageId: string
  readonly sender: string
  readonly recipient: string
}

function someDay(run: number, span: number): Date {
  return new Date(BEGINNING + Math.floor((((run * 37) % 101) / 102) * span))
}

export async function measureQueries(
  database: GrowingDatabase,
  span: number,
  runs: number,
): Promise<Readonly<Record<string, QueryFigures>>> {
  const known = await someMessages(database, span, runs)
  const figures: Record<string, QueryFigures> = {}
  for (const [name, queryOf] of Object.entries(RETRIEVALS)) {
    const times: number[] = []
    let events = 0
    for (let run = 0; run < runs; run++) {
      const query = queryOf(run, span, known[run % known.length] as Known)
      let after: Position | undefined
      // The first page, and one that follows.
      for (let page = 0; page < 2; page++) {
        const start = performance.now()
        const answer = await database.ledger.search(query, PAGE, after)
        times.push(performance.now() - start)
        events += answer.events.length
        after = answer.next
        if (after === undefined) break
      }
    }
    figures[name] = { p50: median(times), max: percentile(times, 1), events }
  }
  return figures
}

async function someMessages({ ledger }: GrowingDatabase, span: number, count: number): Promise<readonly Known[]> {
  const known: Known[] = []
  for (let n = 0; n < count; n++) {
    const { events } = await ledger.search({ type: 'acceptance', from: someDay(n, span) }, 1)
    const [event] = events
    const message = event === undefined ? undefined : await ledger.message(event.identifier)
    if (event === undefined || message?.clientMessageId === undefined) continue
    const [recipient = ''] = event.recipients
    known.push({ identifier: event.identifier, clientMessageId: message.clientMessageId, sender: event.sender, recipient })
  }
  return known
}
