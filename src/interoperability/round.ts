/** A round of test messages, one for each mailbox, and what the register is told of it (O7). */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Config } from '../config/config.js'
import type { SqlLedger } from '../ledger/ledger.js'
import type { Clock, Ledger, ProviderIndex } from '../points/ports.js'
import { recordAct } from '../retrieval/record.js'
import { sendFrom } from '../service-mailbox.js'
import { checkMailbox, type CheckMeans, type Exchange, type Times } from './check.js'

/** Milliseconds between two looks at the register. */
const EVERY_MS = 500
/** Characters of what the register is told: a fault may be of any length. */
const MAX_OUTCOME = 1000

export interface RoundMeans extends CheckMeans {
  readonly ledger: Pick<Ledger, 'commit'>
  /** Our name. */
  readonly ourName: string
}

export interface RoundParts {
  readonly register: Pick<SqlLedger, 'message' | 'search' | 'evidenceOf'>
  /** Takes the events of the round. */
  readonly ledger: Pick<Ledger, 'commit'>
  readonly index: Pick<ProviderIndex, 'byDomain'>
  readonly clock: Clock
}

/** Means of the settings; `signal` ends the waiting. */
export function roundMeans(
  { provider }: Pick<Config, 'provider'>,
  { from, patience }: Pick<NonNullable<Config['interoperability']>, 'from' | 'patience'>,
  parts: RoundParts,
  signal?: AbortSignal,
): RoundMeans {
  return {
    ...parts,
    ...{ ourName: provider.name, mailbox: from.mailbox, receipts: provider.receipts, patience },
    send: (to) =>
      sendFrom(from, {
        to,
        subject: `Verifica di interoperabilità ${parts.clock().toISOString()}`,
        text: `Messaggio di prova del gestore ${provider.name}: si può cancellare.\n`,
      }),
    pause: () => sleep(EVERY_MS, undefined, { ...(signal === undefined ? {} : { signal }), ref: signal === undefined }),
  }
}

/** All at a time. Each is an event of the register once it is over. Rejects with PecError 'ledger', temporary. */
export async function runRound(mailboxes: readonly string[], means: RoundMeans): Promise<readonly Exchange[]> {
  return Promise.all(
    mailboxes.map(async (mailbox) => {
      const exchange = await checkMailbox(mailbox, means)
      await recordAct(means.ledger, means.clock(), {
        ...{ type: 'interoperability', identifier: exchange.identifier ?? '', provider: means.ourName },
        ...{ requestedBy: means.mailbox, recipients: [mailbox], outcome: describeExchange(exchange).slice(0, MAX_OUTCOME) },
      })
      return exchange
    }),
  )
}

export function passed({ faults }: Exchange): boolean {
  return faults.length === 0
}

/** In one line of English, without the mailbox. */
export function describeExchange(exchange: Exchange): string {
  const times = describeTimes(exchange.seconds)
  if (passed(exchange)) return `passed: ${times}`
  return `failed: ${[...exchange.faults, ...(times === '' ? [] : [times])].join('; ')}`
}

/** What was wrong, in the description of an exchange; undefined if nothing was. */
export function faultsIn(description: string): string | undefined {
  return /^failed: ([^]*)$/.exec(description)?.[1]
}

export function describeTimes({ acceptance, takeCharge, delivery }: Times): string {
  const times = Object.entries({ acceptance, 'take-charge': takeCharge, delivery })
  return times.flatMap(([name, seconds]) => (seconds === undefined ? [] : [`${name} ${seconds} s`])).join(', ')
}
