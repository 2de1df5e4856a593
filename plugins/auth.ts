/** AUTH PLAIN, LOGIN and EXTERNAL for our users, on the submission listeners, under TLS only (A1). */
import constants from 'haraka-constants'
import type { Opening } from '../src/directory/client-certificates.js'
import { reasonOf } from '../src/errors.js'
import { certificateOf } from '../src/haraka/certificate-login.js'
import { askForLogin, beginning, EXTERNAL, isAwaited, takeLogin, type Responding } from '../src/haraka/external.js'
import { theGateway } from '../src/haraka/gateway.js'
import { hook, PASS } from '../src/haraka/hook.js'
import { mayAuthenticate, roleOf } from '../src/haraka/session.js'
import { tellAuthentication } from '../src/haraka/telling.js'
import type { Connection, Next, Plugin } from '../src/haraka/types.js'

const PASSWORDS = ['PLAIN', 'LOGIN']
const BASE = 'auth/auth_base'

/** What this plugin has of Haraka's auth_base. */
interface AuthPlugin extends Plugin {
  blankout_password: boolean
  readonly base: Readonly<Record<typeof BASE, Base>>
  check_user(next: Next, connection: Connection, credentials: readonly [user: string, secret: Secret], method: 'PLAIN'): void
}

/** What it has overridden. */
interface Base {
  hook_unrecognized_command(this: AuthPlugin, next: Next, connection: Connection, params: readonly string[]): void
  select_auth_method(this: AuthPlugin, next: Next, connection: Connection, command: string): void
}

/** A password, or what the client's certificate opens; undefined if nobody can tell now. */
type Secret = string | { readonly opening: Opening | undefined }

export function register(this: AuthPlugin): void {
  this.timeout = 0
  this.inherits(BASE)
  // The password does not stay in the connection's notes.
  this.blankout_password = true
}

/** EXTERNAL only to those who have shown a certificate. RFC 4422 appendix A */
export const hook_capabilities = hook<Connection>((connection) => {
  const { config } = theGateway()
  if (connection.tls.enabled && roleOf(connection, config) === 'submission') {
    const mayOpen = config.clientCertificates?.login === 'allowed' && certificateOf(connection) !== undefined
    const methods = mayOpen ? [...PASSWORDS, EXTERNAL] : PASSWORDS
    connection.capabilities.push(`AUTH ${methods.join(' ')}`)
    connection.notes['allowed_auth_methods'] = methods
  }
  return Promise.resolve(PASS)
})

export function hook_unrecognized_command(this: AuthPlugin, next: Next, connection: Responding, params: readonly string[]): void {
  if (isAwaited(connection)) takeLogin(next, connection, params.join(' ').trim(), openWith(this, next, connection))
  else this.base[BASE].hook_unrecognized_command.call(this, next, connection, params)
}

/** Called by auth_base for AUTH, which takes it at any time. */
export function select_auth_method(this: AuthPlugin, next: Next, connection: Responding, command: string): void {
  if (!mayAuthenticate(connection)) {
    connection.respond(503, '5.5.1 Not now, or not again', () => next(constants.ok))
    return
  }
  const begun = beginning(command, connection)
  if (begun === undefined) this.base[BASE].select_auth_method.call(this, next, connection, command)
  else if (begun.initial === undefined) askForLogin(next, connection)
  else takeLogin(next, connection, begun.initial, openWith(this, next, connection))
}

/** Hands auth_base the mailbox that the certificate opens, as the user who has authenticated. */
function openWith(plugin: AuthPlugin, next: Next, connection: Connection): (login: string) => void {
  return (login) => {
    const [certificate, { certificates }] = [certificateOf(connection), theGateway()]
    const refused: Opening = { refusal: 'there is none' }
    const opened = certificate === undefined ? undefined : certificates?.open(certificate, login)
    Promise.resolve(opened ?? refused)
      .catch((error: unknown) => {
        plugin.logerror(`authentication is not possible now: ${reasonOf(error)}`)
        return undefined
      })
      .then((opening) => {
        const user = opening?.mailbox?.address ?? (login === '' ? 'that of the certificate' : login)
        plugin.check_user(next, connection, [user, { opening }], 'PLAIN')
      })
      .catch((error: unknown) => plugin.logcrit(`an authentication was broken off: ${reasonOf(error)}`))
  }
}

type Verdict = (matches: boolean, reply?: { readonly code: number; readonly message: string }) => void

const NOT_NOW = { code: 454, message: '4.7.0 Temporary authentication failure' }

/**
 * Refusals that have words of their own. Where the credentials are right but insufficient (RFC 4954 §6) a mail program shows these texts
 * and asks for another password; 534 would let it try another mechanism.
 */
const REFUSALS = {
  'too many failures': {
    code: 454,
    message: '4.7.0 Too many wrong passwords: wait a quarter of an hour, troppe password errate',
  },
  'temporary password': {
    code: 535,
    message: '5.7.8 This password is temporary: choose your own first, la password va prima cambiata',
  },
  'certificate missing': {
    code: 535,
    message: '5.7.8 A client certificate of this mailbox is needed, serve un certificato della casella',
  },
} as const

interface Outcome {
  readonly outcome: 'passed' | 'failed' | keyof typeof REFUSALS
  /** What was wrong with the client's certificate. */
  readonly fault?: string
}

/** Called by auth_base; whether the mailbox may send is asked at MAIL. */
export function check_plain_passwd(this: Plugin, connection: Connection, user: string, secret: Secret, verdict: Verdict): void {
  if (typeof secret !== 'string' && secret.opening === undefined) {
    verdict(false, NOT_NOW)
    return
  }
  const outcome = typeof secret === 'string' ? authenticate(connection, user, secret) : Promise.resolve(outcomeOf(secret.opening))
  outcome.then(
    ({ outcome, fault }) => {
      const passed = outcome === 'passed'
      const why = fault === undefined ? '' : `, client certificate: ${fault}`
      connection.lognotice(this, `authentication of ${JSON.stringify(user)} from ${connection.remote.ip}: ${outcome}${why}`)
      tellAuthentication(connection, { user, passed, fault }, theGateway().watching.watch)
      verdict(passed, outcome === 'passed' || outcome === 'failed' ? undefined : REFUSALS[outcome])
    },
    (error: unknown) => {
      this.logerror(`authentication is not possible now: ${reasonOf(error)}`)
      verdict(false, NOT_NOW)
    },
  )
}

function outcomeOf(opening: Opening | undefined): Outcome {
  if (opening?.mailbox === undefined) return { outcome: 'failed', ...(opening === undefined ? {} : { fault: opening.refusal }) }
  return { outcome: opening.mailbox.state === 'closed' ? 'failed' : 'passed' }
}

async function authenticate(connection: Connection, user: string, password: string): Promise<Outcome> {
  const { house, config, certificates, provider, failedLogins } = theGateway()
  const { ip } = connection.remote
  if (!failedLogins.mayTry(user, ip)) return { outcome: 'too many failures' }
  const mailbox = await house.directory.authenticate(user, password)
  if (mailbox === undefined) failedLogins.add(user, ip)
  if (mailbox === undefined || mailbox.state === 'closed') return { outcome: 'failed' }
  if (mailbox.temporary) return { outcome: 'temporary password' }
  const { login, exempt } = config.clientCertificates ?? {}
  if (login !== 'required' || exempt?.has(mailbox.address) === true) return { outcome: 'passed' }
  const own = await provider.directory.mailbox(mailbox.address)
  if (own === undefined || certificates === undefined) return { outcome: 'failed' }
  const fault = await certificates.refusalFor(certificateOf(connection), own)
  return fault === undefined ? { outcome: 'passed' } : { outcome: 'certificate missing', fault }
}
