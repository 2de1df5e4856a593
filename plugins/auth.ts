/** AUTH PLAIN and LOGIN for our users, on the submission listeners, under TLS only (A1). */
import { reasonOf } from '../src/errors.js'
import { theGateway } from '../src/haraka/gateway.js'
import { hook, PASS } from '../src/haraka/hook.js'
import { roleOf } from '../src/haraka/session.js'
import { tellAuthentication } from '../src/haraka/telling.js'
import type { Connection, Plugin } from '../src/haraka/types.js'

const METHODS = ['PLAIN', 'LOGIN']

interface AuthPlugin extends Plugin {
  blankout_password: boolean
}

export function register(this: AuthPlugin): void {
  this.timeout = 0
  this.inherits('auth/auth_base')
  // The password does not stay in the connection's notes.
  this.blankout_password = true
}

export const hook_capabilities = hook<Connection>((connection) => {
  if (connection.tls.enabled && roleOf(connection, theGateway().config) === 'submission') {
    connection.capabilities.push(`AUTH ${METHODS.join(' ')}`)
    connection.notes['allowed_auth_methods'] = METHODS
  }
  return Promise.resolve(PASS)
})

type Verdict = (matches: boolean, reply?: { readonly code: number; readonly message: string }) => void

/**
 * The credentials are right but insufficient (RFC 4954 §6): a mail program shows this text and asks for another password. 534 would let
 * it try another mechanism.
 */
const CHANGE_FIRST = {
  code: 535,
  message: '5.7.8 This password is temporary: choose your own first, la password va prima cambiata',
}

/** Called by auth_base; whether the mailbox may send is asked at MAIL. */
export function check_plain_passwd(this: Plugin, connection: Connection, user: string, password: string, verdict: Verdict): void {
  authenticate(user, password).then(
    (outcome) => {
      const matches = outcome === 'passed'
      connection.lognotice(this, `authentication of ${JSON.stringify(user)} from ${connection.remote.ip}: ${outcome}`)
      tellAuthentication(connection, user, matches, theGateway().watching.watch)
      verdict(matches, outcome === 'temporary password' ? CHANGE_FIRST : undefined)
    },
    (error: unknown) => {
      this.logerror(`authentication is not possible now: ${reasonOf(error)}`)
      verdict(false, { code: 454, message: '4.7.0 Temporary authentication failure' })
    },
  )
}

type Outcome = 'passed' | 'failed' | 'temporary password'

async function authenticate(user: string, password: string): Promise<Outcome> {
  const mailbox = await theGateway().house.directory.authenticate(user, password)
  if (mailbox === undefined || mailbox.state === 'closed') return 'failed'
  return mailbox.temporary ? 'temporary password' : 'passed'
}
