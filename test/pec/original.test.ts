import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { allValues, firstValue } from '../../src/mail/header.js'
import { fromBuffer, readAll } from '../../src/mail/source.js'
import { MAX_TEXT } from '../../src/pec/certification.js'
import { cleanMessageId } from '../../src/pec/head.js'
import { prepareOriginal } from '../../src/pec/original.js'
import { crlf } from './messages.js'

const ID = 'pec1@gestore.test'

const prepare = (message: string | Buffer) => prepareOriginal(fromBuffer(Buffer.isBuffer(message) ? message : crlf(message)), ID)
const bytesOf = async (message: string): Promise<string> => (await readAll((await prepare(message)).source)).toString('latin1')

test('replaces the Message-ID, keeps it as X-Riferimento-Message-ID at the end of the header, and changes nothing else', async () => {
  const odd =
    'From:a@b.test\nmessage-id:\n <1@c.test>\nX-Odd :  two  spaces \n\tand a fold\nx-riferimento-message-id: <forged>\n\n\n body \n--\n'
  assert.equal(
    await bytesOf(odd),
    crlf(
      `From:a@b.test\nX-Odd :  two  spaces \n\tand a fold\nMessage-ID: <${ID}>\nX-Riferimento-Message-ID: <1@c.test>\n\n\n body \n--\n`,
    ).toString('latin1'),
  )
})

test('writes no X-Riferimento-Message-ID where the client gave no Message-ID, even if it gave one itself', async () => {
  assert.equal(
    await bytesOf('To: a@b.test\nX-Riferimento-Message-ID: <mine>\n\nbody'),
    crlf(`To: a@b.test\nMessage-ID: <${ID}>\n\nbody`).toString('latin1'),
  )
})

for (const [what, message, expected] of [
  ['no blank line', 'To: a@b.test\n', `To: a@b.test\nMessage-ID: <${ID}>\n\n`],
  ['no line end at all', 'To: a@b.test', `To: a@b.test\nMessage-ID: <${ID}>\n\n`],
  ['no header', '\nbody', `Message-ID: <${ID}>\n\nbody`],
  ['nothing', '', `Message-ID: <${ID}>\n\n`],
] as const) {
  test(`makes a message with a header of one that has ${what}`, async () => {
    assert.equal(await bytesOf(message), crlf(expected).toString('latin1'))
  })
}

test('re-encodes what is not 7-bit', async () => {
  const prepared = await bytesOf(
    'Subject: Città\nContent-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\n\nPerché\n',
  )
  assert.doesNotMatch(prepared, /[^\0-\x7f]/)
  assert.match(prepared, /Perch=C3=A9/)
})

test('gives the facts of the header, decoded', async () => {
  const original = await prepare(
    'From: "Rossi, U" <ugo@gestore.test>\nTo: a@b.test, nobody, group: c@d.test;\nCc: (x) e@f.test\nReply-To: R <r@s.test>, t@u.test\n' +
      'Subject: =?utf-8?q?Citt=C3=A0?=\n  bella\nX-TipoRicevuta: SINTETICA\nMessage-ID: <1@c.test>\n\n',
  )
  const { source, header, ...facts } = original
  assert.equal(firstValue(header, 'message-id'), `<${ID}>`)
  assert.equal(source.size > 0, true)
  assert.deepEqual(facts, {
    identifier: ID,
    clientMessageId: '<1@c.test>',
    subject: 'Città  bella',
    from: 'ugo@gestore.test',
    to: ['a@b.test', 'c@d.test'],
    cc: ['e@f.test'],
    replyTo: 'r@s.test, t@u.test',
    receiptType: 'concise',
  })
})

test('takes From for Reply-To and the complete receipt where nothing else is asked', async () => {
  for (const asked of ['', 'X-TipoRicevuta: complet\n', 'X-TipoRicevuta: constructor\n']) {
    const { replyTo, receiptType, subject } = await prepare(`From: a@b.test\nReply-To: ,\n${asked}\n`)
    assert.deepEqual([replyTo, receiptType, subject], ['a@b.test', 'complete', undefined])
  }
})

test('refuses a header of more than 1 MiB', async () => {
  await assert.rejects(prepare(`X: ${'x\n '.repeat(1_000_000)}\n\n`), { code: 'malformed', temporary: false })
})

for (const [written, clean] of [
  ['<1@c.test>', '<1@c.test>'],
  [' (comment) <1@c.test> trailing', '<1@c.test>'],
  ['no-brackets@c.test', '<no-brackets@c.test>'],
  ['<with\r\n  space @c.test>', '<withspace@c.test>'],
  ['<a\x00b\x07@c.test', '<ab@c.test>'],
  ['<è@c.test>', '<?@c.test>'],
  ['<>', undefined],
  ['   ', undefined],
  [`<${'x'.repeat(891)}>`, undefined],
  [undefined, undefined],
] as const) {
  test(`the Message-ID ${JSON.stringify(written ?? 'none').slice(0, 40)} is repeated as ${clean ?? 'none'}`, () => {
    assert.equal(cleanMessageId(written), clean)
  })
}

test('a Message-ID, however hostile, adds no field and stays within a line', async () => {
  await fc.assert(
    fc.asyncProperty(fc.string({ unit: 'binary', maxLength: 50 }), async (id) => {
      const { header, clientMessageId } = await prepare(Buffer.from(`Message-ID: ${id}\r\nTo: a@b.test\r\n\r\n`, 'utf8'))
      const found = allValues(header, 'X-Riferimento-Message-ID')
      assert.deepEqual(found, clientMessageId === undefined ? [] : [clientMessageId])
      if (clientMessageId !== undefined) assert.match(clientMessageId, /^<[!-~]+>$/)
      assert.deepEqual(allValues(header, 'Message-ID'), [`<${ID}>`])
    }),
  )
})

test('as many addresses of Reply-To are certified as daticert.xml may hold', async () => {
  const list = Array.from({ length: 6000 }, (_, at) => `utente${at}@c.test`)
  const { replyTo } = await prepare(Buffer.from(`From: a@b.test\r\nReply-To: ${list.join(',\r\n ')}\r\nTo: a@b.test\r\n\r\n`))
  assert.ok(replyTo.length <= MAX_TEXT && replyTo.length > MAX_TEXT - 30)
  const kept = replyTo.split(', ')
  assert.deepEqual(kept, list.slice(0, kept.length))
})
