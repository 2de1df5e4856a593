/** Messages made 7-bit: every one becomes so, and its parts still decode to what they were. */
import assert from 'node:assert/strict'
import { body, decodedBody, parseEntity, type Entity } from '../../../src/mail/entity.js'
import { isSevenBit, toSevenBit } from '../../../src/mail/seven-bit.js'
import { fromBuffer, readAll, type Source } from '../../../src/mail/source.js'
import { unlessRefused, type Target } from '../target.js'
import { CONTENT_WORDS } from '../texts.js'
import { MESSAGES } from '../letters.js'

export function sevenBitTarget(): Target {
  return {
    name: 'seven-bit',
    corpus: MESSAGES,
    words: [...CONTENT_WORDS, 'è', '\0', '€', 'x'.repeat(999)],
    room: 256 * 1024,
    run,
  }
}

async function run(input: Buffer): Promise<void> {
  const source = fromBuffer(input)
  const made = await unlessRefused(() => toSevenBit(source))
  if (made === undefined) return
  const bytes = await readAll(made.value)
  assert.equal(bytes.length, made.value.size)
  assert.ok(await isSevenBit(fromBuffer(bytes)))
  if (await isSevenBit(source)) assert.ok(bytes.equals(input))
  const again = fromBuffer(bytes)
  const before = await unlessRefused(() => parseEntity(source))
  // What is 7-bit as it stands is not read at all.
  if (before === undefined) {
    assert.ok(await isSevenBit(source))
    return
  }
  const after = await unlessRefused(() => parseEntity(again))
  assert.ok(after)
  await compare(source, before.value, again, after.value)
}

async function compare(before: Source, entity: Entity, after: Source, made: Entity): Promise<void> {
  assert.equal(made.parts.length, entity.parts.length)
  for (const [position, part] of entity.parts.entries()) {
    const other = made.parts[position]
    assert.ok(other)
    await compare(before, part, after, other)
  }
  // A message within is made 7-bit in itself, and what stands around parts is for nobody to read.
  if (entity.parts.length > 0 || entity.type === 'message/rfc822') return
  const [old, fresh] = [body(before, entity), body(after, made)]
  if (old.size > 65_536) return
  const decoded = await decodedBody(before, entity, 1024 * 1024)
  assert.ok((await decodedBody(after, made, 1024 * 1024)).equals(decoded), `${entity.type} ${entity.encoding} ${fresh.size}`)
}
