import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import { decodedText, parseEntity } from '../../src/mail/entity.js'
import { concatenate, fromBuffer, readAll, type Source } from '../../src/mail/source.js'
import { briefOriginal, type BriefSettings } from '../../src/pec/brief.js'
import { crlf } from './messages.js'

const SETTINGS: BriefSettings = { input: 'encoded', algorithm: 'sha1' }
const hash = (text: string | Buffer, algorithm = 'sha1'): string =>
  createHash(algorithm)
    .update(typeof text === 'string' ? crlf(text) : text)
    .digest('hex')

async function briefOf(message: string, settings = SETTINGS): Promise<string> {
  return (await readAll(await briefOriginal(fromBuffer(crlf(message)), settings))).toString('latin1').replace(/\r\n/g, '\n')
}

const hashPart = (name: string, value: string): string =>
  `Content-Type: text/plain; charset=us-ascii; name="${name}.hash"\nContent-Disposition: attachment; filename="${name}.hash"\n` +
  `Content-Transfer-Encoding: 7bit\n\n${value}`

const ATTACHMENT = 'Content-Type: application/pdf; name=a.pdf\nContent-Transfer-Encoding: base64\n\nJVBERi0x\nLjQK\n'
const multipart = (subtype: string, ...parts: readonly string[]): string =>
  `Content-Type: multipart/${subtype}; boundary="b-${subtype}"\n\npreamble\n${parts.map((part) => `--b-${subtype}\n${part}\n`).join('')}--b-${subtype}--\nepilogue\n`

test('replaces a named part by the hash of its body as it stands, and nothing else', async () => {
  const text = 'X-Odd:  kept \n\nciao\n'
  const message = (part: string): string => `Subject: a\n${multipart('mixed', text, part, text)}`
  assert.equal(await briefOf(message(ATTACHMENT)), message(hashPart('a.pdf', hash('JVBERi0x\nLjQK\n'))))
})

test('hashes the decoded bytes, or with SHA-256, if so set', async () => {
  for (const algorithm of ['sha1', 'sha256'] as const) {
    const brief = await briefOf(multipart('mixed', ATTACHMENT), { input: 'decoded', algorithm })
    assert.ok(brief.includes(`\n\n${hash(Buffer.from('%PDF-1.4\n'), algorithm)}\n--b-mixed--`), brief)
  }
})

test('replaces an attached message whole, and gives it a name if it has none', async () => {
  const inner = `Subject: inner\n${multipart('alternative', ATTACHMENT)}`
  const brief = await briefOf(multipart('mixed', `Content-Type: message/rfc822\n\n${inner}`))
  assert.equal(brief, multipart('mixed', hashPart('message.eml', hash(inner))))
})

test('goes into multiparts within multiparts, named or not', async () => {
  const nest = (part: string): string =>
    multipart('mixed', multipart('related; name=x', '\nciao', multipart('alternative', part)).trimEnd())
  const related = (part: string): string => nest(part).replaceAll('b-related; name=x', 'b-related')
  assert.equal(await briefOf(related(ATTACHMENT)), related(hashPart('a.pdf', hash('JVBERi0x\nLjQK\n'))))
})

test('adds nothing to a message that was cut off at a delimiter', async () => {
  const message = 'Content-Type: multipart/digest; boundary=d\n\n--d\n\nSubject: a\n\nx\n--d'
  const brief = await briefOf(message)
  assert.ok(brief.endsWith('\n--d'), brief)
})

test('leaves the signature of a signed original, and what is signed keeps its structure', async () => {
  const signature = 'Content-Type: application/pkcs7-signature; name=smime.p7s\nContent-Transfer-Encoding: base64\n\nAAAA'
  const message = (part: string): string => multipart('signed', multipart('mixed', part).trimEnd(), signature)
  assert.equal(await briefOf(message(ATTACHMENT)), message(hashPart('a.pdf', hash('JVBERi0x\nLjQK\n'))))
})

test('leaves the signature only of the original itself: a signed part is one like others', async () => {
  const signed = multipart('signed', '\nciao', ATTACHMENT).trimEnd()
  assert.match(await briefOf(multipart('mixed', signed)), /a\.pdf\.hash/)
})

test('leaves an enveloped or opaquely signed original as it is', async () => {
  for (const type of ['application/pkcs7-mime', 'application/x-pkcs7-mime']) {
    const message = `Content-Type: ${type}; name=smime.p7m\n\nAAAA\n`
    assert.equal(await briefOf(message), message)
  }
})

test('of an original that is one named part keeps the header, but for the fields of its content', async () => {
  assert.equal(
    await briefOf(`Subject: a\n${ATTACHMENT.replace('\n\n', '\nMessage-ID: <1@c>\nMIME-Version: 1.0\n\n')}`),
    `Subject: a\nMessage-ID: <1@c>\nMIME-Version: 1.0\n${hashPart('a.pdf', hash('JVBERi0x\nLjQK\n'))}`,
  )
})

test('leaves an original without attachments as it is', async () => {
  for (const message of [
    'Subject: a\n\nciao\n',
    'Subject: a\n',
    multipart('alternative', '\nciao', 'Content-Type: text/html\n\n<p>'),
  ]) {
    assert.equal(await briefOf(message), message)
  }
})

for (const [written, name] of [
  ["Content-Disposition: attachment; filename*=utf-8''citt%C3%A0.pdf", 'città.pdf'],
  ['Content-Disposition: attachment; filename*0="lungo "; filename*1="nome.pdf"', 'lungo nome.pdf'],
  ['Content-Type: application/pdf; name="=?utf-8?q?citt=C3=A0=2Epdf?="', 'città.pdf'],
  ['Content-Disposition: attachment; filename="a\\"b.pdf"', 'a"b.pdf'],
  [`Content-Disposition: attachment;\n filename="${'x'.repeat(300)}.pdf"`, `${'x'.repeat(300)}.pdf`],
] as const) {
  test(`adds .hash to the name ${name.slice(0, 30)}`, async () => {
    const brief = await briefOriginal(fromBuffer(crlf(multipart('mixed', `${written}\n\nx`))), SETTINGS)
    const [part] = (await parseEntity(brief)).parts
    assert.ok(part !== undefined)
    assert.equal(part.name, `${name}.hash`)
    assert.equal(part.params.get('name'), `${name}.hash`)
    assert.equal(await decodedText(brief, part, 100), hash('x'))
  })
}

test('replaces a part that is nothing but header fields', async () => {
  const brief = await briefOf('Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: a/b; name=x\nX-Last: y\n--b--\n')
  assert.match(brief, /X-Last: y\nContent-Type: text\/plain; charset=us-ascii; name="x\.hash"\n/)
})

test('reads a large attachment in pieces', async () => {
  const line = Buffer.from(`${'A'.repeat(76)}\r\n`)
  const lines = Buffer.concat(Array.from({ length: 50_000 }, () => line))
  const whole = concatenate([
    crlf('Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: a/b; name=x\n\n'),
    lines,
    crlf('\n--b--\n'),
  ])
  let largest = 0
  const watched: Source = {
    size: whole.size,
    read: (start, end) => {
      largest = Math.max(largest, end - start)
      return whole.read(start, end)
    },
    chunks: (start, end) => whole.chunks(start, end),
  }
  const brief = await readAll(await briefOriginal(watched, SETTINGS))
  assert.ok(brief.includes(hash(lines)))
  assert.ok(largest < 1_500_000, `read ${largest} bytes in one piece`)
})
