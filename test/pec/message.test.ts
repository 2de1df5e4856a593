import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { before, describe, test } from 'node:test'
import fc from 'fast-check'
import { parseEntity } from '../../src/mail/entity.js'
import { concatenate, fromBuffer, readAll, type Source } from '../../src/mail/source.js'
import { openPecMessage, readCertified, type FormalFaultKind, type OpenedMessage } from '../../src/pec/message.js'
import { makeIssuer } from './issuer.js'
import { crlf, makeAll } from './messages.js'

let made: ReadonlyMap<string, string>
before(async () => {
  const { messages } = await makeAll(await makeIssuer(), new Date())
  made = new Map(await Promise.all([...messages].map(async ([name, { message }]) => [name, await text(message)] as const)))
})

const text = async (source: Source): Promise<string> => (await readAll(source)).toString('latin1')
const open = (message: string): Promise<OpenedMessage> => openPecMessage(fromBuffer(Buffer.from(message, 'latin1')))

async function faultsOf(message: string): Promise<readonly FormalFaultKind[]> {
  const verdict = await readCertified(await open(message))
  return verdict.correct ? [] : verdict.faults.map(({ kind }) => kind)
}

/** A message made by us, its text changed: the signature does not matter here. */
function changed(name: string, from: string | RegExp, to: string): string {
  const message = made.get(name) ?? ''
  const result = message.replace(from, to)
  assert.notEqual(result, message, 'nothing was changed')
  return result
}

/** The same with daticert.xml changed. */
function recertified(name: string, change: (xml: string) => string): string {
  return (made.get(name) ?? '').replace(
    /(filename="daticert\.xml"\r\n\r\n)([A-Za-z0-9+/=\r\n]+)/,
    (_, header: string, base64: string) =>
      header +
      Buffer.from(change(Buffer.from(base64, 'base64').toString('utf8')))
        .toString('base64')
        .replace(/.{76}/g, '$&\r\n'),
  )
}

describe('the outside of a message', () => {
  test('tells who it is from, what it claims to be and its Message-ID', async () => {
    const { from, claimed, messageId, unsigned } = await open(made.get('transport') ?? '')
    assert.deepEqual(from, { name: 'Per conto di: ugo@gestore.test', address: 'posta-certificata@gestore.test' })
    assert.equal(claimed, 'transport')
    assert.equal(messageId, 'pec20241105090000aa@gestore.test')
    assert.equal(unsigned, undefined)
  })

  test('of an anomaly envelope is an anomaly, which certifies nothing', async () => {
    const opened = await open(made.get('anomaly') ?? '')
    assert.equal(opened.claimed, 'anomaly')
    const verdict = await readCertified(opened)
    assert.ok(!verdict.correct)
    assert.equal(verdict.faults[0]?.kind, 'not-certified')
  })

  for (const [what, message] of [
    ['plain text', 'Subject: a\n\nciao\n'],
    ['nothing', ''],
    ['multipart/signed without parts', 'Content-Type: multipart/signed; boundary=b\n\n--b--\n'],
    ['multipart/signed of one part', 'Content-Type: multipart/signed; boundary=b\n\n--b\n\na\n--b--\n'],
    ['multipart/signed without a boundary', 'Content-Type: multipart/signed\n\n--b\n\na\n--b\n\nb\n--b--\n'],
    [
      'an OpenPGP signature',
      'Content-Type: multipart/signed; boundary=b\n\n--b\n\na\n--b\nContent-Type: application/pgp-signature\n\nb\n--b--\n',
    ],
  ] as const) {
    test(`${what} is not signed`, async () => {
      const { signed, unsigned } = await open(crlf(message).toString('latin1'))
      assert.equal(signed, undefined)
      assert.notEqual(unsigned, undefined)
    })
  }

  test('with a signature of more than 1 MiB is not signed', async () => {
    const part = `Content-Type: application/pkcs7-signature\n\n${'A'.repeat(1_100_000)}`
    const { unsigned } = await open(
      crlf(`Content-Type: multipart/signed; boundary=b\n\n--b\n\na\n--b\n${part}\n--b--\n`).toString(),
    )
    assert.match(unsigned ?? '', /more than 1048576 bytes/)
  })

  test('with thousands of parts is not signed, whatever is in them', async () => {
    const { unsigned } = await open(`Content-Type: multipart/signed; boundary=b\r\n\r\n${'--b\r\n\r\n'.repeat(5000)}`)
    assert.match(unsigned ?? '', /too many parts/)
  })

  test('with a header of more than 1 MiB is refused', async () => {
    await assert.rejects(open(`X: ${'x\r\n '.repeat(400_000)}\r\n\r\n`), { code: 'malformed', temporary: false })
  })

  test('of ordinary mail is all that is read of it', async () => {
    const head = crlf('Content-Type: text/plain\n\n')
    const ordinary = concatenate([head, Buffer.alloc(5_000_000, 'x')])
    let furthest = 0
    await openPecMessage({
      size: ordinary.size,
      read: (start, end) => ordinary.read(start, end),
      chunks: (start, end = ordinary.size) => {
        furthest = Math.max(furthest, end)
        return ordinary.chunks(start, end)
      },
    })
    assert.ok(furthest <= 1024 * 1024)
  })

  test('gives the content to verify, and the two older and newer spellings of the signature are one', async () => {
    for (const message of [made.get('acceptance') ?? '', changed('acceptance', /application\/pkcs7/g, 'application/x-pkcs7')]) {
      const { signed } = await open(message)
      assert.ok(signed?.form === 'detached')
      assert.match(await text(signed.content), /^Content-Type: multipart\/mixed[^]*--\r\n$/)
      assert.equal(signed.signature[0], 0x30)
    }
  })
})

describe('the form of a message is right though', () => {
  for (const [what, message] of Object.entries({
    'names of fields are in capitals': () => changed('acceptance', 'X-Ricevuta: accettazione', 'X-RICEVUTA: Accettazione'),
    'the outer Subject was changed': () => changed('acceptance', /Subject: .*\r\n/, 'Subject: [RELAYED] ACCETTAZIONE\r\n'),
    'X-TipoRicevuta is missing': () => changed('transport', /X-TipoRicevuta: .*\r\n/, ''),
    'the display name has other words': () => changed('transport', 'Per conto di: ugo@gestore.test', 'Ugo'),
    'the text is HTML too': () => changed('acceptance', 'text/plain; charset', 'multipart/alternative; charset'),
    'a text of daticert.xml has stray characters': () =>
      recertified('acceptance', (xml) => xml.replace('</risposte>', '</risposte>a')),
    'a virus notice names the recipient in ricezione': () =>
      recertified('virus-detection', (xml) => xml.replaceAll('consegna>', 'ricezione>')),
  })) {
    test(what, async () => assert.deepEqual(await faultsOf(message()), []))
  }
})

describe('the form of a message is wrong if', () => {
  const cases: Readonly<Record<string, readonly [() => string, readonly FormalFaultKind[]]>> = {
    'From is missing': [() => changed('acceptance', /From: .*\r\n/, ''), ['no-from']],
    'From occurs twice': [() => changed('acceptance', /From: .*\r\n/, '$&$&'), ['no-from']],
    'From holds two addresses': [() => changed('acceptance', /(From: .*)\r\n/, '$1, a@b.test\r\n'), ['no-from']],
    'it does not say what it is': [() => changed('acceptance', /X-Ricevuta: .*\r\n/, ''), ['no-kind']],
    'it says something unknown': [() => changed('acceptance', 'X-Ricevuta: accettazione', 'X-Ricevuta: boh'), ['no-kind']],
    'it says two things': [() => changed('acceptance', 'X-Ricevuta', 'X-Ricevuta: boh\r\nX-Ricevuta'), ['several-kinds']],
    'it is a receipt and an envelope': [
      () => changed('transport', 'X-Trasporto', 'X-Ricevuta: boh\r\nX-Trasporto'),
      ['several-kinds'],
    ],
    'daticert.xml is of another kind': [
      () => changed('acceptance', 'X-Ricevuta: accettazione', 'X-Ricevuta: presa-in-carico'),
      ['other-kind'],
    ],
    'the envelope is on behalf of another': [() => changed('transport', 'di: ugo@', 'di: altro@'), ['other-from']],
    'the envelope has another Message-ID': [
      () => changed('transport', /Message-ID: <pec/, 'Message-ID: <x'),
      ['other-identifier'],
    ],
    'the envelope has no Message-ID': [() => changed('transport', /\r\nMessage-ID: .*/, ''), ['other-identifier']],
    'the original is missing': [
      () => changed('transport', /message\/rfc822; name="postacert.eml"/, 'a/b'),
      ['unreadable-original'],
    ],
    'the original is of another name and type': [
      () => changed('transport', /message\/rfc822[^]*?postacert.eml"\r\n\r\n/, 'a/b\r\n\r\n'),
      ['no-original'],
    ],
    'the original is under an encoding': [
      () => changed('transport', /(postacert.eml"\r\nContent-Transfer-Encoding: )7bit/, '$1base64'),
      ['unreadable-original'],
    ],
    'a receipt that must not has an original': [
      () => changed('delivery-complete', 'avvenuta-consegna', 'accettazione'),
      ['unwanted-original', 'other-kind'],
    ],
    'daticert.xml has another name': [() => changed('acceptance', /"daticert.xml"/g, '"altro.xml"'), ['no-certification']],
    'daticert.xml is not XML': [() => recertified('acceptance', () => 'boh'), ['unreadable-certification']],
    'a receipt for one recipient does not name it': [
      () => recertified('delivery-concise', (xml) => xml.replace(/<consegna>.*\r\n/, '')),
      ['no-recipient'],
    ],
    'a take-charge receipt names nobody': [
      () => recertified('take-charge', (xml) => xml.replace(/<ricezione>.*\r\n/g, '')),
      ['no-recipient'],
    ],
    'the signed content is not a multipart/mixed': [
      () => changed('acceptance', 'multipart/mixed', 'multipart/related'),
      ['structure'],
    ],
    'the text is missing': [() => changed('acceptance', 'text/plain; charset', 'image/png; charset'), ['structure']],
  }
  for (const [what, [message, faults]] of Object.entries(cases)) {
    test(what, async () => assert.deepEqual(await faultsOf(message()), faults))
  }

  test('daticert.xml stands only inside the original, in whatever depth', async () => {
    const inner = made.get('acceptance') ?? ''
    const forged = changed('transport', /"daticert.xml"/g, '"altro.xml"').replace(
      /(filename="postacert.eml"\r\n\r\n)[^]*?(\r\n--=_inner)/,
      (_, head: string, tail: string) => head + inner + tail,
    )
    assert.deepEqual(await faultsOf(forged), ['no-certification'])
  })

  test('faults are told in Italian too, without a word of what was found', async () => {
    const verdict = await readCertified(await open(recertified('acceptance', () => '<forged/>')))
    assert.ok(!verdict.correct)
    assert.match(verdict.faults[0]?.english ?? '', /forged/)
    assert.equal(verdict.faults[0]?.italian, 'i dati di certificazione non sono leggibili')
  })
})

test('application/pkcs7-mime is signed in a form that is never right', async () => {
  const opened = await open(
    'X-Ricevuta: accettazione\r\nFrom: a@b.test\r\nContent-Type: application/pkcs7-mime\r\nContent-Transfer-Encoding: base64\r\n\r\nMAA=\r\n',
  )
  assert.deepEqual(opened.signed, { form: 'enclosed', signature: Buffer.from([0x30, 0]) })
  const verdict = await readCertified(opened)
  assert.deepEqual(verdict.correct ? [] : verdict.faults.map(({ kind }) => kind), ['enclosed-content'])
})

test('mutilated messages get a verdict, never an exception', async () => {
  const message = made.get('take-charge') ?? ''
  await fc.assert(
    fc.asyncProperty(fc.nat(message.length), fc.nat(200), fc.string({ maxLength: 5 }), async (at, length, inserted) => {
      const opened = await open(message.slice(0, at) + inserted + message.slice(at + length))
      assert.equal(typeof (await readCertified(opened)).correct, 'boolean')
    }),
    { numRuns: 200 },
  )
})

test('what is found lies within the source', async () => {
  for (const [name, message] of made) {
    const opened = await open(message)
    const verdict = await readCertified(opened)
    if (!verdict.correct || verdict.original === undefined) continue
    const original = await parseEntity(opened.source, verdict.original)
    assert.match(original.header.fields.map((field) => field.name).join(), /Message-ID/, name)
  }
})

const SAMPLES = join(__dirname, '..', '..', '..', 'shared', 'samples')

test(
  'judges messages of providers in service',
  { skip: existsSync(SAMPLES) ? false : 'the samples are not beside the repository' },
  async () => {
    const sample = (name: string): string => crlf(readFileSync(join(SAMPLES, name), 'latin1')).toString('latin1')
    assert.deepEqual(await faultsOf(sample('aruba-accettazione.eml')), [])
    assert.deepEqual(await faultsOf(sample('sogei-busta-trasporto.eml')), [])
    assert.deepEqual(await faultsOf(sample('sogei-busta-altered.eml')), ['no-certification'])
  },
)
