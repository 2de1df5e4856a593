/**
 * How a process goes: sessions end between two messages, what is in hand is finished, and then what keeps the process alive is closed.
 * Haraka by itself would wait for idle clients until it kills them, and whatever else its process does.
 */
import constants from 'haraka-constants'

/** What leave-taking needs of Haraka's connection. */
export interface OpenSession {
  readonly transaction: unknown
  /** One of haraka-constants' connection.state. */
  readonly state: number
  readonly last_response: unknown
  respond(code: number, text: string, done: () => void): void
  disconnect(): void
}

export interface InHand {
  /** Whether something is still being done besides sessions. */
  isBusy(): boolean
  /** Closes what keeps the process alive. */
  close(): Promise<void>
}

const LOOK_MS = 250
/** A client that is silent for so long between two messages has no more to send now. */
const IDLE_MS = 1_000
/** After this, sessions end at the first look that finds them between two messages. */
const PATIENCE_MS = 10_000
/** RFC 5321 §3.8: the client connects again, and finds another process. */
const FAREWELL = '4.3.2 Closing the connection, please connect again'

/** Begins to go; returns at once. Calls `close` when two looks in a row have found nothing in hand. */
export function takeLeave(sessions: ReadonlySet<OpenSession>, inHand: InHand): void {
  const begun = performance.now()
  const silences = new Map<OpenSession, { readonly answer: unknown; readonly since: number }>()
  let quietLooks = 0
  const timer = setInterval(() => {
    const now = performance.now()
    for (const session of sessions) {
      const known = silences.get(session)
      const answer = session.last_response
      const silence = known !== undefined && known.answer === answer ? known : { answer, since: now }
      silences.set(session, silence)
      const isDue = now - silence.since >= IDLE_MS || now - begun >= PATIENCE_MS
      if (isDue && isBetweenMessages(session)) session.respond(421, FAREWELL, () => session.disconnect())
    }
    quietLooks = sessions.size === 0 && !inHand.isBusy() ? quietLooks + 1 : 0
    if (quietLooks < 2) return
    clearInterval(timer)
    void inHand.close()
  }, LOOK_MS)
}

function isBetweenMessages({ transaction, state }: OpenSession): boolean {
  return transaction === null && state === constants.connection.state.CMD
}
