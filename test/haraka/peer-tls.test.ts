import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { TlsPolicy } from '../../src/config/peers.js'
import { keepTo, type TlsSetup } from '../../src/haraka/peer-tls.js'
import type { QueuedMail } from '../../src/haraka/types.js'

const AUTHORITIES = Buffer.from('PEM')
const ROUTED = { exchange: '127.0.0.1', port: 4025 }

/** Haraka's outbound TLS as it is: a `servername` where it knows the host's name, and a `ca` that is only a name. */
function harakaSetup(): TlsSetup {
  return {
    get_tls_options: (mx) => {
      const { from_dns } = mx as { readonly from_dns?: string }
      return { ca: 'tls_ca.pem', ...(from_dns === undefined ? {} : { servername: from_dns }) }
    },
  }
}

interface Attempt {
  readonly forced: boolean
  readonly options: Record<string, unknown>
}

/** The steps of Haraka's outbound/hmail.js: try_deliver, then the answer to STARTTLS. */
function attempt(policy: TlsPolicy, mx: object, setup = harakaSetup(), authorities: Buffer | undefined = AUTHORITIES): Attempt {
  const mail = { force_tls: false, get_force_tls: () => false } as unknown as QueuedMail & { force_tls: boolean }
  keepTo({ policy, authorities }, mail, setup)
  mail.force_tls = mail.get_force_tls(mx)
  const forced = mail.force_tls
  const options = setup.get_tls_options(mx)
  if (mail.force_tls) options['rejectUnauthorized'] = true
  return { forced, options }
}

test('encryption that is required is forced, and the certificate not judged', () => {
  const { forced, options } = attempt('required', { ...ROUTED })
  assert.equal(forced, true)
  assert.equal(options['rejectUnauthorized'], false)
})

test('a certificate to be verified is judged by our authorities, for the address of a static route', () => {
  const { forced, options } = attempt('verified', { ...ROUTED })
  assert.equal(forced, true)
  assert.deepEqual(options, { rejectUnauthorized: true, ca: AUTHORITIES, host: '127.0.0.1' })
})

test('a certificate to be verified is judged for the name that the DNS gave', () => {
  const { options } = attempt('verified', { exchange: '192.0.2.1', from_dns: 'mx.pec-b.test' })
  assert.equal(options['servername'], 'mx.pec-b.test')
  assert.equal(options['host'], undefined)
})

test('without authorities of our own those of Node.js judge', () => {
  const setup: TlsSetup = { get_tls_options: () => ({}) }
  const mail = {} as unknown as QueuedMail
  const mx = { ...ROUTED }
  keepTo({ policy: 'verified', authorities: undefined }, mail, setup)
  mail.get_force_tls(mx)
  assert.equal('ca' in setup.get_tls_options(mx), false)
})

test('optional encryption, and other connections of the same process, are left to Haraka', () => {
  const setup = harakaSetup()
  attempt('verified', { ...ROUTED }, setup)
  const { forced, options } = attempt('optional', { ...ROUTED }, setup)
  assert.equal(forced, false)
  assert.deepEqual(options, { ca: 'tls_ca.pem' })
})
