import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readdir, rm, stat } from 'node:fs/promises'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { after, before, describe, test } from 'node:test'
import { isPecError } from '../../src/errors.js'
import { CrlCache, type CrlCacheOptions } from '../../src/smime/crl.js'
import {
  TAG,
  bitString,
  boolean,
  context,
  integer,
  nullValue,
  octetString,
  oid,
  sequence,
  time,
  tlv,
  contextTag,
} from '../../src/smime/der.js'
import { issueAuthority, issueRevocationList, type KeyAndCertificate } from '../../src/smime/issue.js'
import { parseCertificate } from '../../src/smime/certificate.js'
import { writeName } from '../../src/smime/name.js'
import { OID } from '../../src/smime/oids.js'
import { readPem } from '../../src/smime/pem.js'
import { isAbout, parseRevocationList } from '../../src/smime/revocation-list.js'
import { TrustStore } from '../../src/smime/trust.js'
import { slapdIsMissing, TestSlapd } from '../harness/slapd.js'
import { derOf, makeProvider, temporaryDirectory, writeFiles } from './fixtures.js'

const FROM = new Date('2026-01-01T00:00:00Z')

describe('revocation lists at hand', () => {
  let directory: string
  let authority: KeyAndCertificate
  let other: KeyAndCertificate
  const path = (name: string) => join(directory, name)
  const servers: { close(): void }[] = []

  before(async () => {
    directory = await temporaryDirectory()
    authority = await issueAuthority({ name: 'Prova CA', keyKind: 'p-256', from: FROM })
    other = await issueAuthority({ name: 'Altra CA', keyKind: 'p-256', from: FROM })
  })
  after(() => {
    for (const server of servers) server.close()
  })

  const list = (days: number, issuer = authority) =>
    issueRevocationList({ authority: issuer, revoked: [], from: new Date(FROM.getTime() + days * 86_400_000), days: 7 })
  const derList = (days: number) => readPem(Buffer.from(list(days)), 'X509 CRL')[0] ?? Buffer.alloc(0)
  const held = (crls: CrlCache) =>
    crls.listsOf(parseCertificate(derOf(authority)).subject).map((one) => one.thisUpdate.toISOString().slice(0, 10))
  const cacheOf = (sources: readonly string[], options: Partial<CrlCacheOptions> = {}) => {
    const events: string[] = []
    const clock = () => new Date('2026-06-01T00:00:00Z')
    return { events, crls: new CrlCache({ sources, clock, onEvent: (message) => events.push(message), ...options }) }
  }
  const serve = async (listener: RequestListener) => {
    const server = createServer(listener)
    server.listen(0, '127.0.0.1').unref()
    servers.push(server)
    await once(server, 'listening')
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}/list.crl`
  }

  test('come from files, PEM with several or DER, found by issuer', async () => {
    await writeFiles(directory, { 'several.pem': list(0) + list(1, other), 'one.crl': derList(2) })
    const { crls, events } = cacheOf([path('several.pem'), path('one.crl')])
    await crls.refresh()
    assert.deepEqual(held(crls), ['2026-01-01', '2026-01-03'])
    assert.deepEqual(events, [])
  })

  test('come over HTTP', async () => {
    const { crls } = cacheOf([await serve((_, response) => response.end(derList(3)))])
    await crls.refresh()
    assert.deepEqual(held(crls), ['2026-01-04'])
  })

  test('are there after a restart without the network, and nothing older takes their place', async () => {
    let answer: Buffer | undefined = derList(3)
    const source = await serve((_, response) => (answer === undefined ? response.destroy() : response.end(answer)))
    const copies = path('copies')
    const restarted = async () => {
      const { crls, events } = cacheOf([source], { copies })
      await crls.refresh()
      return { crls, events }
    }
    assert.deepEqual(held((await restarted()).crls), ['2026-01-04'])
    answer = undefined
    const { crls, events } = await restarted()
    assert.deepEqual(held(crls), ['2026-01-04'])
    assert.ok(crls.state()[0]?.readAt !== undefined && crls.state()[0]?.failure !== undefined)
    assert.match(events.join(), /cannot be read/)
    answer = derList(1)
    for (let turn = 0; turn < 2; turn++) assert.ok(held((await restarted()).crls).includes('2026-01-04'))
    answer = derList(5)
    await restarted()
    answer = undefined
    assert.deepEqual(held((await restarted()).crls), ['2026-01-06'])
    const [name = ''] = await readdir(copies)
    assert.equal((await stat(join(copies, name))).mode & 0o777, 0o600)
    await writeFiles(copies, { [name]: 'garbage' })
    const spoilt = await restarted()
    assert.deepEqual(held(spoilt.crls), [])
    assert.match(spoilt.events[0] ?? '', /the copy of revocation list .* cannot be read/)
  })

  test('come from an LDAP directory', { skip: slapdIsMissing }, async (t) => {
    const root = 'dn: dc=pec\nobjectClass: dcObject\nobjectClass: organization\no: pec\n'
    const base64 = derList(4).toString('base64')
    const point = 'dn: cn=CA\\, Prova,dc=pec\nobjectClass: cRLDistributionPoint\ncn: CA, Prova\n'
    const slapd = await TestSlapd.start({ ldif: `${root}\n${point}certificateRevocationList;binary:: ${base64}\n` })
    t.after(() => slapd.close())
    const dn = encodeURIComponent('cn=CA\\, Prova,dc=pec')
    const nobody = `${slapd.url}/cn=Nobody%2Cdc=pec`
    const { crls, events } = cacheOf([`${slapd.url}/${dn}?certificateRevocationList;binary?base`, nobody, 'ldap:///cn=CA'])
    await crls.refresh()
    assert.deepEqual(held(crls), ['2026-01-05'])
    assert.match(
      events.sort().join('\n'),
      /ldap:\/\/\/cn=CA cannot be read: .* no LDAP URL with a server\n.*Nobody%2Cdc=pec cannot be read/,
    )
  })

  test('are read anew, and the last good ones kept while that fails', async () => {
    await writeFiles(directory, { 'changing.pem': list(1) })
    const { crls, events } = cacheOf([path('changing.pem')])
    await crls.refresh()
    for (const broken of ['garbage', '', '<html>', '-----BEGIN X509 CRL-----\nMAA=\n-----END X509 CRL-----']) {
      await writeFiles(directory, { 'changing.pem': broken })
      await crls.refresh()
      assert.deepEqual(held(crls), ['2026-01-02'], broken)
    }
    await rm(path('changing.pem'))
    await crls.refresh()
    assert.deepEqual(held(crls), ['2026-01-02'])
    assert.match(events.join('\n'), /changing\.pem cannot be read: no revocation list in it[^]*cannot be read: ENOENT/)
    await writeFiles(directory, { 'changing.pem': list(2) })
    await crls.refresh()
    assert.deepEqual(held(crls), ['2026-01-03'])
    assert.match(events.at(-1) ?? '', /can be read again/)
  })

  test('go on when the log fails', async () => {
    await writeFiles(directory, { 'log.pem': list(1) })
    const onEvent = () => {
      throw new Error('log')
    }
    const { crls } = cacheOf([path('missing.pem'), path('log.pem')], { onEvent })
    await crls.refresh()
    assert.deepEqual(held(crls), ['2026-01-02'])
  })

  test('tell the same failure once', async () => {
    const { crls, events } = cacheOf([path('missing.pem')])
    await crls.refresh()
    await crls.refresh()
    assert.equal(events.length, 1)
  })

  test('do not step back: an older list beside the newer does not take its place', async () => {
    await writeFiles(directory, { 'back.pem': list(5) })
    const { crls } = cacheOf([path('back.pem')])
    await crls.refresh()
    await writeFiles(directory, { 'back.pem': list(4) })
    await crls.refresh()
    assert.deepEqual(held(crls).sort(), ['2026-01-05', '2026-01-06'])
    await writeFiles(directory, { 'back.pem': list(6) })
    await crls.refresh()
    assert.deepEqual(held(crls), ['2026-01-07'])
  })

  test('tell how old they are', async () => {
    await writeFiles(directory, { 'aged.pem': list(0) + list(1, other) })
    const { crls } = cacheOf([path('aged.pem'), path('missing.pem')])
    await crls.refresh()
    const [aged, missing] = crls.state()
    assert.equal(aged?.readAt?.toISOString(), '2026-06-01T00:00:00.000Z')
    assert.equal(aged.nextUpdate?.toISOString(), '2026-01-08T00:00:00.000Z')
    assert.equal(aged.failure, undefined)
    assert.equal(missing?.readAt, undefined)
    assert.match(missing?.failure ?? '', /ENOENT/)
  })

  const faults: Readonly<Record<string, readonly [RequestListener, RegExp]>> = {
    'another status': [(_, response) => response.writeHead(404).end(), /HTTP status 404/],
    'a redirect': [(_, response) => response.writeHead(302, { location: '/other' }).end(), /HTTP status 302/],
    'too many bytes': [(_, response) => response.end(Buffer.alloc(50_000)), /larger than 20000 bytes/],
    'something else': [(_, response) => response.end('<html>'), /no revocation list/],
    silence: [() => undefined, /timeout|abort/i],
    'a stop in the middle': [
      (_, response) => {
        response.writeHead(200, { 'content-length': '1000' })
        response.write('x', () => response.destroy())
      },
      /aborted|hang up|reset/i,
    ],
  }
  for (const [what, [listener, expected]] of Object.entries(faults)) {
    test(`over HTTP, ${what} is told and nothing more`, async () => {
      const { crls, events } = cacheOf([await serve(listener)], { timeout: 200, maxSize: 20_000 })
      await crls.refresh()
      assert.match(events.join('\n'), expected)
      assert.deepEqual(held(crls), [])
    })
  }

  test('over HTTP, a URL that is none is told', async () => {
    const { crls, events } = cacheOf(['http://'])
    await crls.refresh()
    assert.match(events.join('\n'), /Invalid URL/)
  })

  test('are refreshed on an interval until stopped', async () => {
    let count = 0
    const asked = () => count
    const url = await serve((_, response) => {
      count += 1
      response.end(derList(1))
    })
    const { crls } = cacheOf([url], { interval: 20 })
    await crls.start()
    assert.equal(asked(), 1)
    for (let i = 0; i < 100 && asked() < 3; i++) await sleep(10)
    assert.ok(asked() >= 3)
    crls.stop()
    await sleep(60)
    const stopped = asked()
    await sleep(60)
    assert.equal(asked(), stopped)
  })

  test('rounds that overlap are one', async () => {
    const count = { asked: 0 }
    const url = await serve((_, response) => {
      count.asked += 1
      setTimeout(() => response.end(derList(1)), 30)
    })
    const { crls } = cacheOf([url])
    await Promise.all([crls.refresh(), crls.refresh(), crls.refresh()])
    assert.equal(count.asked, 1)
  })

  test('follow the distribution points of certificates only if asked to', async () => {
    const url = await serve((_, response) => response.end(list(0)))
    const { provider } = await makeProvider({ authority, crlUrl: url, from: FROM })
    for (const [followDistributionPoints, status] of [
      [false, 'unknown'],
      [true, 'good'],
    ] as const) {
      const { crls } = cacheOf([], { followDistributionPoints })
      const trust = new TrustStore({ anchors: [derOf(authority)], crls, crlRequired: true })
      const judge = async () => (await trust.judge(derOf(provider), [], new Date('2026-01-02T00:00:00Z'))).status
      assert.equal(await judge(), 'unknown', 'nobody waits for the download')
      await sleep(100)
      assert.equal(await judge(), status)
    }
  })
})

describe('a revocation list that says more than which', () => {
  const NAME = writeName([{ type: OID.commonName, value: 'CA' }])
  const ALGORITHM = sequence(oid(OID.sha256WithRsa), nullValue())
  const extension = (id: string, value: Buffer, critical = true) => sequence(oid(id), boolean(critical), octetString(value))
  const listWith = (extensions: readonly Buffer[], entries: readonly Buffer[] = []) =>
    sequence(
      sequence(
        integer(1),
        ALGORITHM,
        NAME,
        time(FROM),
        ...(entries.length === 0 ? [] : [sequence(...entries)]),
        ...(extensions.length === 0 ? [] : [context(0, sequence(...extensions))]),
      ),
      ALGORITHM,
      bitString(Buffer.alloc(256)),
    )
  const point = (...parts: readonly Buffer[]) => extension(OID.issuingDistributionPoint, sequence(...parts))
  const flag = (number: number) => tlv(contextTag(number, 'primitive'), Buffer.of(0xff))

  const refused: Readonly<Record<string, () => Buffer>> = {
    'a delta': () => listWith([extension(OID.deltaCrlIndicator, integer(1))]),
    'an indirect one': () => listWith([point(flag(4))]),
    'one for attribute certificates': () => listWith([point(flag(5))]),
    'one for some reasons': () => listWith([point(tlv(contextTag(3, 'primitive'), Buffer.of(1, 0x80)))]),
    'one with an unknown critical extension': () => listWith([extension('1.2.3.4', nullValue())]),
    'one with an unknown critical extension of an entry': () =>
      listWith([], [sequence(integer(5), time(FROM), sequence(extension(OID.certificateIssuer, sequence())))]),
    'one cut short': () => listWith([]).subarray(0, -1),
    'one signed otherwise than it says': () =>
      sequence(sequence(integer(1), sequence(oid(OID.rsaPss)), NAME, time(FROM)), ALGORITHM, bitString(Buffer.alloc(256))),
  }
  for (const [what, make] of Object.entries(refused)) {
    test(`${what} is refused`, () => {
      assert.throws(
        () => parseRevocationList(make()),
        (error) => isPecError(error) && error.code === 'malformed',
      )
    })
  }

  test('entries with extensions that are not critical are read', () => {
    const reason = extension('2.5.29.21', tlv(TAG.enumerated, Buffer.of(1)), false)
    const { revoked, nextUpdate } = parseRevocationList(listWith([], [sequence(integer(5), time(FROM), sequence(reason))]))
    assert.deepEqual([...revoked], [['05', { at: FROM, reason: 1 }]])
    assert.equal(nextUpdate, undefined)
  })

  test('counts for the certificates it is about', async () => {
    const { authority, provider } = await makeProvider({ crlUrl: 'http://crl.test/1' })
    const leaf = parseCertificate(derOf(provider))
    const ca = parseCertificate(derOf(authority))
    const uri = (text: string) => context(0, context(0, tlv(contextTag(6, 'primitive'), Buffer.from(text))))
    const about = (parts: readonly Buffer[]) => {
      const parsed = { ...parseRevocationList(listWith(parts.length === 0 ? [] : [point(...parts)])), issuer: ca.subject }
      return [isAbout(parsed, leaf), isAbout(parsed, ca)]
    }
    assert.deepEqual(about([]), [true, true])
    assert.deepEqual(about([flag(1)]), [true, false])
    assert.deepEqual(about([flag(2)]), [false, true])
    assert.deepEqual(about([uri('http://crl.test/1')]), [true, false])
    assert.deepEqual(about([uri('http://crl.test/2')]), [false, false])
  })
})
