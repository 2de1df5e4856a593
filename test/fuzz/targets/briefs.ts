/** Brief copies: no attachment goes into them, and what they are is a message still. */
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { parseEntity, type Entity } from '../../../src/mail/entity.js'
import { isSevenBit } from '../../../src/mail/seven-bit.js'
import { fromBuffer, readAll } from '../../../src/mail/source.js'
import { briefOriginal } from '../../../src/pec/brief.js'
import { unlessRefused, type Target } from '../target.js'
import { CONTENT_WORDS } from '../texts.js'
import { MESSAGES } from '../letters.js'

export function briefTarget(): Target {
  return {
    name: 'brief',
    corpus: MESSAGES,
    words: [...CONTENT_WORDS, 'multipart/signed', 'message/rfc822'],
    room: 256 * 1024,
    run,
  }
}

async function run(input: Buffer): Promise<void> {
  const source = fromBuffer(input)
  const read = await unlessRefused(() => parseEntity(source))
  const brief = await unlessRefused(() => briefOriginal(source, { input: 'encoded', algorithm: 'sha1' }))
  await unlessRefused(() => briefOriginal(source, { input: 'decoded', algorithm: 'sha256' }))
  assert.equal(brief === undefined, read === undefined)
  if (brief === undefined || read === undefined) return
  const bytes = await readAll(brief.value)
  assert.equal(bytes.length, brief.value.size)
  if (await isSevenBit(source)) assert.ok(await isSevenBit(brief.value))
  const made = await parseEntity(fromBuffer(bytes))
  compare(read.value, input, made, bytes, true)
}

function compare(entity: Entity, input: Buffer, made: Entity, bytes: Buffer, top: boolean): void {
  if (top && /^application\/(?:x-)?pkcs7-mime$/.test(entity.type)) {
    assert.ok(bytes.equals(input))
    return
  }
  const signed = top && entity.type === 'multipart/signed'
  const replaced =
    entity.parts.length === 0 && entity.start < entity.end && (entity.name !== undefined || entity.type === 'message/rfc822')
  if (replaced) {
    const hash = createHash('sha1').update(input.subarray(entity.bodyStart, entity.end)).digest('hex')
    assert.equal(bytes.toString('latin1', made.bodyStart, made.end), hash)
    assert.equal(made.type, 'text/plain')
    return
  }
  assert.equal(made.parts.length, entity.parts.length)
  if (entity.parts.length === 0) {
    assert.ok(bytes.subarray(made.start, made.end).equals(input.subarray(entity.start, entity.end)))
  }
  for (const [position, part] of entity.parts.entries()) {
    const other = made.parts[position]
    assert.ok(other)
    if (!signed || position === 0) compare(part, input, other, bytes, false)
    else assert.ok(bytes.subarray(other.start, other.end).equals(input.subarray(part.start, part.end)))
  }
}
