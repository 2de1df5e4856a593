/**
 * The only place that knows Haraka's `next`. A hook of ours is an async function that returns a Reply; whatever goes wrong in it
 * ends in a temporary refusal: in Haraka a hook that throws at once counts as passed, and one that rejects ends the process.
 */
import constants from 'haraka-constants'
import DSN from 'haraka-dsn'
import { isPecError, reasonOf } from '../errors.js'
import type { Next, Plugin } from './types.js'

export interface Reply {
  readonly code: 'pass' | 'accept' | 'refuse' | 'defer' | 'hang-up' | 'delay'
  /** What the client is told; seconds for a delay; for get_mx, where to go. */
  readonly text?: unknown
  /** The reply codes, e.g. 530 5.7.0, where Haraka's own 550 and 450 are not the right ones. Not for the queue hooks: it ignores them there. */
  readonly status?: readonly [reply: number, subject: number, detail: number]
}

const CODES: Readonly<Record<Reply['code'], number>> = {
  pass: constants.cont,
  accept: constants.ok,
  refuse: constants.deny,
  defer: constants.denysoft,
  'hang-up': constants.denysoftdisconnect,
  delay: constants.delay,
}

export const PASS: Reply = { code: 'pass' }
export const ACCEPT: Reply = { code: 'accept' }

/** What a client is told of a failure of ours: the detail is in the log. */
const LATER = '4.3.0 The message cannot be handled now, please try again later'
const NEVER = '5.6.0 The message cannot be handled'

type Hook<T, P> = (this: Plugin, next: Next, object: T, params: P) => void

/**
 * Makes a Haraka hook of a decision. The decision never sees `next`; if it rejects, `otherwise` (by default a refusal: temporary
 * unless a PecError says it never will work) is the answer.
 */
export function hook<T, P = unknown>(
  decide: (this: Plugin, object: T, params: P) => Promise<Reply>,
  otherwise: (error: unknown) => Reply = refusalOf,
): Hook<T, P> {
  return function (next, object, params) {
    void answer(this, next, () => decide.call(this, object, params), otherwise)
  }
}

async function answer(
  plugin: Plugin,
  next: Next,
  decide: () => Promise<Reply>,
  otherwise: (error: unknown) => Reply,
): Promise<void> {
  let reply: Reply
  try {
    reply = await decide()
  } catch (error) {
    const line = `${reasonOf(error)}${isPecError(error) ? causeOf(error) : stackOf(error)}`
    // Without antivirus nothing goes through: that is for somebody to look at now.
    if (isPecError(error) && error.code === 'antivirus') plugin.logcrit(line)
    else plugin.logerror(line)
    reply = otherwise(error)
  }
  next(CODES[reply.code], wordsOf(reply))
}

function wordsOf({ text, status }: Reply): unknown {
  return status === undefined ? text : DSN.create(status[0], text, status[1], status[2])
}

/** A failure that will not pass is a refusal; a bug, and all else, is worth another try. */
function refusalOf(error: unknown): Reply {
  return isPecError(error) && !error.temporary ? { code: 'refuse', text: NEVER } : { code: 'defer', text: LATER }
}

function causeOf(error: Error): string {
  return error.cause === undefined ? '' : `: ${reasonOf(error.cause)}`
}

function stackOf(error: unknown): string {
  return error instanceof Error && error.stack !== undefined ? `\n${error.stack}` : ''
}
