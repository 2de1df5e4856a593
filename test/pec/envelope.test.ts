import assert from 'node:assert/strict'
import { before, describe, test } from 'node:test'
import { parseEntity } from '../../src/mail/entity.js'
import { allValues, firstValue, parseHeader, type Header } from '../../src/mail/header.js'
import { fromBuffer, readAll, slice } from '../../src/mail/source.js'
import { composeAnomalyEnvelope, composeTransportEnvelope, prepareOriginal, type SignedEnvelope } from '../../src/pec/envelope.js'
import { openPecMessage, readCertified } from '../../src/pec/message.js'
import { momentOf } from '../../src/pec/moment.js'
import { makeIssuer, type TestIssuer } from './issuer.js'
import { crlf } from './messages.js'

const moment = momentOf(new Date('2024-11-05T09:00:00Z'))

let issuer: TestIssuer
before(async () => {
  issuer = await makeIssuer()
})

async function transport(submitted: Buffer): Promise<SignedEnvelope> {
  const original = await prepareOriginal(fromBuffer(submitted), 'pec1@gestore.test')
  const { identifier, clientMessageId, replyTo, subject } = original
  const recipients = [{ address: 'livia@altro.test', type: 'certified' as const }]
  const message = { identifier, clientMessageId, sender: 'ugo@gestore.test', recipients, replyTo, subject }
  return composeTransportEnvelope({ message, original, moment }, issuer)
}

const anomaly = (received: Buffer, sender = 'ugo@altro.test'): Promise<SignedEnvelope> =>
  composeAnomalyEnvelope({ received: fromBuffer(received), moment, sender, recipients: ['a@b.test'], faults: ['prova'] }, issuer)

async function headerOf({ message }: SignedEnvelope): Promise<Header> {
  return (await parseEntity(message)).header
}

describe('a transport envelope', () => {
  const submitted = crlf(
    'Received: one\n\tfolded\nRETURN-PATH: <ugo@gestore.test>\nReceived: two\nFrom: ugo@gestore.test\nReply-To: r@s.test\n' +
      'To: livia@altro.test,\n\t Due <livia@altro.test>\nBcc:\nSubject: Prova\nX-Ricevuta: accettazione\nMessage-ID: <1@c.test>\n\nciao\n',
  )

  test('says where the original stands in it', async () => {
    const { message, original } = await transport(submitted)
    const prepared = await prepareOriginal(fromBuffer(submitted), 'pec1@gestore.test')
    assert.deepEqual(await readAll(slice(message, original.start, original.end)), await readAll(prepared.source))
  })

  test('is a correct one to a receiver', async () => {
    const { message, original, daticert, messageId } = await transport(submitted)
    const verdict = await readCertified(await openPecMessage(message))
    assert.ok(verdict.correct)
    assert.equal(verdict.kind, 'transport')
    assert.deepEqual(verdict.original, original)
    assert.deepEqual(verdict.daticert, daticert)
    assert.equal(verdict.data.identifier, messageId)
  })

  test('copies Received, Return-Path, To and Reply-To byte for byte and nothing else', async () => {
    const header = await headerOf(await transport(submitted))
    const raw = (name: string): string =>
      header.fields
        .filter((field) => field.name.toLowerCase() === name)
        .map((field) => field.raw.toString())
        .join('')
    assert.equal(raw('received'), 'Received: one\r\n\tfolded\r\nReceived: two\r\n')
    assert.equal(raw('return-path'), 'RETURN-PATH: <ugo@gestore.test>\r\n')
    assert.equal(raw('to'), 'To: livia@altro.test,\r\n\t Due <livia@altro.test>\r\n')
    assert.equal(raw('reply-to'), 'Reply-To: r@s.test\r\n')
    assert.equal(raw('x-ricevuta') + raw('bcc'), '')
    assert.equal(firstValue(header, 'From'), '"Per conto di: ugo@gestore.test" <posta-certificata@gestore.test>')
    assert.equal(firstValue(header, 'Date'), moment.rfc5322)
    assert.equal(firstValue(header, 'X-TipoRicevuta'), 'completa')
  })

  test('ends with the original as it stands, whatever its last bytes', async () => {
    for (const tail of ['', 'x', '\r\n', '\r\n\r\n', '--', '\r\n--=_']) {
      const { message, original } = await transport(Buffer.concat([submitted, Buffer.from(tail)]))
      assert.equal((await readAll(slice(message, original.start, original.end))).toString().endsWith(`ciao\r\n${tail}`), true)
      assert.equal((await readCertified(await openPecMessage(message))).correct, true)
    }
  })

  test('lets no field of the original add a field to its own header', async () => {
    const hostile = Buffer.from(
      'From: ugo@gestore.test\r\nTo: livia@altro.test\nX-Ricevuta: accettazione\rX-Mittente: x\r\nCc: a@b.test\0c\r\n' +
        'Subject: =?utf-8?q?a=0D=0AX-Ricevuta:_accettazione?=\r\nMessage-ID: <1@c\nX-Ricevuta: a>\r\n\r\nciao\r\n',
    )
    const bytes = await readAll((await transport(hostile)).message)
    const section = bytes.subarray(0, bytes.indexOf('\r\n\r\n') + 2)
    assert.doesNotMatch(section.toString('latin1').replace(/\r\n/g, ''), /[\0\r\n]/)
    assert.deepEqual(allValues(parseHeader(section), 'X-Ricevuta'), [])
  })

  test('keeps its lines within 998 octets for a Subject without spaces and a To on one line', async () => {
    const to = Array.from({ length: 100 }, (_, index) => `utente${index}@altro.test`).join(', ')
    const long = crlf(`From: ugo@gestore.test\nTo: ${to}\nSubject: ${'x'.repeat(60_000)}\n\nciao\n`)
    const { message } = await transport(long)
    for (const line of (await readAll(message)).toString('latin1').split('\r\n')) assert.ok(line.length <= 998)
  })
})

describe('an anomaly envelope', () => {
  const received = crlf(
    'Received: one\nFrom: Ugo <ugo@altro.test>\nTo: a@b.test\nSubject: Prova\nMessage-ID: <1@c.test>\n\nciao\n',
  )

  test('carries the message whole, under its Message-ID, and no certification data', async () => {
    const { message, messageId, original, daticert } = await anomaly(received)
    assert.deepEqual(await readAll(slice(message, original.start, original.end)), received)
    assert.equal(messageId, '1@c.test')
    assert.equal(daticert, undefined)
    const { header, parts } = await parseEntity(message)
    assert.equal(firstValue(header, 'X-Trasporto'), 'errore')
    assert.equal(firstValue(header, 'Reply-To'), 'ugo@altro.test')
    assert.deepEqual(
      parts[0]?.parts.map(({ type, name }) => [type, name]),
      [
        ['text/plain', undefined],
        ['message/rfc822', 'postacert.eml'],
      ],
    )
  })

  test('gets a Message-ID of our own where the message has none', async () => {
    const { message, messageId } = await anomaly(crlf('To: a@b.test\n\nciao'))
    assert.match(messageId, /@gestore\.test$/)
    assert.equal(firstValue((await parseEntity(message)).header, 'Message-ID'), `<${messageId}>`)
  })

  test('names the author where the reverse path is empty, and says so where nobody is known', async () => {
    const from = async (envelope: Promise<SignedEnvelope>) => firstValue(await headerOf(await envelope), 'From')
    assert.match((await from(anomaly(received, ''))) ?? '', /^"Per conto di: ugo@altro\.test" /)
    assert.match((await from(anomaly(crlf('To: a@b.test\n\n'), ''))) ?? '', /^"Per conto di: mittente sconosciuto" /)
  })
})
