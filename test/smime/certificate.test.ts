import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { before, describe, test } from 'node:test'
import fc from 'fast-check'
import { isPecError } from '../../src/errors.js'
import { checkProfile, parseCertificate } from '../../src/smime/certificate.js'
import { TAG, context, contextTag, elements, octetString, oid, onlyElement, sequence, tlv } from '../../src/smime/der.js'
import { issueAuthority, issueProviderCertificate, issueTlsCertificate, type KeyAndCertificate } from '../../src/smime/issue.js'
import { sameName, parseName, writeName, isWithin, formatName, isNamed } from '../../src/smime/name.js'
import { OID } from '../../src/smime/oids.js'
import { readPem } from '../../src/smime/pem.js'
import { anyKey, ADDRESS, NAME, derOf, makeProvider, openssl, temporaryDirectory } from './fixtures.js'

const HOLDER = { providerName: NAME, address: ADDRESS }

describe('a certificate', () => {
  let authority: KeyAndCertificate
  let provider: KeyAndCertificate

  before(async () => {
    ;({ authority, provider } = await makeProvider({
      crlUrl: 'http://crl.prova.test/crl.der',
      keyKind: 'rsa-2048',
      from: new Date('2026-01-01T00:00:00Z'),
      days: 365,
    }))
  })

  test('is read with all its facts', () => {
    const facts = parseCertificate(derOf(provider))
    assert.equal(facts.version, 3)
    assert.equal(facts.organization, NAME)
    assert.equal(facts.commonName, 'Posta Certificata')
    assert.deepEqual(facts.emails, [ADDRESS])
    assert.equal(facts.notBefore.toISOString(), '2026-01-01T00:00:00.000Z')
    assert.equal(facts.notAfter.toISOString(), '2027-01-01T00:00:00.000Z')
    assert.deepEqual([...(facts.keyUsage ?? [])], ['digitalSignature'])
    assert.deepEqual([...(facts.extendedKeyUsage ?? [])], [OID.emailProtection])
    assert.deepEqual(facts.distributionPoints, [{ form: 'uri', text: 'http://crl.prova.test/crl.der' }])
    assert.equal(facts.basicConstraints, undefined)
    const issuer = parseCertificate(derOf(authority))
    assert.ok(sameName(facts.issuer, issuer.subject))
    assert.deepEqual(facts.authorityKeyIdentifier, issuer.subjectKeyIdentifier)
    assert.equal(issuer.basicConstraints?.authority, true)
  })

  test('is read or is PecError malformed, whatever byte of it changes', () => {
    const der = derOf(provider)
    fc.assert(
      fc.property(fc.nat(der.length - 1), fc.integer({ min: 1, max: 255 }), (at, by) => {
        const altered = Buffer.from(der)
        altered.writeUInt8((altered.readUInt8(at) + by) % 256, at)
        try {
          parseCertificate(altered)
        } catch (error) {
          assert.ok(isPecError(error) && error.code === 'malformed')
        }
        assert.ok(Array.isArray(checkProfile(altered, HOLDER)))
      }),
      { numRuns: 1000 },
    )
  })

  test('is bounded: its bytes, the attributes of its names, its extensions, the names in one', () => {
    const name = (attributes: number) =>
      writeName(Array.from({ length: attributes }, (_, i) => ({ type: OID.commonName, value: `${i}` })))
    const extension = (id: string, value: Buffer) => sequence(oid(id), octetString(value))
    const unknown = (count: number, size = 0) =>
      Array.from({ length: count }, (_, i) => extension(`1.2.3.${i}`, Buffer.alloc(size)))
    const addresses = (count: number) =>
      Array.from({ length: count }, () => tlv(contextTag(1, 'primitive'), Buffer.from('p@prova.test')))
    const made = (subject: Buffer, extensions: readonly Buffer[]) => {
      const [tbs, ...rest] = elements(onlyElement(derOf(provider), TAG.sequence).content)
      const parts = elements(tbs?.content ?? Buffer.alloc(0)).map(({ bytes }) => bytes)
      const body = sequence(...parts.slice(0, 5), subject, ...parts.slice(6, 7), context(3, sequence(...extensions)))
      return sequence(body, ...rest.map(({ bytes }) => bytes))
    }
    const cases: readonly (readonly [Buffer, RegExp | undefined])[] = [
      [made(name(64), unknown(64)), undefined],
      [made(name(65), unknown(1)), /more than 64 elements/],
      [made(name(1), unknown(65)), /more than 64 elements/],
      [made(name(1), unknown(4, 15_000)), undefined],
      [made(name(1), unknown(4, 17_000)), /a certificate of 6\d{4} bytes/],
      [made(name(1), [extension(OID.subjectAltName, sequence(...addresses(2000)))]), undefined],
      [made(name(1), [extension(OID.subjectAltName, sequence(...addresses(2001)))]), /more than 2000 elements/],
    ]
    for (const [der, expected] of cases) {
      if (expected === undefined) assert.equal(parseCertificate(der).version, 3)
      else assert.throws(() => parseCertificate(der), expected)
    }
  })

  test('is found in PEM among other things, or alone in DER', () => {
    const file = Buffer.from(`${provider.key}\ntext\n${authority.certificate}${provider.certificate}`)
    assert.deepEqual(readPem(file, 'CERTIFICATE'), [derOf(authority), derOf(provider)])
    assert.deepEqual(readPem(derOf(provider), 'CERTIFICATE'), [derOf(provider)])
    assert.deepEqual(readPem(Buffer.from('text'), 'CERTIFICATE'), [])
  })
})

describe('the profile of a provider certificate', () => {
  let directory: string
  let authority: KeyAndCertificate

  before(async () => {
    directory = await temporaryDirectory()
    authority = await issueAuthority({ name: 'Prova CA', keyKind: 'p-256' })
  })

  test('is what issueProviderCertificate makes', async () => {
    const { provider } = await makeProvider({ authority, keyKind: 'rsa-2048', crlUrl: 'http://crl.prova.test/crl' })
    assert.deepEqual(checkProfile(derOf(provider), HOLDER), [])
    assert.deepEqual(checkProfile(derOf(provider), { providerName: NAME.toUpperCase(), address: ADDRESS.toUpperCase() }), [])
  })

  test('wants the name of the provider and the address', async () => {
    const { provider } = await makeProvider({ authority })
    const faults = checkProfile(derOf(provider), { providerName: 'Altro', address: 'posta-certificata@altro.test' }).join('\n')
    assert.match(faults, /neither CN nor O of the subject is the provider's name "Altro"/)
    assert.match(faults, /subjectAltName lacks the address posta-certificata@altro\.test/)
  })

  test('is not that of an authority, nor of a TLS server', async () => {
    const ofAuthority = checkProfile(derOf(authority), HOLDER).join('\n')
    assert.match(ofAuthority, /basicConstraints is present/)
    assert.match(ofAuthority, /keyUsage lacks digitalSignature/)
    const tls = await issueTlsCertificate({ authority, hosts: ['mail.prova.test'], keyKind: 'p-256' })
    assert.match(checkProfile(derOf(tls), HOLDER).join('\n'), /extendedKeyUsage lacks emailProtection/)
  })

  const SAN = `subjectAltName=email:${ADDRESS}`
  const KEY_IDENTIFIERS = ['subjectKeyIdentifier=hash', 'authorityKeyIdentifier=keyid:always']
  const USAGE = 'keyUsage=critical,digitalSignature'
  const cases: Readonly<Record<string, readonly [readonly string[], RegExp | undefined]>> = {
    'made by openssl': [[USAGE, SAN, ...KEY_IDENTIFIERS], undefined],
    'without keyUsage': [[SAN, ...KEY_IDENTIFIERS], /keyUsage is missing/],
    'with keyUsage not critical': [['keyUsage=digitalSignature', SAN, ...KEY_IDENTIFIERS], /keyUsage is not critical/],
    'with keyUsage for something else': [
      ['keyUsage=critical,keyEncipherment', SAN, ...KEY_IDENTIFIERS],
      /keyUsage lacks digitalSignature/,
    ],
    'with a critical subjectAltName': [
      [USAGE, `subjectAltName=critical,email:${ADDRESS}`, ...KEY_IDENTIFIERS],
      /extension 2\.5\.29\.17 is critical/,
    ],
    'without key identifiers': [
      [USAGE, SAN, 'subjectKeyIdentifier=none', 'authorityKeyIdentifier=none'],
      /authorityKeyIdentifier is missing\nsubjectKeyIdentifier is missing/,
    ],
    'with basicConstraints': [[USAGE, SAN, ...KEY_IDENTIFIERS, 'basicConstraints=CA:FALSE'], /basicConstraints is present/],
  }
  for (const [what, [extensions, expected]] of Object.entries(cases)) {
    test(`${what}: ${expected === undefined ? 'right' : 'told'}`, async () => {
      const out = join(directory, 'made.pem')
      const subject = ['-subj', `/O=${NAME}/CN=Posta Certificata`]
      const added = extensions.flatMap((extension) => ['-addext', extension])
      const base = ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-keyout', '/dev/null', '-config', '/dev/null']
      await openssl(...base, ...subject, ...added, '-out', out)
      const [der = Buffer.alloc(0)] = readPem(await readFile(out), 'CERTIFICATE')
      const faults = checkProfile(der, HOLDER).join('\n')
      if (expected === undefined) assert.equal(faults, '')
      else assert.match(faults, expected)
    })
  }

  test('wants RSA keys of 2048 bits', async () => {
    const out = join(directory, 'short.pem')
    const base = ['req', '-x509', ...anyKey(1024)]
    await openssl(...base, '-addext', USAGE, '-out', out)
    const [der = Buffer.alloc(0)] = readPem(await readFile(out), 'CERTIFICATE')
    assert.match(checkProfile(der, HOLDER).join('\n'), /1024 bits, fewer than 2048/)
  })

  test('cannot be found in something else', () => {
    assert.deepEqual(checkProfile(Buffer.from('no certificate'), HOLDER), ['the certificate cannot be read'])
  })
})

describe('names', () => {
  const name = (...attributes: readonly (readonly [string, string])[]) =>
    parseName(writeName(attributes.map(([type, value]) => ({ type, value }))))
  const IT = [OID.countryName, 'IT'] as const

  test('are the same without case and runs of spaces, whatever the kind of string', () => {
    const a = name(IT, [OID.organizationName, 'Gestore  di Prova'])
    assert.ok(sameName(a, name([OID.countryName, 'it'], [OID.organizationName, ' gestore di PROVA '])))
    const printable = Buffer.from(a.der.toString('latin1').replace('\x0c\x11Gestore', '\x13\x11Gestore'), 'latin1')
    assert.ok(!printable.equals(a.der) && isNamed(a, printable))
    assert.ok(!isNamed(a, Buffer.from('not a name')))
  })

  test('differ by value, type, order and length', () => {
    const a = name(IT, [OID.organizationName, 'A'])
    for (const other of [
      name(IT, [OID.organizationName, 'B']),
      name(IT, [OID.commonName, 'A']),
      name([OID.organizationName, 'A'], IT),
      name(IT),
      name(IT, [OID.organizationName, 'A'], [OID.commonName, 'C']),
    ]) {
      assert.ok(!sameName(a, other), formatName(other))
    }
  })

  test('stand within the names that they begin with', () => {
    const base = name(IT, [OID.organizationName, 'A'])
    assert.ok(isWithin(name(IT, [OID.organizationName, 'A'], [OID.commonName, 'C']), base))
    assert.ok(isWithin(base, base))
    assert.ok(!isWithin(name(IT), base))
    assert.ok(!isWithin(name(IT, [OID.organizationName, 'AB']), base))
  })

  test('are told in the usual way', () => {
    assert.equal(formatName(name(IT, [OID.organizationName, 'Società'])), 'C=IT, O=Società')
  })
})

test('issueProviderCertificate is usable for keys of every kind', async () => {
  const authority = await issueAuthority({ name: 'RSA CA', keyKind: 'rsa-2048' })
  for (const keyKind of ['rsa-2048', 'p-256'] as const) {
    const made = await issueProviderCertificate({ authority, providerName: NAME, address: ADDRESS, keyKind })
    assert.deepEqual(checkProfile(derOf(made), HOLDER), [])
  }
})
