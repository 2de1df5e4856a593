// What the access point does not accept, over a real submission: a notice with every reason, or beyond the ceilings a refusal in the
// session. RFC 6109 §3.1.1, §3.1.2
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { setState } from '../../src/directory/directory-edit.js'
import { Laboratory } from '../harness/laboratory.js'
import { assertFlawless, lacking } from './checker.js'
import { TestGateway } from './gateway.js'
import { about, isOf } from './letter.js'

const MARIO = 'mario@pec-a.test'
const LUCIA = 'lucia@pec-a.test'
const UGO = 'ugo@pec-b.test'
const EVA = 'eva@pec-b.test'

const LIMITS = { recipients: '3', recipients_ceiling: '5', bytes_times_recipients: '40000', bytes: '60000' }

const FROM = `From: Mario <${MARIO}>`
const TO = `To: ${UGO}`
const SUBJECT = 'Subject: Perch\u00e9 no?'
const PLAIN = ['MIME-Version: 1.0', 'Content-Type: text/plain']

interface Case {
  readonly what: string
  /** Header lines. */
  readonly header?: readonly string[]
  /** Bytes in place of the blank line and the text. */
  readonly rest?: string
  readonly recipients?: readonly string[]
  /** All of them, in the order of the rules. */
  readonly reasons: readonly RegExp[]
}

const NO_FROM = /il campo From non è presente/
const BAD_FROM = /il campo From non contiene un solo indirizzo valido/
const NO_TO = /il campo To non è presente o non contiene alcun indirizzo valido/
const BCC = /il campo Bcc \(copia nascosta\) non è ammesso/
const hidden = (address: string): RegExp => new RegExp(`il destinatario ${address} non è presente nei campi To e Cc`)
const missing = (address: string): RegExp => new RegExp(`l'indirizzo ${address} dei campi To e Cc non è tra i destinatari`)
const twice = (name: string): RegExp => new RegExp(`il campo ${name} è presente più di una volta`)
const invalid = (name: string): RegExp => new RegExp(`il campo ${name} contiene un indirizzo non valido`)

const many = (count: number): readonly string[] => Array.from({ length: count }, (_, number) => `r${number}@pec-b.test`)

const CASES: readonly Case[] = [
  { what: 'without a blank line after its header', rest: '', reasons: [/manca la riga vuota/] },
  { what: 'with its text where fields should be', header: [FROM, TO, 'Buongiorno,'], reasons: [/una riga che non è un campo/] },
  { what: 'with a CR by itself', rest: '\r\nuna\rdue\r\n', reasons: [/caratteri CR o LF isolati/] },
  { what: 'with two Subject fields', header: [FROM, TO, SUBJECT, 'Subject: altro'], reasons: [twice('Subject')] },
  {
    what: 'with two Message-ID fields',
    header: [FROM, TO, 'Message-ID: <a@b>', 'Message-ID: <c@d>'],
    reasons: [twice('Message-ID')],
  },
  { what: 'with two From fields', header: [FROM, FROM, TO], reasons: [twice('From'), BAD_FROM] },
  { what: 'without From', header: [TO, SUBJECT], reasons: [NO_FROM] },
  { what: 'with a From that is no address', header: ['From: Mario', TO], reasons: [BAD_FROM] },
  { what: 'with a From of two addresses', header: [`${FROM}, ${LUCIA}`, TO], reasons: [BAD_FROM] },
  {
    what: 'with the From of another',
    header: [`From: ${LUCIA}`, TO],
    reasons: [new RegExp(`il mittente indicato nel campo From \\(${LUCIA}\\)`)],
  },
  { what: 'without To', header: [FROM, `Cc: ${UGO}`], reasons: [NO_TO] },
  { what: 'with a To that names nobody', header: [FROM, 'To: undisclosed-recipients:;', `Cc: ${UGO}`], reasons: [NO_TO] },
  { what: 'with a To that is no address', header: [FROM, `${TO}, Ugo`], reasons: [invalid('To')] },
  { what: 'with a Cc that is no address', header: [FROM, TO, 'Cc: <eva>'], reasons: [invalid('Cc')] },
  { what: 'for somebody whom its header does not name', recipients: [UGO, EVA], reasons: [hidden(EVA)] },
  { what: 'not for all whom its header names', header: [FROM, `${TO}, ${EVA}`], reasons: [missing(EVA)] },
  { what: 'with a Bcc', header: [FROM, TO, `Bcc: ${EVA}`], recipients: [UGO, EVA], reasons: [hidden(EVA), BCC] },
  {
    what: 'with too many recipients',
    header: [FROM, `To: ${many(4).join(', ')}`],
    recipients: many(4),
    reasons: [/ha 4 destinatari e il massimo è 3/],
  },
  { what: 'that is too large', rest: `\r\n${'x'.repeat(70)}\r\n`.repeat(570), reasons: [/la dimensione del messaggio/] },
  {
    what: 'that is too large for its recipients',
    header: [FROM, `To: ${many(3).join(', ')}`],
    recipients: many(3),
    rest: `\r\n${'x'.repeat(70)}\r\n`.repeat(200),
    reasons: [/la dimensione del messaggio moltiplicata per i destinatari/],
  },
  {
    what: 'with everything wrong',
    header: ['From: nessuno', 'Cc: <eva>', 'Bcc: x', 'Subject: a', 'Subject: b', 'nessun campo'],
    recipients: many(4),
    rest: `\r\n\r${'x'.repeat(70)}\r\n`.repeat(200),
    reasons: [
      /una riga che non è un campo/,
      /caratteri CR o LF isolati/,
      twice('Subject'),
      BAD_FROM,
      NO_TO,
      invalid('Cc'),
      ...many(4).map(hidden),
      BCC,
      /ha 4 destinatari/,
      /la dimensione del messaggio/,
    ],
  },
]

function messageOf({ header = [FROM, TO, SUBJECT], rest = '\r\nBuongiorno\r\n' }: Case): Buffer {
  return Buffer.from(`${[...header, ...PLAIN].join('\r\n')}\r\n${rest}`)
}

test('a submission that is not accepted', { timeout: 120_000 }, async (t) => {
  const lab = new Laboratory(t)
  const gateway = await TestGateway.open(lab, { mailboxes: [MARIO, LUCIA], settings: { limits: LIMITS } })
  const identifiers = new Map<string, string>()

  for (const each of CASES) {
    await t.test(`${each.what} gets one notice with every reason`, async () => {
      const identifier = await gateway.submitted(MARIO, each.recipients ?? [UGO], messageOf(each))
      identifiers.set(each.what, identifier)
      const [notice] = await gateway.waitForLetters(MARIO, 1, about(identifier))
      assert.equal(notice?.kind, 'non-acceptance')
      const told = notice.data?.errorDetail ?? ''
      const places = each.reasons.map((reason) => told.search(reason))
      assert.ok(!places.includes(-1), told)
      assert.deepEqual(
        places,
        places.toSorted((a, b) => a - b),
        told,
      )
      assert.equal(told.split('; ').length, each.reasons.length, told)
      assert.equal(notice.data?.error, 'other')
      assert.equal(await gateway.ledger.message(identifier), undefined)
    })
  }

  await t.test('is told of in flawless notices', { skip: lacking }, async () => {
    const notices = (await gateway.letters(MARIO)).map(({ path }) => path)
    assert.equal(notices.length, CASES.length)
    await assertFlawless(notices, {
      ca: join(gateway.directory, 'config', 'test_authority.pem'),
      index: join(gateway.directory, 'config', 'pec_index.ldif'),
    })
  })

  await t.test('may not come in pieces, nor with addresses beyond ASCII: neither is offered', async () => {
    const { replies } = await gateway.session(MARIO)
    const offered = replies.flatMap(({ lines }) => lines)
    assert.ok(offered.includes('8BITMIME'))
    for (const extension of ['CHUNKING', 'BINARYMIME', 'SMTPUTF8']) assert.ok(!offered.includes(extension), extension)
  })

  await t.test('because of recipients above the ceiling is refused for those, with 452', async () => {
    const { rcpt } = await gateway.submit(MARIO, many(7), messageOf({ what: '', reasons: [] }))
    assert.deepEqual(
      rcpt.map(({ code }) => code),
      [250, 250, 250, 250, 250, 452, 452],
    )
  })

  await t.test('because of a size above the ceiling is refused with 552, announced or not', async () => {
    const client = await gateway.session(MARIO)
    assert.ok(client.replies.some(({ lines }) => lines.includes('SIZE 60000')))
    for (const size of [60_001, 200_000_000]) assert.equal((await client.command(`MAIL FROM:<${MARIO}> SIZE=${size}`)).code, 552)
    assert.equal((await client.command(`MAIL FROM:<${MARIO}> SIZE=60000`)).code, 250)
    assert.equal((await client.command('RSET')).code, 250)
    const large = messageOf({ what: '', rest: `\r\n${'x'.repeat(70)}\r\n`.repeat(900), reasons: [] })
    assert.equal((await client.send({ from: MARIO, to: [UGO] }, large)).dot?.code, 552)
    assert.equal((await client.send({ from: MARIO, to: [UGO] }, messageOf({ what: '', reasons: [] }))).dot?.code, 250)
  })

  await t.test('because the sender is not the user is refused with 553', async () => {
    const client = await gateway.session(MARIO)
    for (const sender of [LUCIA, UGO, '']) assert.equal((await client.command(`MAIL FROM:<${sender}>`)).code, 553)
  })

  await t.test('because its mailbox may not send is refused with 550, and mail comes in all the same', async () => {
    await setState(join(gateway.directory, 'directory.json'), LUCIA, 'suspended')
    await gateway.until('the suspension', async () => {
      const { mail } = await gateway.submit(LUCIA, [UGO], messageOf({ what: '', reasons: [] }))
      return mail.code === 550
    })
    const header = [FROM, `To: ${LUCIA}`, SUBJECT]
    await gateway.submitted(MARIO, [LUCIA], messageOf({ what: '', header, reasons: [] }))
    await gateway.waitForLetters(LUCIA, 1, isOf('transport'))
  })

  await t.test('because nobody authenticated is refused with 530', async () => {
    const client = await lab.client({ port: gateway.submissionPort, implicitTls: true })
    await client.ehlo()
    assert.equal((await client.command(`MAIL FROM:<${MARIO}>`)).code, 530)
  })

  await t.test('leaves the gateway running', () => assert.equal(gateway.instance.exited, false))
})
