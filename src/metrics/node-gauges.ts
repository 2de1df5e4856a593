/** How the node stands when it is asked: figures that one process has for all. */
import { X509Certificate } from 'node:crypto'
import { readdir } from 'node:fs/promises'
import { setTimeout as pause } from 'node:timers/promises'
import { Gauge, type Registry } from 'prom-client'
import type { ArchiveRegister } from '../archive/register.js'
import type { Clock, DeadlineLedger } from '../points/ports.js'
import type { Signer } from '../smime/signer.js'

export interface NodeState {
  /** The folder of Haraka's queue. */
  readonly queue: string
  readonly ledger: Pick<DeadlineLedger, 'openRecipients'>
  /** Its signer may be another one tomorrow. */
  readonly issuer: { readonly signer: Pick<Signer, 'certificate'> }
  /** Milliseconds since the copy in use was written. */
  readonly index: { readonly age: number }
  readonly crls: { state(): readonly CrlState[] }
  readonly clock: Clock
  /** Days of the register, by what is done with them. */
  readonly days: Pick<ArchiveRegister, 'daysIn'>
  /** Milliseconds by which the clock is ahead of others; undefined if it is not known. */
  readonly drift: () => number | undefined
}

interface CrlState {
  readonly source: string
  readonly readAt: Date | undefined
  readonly nextUpdate: Date | undefined
}

/** More open recipients than these are not counted. */
const MOST_OPEN = 10_000
/** How long the figures of the ledger and the queue are kept: whoever asks must not load them. */
const KEPT_MS = 10_000
/** How long a figure is waited for: a ledger that hangs must not hide the others. */
const PATIENCE_MS = 2000

/** A figure that cannot be found now is left out. */
export function addNodeGauges(registry: Registry, state: NodeState): void {
  const { clock } = state
  const gauge = (name: string, help: string, read: () => number | Promise<number>): void => {
    new Gauge({
      ...{ name: `pec_${name}`, help, registers: [registry] },
      async collect() {
        try {
          this.set(await inTime(read))
        } catch {
          this.remove()
        }
      },
    })
  }
  const open = kept(clock, () => state.ledger.openRecipients(clock(), MOST_OPEN))
  const queued = kept(clock, async () => (await readdir(state.queue)).filter((name) => !name.startsWith('__tmp__')).length)
  const secondsUntil = (date: Date): number => (date.getTime() - clock().getTime()) / 1000
  gauge('queue_messages', "Messages in Haraka's queue.", queued)
  gauge('open_recipients', `Certified recipients without an outcome yet, up to ${MOST_OPEN}.`, async () => (await open()).length)
  gauge('oldest_open_recipient_seconds', 'How long the first of them has been waiting.', async () => {
    const [oldest] = await open()
    return oldest === undefined ? 0 : -secondsUntil(oldest.acceptedAt)
  })
  gauge('certificate_seconds_left', 'Until our certificate expires.', () =>
    secondsUntil(new Date(new X509Certificate(state.issuer.signer.certificate).validTo)),
  )
  gauge('index_age_seconds', 'Since the index of providers in use was written.', () => state.index.age / 1000)
  gauge(
    'archive_days_unstamped',
    'Days of the register that are archived and have no time stamp yet.',
    kept(clock, async () => (await state.days.daysIn(['exported', 'sealed'])).length),
  )
  gauge('clock_ahead_seconds', 'By how much our clock is ahead of the time servers; negative if it is behind.', () => {
    const drift = state.drift()
    if (drift === undefined) throw new Error('the clock was not compared')
    return drift / 1000
  })
  addCrlGauges(registry, state, secondsUntil)
}

function addCrlGauges(registry: Registry, { crls }: NodeState, secondsUntil: (date: Date) => number): void {
  const ofSources = (name: string, help: string, read: (state: CrlState) => number | undefined): void => {
    new Gauge({
      ...{ name: `pec_${name}`, help, labelNames: ['source'], registers: [registry] },
      collect() {
        this.reset()
        for (const state of crls.state()) {
          const value = read(state)
          if (value !== undefined) this.set({ source: state.source }, value)
        }
      },
    })
  }
  ofSources('crl_age_seconds', 'Since a revocation list was last read.', ({ readAt }) =>
    readAt === undefined ? undefined : -secondsUntil(readAt),
  )
  ofSources('crl_seconds_left', 'Until a revocation list is to be followed by a newer one.', ({ nextUpdate }) =>
    nextUpdate === undefined ? undefined : secondsUntil(nextUpdate),
  )
}

/** Rejects when it takes too long. */
async function inTime<T>(read: () => T | Promise<T>): Promise<T> {
  const late = new AbortController()
  const tooLate = pause(PATIENCE_MS, undefined, { signal: late.signal }).then(() => {
    throw new Error(`not found within ${PATIENCE_MS} ms`)
  })
  try {
    return await Promise.race([read(), tooLate])
  } finally {
    tooLate.catch(() => undefined)
    late.abort()
  }
}

/** The last answer, while it is fresh; questions at the same time share one. */
function kept<T>(clock: Clock, ask: () => Promise<T>): () => Promise<T> {
  let at = -Infinity
  let answer: Promise<T> | undefined
  return () => {
    const now = clock().getTime()
    if (answer === undefined || now - at > KEPT_MS || now < at) {
      at = now
      answer = ask()
    }
    return answer
  }
}
