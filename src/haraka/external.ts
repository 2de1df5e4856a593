/**
 * The exchange of AUTH EXTERNAL on top of Haraka's auth_base, which knows passwords only: the client names a login, or leaves that to its
 * certificate. What comes of it goes back to auth_base as credentials, and so through the same answers and delays. RFC 4954 §4
 */
import constants from 'haraka-constants'
import { readExternal } from './certificate-login.js'
import type { Connection, Next } from './types.js'

export const EXTERNAL = 'EXTERNAL'

/** A connection that we answer ourselves. */
export interface Responding extends Connection {
  respond(code: number, text: string, then: () => void): void
}

/** Whether the line that came is the client's answer in this exchange. */
export function isAwaited({ notes }: Connection): boolean {
  return notes['authenticating'] === true && notes['auth_method'] === EXTERNAL
}

/** The initial response of this command (undefined without one) if it begins the exchange, and may. */
export function beginning(command: string, { notes }: Connection): { readonly initial: string | undefined } | undefined {
  const [method = '', initial] = command.trim().split(/\s+/)
  const allowed = notes['allowed_auth_methods']
  const may = Array.isArray(allowed) && allowed.includes(EXTERNAL) && notes['authenticating'] !== true
  return may && method.toUpperCase() === EXTERNAL ? { initial } : undefined
}

/** Asks for the login; the next line is the answer. */
export function askForLogin(next: Next, connection: Responding): void {
  Object.assign(connection.notes, { authenticating: true, auth_method: EXTERNAL })
  connection.respond(334, ' ', () => next(constants.ok))
}

/** Takes the answer; `log in` gets the login, '' for that of the certificate. */
export function takeLogin(next: Next, connection: Responding, answer: string, logIn: (login: string) => void): void {
  connection.notes['authenticating'] = false
  const login = readExternal(answer)
  if (login !== undefined) logIn(login)
  else connection.respond(501, answer === '*' ? '5.7.0 Given up' : '5.5.2 Not an answer to EXTERNAL', () => next(constants.ok))
}
