/**
 * Ordinary mail, by the policy of each recipient (R4): into an anomaly envelope, on to an ordinary address elsewhere, or refused.
 * What all of them refuse is refused in the SMTP session; where only some do, its sender gets a plain delivery report for them.
 */
import { domainOf } from '../mail/address.js'
import type { Moment } from '../pec/moment.js'
import { oneLine } from '../pec/one-line.js'
import type { SpamLevel } from '../pec/kinds.js'
import { anomalyFor } from './anomaly.js'
import type { House } from './house.js'
import type { Fault } from './judge.js'
import type { Dispatch, OrdinaryMailPolicy, RegisterEvent } from './ports.js'
import type { Incoming } from './received.js'
import type { Step } from './step.js'

/** The recipients of one message, each at one place. */
export interface Sorted {
  readonly wrapped: readonly string[]
  /** By the address that the message goes on to. */
  readonly forwarded: ReadonlyMap<string, readonly string[]>
  /** By the reply. */
  readonly refused: ReadonlyMap<string, readonly string[]>
}

export interface OrdinaryMail {
  readonly incoming: Incoming
  /** Why it is taken for ordinary. */
  readonly fault: Fault
  readonly sorted: Sorted
  readonly spam: SpamLevel | undefined
}

/** `ordinaryMail` counts where neither mailbox nor domain has a policy. */
export async function sortByPolicy(
  recipients: readonly string[],
  fault: Fault,
  house: Pick<House, 'directory' | 'index'> & { readonly ordinaryMail: OrdinaryMailPolicy },
): Promise<Sorted> {
  const wrapped: string[] = []
  const forwarded = new Map<string, string[]>()
  const refused = new Map<string, string[]>()
  const fates = await Promise.all(recipients.map((recipient) => fateOf(recipient, fault, house)))
  for (const [position, recipient] of recipients.entries()) {
    const fate = fates[position]
    if (fate === undefined) wrapped.push(recipient)
    else if ('forward' in fate) append(forwarded, fate.forward, recipient)
    else append(refused, fate.refuse, recipient)
  }
  return { wrapped, forwarded, refused }
}

/** The reply to a message that nobody takes; undefined if anybody does. */
export function refusalOf({ wrapped, forwarded, refused }: Sorted): string | undefined {
  if (wrapped.length > 0 || forwarded.size > 0) return undefined
  const replies = [...refused.keys()]
  return replies.find((reply) => reply.startsWith(BY_POLICY)) ?? replies[0]
}

/** What is done about ordinary mail that somebody takes, all of it in the register. */
export async function ordinaryStep(
  { incoming, fault, sorted, spam }: OrdinaryMail,
  moment: Moment,
  house: House,
): Promise<Pick<Step, 'events' | 'dispatches'>> {
  const { sender, message, host } = incoming
  const about = { sender, message, faults: [fault], provider: host, spam }
  const anomaly = await anomalyFor({ ...about, recipients: sorted.wrapped }, moment, house)
  const rating = spam === undefined ? '' : `; spam: ${spam}`
  const forwarded = [...sorted.forwarded].map(([to, recipients]) => ({
    event: rowOf('forward', incoming, recipients, `forwarded to ${to}${rating}`),
    dispatches: [{ from: sender, to: [to], message, errand: { kind: 'forward', identifier: '' } }] satisfies Dispatch[],
  }))
  const refused = [...sorted.refused].map(([reply, recipients]) => ({
    event: rowOf('refusal', incoming, recipients, reply),
    dispatches: reportTo(incoming, recipients, reply),
  }))
  const others = [...forwarded, ...refused]
  return {
    events: [...anomaly.events, ...others.map(({ event }) => event)],
    dispatches: [...anomaly.dispatches, ...others.flatMap(({ dispatches }) => dispatches)],
  }
}

/** Undefined for an anomaly envelope. */
type Fate = { readonly forward: string } | { readonly refuse: string } | undefined

async function fateOf(recipient: string, fault: Fault, house: Parameters<typeof sortByPolicy>[2]): Promise<Fate> {
  const { directory, index } = house
  const mailbox = await directory.mailbox(recipient)
  if (mailbox === undefined) return { refuse: '5.1.1 Unknown mailbox' }
  if (mailbox.state === 'closed' || mailbox.state === 'frozen') return { refuse: '5.2.1 Mailbox disabled' }
  const policy = (await directory.ordinaryMail(recipient)) ?? house.ordinaryMail
  if (policy === 'reject') return { refuse: `${BY_POLICY} ${speakable(fault.english)}` }
  if (policy === 'accept') return undefined
  // From a certified mailbox it might come back: nobody would count how often, for we leave no trace in what goes through us.
  const domain = domainOf(policy.forward)
  return directory.managesDomain(domain) || index.byDomain(domain) !== undefined ? undefined : policy
}

const BY_POLICY = '5.7.1 Only certified mail is accepted here:'

/** Fit for an SMTP reply: a fault may quote what stands in the message. */
function speakable(text: string): string {
  return oneLine(text)
    .slice(0, MAX_REASON)
    .replace(/[^ -~]/g, '?')
}

const MAX_REASON = 200

/** Nobody is told of what came without a reverse path. RFC 5321 §4.5.5 */
function reportTo({ sender, message }: Incoming, recipients: readonly string[], reply: string): readonly Dispatch[] {
  return sender === '' ? [] : [{ from: sender, to: recipients, message, errand: { kind: 'refuse', identifier: '', reply } }]
}

function rowOf(
  type: 'forward' | 'refusal',
  { sender, host }: Incoming,
  recipients: readonly string[],
  outcome: string,
): RegisterEvent {
  const nothing = { identifier: '', messageId: '', subject: undefined, daticert: undefined, signature: undefined }
  return { type, ...nothing, sender, recipients, provider: host, outcome }
}

function append(map: Map<string, string[]>, key: string, value: string): void {
  const values = map.get(key)
  if (values === undefined) map.set(key, [value])
  else values.push(value)
}
