// Which mailboxes client certificates open (A1).
import assert from 'node:assert/strict'
import { before, test } from 'node:test'
import { markOf, parseMark } from '../../src/directory/certificate-marks.js'
import { ClientCertificates } from '../../src/directory/client-certificates.js'
import type { OwnMailbox } from '../../src/directory/own-directory.js'
import { PecError } from '../../src/errors.js'
import {
  issueAuthority,
  issueProviderCertificate,
  issueUserCertificate,
  type KeyAndCertificate,
  type UserRequest,
} from '../../src/smime/issue.js'
import { readPem } from '../../src/smime/pem.js'
import { TrustStore } from '../../src/smime/trust.js'

const ANNA = 'anna@pec-a.test'
const BRUNO = 'bruno@pec-a.test'
const SHARED = 'protocollo@pec-a.test'
const NOW = new Date()

const derOf = ({ certificate }: KeyAndCertificate): Buffer => readPem(Buffer.from(certificate), 'CERTIFICATE')[0] ?? assert.fail()

let authority: KeyAndCertificate
let anna: Buffer
let nameless: Buffer

const issued = async (addresses: readonly string[], more: Partial<UserRequest> = {}): Promise<Buffer> =>
  derOf(await issueUserCertificate({ authority, name: 'Anna', addresses, keyKind: 'p-256', ...more }))

before(async () => {
  authority = await issueAuthority({ name: 'Utenti', keyKind: 'p-256', from: new Date(NOW.getTime() - 90 * 86_400_000) })
  ;[anna, nameless] = await Promise.all([issued([ANNA]), issued([])])
})

/** A directory of these mailboxes, each with its marks; `alias@` is Anna's. */
function certificatesOf(marks: Readonly<Record<string, readonly string[]>>, now = NOW): ClientCertificates {
  const mailboxes = Object.entries(marks).map(([address, certificates]): OwnMailbox => ({
    ...{ address, state: 'active', quotaBytes: undefined, certificates },
    kind: address === SHARED ? 'shared' : 'individual',
  }))
  const find = (address: string) => mailboxes.find((each) => each.address === address.replace('alias@', 'anna@').toLowerCase())
  return new ClientCertificates({
    trust: new TrustStore({
      ...{ anchors: [derOf(authority)], crls: undefined, crlRequired: false },
      purpose: 'client authentication',
    }),
    directory: {
      mailbox: (address) => Promise.resolve(find(address)),
      mailboxesOfCertificate: (mark) =>
        Promise.resolve(mailboxes.filter(({ certificates }) => certificates?.includes(mark) === true)),
    },
    clock: () => now,
  })
}

const opened = async (certificates: ClientCertificates, certificate: Buffer, login = ''): Promise<string> => {
  const { mailbox, refusal } = await certificates.open(certificate, login)
  return mailbox?.address ?? refusal ?? assert.fail()
}

test('a certificate that names an address opens its mailbox, if that takes it', async () => {
  const certificates = certificatesOf({ [ANNA]: ['address'], [BRUNO]: ['address'] })
  for (const login of ['', ANNA, 'ALIAS@pec-a.test']) assert.equal(await opened(certificates, anna, login.toLowerCase()), ANNA)
  assert.equal(await opened(certificates, await issued(['Alias@PEC-A.test'.toLowerCase()])), ANNA)
  for (const login of [BRUNO, 'nobody@pec-a.test', '*'])
    assert.equal(await opened(certificates, anna, login), 'it is not registered for the mailbox')
  for (const other of [nameless, await issued(['x@elsewhere.test'])])
    assert.match(await opened(certificates, other), /not registered/)
  assert.match(await opened(certificatesOf({ [ANNA]: [] }), anna), /not registered/)
})

test('a certificate opens the mailbox that has its fingerprint, whatever it names', async () => {
  const certificates = certificatesOf({ [ANNA]: [], [BRUNO]: [markOf(nameless), markOf(anna)] })
  assert.equal(await opened(certificates, nameless), BRUNO)
  assert.equal(await opened(certificates, anna, BRUNO), BRUNO)
  assert.match(await opened(certificates, anna, ANNA), /not registered/)
})

test('of several mailboxes the login must name one', async () => {
  const certificates = certificatesOf({ [ANNA]: ['address'], [BRUNO]: [markOf(anna)] })
  assert.match(await opened(certificates, anna), /several mailboxes/)
  assert.equal(await opened(certificates, anna, BRUNO), BRUNO)
})

test('nobody opens a shared mailbox with a certificate alone', async () => {
  const certificates = certificatesOf({ [SHARED]: [markOf(anna)] })
  assert.match(await opened(certificates, anna, SHARED), /operators/)
})

test('a certificate must be of our authority, valid and for it', async () => {
  const stranger = await issueAuthority({ name: 'Utenti', keyKind: 'p-256' })
  const old = new Date(NOW.getTime() - 60 * 86_400_000)
  const mail = await issueProviderCertificate({ authority, providerName: 'x', address: ANNA, keyKind: 'p-256' })
  for (const [certificate, words] of [
    [await issued([ANNA], { authority: stranger }), /not signed|no authority/],
    [await issued([ANNA], { from: old, days: 30 }), /expired at/],
    [await issued([ANNA], { from: new Date(NOW.getTime() + 86_400_000) }), /valid from/],
    [derOf(mail), /not for client authentication/],
    [Buffer.from('no certificate'), /cannot be read/],
  ] as const) {
    const certificates = certificatesOf({ [ANNA]: ['address', markOf(certificate)] })
    for (const login of ['', ANNA]) assert.match(await opened(certificates, certificate, login), words)
  }
})

test('beside a password it must be one of that mailbox', async () => {
  const [mailbox, bruno] = [ANNA, BRUNO].map((address): OwnMailbox => ({
    ...{ address, state: 'active', kind: 'individual', quotaBytes: undefined, certificates: ['address'] },
  })) as [OwnMailbox, OwnMailbox]
  const certificates = certificatesOf({ [ANNA]: ['address'], [BRUNO]: ['address'] })
  assert.equal(await certificates.refusalFor(anna, mailbox), undefined)
  assert.match((await certificates.refusalFor(anna, bruno)) ?? '', /not registered/)
  assert.match((await certificates.refusalFor(undefined, mailbox)) ?? '', /shown no certificate/)
  assert.match((await certificates.refusalFor(Buffer.from('x'), mailbox)) ?? '', /cannot be read/)
})

test('a directory that is away lets nobody in', async () => {
  const away = new PecError('directory', 'away', { temporary: true })
  const certificates = new ClientCertificates({
    trust: { judge: () => Promise.resolve({ trusted: true, status: 'good', reason: '' }) },
    directory: { mailbox: () => Promise.reject(away), mailboxesOfCertificate: () => Promise.reject(away) },
    clock: () => NOW,
  })
  for (const login of ['', ANNA]) await assert.rejects(certificates.open(anna, login), { code: 'directory' })
})

test('marks are fingerprints as programs write them, or the word', () => {
  const hex = 'AB'.repeat(32)
  const colons = hex.match(/../g)?.join(':') ?? ''
  for (const text of [`sha256:${hex}`, `SHA256:${colons}`]) assert.equal(parseMark(text), `sha256:${hex.toLowerCase()}`)
  assert.equal(parseMark('Address'), 'address')
  for (const text of ['', 'sha256:', `sha256:${hex}0`, `sha256:${hex.slice(2)}`, hex, 'sha1:00', '*'])
    assert.equal(parseMark(text), undefined, text)
})
