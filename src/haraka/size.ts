/** What a session says of the size of messages, before there is one. Beyond the ceiling there is no notice. RFC 1870, RFC 6109 §3.1.2 */
import { PASS, type Reply } from './hook.js'
import type { Connection } from './types.js'

/** What Haraka answers a client with. */
export interface Responding {
  respond(code: number, text: unknown, done?: () => void): void
}

const TOO_LARGE: Reply = { code: 'refuse', status: [552, 3, 4], text: 'The message is too large' }

/** In answer to EHLO: ours, in place of the one that Haraka has for all listeners. */
export function announceSize({ capabilities }: Pick<Connection, 'capabilities'>, limit: number): void {
  const position = capabilities.findIndex((capability) => capability.startsWith('SIZE '))
  if (position !== -1) capabilities[position] = `SIZE ${limit}`
}

/** MAIL with what the client says of the size. */
export function mayBeThisLarge({ SIZE: announced }: Readonly<Record<string, unknown>>, limit: number): Reply {
  return Number(announced ?? 0) > limit ? TOO_LARGE : PASS
}

/** QUIRK: of what is beyond [max] bytes of connection.ini Haraka says 550, without asking any hook that could say it better. */
export function sayTooLarge(connection: Responding): void {
  const respond = connection.respond.bind(connection)
  connection.respond = (code, text, done) => {
    if (code === 550 && text === HARAKA_TOO_LARGE) respond(552, `5.3.4 ${String(TOO_LARGE.text)}`, done)
    else respond(code, text, done)
  }
}

const HARAKA_TOO_LARGE = 'Message too big!'
