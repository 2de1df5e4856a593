import assert from 'node:assert/strict'
import { createServer, connect } from 'node:tls'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { before, describe, test } from 'node:test'
import { parseCertificate } from '../../src/smime/certificate.js'
import {
  issueAuthority,
  issueProviderCertificate,
  issueRevocationList,
  issueTlsCertificate,
  type KeyAndCertificate,
} from '../../src/smime/issue.js'
import { ADDRESS, NAME, derOf, openssl, run, temporaryDirectory, writeFiles } from './fixtures.js'

describe('an authority of one’s own', () => {
  let directory: string
  let root: KeyAndCertificate
  let issuing: KeyAndCertificate
  let provider: KeyAndCertificate
  const path = (name: string) => join(directory, name)
  const serialNumber = (owner: KeyAndCertificate) => parseCertificate(derOf(owner)).serialNumber.toString('hex')

  before(async () => {
    directory = await temporaryDirectory()
    root = await issueAuthority({ name: 'Radice', pathLength: 1 })
    issuing = await issueAuthority({
      name: 'Emittente',
      authority: root,
      permittedEmails: ['prova.test'],
      keyKind: 'p-256',
      pathLength: 0,
    })
    provider = await issueProviderCertificate({
      authority: issuing,
      providerName: NAME,
      address: ADDRESS,
      crlUrl: 'http://crl.prova.test/c',
    })
    await writeFiles(directory, {
      'root.pem': root.certificate,
      'issuing.pem': issuing.certificate,
      'provider.pem': provider.certificate,
    })
  })

  test('makes chains that openssl accepts for signing mail', async () => {
    const args = [
      '-purpose',
      'smimesign',
      '-x509_strict',
      '-CAfile',
      path('root.pem'),
      '-untrusted',
      path('issuing.pem'),
      path('provider.pem'),
    ]
    const judged = await run('openssl', 'verify', ...args)
    assert.ok(judged.ok, judged.output)
  })

  test('keeps to its name constraints, as openssl sees it', async () => {
    const foreign = await issueProviderCertificate({
      authority: issuing,
      providerName: NAME,
      address: 'p@altro.test',
      keyKind: 'p-256',
    })
    await writeFiles(directory, { 'foreign.pem': foreign.certificate })
    const judged = await run(
      'openssl',
      'verify',
      '-CAfile',
      path('root.pem'),
      '-untrusted',
      path('issuing.pem'),
      path('foreign.pem'),
    )
    assert.match(judged.output, /permitted subtree violation/)
  })

  test('gives providers the extensions of RFC 6109, critical as they must be', async () => {
    const text = await openssl('x509', '-in', path('provider.pem'), '-noout', '-text')
    assert.match(text, /Version: 3/)
    assert.match(text, /X509v3 Key Usage: critical\n\s+Digital Signature\n/)
    assert.match(text, new RegExp(`X509v3 Subject Alternative Name: \\n\\s+email:${ADDRESS}\\n`))
    assert.match(text, /X509v3 Subject Key Identifier: \n/)
    assert.match(text, /X509v3 Authority Key Identifier: \n/)
    assert.match(text, /E-mail Protection/)
    assert.match(text, /URI:http:\/\/crl\.prova\.test\/c/)
    assert.doesNotMatch(text, /Basic Constraints/)
  })

  test('revokes, as openssl sees it', async () => {
    const revoked = [{ serialNumber: serialNumber(provider), at: new Date(Date.now() - 1000) }]
    const files = {
      'empty.crl': issueRevocationList({ authority: issuing, revoked: [] }),
      'full.crl': issueRevocationList({ authority: issuing, revoked }),
    }
    await writeFiles(directory, files)
    const verify = (crl: string) =>
      run(
        'openssl',
        'verify',
        '-crl_check',
        '-CRLfile',
        path(crl),
        '-CAfile',
        path('root.pem'),
        '-untrusted',
        path('issuing.pem'),
        path('provider.pem'),
      )
    const before = await verify('empty.crl')
    assert.ok(before.ok, before.output)
    assert.match((await verify('full.crl')).output, /certificate revoked/)
  })

  test('makes TLS certificates for names and addresses that Node accepts', async () => {
    const owner = await issueTlsCertificate({ authority: root, hosts: ['mail.prova.test', '127.0.0.1', '::1', '2001:db8::5'] })
    const server = createServer({ key: owner.key, cert: owner.certificate }, (socket) => socket.end())
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    try {
      for (const options of [{ host: '127.0.0.1' }, { host: '127.0.0.1', servername: 'mail.prova.test' }]) {
        const socket = connect({ port, ca: root.certificate, ...options })
        await once(socket, 'secureConnect')
        assert.equal(socket.authorized, true)
        socket.destroy()
      }
    } finally {
      server.close()
    }
    await writeFiles(directory, { 'tls.pem': owner.certificate })
    const names = await openssl('x509', '-in', path('tls.pem'), '-noout', '-ext', 'subjectAltName')
    assert.match(names, /IP Address:127\.0\.0\.1, IP Address:0:0:0:0:0:0:0:1, IP Address:2001:DB8:0:0:0:0:0:5/)
  })

  test('never gives the same serial number twice', async () => {
    const again = await issueProviderCertificate({ authority: issuing, providerName: NAME, address: ADDRESS, keyKind: 'p-256' })
    assert.notEqual(serialNumber(again), serialNumber(provider))
  })
})
