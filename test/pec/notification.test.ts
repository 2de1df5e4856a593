import assert from 'node:assert/strict'
import { before, test } from 'node:test'
import fc from 'fast-check'
import { decodedBody, decodedText, parseEntity } from '../../src/mail/entity.js'
import { decodeWords } from '../../src/mail/encoded-word.js'
import { firstValue, headerBytes } from '../../src/mail/header.js'
import { fromBuffer, slice } from '../../src/mail/source.js'
import { readCertification, type CertifiedMessage } from '../../src/pec/certification.js'
import { openPecMessage, readCertified } from '../../src/pec/message.js'
import { momentOf } from '../../src/pec/moment.js'
import { composeNotification, type Occurrence } from '../../src/pec/notification.js'
import { oneLine } from '../../src/pec/one-line.js'
import { verifyDetached } from '../../src/smime/verify.js'
import { makeIssuer, type TestIssuer } from './issuer.js'
import { makeAll } from './messages.js'

const moment = momentOf(new Date('2024-11-05T09:00:00Z'))
const MESSAGE: CertifiedMessage = {
  identifier: 'pec1@gestore.test',
  clientMessageId: '<1@client.test>',
  sender: 'ugo@gestore.test',
  recipients: [{ address: 'livia@altro.test', type: 'certified' }],
  replyTo: 'ugo@gestore.test',
  subject: 'Prova',
}

let issuer: TestIssuer
before(async () => {
  issuer = await makeIssuer(new Date('2024-01-01T00:00:00Z'))
})

const compose = (occurrence: Occurrence, message = MESSAGE) => composeNotification({ message, moment, occurrence }, issuer)

test('every kind is correct to a receiver, is signed, and repeats its certification data', async () => {
  const { messages } = await makeAll(issuer, moment.date)
  for (const [name, { message, daticert, signature }] of messages) {
    if (name === 'anomaly') continue
    const opened = await openPecMessage(message)
    assert.ok(opened.signed?.form === 'detached', name)
    assert.deepEqual(opened.signed.signature, signature)
    const verified = await verifyDetached(opened.signed.content, signature)
    assert.ok(verified.valid, name)
    assert.deepEqual(verified.signingTime, moment.date)
    const verdict = await readCertified(opened)
    assert.ok(verdict.correct, `${name}: ${JSON.stringify(verdict)}`)
    assert.equal(verdict.kind, opened.claimed)
    assert.deepEqual(verdict.daticert, daticert)
  }
})

test('goes to the sender, or from provider to provider to the service mailbox', async () => {
  const service = { serviceMailbox: 'ricevute@altro.test' }
  const cases: readonly (readonly [Occurrence, string])[] = [
    [{ kind: 'acceptance' }, 'ugo@gestore.test'],
    [{ kind: 'take-charge', takenInCharge: ['livia@altro.test'], ...service }, 'ricevute@altro.test'],
    [{ kind: 'virus-detection', recipient: 'livia@altro.test', errorDetail: 'EICAR', ...service }, 'ricevute@altro.test'],
  ]
  for (const [occurrence, to] of cases) {
    const { header } = await parseEntity((await compose(occurrence)).message)
    assert.equal(firstValue(header, 'To'), to)
    assert.equal(firstValue(header, 'From'), issuer.address)
    assert.equal(firstValue(header, 'X-Mittente'), occurrence.kind === 'virus-detection' ? 'ugo@gestore.test' : undefined)
  }
})

test('without a Message-ID of the client there is no X-Riferimento-Message-ID and no msgid', async () => {
  const { message, daticert } = await compose({ kind: 'acceptance' }, { ...MESSAGE, clientMessageId: undefined })
  assert.equal(firstValue((await parseEntity(message)).header, 'X-Riferimento-Message-ID'), undefined)
  assert.doesNotMatch(daticert?.toString() ?? '', /msgid/)
})

test('only the notice of 24 hours has an error and the code 5.4.1', async () => {
  for (const [hours, error, detail] of [
    [12, 'none', undefined],
    [24, 'other', /^5\.4\.1 - Gestore S\.p\.A\. - ./],
  ] as const) {
    const { daticert } = await compose({ kind: 'time-limit', recipient: 'livia@altro.test', hours })
    const verdict = readCertification(daticert ?? Buffer.alloc(0))
    assert.ok(verdict.ok)
    assert.equal(verdict.data.error, error)
    if (detail === undefined) assert.equal(verdict.data.errorDetail, undefined)
    else assert.match(verdict.data.errorDetail ?? '', detail)
  }
})

test('carries the copy of the original byte for byte', async () => {
  const original = fromBuffer(Buffer.from('From: a@b.test\r\n\r\n--=_x\r\n \r\n\r\n'))
  const occurrence = {
    kind: 'delivery',
    recipient: 'livia@altro.test',
    requested: 'complete',
    form: 'complete',
    original,
  } as const
  const { message } = await compose(occurrence)
  const verdict = await readCertified(await openPecMessage(message))
  assert.ok(verdict.correct && verdict.original !== undefined)
  const copy = slice(message, verdict.original.start, verdict.original.end)
  assert.deepEqual(await copy.read(0, copy.size), await original.read(0, original.size))
})

test('values from outside, however hostile, stay where they belong', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.string({ unit: 'binary', maxLength: 80 }),
      fc.string({ unit: 'binary', maxLength: 80 }),
      async (subject, detail) => {
        const { message } = await compose(
          { kind: 'non-acceptance', error: 'other', errorDetail: detail },
          { ...MESSAGE, subject },
        )
        const { header, parts } = await parseEntity(message)
        assert.equal(header.fields.length, 9)
        assert.match(headerBytes(header).toString('latin1').replace(/\r\n/g, ''), /^[\t -~]*$/)
        assert.equal(
          oneLine(decodeWords(firstValue(header, 'Subject') ?? '')),
          oneLine(`AVVISO DI NON ACCETTAZIONE: ${oneLine(subject)}`),
        )
        const [text, xml] = parts[0]?.parts ?? []
        assert.ok(text !== undefined && xml !== undefined)
        assert.equal((await decodedText(message, text, 10_000)).split('\r\n').length, 11)
        const verdict = readCertification(await decodedBody(message, xml, 100_000))
        assert.ok(verdict.ok)
        assert.deepEqual([verdict.data.subject, verdict.data.errorDetail], [oneLine(subject), oneLine(detail)])
      },
    ),
    { numRuns: 60 },
  )
})

test('rejects as temporary when the key cannot be used', async () => {
  const failing = {
    ...issuer.signer,
    sign: () => Promise.reject(Object.assign(new Error('away'), { code: 'signer', temporary: true })),
  }
  await assert.rejects(
    composeNotification({ message: MESSAGE, moment, occurrence: { kind: 'acceptance' } }, { ...issuer, signer: failing }),
    { code: 'signer', temporary: true },
  )
})
