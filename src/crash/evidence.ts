/** What is there when all is over: the ledgers' rows, the mailboxes' contents, the queues' files. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { firstValue, parseHeader } from '../mail/header.js'
import { bodyOf, type Attempt } from './clients.js'
import type { Site } from './site.js'

/** A row of a register. */
export interface LedgerEvent {
  readonly type: string
  readonly identifier: string
  /** Without brackets; '' where nothing was issued. */
  readonly messageId: string
  readonly recipients: readonly string[]
}

/** A message of our users, in the ledger of their provider. */
export interface LedgerMessage {
  readonly identifier: string
  readonly clientMessageId: string
  /** Address to outcome, of certified recipients. */
  readonly outcomes: ReadonlyMap<string, string | undefined>
}

/** A message in a mailbox. */
export interface Letter {
  readonly mailbox: string
  /** Without brackets. */
  readonly messageId: string
  /** What X-Trasporto or X-Ricevuta says; undefined for what is no PEC message. */
  readonly kind: string | undefined
  /** False for an envelope that does not hold the user's body as it was sent. */
  readonly intact: boolean
}

export interface Evidence {
  readonly attempts: readonly Attempt[]
  readonly events: readonly LedgerEvent[]
  readonly messages: readonly LedgerMessage[]
  readonly letters: readonly Letter[]
  /** Files that no process has taken out of a queue. */
  readonly queued: readonly string[]
  /** Whether a ledger's server was killed: a client may then be told to try again, and the message be certified. */
  readonly commitsMayBeUncertain: boolean
}

export async function gather(sites: readonly Site[], attempts: readonly Attempt[]): Promise<Evidence> {
  const byId = new Map(attempts.map((attempt) => [attempt.id, attempt]))
  const ofAll = async <T>(find: (site: Site) => Promise<readonly T[]>): Promise<T[]> =>
    (await Promise.all(sites.map(find))).flat()
  return {
    attempts,
    events: await ofAll(eventsOf),
    messages: await ofAll(messagesOf),
    letters: sites.flatMap((site) => lettersOf(site, byId)),
    queued: await ofAll((site) => site.queued()),
    commitsMayBeUncertain: sites.some((site) => site.commitsMayBeUncertain),
  }
}

interface EventRow {
  readonly type: string
  readonly identifier: string
  readonly message_id: string
  readonly recipients: string
}

async function eventsOf(site: Site): Promise<LedgerEvent[]> {
  const rows = (await site.query('select type, identifier, message_id, recipients from event')) as EventRow[]
  return rows.map(({ type, identifier, message_id, recipients }) => ({
    ...{ type, identifier, messageId: message_id },
    recipients: JSON.parse(recipients) as string[],
  }))
}

interface RecipientRow {
  readonly identifier: string
  readonly client_message_id: string
  readonly address: string
  readonly outcome: string | null
}

async function messagesOf(site: Site): Promise<LedgerMessage[]> {
  const rows = (await site.query(
    `select identifier, client_message_id, address, outcome from message join recipient using (identifier)
     where own = 1 order by identifier`,
  )) as RecipientRow[]
  const messages = new Map<string, LedgerMessage & { readonly outcomes: Map<string, string | undefined> }>()
  for (const { identifier, client_message_id, address, outcome } of rows) {
    const message = messages.get(identifier) ?? { identifier, clientMessageId: client_message_id, outcomes: new Map() }
    messages.set(identifier, message)
    message.outcomes.set(address, outcome ?? undefined)
  }
  return [...messages.values()]
}

function lettersOf({ plan }: Site, attempts: ReadonlyMap<string, Attempt>): Letter[] {
  const root = join(plan.directory, 'mail', plan.domain)
  return namesIn(root).flatMap((user) => {
    const folder = join(root, user, 'Maildir', 'new')
    return namesIn(folder).map((name) => letterOf(`${user}@${plan.domain}`, readFileSync(join(folder, name)), attempts))
  })
}

function letterOf(mailbox: string, bytes: Buffer, attempts: ReadonlyMap<string, Attempt>): Letter {
  const header = parseHeader(bytes.subarray(0, bytes.indexOf('\r\n\r\n') + 2))
  const transport = firstValue(header, 'X-Trasporto')
  const attempt = attempts.get(firstValue(header, 'X-Riferimento-Message-ID') ?? '')
  return {
    mailbox,
    messageId: (firstValue(header, 'Message-ID') ?? '').replace(/^<|>$/g, ''),
    kind: transport ?? firstValue(header, 'X-Ricevuta'),
    intact: transport === undefined || (attempt !== undefined && bytes.includes(bodyOf(attempt))),
  }
}

/** None for a folder that is not there: a mailbox is made with its first message. */
function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder)
  } catch {
    return []
  }
}
