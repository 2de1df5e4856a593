/** The load: sessions that submit message after message, as fast as the system keeps up or at a given rate. */
import type { SmtpClient } from '../lab/smtp-client.js'
import type { ExchangeLog } from './exchange.js'
import type { MessageMaker } from './message.js'

export interface Load {
  /** Open sessions, greeted and logged in. */
  readonly sessions: readonly SmtpClient[]
  /** What the next message is to be. */
  readonly next: () => MessageMaker
  readonly log: ExchangeLog
}

/** When everything owed for a message must have arrived at the latest. */
const DRAIN_MS = 180_000

/**
 * Every session submits its next message when the last was accepted, as long as fewer than `window` messages are under way: the
 * system is always busy and its queue never long. For `ms`, or `most` messages, then until all is done. Resolves to
 * the messages per second that were done with before the last was submitted. Rejects if a message is refused.
 */
export async function saturate(load: Load, ms: number, window: number, most = Infinity): Promise<number> {
  const start = performance.now()
  const before = load.log.count
  const end = start + ms
  let begun = 0
  await Promise.all(
    load.sessions.map(async (session) => {
      while (performance.now() < end && begun++ < most) {
        await load.log.room(window, DRAIN_MS)
        await submit(load, session, performance.now())
      }
    }),
  )
  const rate = ((load.log.count - before) * 1000) / (performance.now() - start)
  await load.log.drained(DRAIN_MS)
  return rate
}

/**
 * Submits `perSecond` messages a second for `ms`, whatever the system makes of it. Each message counts from when it was due: one
 * that waits for a free session has begun to wait.
 */
export async function trickle(load: Load, ms: number, perSecond: number): Promise<void> {
  const start = performance.now()
  const total = Math.max(1, Math.round((ms / 1000) * perSecond))
  let next = 0
  await Promise.all(
    load.sessions.map(async (session) => {
      while (next < total) {
        const due = start + (next++ * 1000) / perSecond
        await until(due)
        await submit(load, session, due)
      }
    }),
  )
  await load.log.drained(DRAIN_MS)
}

/** Submits one message and waits for all that is owed for it. */
export async function submitOne(load: Load): Promise<void> {
  const [session] = load.sessions
  if (session === undefined) throw new Error('no session')
  await submit(load, session, performance.now())
  await load.log.drained(DRAIN_MS)
}

async function submit(load: Load, session: SmtpClient, start: number): Promise<void> {
  const { from, to, make } = load.next()
  const id = load.log.begin(start, to.length)
  const data = make(id)
  // One command at a time: replies to pipelined ones meet Nagle's algorithm in Haraka, and wait 40 ms for the client's ACK.
  expect(await session.command(`MAIL FROM:<${from}>`))
  for (const address of to) expect(await session.command(`RCPT TO:<${address}>`))
  expect(await session.command('DATA'))
  expect(await session.sendData(data))
  load.log.reach(id, 'accepted', performance.now())
}

function expect(reply: { readonly code: number; readonly lines: readonly string[] }): void {
  if (reply.code >= 400) throw new Error(`refused: ${reply.code} ${reply.lines.join(' ')}`)
}

function until(time: number): Promise<void> {
  const ms = time - performance.now()
  // A timer's clock has whole milliseconds, and may be up to one ahead: a message would begin before it is due.
  return ms <= 0 ? Promise.resolve() : new Promise((resolve) => setTimeout(resolve, Math.ceil(ms) + 1))
}
