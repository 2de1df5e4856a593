/**
 * TLS towards other providers. RFC 6109 §5.3 asks for it between providers; Haraka knows it as opportunistic or, for hosts listed
 * in tls.ini, as forced with a certificate that must verify. What lies between, encryption forced and the certificate not judged
 * (the messages are signed), is made here out of Haraka's own switch.
 */
import type { TlsPolicy } from '../config.js'
import type { QueuedMail } from './types.js'

export interface TlsSetup {
  get_tls_options(mx: unknown): Record<string, unknown>
}

/** Connections under way whose certificate is not to be judged. */
const unjudged = new WeakMap<object, QueuedMail>()
const prepared = new WeakSet<TlsSetup>()

/** Makes this delivery attempt keep to the policy. `setup` is Haraka's outbound TLS. */
export function keepTo(policy: TlsPolicy, mail: QueuedMail, setup: TlsSetup): void {
  if (policy === 'optional') return
  if (policy === 'verified') {
    mail.get_force_tls = () => true
    return
  }
  prepare(setup)
  mail.get_force_tls = (mx) => {
    if (typeof mx === 'object' && mx !== null) unjudged.set(mx, mail)
    return true
  }
}

/**
 * Haraka asks for the options once STARTTLS has been accepted and then sets rejectUnauthorized where TLS is forced; from there
 * on the connection is encrypted or fails, so that lifting the force lifts the judgement of the certificate only.
 */
function prepare(setup: TlsSetup): void {
  if (prepared.has(setup)) return
  prepared.add(setup)
  const original = setup.get_tls_options.bind(setup)
  setup.get_tls_options = (mx) => {
    const options = original(mx)
    const mail = typeof mx === 'object' && mx !== null ? unjudged.get(mx) : undefined
    if (mail !== undefined) {
      Object.assign(mail, { force_tls: false })
      options['rejectUnauthorized'] = false
    }
    return options
  }
}
