/** Our readers against pkijs's, which are too slow for strangers' certificates but read the same standards. */
import assert from 'node:assert/strict'
import { randomInt } from 'node:crypto'
import { describe, test } from 'node:test'
import * as asn1js from 'asn1js'
import * as pkijs from 'pkijs'
import { parseCertificate, type Certificate } from '../../src/smime/certificate.js'
import { issueAuthority, issueProviderCertificate, issueRevocationList, issueTlsCertificate } from '../../src/smime/issue.js'
import { readPem } from '../../src/smime/pem.js'
import { parseRevocationList, type RevocationList } from '../../src/smime/revocation-list.js'
import { ADDRESS, NAME, derOf } from './fixtures.js'

const bytes = (view: ArrayBuffer | Uint8Array) => Buffer.from(new Uint8Array(view)).toString('hex')

const structureOf = (certificate: Certificate) => ({
  version: certificate.version,
  serialNumber: certificate.serialNumber.toString('hex'),
  issuer: certificate.issuer.der.toString('hex'),
  subject: certificate.subject.der.toString('hex'),
  types: certificate.subject.attributes.map(({ type }) => type),
  notBefore: certificate.notBefore.getTime(),
  notAfter: certificate.notAfter.getTime(),
  signed: certificate.signature.signed.toString('hex'),
  signature: certificate.signature.value.toString('hex'),
  extensions: [...certificate.extensions].map(([id, { critical, value }]) => [id, critical, value.toString('hex')]),
})

function pkijsStructureOf(der: Buffer): ReturnType<typeof structureOf> {
  const certificate = pkijs.Certificate.fromBER(der)
  return {
    version: certificate.version + 1,
    serialNumber: bytes(certificate.serialNumber.valueBlock.valueHexView),
    issuer: bytes(certificate.issuer.valueBeforeDecode),
    subject: bytes(certificate.subject.valueBeforeDecode),
    types: certificate.subject.typesAndValues.map(({ type }): string => type),
    notBefore: certificate.notBefore.value.getTime(),
    notAfter: certificate.notAfter.value.getTime(),
    signed: bytes(certificate.tbsView),
    signature: bytes(certificate.signatureValue.valueBlock.valueHexView),
    extensions: (certificate.extensions ?? []).map(({ extnID, critical, extnValue }) => [
      extnID,
      critical,
      bytes(extnValue.valueBlock.valueHexView),
    ]),
  }
}

/** What the extensions say. */
const meaningOf = (certificate: Certificate) => ({
  names: certificate.subjectAltNames.length,
  emails: certificate.emails,
  authority: certificate.basicConstraints?.authority,
  pathLength: certificate.basicConstraints?.pathLength,
  purposes: certificate.extendedKeyUsage && [...certificate.extendedKeyUsage],
  permitted: certificate.nameConstraints?.permitted.map((name) => (name.form === 'email' ? name.text : '')),
})

function pkijsMeaningOf(der: Buffer): ReturnType<typeof meaningOf> {
  const { extensions = [] } = pkijs.Certificate.fromBER(der)
  const find = <T>(kind: abstract new (...parameters: never[]) => T): T | undefined =>
    extensions.map(({ parsedValue }): unknown => parsedValue).find((value): value is T => value instanceof kind)
  const constraints = find(pkijs.BasicConstraints)
  const names = find(pkijs.AltName)?.altNames ?? []
  const pathLength = constraints?.pathLenConstraint
  return {
    names: names.length,
    emails: names.flatMap(({ type, value }) => (type === 1 ? [String(value)] : [])),
    authority: constraints?.cA,
    pathLength: pathLength instanceof asn1js.Integer ? pathLength.valueBlock.valueDec : pathLength,
    purposes: find(pkijs.ExtKeyUsage)?.keyPurposes,
    permitted: find(pkijs.NameConstraints)?.permittedSubtrees?.map(({ base }) => String(base.value)),
  }
}

const listOf = ({ issuer, thisUpdate, nextUpdate, revoked, signature }: RevocationList) => ({
  issuer: issuer.der.toString('hex'),
  thisUpdate: thisUpdate.getTime(),
  nextUpdate: nextUpdate?.getTime(),
  revoked: [...revoked].map(([serialNumber, { at }]) => [serialNumber, at.getTime()]),
  signed: signature.signed.toString('hex'),
})

function pkijsListOf(der: Buffer): ReturnType<typeof listOf> {
  const list = pkijs.CertificateRevocationList.fromBER(der)
  return {
    issuer: bytes(list.issuer.valueBeforeDecode),
    thisUpdate: list.thisUpdate.value.getTime(),
    nextUpdate: list.nextUpdate?.value.getTime(),
    revoked: (list.revokedCertificates ?? []).map(({ userCertificate, revocationDate }) => [
      bytes(userCertificate.valueBlock.valueHexView),
      revocationDate.value.getTime(),
    ]),
    signed: bytes(list.tbsView),
  }
}

/** Whether both read it; then they must have read the same. */
function agree<T>(der: Buffer, ours: (der: Buffer) => T, theirs: (der: Buffer) => T): boolean {
  let expected: T
  let read: T
  try {
    read = ours(der)
    expected = theirs(der)
  } catch {
    // Ours is the stricter one, but pkijs also looks into public keys, which we leave to OpenSSL.
    return false
  }
  assert.deepEqual(read, expected, der.toString('base64'))
  return true
}

describe('pkijs reads what we read', () => {
  const make = async () => {
    const authority = await issueAuthority({ name: 'Prova CA', keyKind: 'p-256', pathLength: 1, permittedEmails: ['prova.test'] })
    const common = { authority, keyKind: 'p-256' } as const
    const provider = await issueProviderCertificate({
      ...common,
      providerName: NAME,
      address: ADDRESS,
      crlUrl: 'http://crl.test/',
    })
    const tls = await issueTlsCertificate({ ...common, hosts: ['prova.test', '::1'], days: 20_000 })
    const at = new Date('2026-01-02T03:04:05Z')
    const revoked = ['00', '7f', '80', 'ff00'].map((serialNumber) => ({ serialNumber, at }))
    const [list = Buffer.alloc(0)] = readPem(Buffer.from(issueRevocationList({ authority, revoked })), 'X509 CRL')
    return { certificates: [authority, provider, tls].map(derOf), list }
  }

  test('of certificates and revocation lists', async () => {
    const { certificates, list } = await make()
    for (const der of certificates) {
      assert.ok(agree(der, (one) => structureOf(parseCertificate(one)), pkijsStructureOf))
      assert.ok(agree(der, (one) => meaningOf(parseCertificate(one)), pkijsMeaningOf))
    }
    assert.ok(agree(list, (one) => listOf(parseRevocationList(one)), pkijsListOf))
  })

  test('also when bytes of them change', async () => {
    const { certificates, list } = await make()
    let read = 0
    for (let i = 0; i < 600; i++) {
      const isList = i % 4 === 3
      const altered = Buffer.from(isList ? list : (certificates[i % 4] ?? list))
      altered.writeUInt8(randomInt(256), randomInt(altered.length))
      const agreed = isList
        ? agree(altered, (one) => listOf(parseRevocationList(one)), pkijsListOf)
        : agree(altered, (one) => structureOf(parseCertificate(one)), pkijsStructureOf)
      if (agreed) read += 1
    }
    assert.ok(read > 100, `${read} of 600 could be read`)
  })
})
