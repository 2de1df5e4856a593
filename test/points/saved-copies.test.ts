/** What a message proves as mail programs save it, in pieces, or as a file that is none. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { fromBuffer, fromFile, readAll } from '../../src/mail/source.js'
import { isPecError } from '../../src/errors.js'
import { examine, type Evidence } from '../../src/points/evidence.js'
import type { ProviderIndex } from '../../src/points/ports.js'
import { readIndex } from '../../src/providers/provider-index.js'
import { crlf, makeAll } from '../pec/messages.js'
import { bytesOf, makeKnownProvider, type KnownProvider } from './known-provider.js'

const FROM = new Date('2019-01-01T00:00:00Z')
const SIGNED = new Date('2019-06-01T10:00:00Z')
const NOW = new Date('2025-03-01T00:00:00Z')

let provider: KnownProvider
let index: ProviderIndex
let messages: ReadonlyMap<string, Buffer>
const folder = mkdtempSync(join(tmpdir(), 'pec-evidence-'))
after(() => rmSync(folder, { recursive: true }))

before(async () => {
  provider = await makeKnownProvider(FROM, 365, 'altro.test')
  index = readIndex(provider.index).index
  messages = await bytesOf(provider, SIGNED)
})

function bytes(name: string): Buffer {
  const found = messages.get(name)
  assert.ok(found)
  return found
}

const codes = ({ findings }: Evidence): string[] => findings.map(({ code }) => code)

describe('a copy as mail programs save it', () => {
  const withLf = (message: Buffer): Buffer => Buffer.from(message.toString('latin1').replaceAll('\r\n', '\n'), 'latin1')

  const onTop = Buffer.from('Return-Path: <a@b.test>\nDelivered-To: c@d.test\n')
  const mbox = Buffer.from('From posta-certificata@gestore.test Sat Jun  1 10:00:00 2019\n')

  test('is intact with LF line ends, below an mbox line and more fields', async () => {
    const lf = withLf(bytes('delivery-complete'))
    for (const copy of [lf, Buffer.concat([onTop, lf]), Buffer.concat([mbox, onTop, lf])]) {
      const evidence = await examine(fromBuffer(copy), { now: NOW, index })
      assert.deepEqual(codes(evidence), [])
      assert.equal(evidence.integrity, 'intact')
      assert.ok(evidence.lineEndsCompleted)
    }
    const altered = Buffer.from(lf.toString('latin1').replace('Ricevuta di', 'Ricevuta Di'), 'latin1')
    assert.equal((await examine(fromBuffer(altered), { now: NOW })).integrity, 'altered')
  })

  test('is intact with CRLF below fields that end in LF, whichever field comes first', async () => {
    for (const first of ['X-Ricevuta', 'From', 'Content-Type', 'Message-ID']) {
      const message = bytes('acceptance').toString('latin1')
      const field = new RegExp(`^${first}:.*\\r\\n(?:[ \\t].*\\r\\n)*`, 'm').exec(message)?.[0] ?? assert.fail(first)
      const copy = Buffer.concat([mbox, onTop, Buffer.from(field + message.replace(field, ''), 'latin1')])
      const evidence = await examine(fromBuffer(copy), { now: NOW, index })
      assert.deepEqual(codes(evidence), [], first)
      assert.equal(evidence.integrity, 'intact')
    }
  })

  test('has its line ends left alone where the signature holds over them', async () => {
    const withLoneFeed = Buffer.concat([bytes('acceptance'), Buffer.from('added by a list\n')])
    const evidence = await examine(fromBuffer(withLoneFeed), { now: NOW })
    assert.equal(evidence.integrity, 'intact')
    assert.equal(evidence.lineEndsCompleted, false)
  })

  test('is read from a file larger than what is held in memory', async () => {
    const attachment = 'QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVphYmNkZWZnaGlqa2xtbm9wcXJzdHV2d3h5eg==\n'.repeat(30_000)
    const submitted = crlf(`From: ugo@gestore.test\nTo: livia@altro.test\nSubject: s\n\n${attachment}`)
    const { message } = (await makeAll(provider.issuer, SIGNED, submitted)).messages.get('transport') ?? assert.fail()
    const path = join(folder, 'large.eml')
    writeFileSync(path, withLf(await readAll(message)))
    const evidence = await examine(await fromFile(path), { now: NOW, index })
    assert.deepEqual(codes(evidence), [])
    assert.equal(
      evidence.enclosures.original?.message.size,
      submitted.length + Buffer.byteLength('Message-ID: <pec20241105090000aa@gestore.test>\r\n'),
    )
  })
})

describe('the pieces of a message', () => {
  test('are the original with its identifiers, the certification data and the signature', async () => {
    const all = await makeAll(provider.issuer, SIGNED)
    const { message, daticert, signature } = all.messages.get('transport') ?? assert.fail()
    const { enclosures } = await examine(message, { now: NOW })
    assert.deepEqual(enclosures.certification, daticert)
    assert.deepEqual(enclosures.signature, signature)
    assert.equal(enclosures.original?.messageId, all.message.identifier)
    assert.equal(enclosures.original.subject, all.message.subject)
    assert.equal(enclosures.original.claimed, undefined)
  })

  test('tell a message in a message for what it claims to be', async () => {
    const { messages: outer } = await makeAll(provider.issuer, SIGNED, bytes('transport'))
    const anomaly = outer.get('anomaly')?.message ?? assert.fail()
    const evidence = await examine(anomaly, { now: NOW, index })
    assert.deepEqual(codes(evidence), [])
    assert.equal(evidence.enclosures.original?.claimed, 'transport')
    const inner = await examine(evidence.enclosures.original.message, { now: NOW, index })
    assert.equal(inner.integrity, 'intact')
    assert.deepEqual(codes(inner), [])
  })
})

describe('hostile and ordinary files', () => {
  const deep = (levels: number): string =>
    levels === 0
      ? 'Content-Type: text/plain\r\n\r\nx'
      : `Content-Type: multipart/mixed; boundary=b${levels}\r\n\r\n--b${levels}\r\n${deep(levels - 1)}\r\n--b${levels}--`
  const UNSIGNED: Readonly<Record<string, string>> = {
    'nothing at all': '',
    'ordinary mail': 'From: a@b.test\r\nSubject: s\r\n\r\nciao\r\n',
    'a receipt that nobody signed': 'From: a@b.test\r\nX-Ricevuta: accettazione\r\n\r\nciao\r\n',
    bytes: '\x00\xff\xfe\r\n'.repeat(1000),
    'parts nested too deep': `Content-Type: multipart/signed; boundary=o\r\n\r\n--o\r\n${deep(40)}\r\n--o\r\n\r\nx\r\n--o--\r\n`,
    'too many parts': `Content-Type: multipart/signed; boundary=o\r\n\r\n${'--o\r\n\r\n\r\n'.repeat(5000)}--o--\r\n`,
  }

  for (const [name, text] of Object.entries(UNSIGNED)) {
    test(`${name} is unsigned`, async () => {
      const evidence = await examine(fromBuffer(Buffer.from(text, 'latin1')), { now: NOW, index })
      assert.equal(evidence.integrity, 'unsigned')
      assert.deepEqual(codes(evidence), ['unsigned'])
      assert.equal(evidence.kind, name === 'a receipt that nobody signed' ? 'acceptance' : undefined)
    })
  }

  test('a header without end is refused by name', async () => {
    for (const line of ['X-A: b\r\n', 'X-A: b\n']) {
      const endless = fromBuffer(Buffer.from(line.repeat(300_000)))
      await assert.rejects(examine(endless, { now: NOW }), (error) => isPecError(error) && error.code === 'malformed')
    }
  })

  test('a signature that is none is not taken for no signature', async () => {
    const text =
      'Content-Type: multipart/signed; boundary=o\r\n\r\n--o\r\n\r\nx\r\n--o\r\nContent-Type: application/pkcs7-signature\r\n\r\nx\r\n--o--\r\n'
    const evidence = await examine(fromBuffer(Buffer.from(text)), { now: NOW })
    assert.equal(evidence.integrity, 'altered')
    assert.deepEqual(codes(evidence), ['malformed'])
  })
})
