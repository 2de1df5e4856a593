/**
 * TLS towards other providers. RFC 6109 §5.3 asks for it between providers; Haraka knows it as opportunistic or, for hosts listed
 * in tls.ini, as forced with a certificate that must verify. What lies between, encryption forced and the certificate not judged
 * (the messages are signed), is made here out of Haraka's own switch.
 */
import { isIP } from 'node:net'
import type { TlsPolicy } from '../config/peers.js'
import type { QueuedMail } from './types.js'

export interface TlsSetup {
  get_tls_options(mx: unknown): Record<string, unknown>
}

export interface PeerTls {
  readonly policy: TlsPolicy
  /** PEM; undefined for those of Node.js. */
  readonly authorities: Buffer | undefined
}

/** Connections under way that must be encrypted. */
const underWay = new WeakMap<object, PeerTls & { readonly mail: QueuedMail }>()
const prepared = new WeakSet<TlsSetup>()

/** Whether the connection to this exchange must be encrypted. */
export function mustEncrypt(mx: unknown): boolean {
  return typeof mx === 'object' && mx !== null && underWay.has(mx)
}

/** Makes this delivery attempt keep to the policy. `setup` is Haraka's outbound TLS. */
export function keepTo(tls: PeerTls, mail: QueuedMail, setup: TlsSetup): void {
  if (tls.policy === 'optional') return
  prepare(setup)
  mail.get_force_tls = (mx) => {
    if (typeof mx === 'object' && mx !== null) underWay.set(mx, { ...tls, mail })
    return true
  }
}

/** Haraka asks for the options once STARTTLS has been accepted. */
function prepare(setup: TlsSetup): void {
  if (prepared.has(setup)) return
  prepared.add(setup)
  const original = setup.get_tls_options.bind(setup)
  setup.get_tls_options = (mx) => {
    const options = original(mx)
    const tls = typeof mx === 'object' && mx !== null ? underWay.get(mx) : undefined
    if (tls?.policy === 'required') Object.assign(options, withoutJudgement(tls.mail))
    if (tls?.policy === 'verified') Object.assign(options, judgedBy(tls.authorities, mx as Exchange, options))
    return options
  }
}

/**
 * Haraka sets rejectUnauthorized where TLS is forced; from here on the connection is encrypted or fails, so that lifting the force
 * lifts the judgement of the certificate only.
 */
function withoutJudgement(mail: QueuedMail): Record<string, unknown> {
  Object.assign(mail, { force_tls: false })
  return { rejectUnauthorized: false }
}

interface Exchange {
  readonly exchange?: unknown
}

/**
 * Haraka hands a `ca` of tls.ini to Node.js by its name, not its contents. And Node.js holds the certificate against servername,
 * else against host, else against localhost: a static route to an address has neither.
 */
function judgedBy(
  authorities: Buffer | undefined,
  { exchange }: Exchange,
  options: Record<string, unknown>,
): Record<string, unknown> {
  const isAddress = typeof exchange === 'string' && isIP(exchange) !== 0
  return {
    ...(authorities === undefined ? {} : { ca: authorities }),
    ...(isAddress && options['servername'] === undefined ? { host: exchange } : {}),
  }
}
