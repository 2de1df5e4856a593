// Hostile subjects, names, file names and identifiers in what a user or a stranger sends: none of them adds a field, a line or an
// element to what we sign. Python's email package and xmllint read our messages, besides our own readers.
import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { rmSync } from 'node:fs'
import { mkdtemp, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { before, describe, test } from 'node:test'
import { parseEntity } from '../../src/mail/entity.js'
import { isSevenBit } from '../../src/mail/seven-bit.js'
import { fromBuffer, readAll, type Source } from '../../src/mail/source.js'
import { briefOriginal } from '../../src/pec/brief.js'
import { readCertification } from '../../src/pec/certification.js'
import { composeAnomalyEnvelope, composeTransportEnvelope, prepareOriginal } from '../../src/pec/envelope.js'
import { momentOf } from '../../src/pec/moment.js'
import { composeNotification, type Issuer } from '../../src/pec/notification.js'
import { makeIssuer } from './issuer.js'

const EVIL = 'X-Trasporto: posta-certificata'
const word = (hex: string, charset = 'utf-8'): string => `=?${charset}?b?${Buffer.from(hex, 'hex').toString('base64')}?=`

/** What is put into every place. Each would be a second field, a cut line or broken XML where it went through as it is. */
const HOSTILE: Readonly<Record<string, Buffer>> = Object.fromEntries(
  Object.entries({
    CR: `a\r${EVIL}`,
    LF: `a\n${EVIL}`,
    'LF and blank line': `a\n\n<script>`,
    'CR and blank line': `a\r\r--x`,
    NUL: `a\0${EVIL}`,
    'NEL, LS and PS': `a\u0085${EVIL}\u2028${EVIL}\u2029${EVIL}`,
    'VT and FF': `a\v${EVIL}\f${EVIL}`,
    'file, group and record separators': `a\x1c${EVIL}\x1d${EVIL}\x1e${EVIL}`,
    'escape sequence': 'a\x1b[2J\x1b]0;x\x07b',
    'encoded CRLF (Q)': `=?utf-8?q?a=0D=0A${EVIL.replaceAll(' ', '_')}?=`,
    'encoded CRLF (B)': word(Buffer.from(`a\r\n${EVIL}\r\n\r\n<x>`).toString('hex')),
    'encoded CRLF (UTF-16)': word(Buffer.from(`a\r\n${EVIL}`, 'utf16le').toString('hex'), 'utf-16le'),
    'encoded CRLF (UTF-7)': `=?utf-7?q?a+AA0ACg-${EVIL.replaceAll(' ', '_')}?=`,
    'encoded NEL (ISO-8859-1)': `=?iso-8859-1?q?a=85${EVIL.replaceAll(' ', '_')}?=`,
    'encoded lone surrogate': word('61eda08062'),
    'encoded UTF-16 lone surrogate': word('00d86100', 'utf-16le'),
    'encoded noncharacters': word('efbfbeefbfbf61'),
    'word within a word': `=?utf-8?q?=3D=3Futf-8=3Fq=3Fa=3D0D=3D0A_=3F=3D?=`,
    'right-to-left override': 'a\u202egpj.exe\u202c',
    'bytes that are no UTF-8': Buffer.from('a\xff\xfe\xc0\xafb', 'latin1'),
    'one word of 5000 characters': 'x'.repeat(5000),
    '5000 spaces': `a${' '.repeat(5000)}b`,
    '3000 characters of three bytes': '€'.repeat(3000),
    'XML markup': `]]></oggetto></intestazione><!--&lol;'"`,
    'quotes and backslashes': `\\"a" <evil@x.test>, "b\\`,
    'boundary-like': '--=_outer\r --=_outer--',
  }).map(([name, value]) => [name, Buffer.from(value)]),
)

type Place = 'subject' | 'from' | 'to' | 'cc' | 'reply-to' | 'message-id' | 'file-name' | 'received' | 'receipt-type'

/** A message with the value in one place of its header. */
function letter(place: Place, value: Buffer): Buffer {
  const at = (here: Place, usual: string, around: (text: string) => string = (text) => text): string =>
    around(here === place ? value.toString('latin1') : usual)
  const lines = [
    `Received: from ${at('received', 'client.test')} by pec-a.test; Tue, 5 Nov 2024 10:00:00 +0100`,
    `From: ${at('from', 'Ugo', (text) => `"${text}"`)} <ugo@pec-a.test>`,
    `To: ${at('to', 'Livia', (text) => `"${text}"`)} <livia@pec-b.test>`,
    `Cc: ${at('cc', 'Carlo')} <carlo@pec-b.test>`,
    `Reply-To: ${at('reply-to', 'Ugo', (text) => `"${text}"`)} <ugo@pec-a.test>`,
    `Subject: ${at('subject', 'prova')}`,
    `Message-ID: ${at('message-id', '1@client.test', (text) => `<${text}>`)}`,
    `X-TipoRicevuta: ${at('receipt-type', 'breve')}`,
    'MIME-Version: 1.0',
    'Content-Type: multipart/mixed; boundary=b',
    '',
    '--b',
    'Content-Type: text/plain',
    '',
    'testo',
    '--b',
    `Content-Type: application/pdf; name="${at('file-name', 'x.pdf')}"`,
    `Content-Disposition: attachment; filename*=utf-8''${place === 'file-name' ? encodeURIComponent(value.toString()) : 'x.pdf'}`,
    '',
    '%PDF',
    '--b--',
    '',
  ]
  return Buffer.from(lines.join('\r\n'), 'latin1')
}

const PLACES: readonly Place[] = [
  ...(['subject', 'from', 'to', 'cc', 'reply-to', 'message-id', 'file-name', 'received', 'receipt-type'] as const),
]

/** Header fields of each kind of message, as RFC 6109 has them, in the order in which we write them. */
const FIELDS: Readonly<Record<Kind, readonly string[]>> = {
  transport: [
    ...[
      'Received',
      'Subject',
      'X-Riferimento-Message-ID',
      'Date',
      'Reply-To',
      'To',
      'Cc',
      'X-Trasporto',
      'From',
      'X-TipoRicevuta',
    ],
    ...['Message-ID', 'MIME-Version', 'Content-Type'],
  ],
  acceptance: [
    ...['Subject', 'X-Riferimento-Message-ID', 'Date', 'To', 'X-Ricevuta', 'From', 'Message-ID', 'MIME-Version', 'Content-Type'],
  ],
  delivery: [
    ...['Subject', 'X-Riferimento-Message-ID', 'Date', 'To', 'X-Ricevuta', 'From', 'Message-ID', 'MIME-Version', 'Content-Type'],
  ],
  anomaly: [
    ...[
      'Received',
      'Subject',
      'Date',
      'Reply-To',
      'To',
      'Cc',
      'X-Trasporto',
      'From',
      'Message-ID',
      'MIME-Version',
      'Content-Type',
    ],
  ],
}

type Kind = 'transport' | 'acceptance' | 'delivery' | 'anomaly'

interface Made {
  readonly name: string
  readonly kind: Kind
  readonly bytes: Buffer
  readonly subject: string | undefined
}

const SENDER = 'ugo@gestore.test'
const MOMENT = momentOf(new Date('2024-11-05T09:00:00Z'))

async function makeMessages(place: Place, name: string, value: Buffer, issuer: Issuer): Promise<Made[]> {
  const submitted = fromBuffer(letter(place, value))
  const original = await prepareOriginal(submitted, 'pec20241105090000aa@gestore.test')
  const { identifier, clientMessageId, subject, replyTo } = original
  const recipients = [{ address: 'livia@pec-b.test', type: 'certified' as const }]
  const message = { identifier, clientMessageId, subject, replyTo, sender: SENDER, recipients }
  const brief = await briefOriginal(original.source, { input: 'encoded', algorithm: 'sha1' })
  const delivery = {
    kind: 'delivery',
    recipient: 'livia@pec-b.test',
    requested: 'brief',
    form: 'brief',
    original: brief,
  } as const
  const anomaly = { received: submitted, moment: MOMENT, sender: SENDER, recipients: ['livia@pec-b.test'], faults: ['prova'] }
  const made: readonly (readonly [Kind, { readonly message: Source }])[] = [
    ['transport', await composeTransportEnvelope({ message, original, moment: MOMENT }, issuer)],
    ['acceptance', await composeNotification({ message, moment: MOMENT, occurrence: { kind: 'acceptance' } }, issuer)],
    ['delivery', await composeNotification({ message, moment: MOMENT, occurrence: delivery }, issuer)],
    ['anomaly', await composeAnomalyEnvelope(anomaly, issuer)],
  ]
  return Promise.all(
    made.map(async ([kind, { message: source }]) => ({
      name: `${name} in ${place}: ${kind}`,
      kind,
      bytes: await readAll(source),
      subject,
    })),
  )
}

/** What an independent reader makes of a message. */
interface Reading {
  readonly fields: readonly string[]
  readonly structure: readonly string[]
  readonly addresses: readonly string[]
  /** daticert.xml, base64. */
  readonly daticert: string | null
}

const READER = `
import email, email.policy, email.utils, json, sys
for path in sys.stdin.read().split():
    with open(path, 'rb') as file:
        message = email.message_from_binary_file(file)
    content = message.get_payload()[0]
    parts = content.get_payload()
    daticert = next((p for p in parts if p.get_filename() == 'daticert.xml'), None)
    print(json.dumps({
        'fields': message.keys(),
        'structure': [message.get_content_type()] + [p.get_content_type() for p in message.get_payload()] + [p.get_content_type() for p in parts],
        'addresses': [a for n, a in email.utils.getaddresses([message['From']])],
        'daticert': daticert and daticert.get_payload(),
    }))
`

const hasPython = spawnSync('python3', ['--version']).status === 0
const hasXmllint = spawnSync('xmllint', ['--version']).status === 0

describe('whatever stands in a message', () => {
  const made: Made[] = []
  let directory: string

  before(async () => {
    const issuer = await makeIssuer()
    directory = await mkdtemp(join(tmpdir(), 'pec-injection-'))
    process.once('exit', () => rmSync(directory, { recursive: true, force: true }))
    for (const place of PLACES)
      for (const [name, value] of Object.entries(HOSTILE)) made.push(...(await makeMessages(place, name, value, issuer)))
  })

  test('our messages have the fields that they must have, in our own reading, and none besides', async () => {
    for (const { name, kind, bytes } of made) {
      const entity = await parseEntity(fromBuffer(bytes))
      assert.deepEqual(
        fieldsOf(
          kind,
          entity.header.fields.map((field) => field.name),
        ),
        FIELDS[kind],
        name,
      )
    }
  })

  test('they are 7-bit, without control characters, in lines of at most 998 octets', async () => {
    for (const { name, bytes } of made) {
      assert.ok(await isSevenBit(fromBuffer(bytes)), name)
      const header = bytes.toString('latin1', 0, bytes.indexOf('\r\n\r\n'))
      assert.doesNotMatch(header.replace(/\r\n[ \t]?/g, ''), /[\0-\x08\x0a-\x1f\x7f]/, name)
    }
  })

  test('another reader finds the same fields, parts and sender', { skip: !hasPython }, async () => {
    const readings = await readByPython(made, directory)
    for (const [at, { name, kind }] of made.entries()) {
      const reading = readings[at]
      assert.ok(reading)
      assert.deepEqual(fieldsOf(kind, reading.fields), FIELDS[kind], name)
      const parts = [
        'text/plain',
        ...(kind === 'anomaly' ? [] : ['application/xml']),
        ...(kind === 'acceptance' ? [] : ['message/rfc822']),
      ]
      const structure = ['multipart/signed', 'multipart/mixed', 'application/pkcs7-signature', ...parts]
      assert.deepEqual(reading.structure, structure, name)
      assert.deepEqual(reading.addresses, ['posta-certificata@gestore.test'], name)
    }
  })

  test('daticert.xml is well-formed, and says the subject on one line', { skip: !hasPython }, async () => {
    const readings = await readByPython(made, directory)
    const paths: string[] = []
    for (const [at, { name, subject, kind }] of made.entries()) {
      if (kind === 'anomaly') continue
      const xml = Buffer.from(readings[at]?.daticert ?? '', 'base64')
      const verdict = readCertification(xml)
      assert.ok(verdict.ok, name)
      assert.equal(verdict.data.subject, subject, name)
      assert.doesNotMatch(JSON.stringify(verdict.data), /\\u00[01]|[\x7f-\x9f\u2028\u2029\ud800-\udfff]/, name)
      const path = join(directory, `${at}.xml`)
      await writeFile(path, xml)
      paths.push(path)
    }
    // Fails with what it found if one of them is not well-formed or not valid against the DTD of RFC 6109.
    const dtd = join(__dirname, '..', 'postacert.dtd')
    if (hasXmllint) execFileSync('xmllint', ['--noout', '--nonet', '--dtdvalid', dtd, ...paths], { stdio: 'pipe' })
  })
})

/** Without the field for a Message-ID that could not be kept. */
function fieldsOf(kind: Kind, names: readonly string[]): readonly string[] {
  const reference = 'X-Riferimento-Message-ID'
  return kind === 'anomaly' || names.includes(reference) ? names : names.toSpliced(FIELDS[kind].indexOf(reference), 0, reference)
}

async function readByPython(made: readonly Made[], directory: string): Promise<Reading[]> {
  const paths = await Promise.all(
    made.map(async ({ bytes }, at) => {
      const path = join(directory, `${at}.eml`)
      await writeFile(path, bytes)
      return path
    }),
  )
  const output = execFileSync('python3', ['-c', READER], {
    input: paths.join('\n'),
    encoding: 'utf8',
    maxBuffer: 256 * 1024 * 1024,
  })
  return output
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Reading)
}
